"""The jobs in their real threads and processes: who looks, who may start, and what a dead scheduler does."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from config import ROOT, Settings
from extensions import db
from models import JobRun, PostStatus, WorkerLease, YouTubeChannel
from services.registry import get_services
from services.scheduler import SchedulerService
from tests import processes
from tests.cast import Cast, ago

QUICK = {"live_watch_interval_seconds": 0.2, "live_check_interval_seconds": 2.0}


@pytest.fixture
def scheduler(make_app: Callable[..., Flask]) -> Iterator[SchedulerService]:
    app = make_app(**QUICK)
    with app.app_context():
        scheduler = get_services().scheduler
    yield scheduler
    scheduler.stop()


@pytest.mark.slow
@pytest.mark.calls_in_transaction  # jobs run side by side: one may write while another asks
def test_the_jobs_post_for_a_stream_that_starts_while_they_run(cast: Cast, scheduler: SchedulerService) -> None:
    show = cast.show(hosts=("ada",))
    db.session.commit()  # SQLite's lock is the scheduler's from here
    scheduler.start()
    processes.eventually(was_looked_at, timeout=60)
    cast.go_live(show, "Queues")
    db.session.execute(update(YouTubeChannel).values(next_look_at=datetime.now(UTC)))
    db.session.commit()
    processes.eventually(lambda: cast.timeline("ada"), timeout=60)
    processes.eventually(lambda: cast.posts(status=PostStatus.POSTED))


def was_looked_at() -> bool:
    looked = db.session.execute(select(YouTubeChannel.last_look_at)).scalars().all()
    db.session.rollback()
    return any(looked)


def test_one_of_two_processes_looks_and_the_other_takes_over_when_it_stops(make_app: Callable[..., Flask]) -> None:
    first, second = (make_app(**QUICK) for _ in range(2))
    now = datetime.now(UTC)
    with first.app_context():
        one = get_services().scheduler
        assert one.looker.is_mine(now)
    with second.app_context():
        two = get_services().scheduler
        assert not two.looker.is_mine(now)
    with first.app_context():
        one.looker.give_back()
    with second.app_context():
        assert two.looker.is_mine(now)
        lease = db.session.get(WorkerLease, "looker")
        assert lease is not None
        assert (lease.holder, lease.epoch) == (two.process, 2)


def test_a_lease_that_was_left_behind_runs_out(make_app: Callable[..., Flask]) -> None:
    first, second = (make_app(**QUICK) for _ in range(2))
    now = datetime.now(UTC)
    with first.app_context():
        assert get_services().scheduler.looker.is_mine(now)
    with second.app_context():
        assert not get_services().scheduler.looker.is_mine(now + timedelta(seconds=29))
        assert get_services().scheduler.looker.is_mine(now + timedelta(seconds=31))


def test_a_lease_from_the_far_future_is_taken_for_a_clock_that_went_back(make_app: Callable[..., Flask]) -> None:
    first, second = (make_app(**QUICK) for _ in range(2))
    now = datetime.now(UTC)
    with first.app_context():
        assert get_services().scheduler.looker.is_mine(now + timedelta(hours=1))
    with second.app_context():
        assert get_services().scheduler.looker.is_mine(now)


def test_the_heartbeat_says_what_the_jobs_last_did(app: Flask, scheduler: SchedulerService) -> None:
    scheduler.start()
    processes.eventually(lambda: "check" in scheduler._runs and scheduler._runs["check"].finished)
    with scheduler._app.app_context():
        scheduler._beat(datetime.now(UTC))
    rows = {row.job: row for row in db.session.execute(db.select(JobRun)).scalars()}
    assert {"check", "watch", "deliver", "look_up", "reap"} <= set(rows)
    assert rows["check"].error is None
    db.session.rollback()


@pytest.mark.logs_errors
def test_a_job_that_fails_is_run_again_and_its_error_is_shown(scheduler: SchedulerService) -> None:
    calls: list[datetime] = []

    def fails(now: datetime) -> None:
        calls.append(now)
        raise RuntimeError("boom")

    scheduler._run("watch", fails)
    scheduler._run("watch", fails)
    assert len(calls) == 2
    assert scheduler._runs["watch"].error == "RuntimeError: boom"


@pytest.mark.slow
@pytest.mark.calls_in_transaction  # jobs run side by side: one may write while another asks
@pytest.mark.logs_errors
def test_a_dead_scheduler_thread_is_noticed_and_replaced(cast: Cast, scheduler: SchedulerService) -> None:
    scheduler.start()
    assert scheduler.sickness() is None
    scheduler._scheduler.shutdown(wait=False)  # type: ignore[union-attr]
    processes.eventually(lambda: scheduler.sickness() is not None or scheduler._scheduler is None)
    show = cast.show(hosts=("ada",))
    cast.go_live(show, "Queues")
    processes.eventually(lambda: cast.timeline("ada"), timeout=60)


@pytest.mark.slow
@pytest.mark.calls_in_transaction
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_an_x_that_says_nothing_holds_up_no_look(cast: Cast, scheduler: SchedulerService) -> None:
    show, asked, answers = cast.show(hosts=("ada",)), threading.Event(), threading.Event()
    cast.go_live(show, "Queues", at=ago(seconds=5))
    cast.x.watchers.append(lambda request: request.path == "/2/tweets" and (asked.set() or answers.wait(60)))
    scheduler.start()
    assert asked.wait(30)
    for job in ("watch", "check", "look_up", "reap"):
        before = scheduler._runs.get(job)
        processes.eventually(lambda job=job, run=before: scheduler._runs.get(job) not in (None, run), timeout=60)
    assert scheduler._runs["deliver"].finished is None
    answers.set()
    processes.eventually(lambda: cast.posts(status=PostStatus.POSTED), timeout=60)


def test_a_job_that_never_ends_makes_the_scheduler_sick(scheduler: SchedulerService) -> None:
    scheduler.start()
    processes.eventually(lambda: scheduler._runs.get("check"))
    run = scheduler._runs["check"]
    run.finished, run.started = None, time.monotonic() - 1000
    assert "check job has been running" in str(scheduler.sickness())
    run.finished = time.monotonic()


# Real processes


@pytest.mark.slow
@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_the_foreground_process_posts_and_ends_cleanly_on_sigterm(
    cast: Cast, settings: Settings, tmp_path: Path
) -> None:
    show = cast.show(hosts=("ada", "bo"))
    cast.go_live(show, "Queues", at=ago(seconds=5))
    log = tmp_path / "run.log"
    process = processes.start(settings.model_copy(update=QUICK), "flask", "scheduler", "run", log=log)
    try:
        processes.eventually(lambda: cast.timeline("ada") and cast.timeline("bo"))
    finally:
        code = processes.end(process)
    assert code == 0, log.read_text()
    assert [len(cast.timeline(host)) for host in ("ada", "bo")] == [1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_sigterm_lets_the_call_in_flight_finish(cast: Cast, settings: Settings, tmp_path: Path) -> None:
    show = cast.show(hosts=("ada",))
    cast.go_live(show, "Queues", at=ago(seconds=5))
    cast.x.latency = 2.0
    log = tmp_path / "run.log"
    process = processes.start(settings.model_copy(update=QUICK), "flask", "scheduler", "run", log=log)
    try:
        processes.eventually(lambda: cast.x.asked("POST", "/2/tweets"))
    finally:
        code = processes.end(process, timeout=60)
    assert code == 0, log.read_text()
    assert [post.status for post in cast.posts()] == [PostStatus.POSTED]


@pytest.mark.slow
@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("reloader", ["--no-reload", "--reload"])
def test_one_scheduler_starts_with_and_without_the_reloader(settings: Settings, tmp_path: Path, reloader: str) -> None:
    log, port = tmp_path / "run.log", processes.free_port()
    embedded = settings.model_copy(update=QUICK | {"scheduler": "embedded"})
    process = processes.start(embedded, "flask", "run", reloader, "--port", str(port), log=log)
    try:
        processes.eventually(lambda: "scheduler started" in log.read_text())
        time.sleep(2)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
    assert len(re.findall("scheduler started", log.read_text())) == 1


@pytest.mark.slow
@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("command", [("db", "current"), ("scheduler", "status")])
def test_commands_and_migrations_never_start_the_jobs(settings: Settings, command: tuple[str, ...]) -> None:
    embedded = settings.model_copy(update={"scheduler": "embedded"})
    done = subprocess.run(
        [sys.executable, "-m", "flask", *command],
        cwd=ROOT,
        env=processes.environment(embedded),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "scheduler started" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_three_gunicorn_workers_with_schedulers_post_once(cast: Cast, settings: Settings, tmp_path: Path) -> None:
    show = cast.show(hosts=("ada", "bo"))
    cast.go_live(show, "Queues", at=ago(seconds=5))
    log, port = tmp_path / "run.log", processes.free_port()
    embedded = settings.model_copy(update=QUICK | {"scheduler": "embedded"})
    arguments = ("gunicorn", "-w", "3", "-b", f"127.0.0.1:{port}", "app:create_app()")
    process = processes.start(embedded, *arguments, log=log)
    try:
        processes.eventually(lambda: cast.timeline("ada") and cast.timeline("bo"), timeout=60)
        processes.eventually(lambda: len(re.findall("scheduler started", log.read_text())) == 3)
        time.sleep(3)
    finally:
        processes.end(process)
    assert [len(cast.timeline(host)) for host in ("ada", "bo")] == [1, 1]
