"""The real application living through the simulated month: its jobs, called with the time at which something is due."""

import gc
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask, current_app
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from benchmarks.soak_month import PLANNED_HERE, Month, channel_id, host_name
from benchmarks.soak_stage import Stage
from benchmarks.soak_world import BEGIN, DAY, HOUR, SECOND, inside
from extensions import db, reading
from models import (
    OPEN_STATES,
    Broadcast,
    Podcast,
    PodcastMember,
    Post,
    PostStatus,
    RefreshState,
    Role,
    SocialConnection,
    User,
    YouTubeChannel,
)
from sandbox.standin import Quiet
from services import cleaning, clock_steps
from services.clients.x_answers import Tokens, XUser
from services.episodes import create_episode
from services.notices import NoticeService
from services.push_leases import Visit
from services.registry import Services, get_services
from services.social_posting import Drained

CHECK = timedelta(seconds=180)
QUARTER, NOTICES = timedelta(minutes=15), timedelta(minutes=30)
#: who has to connect again does so at the next of these
RECONNECT = timedelta(hours=6)
#: every so many hosts are in strict mode
STRICT_EVERY = 4


class Door:
    """Where the hub comes back to, at simulated time: the application's own route has the clock of the wall."""

    def __init__(self) -> None:
        self.app: Flask | None = None
        self.now = BEGIN
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=Quiet)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> "Door":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @Request.application
    def _answer(self, request: Request) -> Response:
        assert self.app is not None
        path = request.path.rpartition("/")[2]
        with self.app.app_context():
            push = get_services().push
            if request.method == "POST":
                signature = request.headers.get("X-Hub-Signature")
                known = push.deliveries.take(path, signature, request.get_data(), self.now)
                return Response(status=204 if known else 404)
            given = {name: request.args.get(f"hub.{name}", "") for name in ("mode", "topic", "challenge", "reason")}
            answer = push.verify(path, Visit(**given, lease=request.args.get("hub.lease_seconds", "")), self.now)
            return Response(answer, status=404 if answer is None else 200)


def _first(column: Any, *where: Any) -> Any:
    return select(func.min(column)).where(*where).scalar_subquery()


WATCHED = select(Podcast.youtube_channel_id).where(Podcast.is_active)
#: made once, for it is asked at every step
DUE = select(
    _first(YouTubeChannel.next_look_at, YouTubeChannel.id.in_(WATCHED)),
    _first(Broadcast.next_look_at, Broadcast.state.in_(OPEN_STATES)),
    _first(Post.not_before, Post.status == PostStatus.QUEUED),
    _first(Post.lease_until, Post.status == PostStatus.SENDING),
    _first(Post.next_lookup_at, Post.status.in_((PostStatus.UNKNOWN, PostStatus.REVIEW))),
)


@dataclass(frozen=True, slots=True)
class Times:
    """When something is due by itself."""

    look: datetime | None
    send: datetime | None
    reap: datetime | None
    look_up: datetime | None

    @classmethod
    def read(cls, session: Session) -> "Times":
        reading()
        channel, broadcast, *others = session.execute(DUE).one()
        session.rollback()
        looks = [time for time in (channel, broadcast) if time is not None]
        return cls(min(looks, default=None), *others)

    def all(self) -> list[datetime]:
        return [time for time in (self.look, self.send, self.reap, self.look_up) if time is not None]


class Life:
    """One process that does everything, from the month's begin to its end."""

    def __init__(self, month: Month, stage: Stage, door: Door, hosts: int) -> None:
        self.month, self._stage, self._door = month, stage, door
        self.services: Services = get_services()
        # Threads have no context of their own to find it in.
        door.app = self._app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
        self._notices = NoticeService(self.services.settings)
        self.now, self.steps = BEGIN, 0
        self._next = dict.fromkeys(("check", "quarter", "notices", "hour", "reconnect", "day"), BEGIN)
        #: of each simulated day's begin
        self.samples: list[dict[str, float]] = []
        #: (X account, when its host connected again)
        self.reconnected: list[tuple[str, datetime]] = []
        self._plans = sorted(self._planned_episodes(), key=lambda one: one[0], reverse=True)
        self._fill(hosts)
        self._times = Times.read(db.session())

    # Who is there

    def _fill(self, hosts: int) -> None:
        names = [host_name(number, place) for number in range(self.month.channels) for place in range(hosts)]
        people = [
            {"email": f"{name}@example.com", "name": name, "never_repost": n % STRICT_EVERY == STRICT_EVERY - 1}
            for n, name in enumerate(names)
        ]
        shows = [
            {"slug": f"show-{n}", "name": f"Show {n}", "youtube_channel_id": channel_id(n)}
            for n in range(self.month.channels)
        ]
        user_ids = _insert(User, people)
        members = [
            {"podcast_id": podcast_id, "user_id": user_ids[n * hosts + place], "role": Role.ADMIN}
            for n, podcast_id in enumerate(_insert(Podcast, shows))
            for place in range(hosts)
        ]
        db.session.execute(insert(PodcastMember), members)
        db.session.commit()
        self.user_ids = dict(zip(names, user_ids, strict=True))
        self._connect(names)

    def _connect(self, names: list[str]) -> list[str]:
        accounts = self._stage.sign_in(names)
        for name, account in zip(names, accounts, strict=True):
            tokens = Tokens(account["access_token"], account["refresh_token"], 7200, frozenset())
            who = XUser(account["id"], account["username"], account["username"], None)
            self.services.connections.connect(self.user_ids[name], who, tokens, self.now)
        return [account["id"] for account in accounts]

    def _planned_episodes(self) -> Iterator[tuple[datetime, datetime, int]]:
        """Every third show is planned here as well, some of them only here: (when that is done, start, channel)."""
        for number, show in enumerate(self.month.shows.values()):
            if number % 3 == 0:
                start = show.planned_at or self.month.started(show)
                start = start.replace(second=0, microsecond=0)
                yield start - PLANNED_HERE, start, show.channel

    # Time

    def run(self) -> None:
        while self.now < self.month.end:
            soon = self._stage.advance(self.now)
            self._door.now = self.now
            with self._app.app_context():  # as for each run of a job
                if not inside(self.month.we_are_down, self.now):
                    self._step()
                self._times = Times.read(db.session())
            due = [*self._times.all(), *self._next.values(), *([soon] if soon else [])]
            self.now = max(self.now + SECOND, _whole(min(due)))

    def _step(self) -> None:
        """What the scheduler's jobs do at this moment."""
        self.steps += 1
        now, times, queued = self.now, self._times, 0
        if self._is_time("check", CHECK):
            queued = self._check()
        elif _is_due(times.look, now):
            queued = self.services.tweets.watch(now)
        if _is_due(times.reap, now):
            self.services.posting.reap(now)
        if _is_due(times.look_up, now):
            self.services.confirming.look_up(now)
        if queued or _is_due(times.send, now):
            db.session.commit()
            self.services.posting.drain(now)
        self._rest()

    def _check(self) -> int:
        """Returns how many posts it queued."""
        while self._plans and self._plans[-1][0] <= self.now:
            _, start, channel = self._plans.pop()
            create_episode(f"show-{channel}", f"Planned for {start:%d %B, %H:%M}", at=start, now=self.now)
        tweets = self.services.tweets
        return tweets.check_and_post_live_tweets(self.now, everything=False, drain=lambda _now: Drained()).queued

    def _rest(self) -> None:
        """What nobody waits for, less often than in earnest: it costs much, and nothing here depends on its pace."""
        now, services = self.now, self.services
        if self._is_time("quarter", QUARTER):
            services.push.ask_due(now)
            services.guard.check(now)
            clock_steps.mend(db.session(), now)
            db.session.commit()
        if self._is_time("notices", NOTICES):
            self._notices.make(now)
            services.notify.send_due(now)
        if self._is_time("hour", HOUR):
            cleaning.clean(now)
            services.guard.prune(now)
        if self._is_time("reconnect", RECONNECT):
            self._reconnect()
        if self._is_time("day", DAY):
            self._sample()

    def _is_time(self, what: str, every: timedelta) -> bool:
        if self._next[what] > self.now:
            return False
        self._next[what] += every * ((self.now - self._next[what]) // every + 1)
        return True

    def _reconnect(self) -> None:
        """Hosts whose login ended read so and connect again."""
        ended = SocialConnection.refresh_state == RefreshState.REVOKED
        query = select(User.name).join(SocialConnection, SocialConnection.user_id == User.id)
        names = list(db.session.execute(query.where(SocialConnection.is_active, ended)).scalars())
        db.session.rollback()
        if names:
            self.reconnected += [(id, self.now) for id in self._connect(names)]

    def _sample(self) -> None:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.samples.append(
            {
                "day": (self.now - BEGIN) / DAY,
                "memory MB": pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
                "descriptors": len(os.listdir("/proc/self/fd")),
                "threads": threading.active_count(),
            }
        )


def _insert(model: Any, rows: list[dict[str, Any]]) -> list[int]:
    """Returns the ids, in the order of the rows."""
    return list(db.session.execute(insert(model).returning(model.id, sort_by_parameter_order=True), rows).scalars())


def _is_due(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now


def _whole(at: datetime) -> datetime:
    """The first whole second from then: the jobs run once a second."""
    return at if not at.microsecond else at.replace(microsecond=0) + SECOND
