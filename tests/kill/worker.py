"""Starts workers for the tests: `python -m tests.kill.worker` reads orders, a JSON object a line, and answers in kind.

It has everything imported and forks, so that a worker is up in tenths of a second. Orders: {"do": "start", …} answers
a process id; {"do": "kill", "pid"} and {"do": "wait", "pid", "seconds"} answer the signal or status it ended with.
"""

import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import flask_migrate
import time_machine
from sqlalchemy import select

from app import create_app
from config import Settings
from extensions import db
from models import Post
from services import confirming, scheduler, sending
from services.registry import get_services
from services.scheduler import SchedulerService
from tests.kill import befalling, mutants, points


def main() -> None:
    children: set[int] = set()
    for line in sys.stdin:
        answer = obey(json.loads(line), children)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def obey(order: dict[str, Any], children: set[int]) -> int | None:
    if order["do"] == "start":
        pid = os.fork()
        if pid == 0:
            become_worker(order, work)
        children.add(pid)
        return pid
    pid = order["pid"]
    if order["do"] == "kill":
        os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + order.get("seconds", 10)
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            children.discard(pid)
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    return None


def become_worker(order: dict[str, Any], work: Callable[[dict[str, Any]], None]) -> None:
    """In the child: does the work, prints into the log of the order, and never returns."""
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(0)
    status = 1
    try:
        work(order)
        status = 0
    finally:
        sys.stderr.flush()
        os._exit(status)


def work(order: dict[str, Any]) -> None:
    sending.FIRST_PAUSE, sending.LONGEST_PAUSE = timedelta(seconds=0.2), timedelta(seconds=0.4)
    mutants.install(order.get("mutant"))
    prepare(order)
    app = create_app(Settings.load(_env_file=None, **order["settings"]))
    with app.app_context():
        points.install(order.get("kill_at"))
        points.install(order.get("stop_at"), signal.SIGSTOP)
        if "breaks" in order:
            BREAKS[order["breaks"]](get_services().scheduler)
        befalling.arm(order)
        time.sleep(max(0.0, order.get("at", 0) - time.time()))
        if order.get("migrates"):
            flask_migrate.upgrade()
        elif order.get("threads"):
            drain_at_once(app, order["threads"])
        else:
            get_services().scheduler.run()


def prepare(order: dict[str, Any]) -> None:
    """What the machine is like: "zone" and "clock", "files" that may be open; and "in_review", seconds of look-ups."""
    if "clock" in order:
        follow(Path(order["clock"]))
    if "zone" in order:
        os.environ["TZ"] = order["zone"]
        time.tzset()
    if "files" in order:
        resource.setrlimit(resource.RLIMIT_NOFILE, (order["files"], order["files"]))
    if "in_review" in order:
        confirming.IN_REVIEW = tuple(timedelta(seconds=seconds) for seconds in order["in_review"])


def follow(file: Path) -> None:
    """The wall's clock is so many seconds ahead as the file says; what measures how long something takes is right."""

    def ahead() -> float:
        return float(file.read_text())

    def keep_up() -> None:
        before = first
        while True:
            now = ahead()
            if now != before:
                wall.shift(now - before)
            before = now
            time.sleep(0.01)

    first = ahead()
    wall = time_machine.travel(time.time() + first, tick=True).start()
    threading.Thread(target=keep_up, daemon=True).start()


def hang(jobs: SchedulerService) -> None:
    """One more job, which never ends."""
    scheduler.WATCHDOG_EVERY_SECONDS, scheduler.DEADLINES["hangs"] = 0.1, 0.5
    jobs.also("hangs", lambda _now: threading.Event().wait(), 60)


def die_inside(jobs: SchedulerService) -> None:
    """One more job, whose clock-work is spoiled: it ends the thread that starts all jobs."""
    scheduler.WATCHDOG_EVERY_SECONDS, scheduler.DEADLINES["spoils"] = 0.1, 60.0
    jobs.also("spoils", lambda _now: spoil(jobs), 60)


def spoil(jobs: SchedulerService) -> None:
    """APScheduler's own thread ends with whatever its store of jobs raises, and nobody hears of it."""

    def update_job(_job: Any) -> None:
        raise OSError("the store is gone")

    inside: Any = jobs._scheduler
    inside._lookup_jobstore("default").update_job = update_job


BREAKS = {"hangs": hang, "dies": die_inside}


def drain_at_once(app: Any, threads: int) -> None:
    """So many threads drain at the same moment, and again until nothing waits."""
    barrier = threading.Barrier(threads)

    def drain() -> None:
        with app.app_context():
            barrier.wait()
            over = time.monotonic() + 10
            while time.monotonic() < over:
                get_services().posting.drain()
                if not db.session.execute(select(Post.id).where(Post.status == "queued").limit(1)).all():
                    return
                db.session.rollback()
                time.sleep(0.1)

    running = [threading.Thread(target=drain) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


if __name__ == "__main__":
    main()
