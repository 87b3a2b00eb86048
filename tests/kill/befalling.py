"""What befalls a worker's database, from inside the worker: armed by its order, at points of a post's way.

"tear_down_at" with "pid_file": the PostgreSQL server goes at once. "hog_at": all connections of the pool are taken for
a while. "pool_timeout" is the pool's. "pragmas" are run on every connection of SQLite. "statements": the worker dies
with the first statement after so many. Points are as in points.py.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import TimeoutError

from extensions import db
from tests.kill.cluster import tear_down
from tests.kill.points import STATEMENTS, die

HOGGED_SECONDS = 1.5


def arm(order: dict[str, Any]) -> None:
    """In the worker, in its application context, before it works."""
    engine = db.engine
    if "tear_down_at" in order:
        pid_file = Path(order["pid_file"])
        at(order["tear_down_at"], lambda: tear_down(pid_file))
    if "hog_at" in order:
        at(order["hog_at"], lambda: hog(engine))
    if "pool_timeout" in order:
        engine.pool._timeout = order["pool_timeout"]
    for pragma in order.get("pragmas", ()):
        event.listen(engine, "connect", lambda connection, _, pragma=pragma: connection.execute(pragma))
    if "statements" in order:
        left = iter(range(order["statements"]))
        event.listen(engine, "before_cursor_execute", lambda *_: die() if next(left, None) is None else None)


def at(point: str, deed: Callable[[], None]) -> None:
    """Does it once, around the transaction that holds the statement, in the thread that runs it."""
    what, when = point.split(":")
    here, left, lock = threading.local(), [deed], threading.Lock()

    def do() -> None:
        with lock:
            mine = left.pop() if left else None
        if mine is not None:
            mine()

    def executing(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        if sql.startswith(STATEMENTS[what]):
            here.seen = True
            if when == "begin":
                do()

    def committing(_session: Any) -> None:
        if getattr(here, "seen", False):
            do()

    event.listen(db.engine, "before_cursor_execute", executing)
    if when != "begin":
        event.listen(db.session, when, committing)


def hog(engine: Engine) -> None:
    """Takes every connection that the pool gives, beside the thread that asked for it."""

    def take() -> None:
        held, over = [], time.monotonic() + HOGGED_SECONDS
        while time.monotonic() < over:
            with contextlib.suppress(TimeoutError):
                held.append(engine.raw_connection())
        for one in held:
            one.close()

    threading.Thread(target=take).start()
