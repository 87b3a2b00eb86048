"""Named points at which a worker ends itself or stops, reached from outside: database events and the socket.

A point is "what:when". In the database: the first statement of a service's step, and the commit of its transaction.
On the wire: of a POST of a post, of a refresh, of a look-up.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from sqlalchemy import event

from extensions import db
from services.clients.sockets import DeadlineSocket

#: step → (how its statement begins, which function makes it, in which file)
STEPS = {
    "announce": ("INSERT INTO posts", "_announce", "tweet_scheduler.py"),
    "intent": ("INSERT INTO post_attempts", "begin_attempts", "outbox.py"),
    "outcome": ("UPDATE posts", "_settle", "social_posting.py"),
    "reap": ("UPDATE posts", "reap", "social_posting.py"),
    "take": ("UPDATE posts", "_take", "confirming.py"),
    "look-up": ("UPDATE posts", "_settle", "confirming.py"),
    "refresh": ("UPDATE social_connections", "_take", "tokens.py"),
    "tokens": ("UPDATE social_connections", "finish_refresh", "tokens.py"),
}
#: request → how its head begins
REQUESTS = {"post": b"POST /2/tweets", "read": b"GET /2/users/", "token": b"POST /2/oauth2/token"}
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


class Arm:
    """Strikes when a point is passed for the n-th time, once."""

    def __init__(self, nth: int, action: str, noted_in: str | None) -> None:
        self._left, self._signal, self._noted_in = nth, SIGNALS[action], noted_in
        self._lock = threading.Lock()

    def passed(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._note()
                os.kill(os.getpid(), self._signal)

    def _note(self) -> None:
        if self._noted_in is not None:
            with open(self._noted_in, "a") as file:
                file.write(f"{time.time()}\n")


def install(point: str, nth: int, action: str, noted_in: str | None = None) -> None:
    """Arms a point of this process; `action` is "kill" or "stop". When it strikes is written into a file, if one is
    given."""
    what, when = point.split(":")
    arm = Arm(nth, action, noted_in)
    if what in STEPS:
        _in_transaction(*STEPS[what], when, arm)
    else:
        _on_the_wire(REQUESTS[what], when, arm)


def _in_transaction(prefix: str, function: str, file: str, when: str, arm: Arm) -> None:
    here = threading.local()

    def executing(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        if sql.startswith(prefix) and _is_inside(sys._getframe(), function, file):
            is_first = not getattr(here, "seen", False)
            here.seen = True
            if when == "begin" and is_first:
                arm.passed()

    def ending(_session: Any) -> None:
        if getattr(here, "seen", False):
            arm.passed()

    def over(_session: Any, transaction: Any) -> None:
        if transaction.parent is None:  # a flush is a transaction within
            here.seen = False

    event.listen(db.engine, "before_cursor_execute", executing)
    if when != "begin":
        event.listen(db.session, when, ending)
    event.listen(db.session, "after_transaction_end", over)


def _is_inside(frame: FrameType | None, function: str, file: str) -> bool:
    while frame is not None:
        if frame.f_code.co_name == function and frame.f_code.co_filename.endswith(f"/{file}"):
            return True
        frame = frame.f_back
    return False


def _on_the_wire(head: bytes, when: str, arm: Arm) -> None:
    """ "head": the head is out, the body is not; "sent": everything is out; "answer": the first bytes came back."""
    here = threading.local()
    send, receive = DeadlineSocket.sendall, DeadlineSocket.recv_into

    def sendall(self: DeadlineSocket, data: bytes, *more: Any) -> None:
        first, separator, body = bytes(data).partition(b"\r\n\r\n")
        if data[: len(head)] == head and separator:
            here.length = _length(first)
            send(self, first + separator, *more)
            if when == "head":
                arm.passed()
            data = body
        if data:
            send(self, data, *more)
        if getattr(here, "length", None) is not None:
            here.length -= len(data)
            if when == "sent" and here.length <= 0:
                arm.passed()

    def recv_into(self: DeadlineSocket, *args: Any) -> int:
        count = receive(self, *args)
        if count and getattr(here, "length", None) is not None:
            here.length = None
            if when == "answer":
                arm.passed()
        return count

    _replace("sendall", sendall)
    _replace("recv_into", recv_into)


def _length(head: bytes) -> int:
    """How many bytes follow this head."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


def _replace(name: str, method: Callable[..., Any]) -> None:
    setattr(DeadlineSocket, name, method)
