"""Named points at which a worker kills itself with SIGKILL, reached from outside: database events and the socket."""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from extensions import db
from services.clients.sockets import DeadlineSocket

STATEMENTS = {
    "intent": "INSERT INTO post_attempts",
    "outcome": "UPDATE post_attempts",
    "pair": "UPDATE social_connections SET access_token",
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def install(point: str | None) -> None:
    """Arms "intent", "outcome", "pair" with :begin, :before_commit, :after_commit; or "wire:headers", "wire:status"."""
    if point is None:
        return
    what, when = point.split(":")
    if what == "wire":
        WIRE[when]()
    else:
        _in_transaction(STATEMENTS[what], when)


def _in_transaction(statement: str, when: str) -> None:
    """Around the transaction that holds this statement, in the thread that runs it."""
    here = threading.local()

    def executing(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        if sql.startswith(statement):
            here.seen = True
            if when == "begin":
                die()

    def committing(_session: Any) -> None:
        if getattr(here, "seen", False):
            die()

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
    """The first bytes of an answer are here, nothing was made of them yet."""
    real = DeadlineSocket.recv_into

    def recv_into(self: DeadlineSocket, *args: Any) -> int:
        count = real(self, *args)
        if count:
            die()
        return count

    _replace("recv_into", recv_into)


def _replace(name: str, method: Callable[..., Any]) -> None:
    setattr(DeadlineSocket, name, method)


WIRE = {"headers": _after_headers, "status": _after_status}
