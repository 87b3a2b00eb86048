"""Named points at which a worker signals itself, mostly SIGKILL: reached from outside, database events and sockets."""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from sqlalchemy import event

from extensions import db
from services.clients.sockets import DeadlineSocket

STATEMENTS = {
    "intent": "INSERT INTO post_attempts",
    "outcome": "UPDATE post_attempts",
    "pair": "UPDATE social_connections SET access_token",
}


def die(number: int = signal.SIGKILL) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0.05)  # a stop reaches the other threads first


def install(point: str | None, number: int = signal.SIGKILL) -> None:
    """Arms "intent", "outcome", "pair" with :begin, :before_commit, :after_commit; or "wire:headers", "wire:status".

    `number`: the signal; those of the wire are always SIGKILL.
    """
    if point is None:
        return
    what, when = point.split(":")
    if what == "wire":
        WIRE[when]()
    else:
        _in_transaction(STATEMENTS[what], when, number)


def _in_transaction(statement: str, when: str, number: int) -> None:
    """Around the transaction that holds this statement, in the thread that runs it."""
    here = threading.local()

    def executing(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        if sql.startswith(statement):
            here.seen = True
            if when == "begin":
                die(number)

    def committing(_session: Any) -> None:
        if getattr(here, "seen", False):
            here.seen = False
            die(number)

    event.listen(db.engine, "before_cursor_execute", executing)
    if when != "begin":
        event.listen(db.session, when, committing)


def _after_headers() -> None:
    """The head of a POST is out, its body is not."""
    real = DeadlineSocket.sendall

    def sendall(self: DeadlineSocket, data: bytes, *more: Any) -> None:
        head, separator, _ = bytes(data).partition(b"\r\n\r\n")
        if not (separator and head.startswith(b"POST /2/tweets")):
            real(self, data, *more)
            return
        real(self, head + separator, *more)
        die()

    _replace("sendall", sendall)


def _after_status() -> None:
    """The first bytes of the answer to a POST are here, nothing was made of them yet."""
    real_send, real_read, posting = DeadlineSocket.sendall, DeadlineSocket.recv_into, WeakSet[DeadlineSocket]()

    def sendall(self: DeadlineSocket, data: bytes, *more: Any) -> None:
        if bytes(data).startswith(b"POST /2/tweets"):
            posting.add(self)
        real_send(self, data, *more)

    def recv_into(self: DeadlineSocket, *args: Any) -> int:
        count = real_read(self, *args)
        if count and self in posting:
            die()
        return count

    _replace("sendall", sendall)
    _replace("recv_into", recv_into)


def _replace(name: str, method: Callable[..., Any]) -> None:
    setattr(DeadlineSocket, name, method)


WIRE = {"headers": _after_headers, "status": _after_status}
