"""The fork server: `python -m tests.chaos.forker` reads orders, a JSON object a line, and answers in kind.

It has everything imported and no threads, so a worker is up in tenths of a second, many at once. Orders: {"do":
"start", …} answers a process id; {"do": "ended", "pid"} what it ended with, or null while it runs.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from app import create_app
from config import Settings
from extensions import db
from services import cleaning, confirming, live_rules, scheduler, sending, tokens
from services.clients.sockets import tls_context
from services.registry import get_services
from tests.chaos import arms, racers
from tests.kill import mutants
from tests.kill.worker import become_worker

ROOT = Path(__file__).resolve().parents[2]


class Forker:
    """The driver's side; several threads may ask at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.forker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Forker":
        return self

    def __exit__(self, *_: object) -> None:
        with self._process as process:
            assert process.stdin
            process.stdin.close()
            process.wait(60)

    def start(self, **order: Any) -> int:
        return int(self._ask(do="start", **order))

    def warm(self, settings: dict[str, Any]) -> None:
        """Has the statements of every job compiled before workers are forked. On a database in which nothing is due."""
        self._ask(do="warm", settings=settings)

    def ended(self, pid: int) -> int | None:
        """Minus the signal, or the exit code; None while it runs."""
        found: int | None = self._ask(do="ended", pid=pid)
        return found

    def _ask(self, **order: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())


# The server's side


def main() -> None:
    tls_context(None)
    children: set[int] = set()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_obey(json.loads(line), children)) + "\n")
        sys.stdout.flush()
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


#: by kind of database: an engine whose compiled statements every worker starts with
WARM: dict[str, Engine] = {}


def _warm(settings: dict[str, Any]) -> None:
    """In this very process, so by what starts no thread."""
    app = create_app(Settings.load(_env_file=None, **settings))
    with app.app_context():
        services, now = get_services(), datetime.now(UTC)
        for job in (services.posting.drain, services.posting.reap, services.confirming.look_up, cleaning.clean):
            job(now)
        db.session.remove()
        db.engine.dispose()
        WARM[db.engine.dialect.name] = db.engine
    assert threading.active_count() == 1


def _obey(order: dict[str, Any], children: set[int]) -> int | None:
    if order["do"] == "warm":
        return _warm(order["settings"])
    if order["do"] == "start":
        pid = os.fork()
        if pid == 0:
            become_worker(order, _work)
        children.add(pid)
        return pid
    ended, status = os.waitpid(order["pid"], os.WNOHANG)
    if not ended:
        return None
    children.discard(ended)
    return os.waitstatus_to_exitcode(status)


def _work(order: dict[str, Any]) -> None:
    if order.get("short", True):
        sending.FIRST_PAUSE, sending.LONGEST_PAUSE = timedelta(seconds=0.2), timedelta(seconds=0.4)
        live_rules.WHILE_ANNOUNCING = timedelta(seconds=0.5)
        tokens.REFRESH_LEASE = confirming.TAKEN_FOR = scheduler.LEASE = timedelta(seconds=1.5)
    mutants.install(order.get("mutant"))
    app = create_app(Settings.load(_env_file=None, **order["settings"]))
    with app.app_context():
        if (warm := WARM.get(db.engine.dialect.name)) is not None:
            db.engine.dialect, db.engine._compiled_cache = warm.dialect, warm._compiled_cache
        if order.get("point"):
            arms.install(order["point"], order.get("nth", 1), order.get("action", "kill"), order.get("deaths"))
        if order.get("race"):
            racers.RACERS[order["race"]](app, order)
        else:
            get_services().scheduler.run()


if __name__ == "__main__":
    main()
