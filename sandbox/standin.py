"""The base of every stand-in: a threaded HTTP server on loopback with a journal, faults and a clock."""

import contextlib
import gzip
import json
import os
import random
import re
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from werkzeug.exceptions import ClientDisconnected, HTTPException
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

JOURNAL_LENGTH = 50_000


@dataclass(frozen=True)
class Fault:
    """One spoiled answer. Applied to the first request whose method and path fit.

    `hang_up`: "before" drops the connection with nothing done, "after" does the work and drops the answer.
    `reset`: the drop is a TCP reset instead of an orderly close.
    `delay`: seconds before the request is worked on; `hold`: seconds between the work and the answer.
    `status`, `body`, `headers`: answered in place of the real answer; with `stored` the work is done all the same.
    `cut`: so many bytes of the body are sent under the full Content-Length, then the connection is closed.
    `drip`: seconds between single bytes of the body.
    `zombie`: the connection is dropped at once and the work is done so many seconds later by the stand-in's
    clock, as by a proxy that still holds the request after its client gave up.
    """

    method: str | None = None
    path: str | None = None  # a regular expression, searched in the path
    hang_up: str | None = None
    reset: bool = False
    delay: float = 0.0
    hold: float = 0.0
    status: int | None = None
    body: bytes | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    stored: bool = False
    cut: int | None = None
    drip: float = 0.0
    zombie: float | None = None

    def fits(self, request: Request) -> bool:
        """Whether this fault is meant for the request."""
        if self.method and request.method != self.method:
            return False
        return not self.path or re.search(self.path, request.path) is not None


@dataclass(frozen=True)
class Entry:
    """One request as it arrived: what a test asserts on."""

    at: datetime
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        return Request.from_values(
            data=self.body, method="POST", content_type="application/x-www-form-urlencoded"
        ).form.to_dict()


class Quiet(WSGIRequestHandler):
    """Logs nothing: the journal is the log. A connection dropped on purpose is no error."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            super().handle()

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


class HungUp(Exception):  # noqa: N818 - a signal, not an error
    """The connection was dropped on purpose."""


class StandIn:
    """A server that answers `reply(request)` with latency and faults, and remembers what it was asked.

    `faults` are used up in order, first fit first. `chance` (0 to 1) spoils requests at random from
    `mishaps` with the seeded `random`, so that a run can be repeated. `now` is the stand-in's clock.
    """

    def __init__(self, *, seed: int = 0, now: Callable[[], datetime] | None = None) -> None:
        self.now: Callable[[], datetime] = now or (lambda: datetime.now(UTC))
        self.random = random.Random(seed)
        self.lock = threading.RLock()
        self.watchers: list[Callable[[Request], None]] = []  # called for each request, before anything is done
        self._server: BaseWSGIServer | None = None
        self._forget()
        self.reset()

    def _forget(self) -> None:
        self.journal: deque[Entry] = deque(maxlen=JOURNAL_LENGTH)
        self.faults: list[Fault] = []
        self.mishaps: list[Fault] = []
        self.chance = 0.0
        self.latency = 0.0
        self.incomplete = 0  # requests whose sender went away before the end of the body
        self._late: list[tuple[datetime, Request]] = []
        self._moment: datetime | None = None

    def reset(self) -> None:
        """Back to the beginning: no journal, no faults. Subclasses forget their world as well."""
        with self.lock:
            self._forget()

    # Serving

    def start(self, port: int = 0) -> "StandIn":
        """Serves in a daemon thread; port 0 takes a free one. `url` tells where."""
        # The listen backlog of the standard library is 5: fifty hosts at once would be refused.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(1024)
        self._server = make_server(
            "127.0.0.1", listener.getsockname()[1], self, threaded=True, request_handler=Quiet, fd=listener.fileno()
        )
        listener.close()
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    @property
    def url(self) -> str:
        assert self._server is not None, "start() first"
        return f"http://127.0.0.1:{self._server.port}"

    def stop(self) -> None:
        if self._server is not None:
            with contextlib.suppress(OSError):
                self._server.socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for the next caller
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @contextlib.contextmanager
    def serving(self) -> Iterator["StandIn"]:
        self.start()
        try:
            yield self
        finally:
            self.stop()

    # Answering

    def reply(self, request: Request) -> Response:
        """The honest answer. May raise werkzeug's HTTPException."""
        raise NotImplementedError

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        try:
            body = request.get_data()
        except ClientDisconnected:
            self.incomplete += 1
            raise self._dropped(environ, reset=False) from None
        self.catch_up()
        for watcher in self.watchers:
            watcher(request)
        with self.lock:
            self.journal.append(
                Entry(
                    at=self.now(),
                    method=request.method,
                    path=request.path,
                    query=request.args.to_dict(),
                    headers=dict(request.headers),
                    body=body,
                )
            )
            fault = self._next_fault(request)
        try:
            response = self._answer(request, fault)
        except HungUp:
            raise self._dropped(environ, reset=fault.reset) from None
        if fault.cut is not None or fault.drip:
            raise self._spoil(environ, response, fault)
        return response(environ, start_response)

    def _next_fault(self, request: Request) -> Fault:
        for fault in self.faults:
            if fault.fits(request):
                self.faults.remove(fault)
                return fault
        if self.chance and self.mishaps and self.random.random() < self.chance:
            fault = self.random.choice(self.mishaps)
            if fault.fits(request):
                return fault
        return Fault()

    def _answer(self, request: Request, fault: Fault) -> Response:
        time.sleep(self.latency + fault.delay)
        if fault.zombie is not None:
            self._late.append((self.now() + timedelta(seconds=fault.zombie), request))
        if fault.hang_up == "before" or fault.zombie is not None:
            raise HungUp
        spoiled = fault.status is not None or fault.body is not None
        response = None if spoiled and not fault.stored else self._reply(request)
        time.sleep(fault.hold)
        if fault.hang_up == "after":
            raise HungUp
        if spoiled:
            response = Response(fault.body or b"", status=fault.status or 200, headers=dict(fault.headers))
        assert response is not None
        return self._zip(request, response)

    def _reply(self, request: Request) -> Response:
        try:
            return self.reply(request)
        except HTTPException as error:
            return error.get_response(request.environ)

    def catch_up(self, *, ahead_of_time: bool = False) -> None:
        """Does the work of `zombie` requests whose time has come, each at its own time; or of all of them at once."""
        with self.lock:
            if ahead_of_time:
                self._late = [(self.now(), request) for _, request in self._late]
            due = sorted((late for late in self._late if late[0] <= self.now()), key=lambda late: late[0])
            self._late = [late for late in self._late if late not in due]
            for self._moment, request in due:
                self._reply(request)
            self._moment = None

    def moment(self) -> datetime:
        """The time by which a request is answered: the clock, or for a late one the time it was due."""
        return self._moment or self.now()

    @staticmethod
    def _zip(request: Request, response: Response) -> Response:
        """Compresses as the real services do when the caller offers it."""
        if "gzip" in request.headers.get("Accept-Encoding", "") and len(response.data) > 1000:
            response.data = gzip.compress(response.data, 1)
            response.headers["Content-Encoding"] = "gzip"
        return response

    @staticmethod
    def _dropped(environ: dict[str, Any], *, reset: bool) -> ConnectionError:
        """Drops the connection; the error tells the server not to answer on it."""
        connection: socket.socket = environ["werkzeug.socket"]
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        os.close(connection.detach())  # close() alone would wait for the server's own file objects
        return ConnectionAbortedError("hung up")

    @staticmethod
    def _spoil(environ: dict[str, Any], response: Response, fault: Fault) -> ConnectionError:
        """Writes a cut or dripping answer by hand, past the server's own bookkeeping."""
        connection: socket.socket = environ["werkzeug.socket"]
        body = response.data
        head = f"HTTP/1.1 {response.status}\r\nContent-Type: {response.content_type}\r\nContent-Length: {len(body)}\r\n"
        with contextlib.suppress(OSError):
            connection.sendall(head.encode() + b"Connection: close\r\n\r\n")
            if fault.drip:
                for byte in body:
                    connection.sendall(bytes([byte]))
                    time.sleep(fault.drip)
            else:
                connection.sendall(body[: fault.cut])
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()
        return ConnectionAbortedError("spoiled")

    # Reading the journal

    def asked(self, method: str | None = None, path: str = "") -> list[Entry]:
        """The journal's entries with this method whose path contains `path`."""
        with self.lock:
            return [e for e in self.journal if (not method or e.method == method) and path in e.path]


def json_response(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer as both services send it."""
    return Response(
        json.dumps(data, ensure_ascii=False),
        status=status,
        headers=dict(headers or {}),
        content_type="application/json; charset=utf-8",
    )
