"""APScheduler wiring and the watchdog: knows when, never what."""

import contextlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from flask.helpers import get_debug_flag
from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from werkzeug.serving import is_running_from_reloader

from config import Settings
from extensions import db
from services import job_runs
from services.alive import AliveService
from services.cleaning import clean
from services.clock_steps import Every, mend
from services.clock_watch import ClockWatch
from services.confirming import ConfirmingService
from services.installation import Guard
from services.job_runs import Run
from services.looker import Looker
from services.notice_sending import NotifyService
from services.revoking import RevokingService
from services.social_posting import Drained, SocialPostingService
from services.status import read_status
from services.tokens import TokenService
from services.tweet_scheduler import TweetSchedulerService
from services.youtube_push import YouTubePushService

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10
ALIVE_SECONDS = 60
REVOKE_SECONDS = 60
PUSH_SECONDS = 60
CLEAN_SECONDS = 3600
SLOW_JOBS_SECONDS = 5
#: a job that runs longer than this, or a scheduler without a run for so long, is taken for dead
DEADLINES = {
    "check": 120.0,
    "watch": 60.0,
    "deliver": 120.0,
    "look_up": 120.0,
    "reap": 60.0,
    "notice": 60.0,
    "notify": 120.0,
    "alive": 60.0,
    "revoke": 300.0,
    "push": 300.0,
    "clean": 300.0,
    "wallet": 300.0,
    "metrics": 300.0,
    "weeks": 300.0,
    "aside": 300.0,
    "letters": 300.0,
    "drafts": 120.0,
    "heartbeat": 60.0,
}
WATCHDOG_EVERY_SECONDS = 5.0
LISTEN_SECONDS = 1.0


def _is_ending(error: Exception) -> bool:
    """Whether a job only found that the process ends: Python shuts its pools before anybody can stop the jobs."""
    return isinstance(error, RuntimeError) and str(error).startswith("cannot schedule new futures after")


def should_start() -> bool:
    """Whether this process serves: not a flask command other than run, and not the reloader's parent."""
    context = click.get_current_context(silent=True)
    if context is None:
        return True
    if context.info_name != "run":
        return False
    reloads = context.params.get("reload")
    if reloads is None:
        reloads = get_debug_flag()
    return not reloads or is_running_from_reloader()


class SchedulerService:
    """Runs the jobs of one process. Any number of processes may do so: a lease makes one of them the looker."""

    def __init__(  # noqa: PLR0913 - whose jobs it runs
        self,
        app: Flask,
        settings: Settings,
        *,
        tweets: TweetSchedulerService,
        posting: SocialPostingService,
        confirming: ConfirmingService,
        notify: NotifyService,
        alive: AliveService,
        tokens: TokenService,
        revoking: RevokingService,
        guard: Guard,
        push: YouTubePushService,
        clock: ClockWatch,
    ) -> None:
        self._app, self._settings = app, settings
        self._tweets, self._posting = tweets, posting
        self._guard = guard
        self._confirming, self._tokens, self._revoking = confirming, tokens, revoking
        self._push, self._clock = push, clock
        self.process = f"{socket.gethostname()[:30]}-{os.getpid()}-{os.urandom(3).hex()}"
        self._notify, self._alive = notify, alive
        self.looker = Looker(self.process)
        self._more: list[tuple[str, Callable[[datetime], object], float]] = []
        self._runs: dict[str, Run] = {}
        self._scheduler: BackgroundScheduler | None = None
        self._stopped = notify.stopped = threading.Event()
        self._on_death: Callable[[str], None] = self._restart

    # One cycle by hand

    def tick(self, now: datetime | None = None) -> dict[str, Any]:
        """One whole cycle in the foreground: what the jobs do, once, in order. Needs no lease. Returns counts."""
        now = now or datetime.now(UTC)
        self._guard.check(now)
        reaped = self._posting.reap(now)
        confirmed = self._confirming.look_up(now)
        summary = asdict(self._tweets.check_and_post_live_tweets(now))
        revoked = self._revoking.revoke_due(now)
        subscribed = self._push.ask_due(now).taken
        return summary | {"interrupted": reaped, "confirmed": confirmed, "revoked": revoked, "subscribed": subscribed}

    def status(self, now: datetime | None = None) -> dict[str, Any]:
        """What an operator wants to know, JSON-able."""
        return read_status(db.session(), self._settings, now or datetime.now(UTC))

    # All jobs

    def also(self, name: str, work: Callable[[datetime], object], every: float) -> None:
        """A further job, of the process that looks, every so many seconds. Before the start; DEADLINES has its name."""
        self._more.append((name, lambda now: self.looker.is_mine(now) and work(now), every))

    def start(self, *, after: float = 0.0) -> None:
        """Starts the jobs in threads of this process; the first runs come after so many seconds.

        Raises VaultError when the keys do not open stored tokens, JournalError and NotDurableError when what is sent
        could be forgotten.
        """
        with self._app.app_context():
            self._check_ground()
        self._stopped.clear()
        self._begin(after)
        threading.Thread(target=self._watch_over, name="watchdog", daemon=True).start()
        log.info("scheduler started", extra={"worker": self.process})

    def _check_ground(self) -> None:
        self._guard.journal.check()
        try:
            self._tokens.check_keys()
            self._guard.check_durable()
            self._guard.check(datetime.now(UTC))
        except DatabaseError as error:  # no tables yet: the jobs will say so
            db.session.rollback()
            log.warning("the database is not ready: run flask db upgrade (%s)", type(error).__name__)

    def _begin(self, after: float = 0.0) -> None:
        scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(len(DEADLINES))},
            # Late is better than dropped, twenty missed runs are one, and a run never overtakes itself.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
        )
        settings = self._settings
        jobs: list[tuple[str, Callable[[datetime], object], float]] = [
            ("check", self._check, settings.live_check_interval_seconds),
            ("watch", self._watch, settings.live_watch_interval_seconds),
            ("deliver", self._posting.drain, settings.live_watch_interval_seconds),
            ("look_up", self._confirming.look_up, min(SLOW_JOBS_SECONDS, settings.lookup_delays_seconds[0])),
            ("reap", self._posting.reap, min(SLOW_JOBS_SECONDS, settings.send_lease_seconds / 3)),
            ("notify", self._notify.send_due, SLOW_JOBS_SECONDS),
            ("alive", self._say_alive, ALIVE_SECONDS),
            ("revoke", self._revoking.revoke_due, REVOKE_SECONDS),
            ("push", self._ask_hub, PUSH_SECONDS),
            ("clean", self._clean, CLEAN_SECONDS),
            ("heartbeat", self._beat, HEARTBEAT_SECONDS),
        ]
        first = datetime.now(UTC) + timedelta(seconds=after)
        for name, work, every in jobs + self._more:
            scheduler.add_job(self._run, Every(every), args=(name, work), id=name, next_run_time=first)
        scheduler.start()
        self._scheduler = scheduler

    def _run(self, name: str, work: Callable[[datetime], object]) -> None:
        """One run of a job, in a context of its own; what fails is logged and the next run is as good as any."""
        before = self._runs.get(name)
        run = self._runs[name] = Run()
        with self._app.app_context():
            try:
                work(run.started_at)
            except Exception as error:
                db.session.rollback()
                run.error = f"{type(error).__name__}: {error}"[:500]
                # The same trouble every second is one line, not a flood.
                is_news = (before is None or before.error != run.error) and not _is_ending(error)
                log.log(logging.ERROR if is_news else logging.DEBUG, "the %s job failed", name, exc_info=is_news)
        run.end()

    def _check(self, now: datetime) -> None:
        if self.looker.is_mine(now):
            self._tweets.check_and_post_live_tweets(now, everything=False, drain=self._have_delivered)

    def _watch(self, now: datetime) -> None:
        if self.looker.is_mine(now) and self._tweets.watch(now):
            self._soon("deliver")

    def _ask_hub(self, now: datetime) -> None:
        if self.looker.is_mine(now):
            self._push.ask_due(now)

    def _clean(self, now: datetime) -> None:
        clean(now)
        self._guard.prune(now)

    def _say_alive(self, now: datetime) -> None:
        if self.looker.is_mine(now):
            self._alive.call_if_well(now, self.sickness())

    def _have_delivered(self, _now: datetime) -> Drained:
        """Leaves sending to its own job: a hanging X never delays a look."""
        self._soon("deliver")
        return Drained()

    def _soon(self, job: str) -> None:
        scheduler = self._scheduler
        if scheduler is not None and not self._stopped.is_set():
            scheduler.modify_job(job, next_run_time=datetime.now(UTC))

    # Heartbeat and watchdog

    def _beat(self, now: datetime) -> None:
        self._guard.check(now)
        session, behind = db.session(), self._clock.check()
        mend(session, now)
        job_runs.note(session, self.process, dict(self._runs), now, behind=behind)
        session.commit()

    def _watch_over(self) -> None:
        """A plain thread: APScheduler's own may die or sleep, and says nothing."""
        last_wall = time.time() - time.monotonic()
        while not self._stopped.wait(WATCHDOG_EVERY_SECONDS):
            why = self.sickness()
            if why is not None:
                log.critical("the scheduler is not working: %s", why)
                self._on_death(why)
            wall = time.time() - time.monotonic()
            if abs(wall - last_wall) > 1.0 and self._scheduler is not None:
                self._scheduler.wakeup()  # the clock was set: it would sleep until the old time comes again
                for job in self._scheduler.get_jobs():
                    self._soon(job.id)
            last_wall = wall

    def sickness(self) -> str | None:
        """Why the jobs of this process are not to be trusted, or None."""
        scheduler = self._scheduler
        thread = getattr(scheduler, "_thread", None)
        if scheduler is None or thread is None or not thread.is_alive():
            return "its thread is gone"
        now = time.monotonic()
        for name, run in list(self._runs.items()):
            if run.finished is None and now - run.started > DEADLINES[name]:
                return f"the {name} job has been running for {now - run.started:.0f} s"
        beat = self._runs.get("heartbeat")
        if beat is not None and beat.finished is not None and now - beat.finished > DEADLINES["heartbeat"]:
            return "no job has run for a minute"
        return None

    def _restart(self, _why: str) -> None:
        """Inside a web process: leave the old threads to themselves and begin anew."""
        old, self._scheduler = self._scheduler, None
        if old is not None:
            with contextlib.suppress(Exception):
                old.shutdown(wait=False)
        self._runs.clear()
        self._begin()

    # Foreground and end

    def run(self) -> None:
        """All jobs until SIGTERM or SIGINT; finishes the calls in flight. A dead scheduler exits with 70.

        Raises what the database raises when it is not there or not up to date: then nothing is started.
        """
        with self._app.app_context():
            self._tokens.check_keys()
        self._on_death = lambda _why: os._exit(70)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        self.start()
        while not stop.wait(LISTEN_SECONDS):
            pass  # a signal that the system gave to another thread wakes nobody here
        self.stop()

    def stop(self) -> None:
        """Claims nothing more, lets the calls in flight finish, gives the lease back."""
        self._stopped.set()
        self._posting.stop()
        self._push.stop()
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None:
            scheduler.remove_all_jobs()  # or one that comes due meanwhile would be submitted to a closed pool
            scheduler.shutdown(wait=True)
        try:
            with self._app.app_context():
                self.looker.give_back()
        except SQLAlchemyError as error:  # the database went first: the lease runs out by itself
            log.warning("the lease could not be given back (%s)", type(error).__name__)
        log.info("scheduler stopped", extra={"worker": self.process})
