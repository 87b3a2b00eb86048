"""Sockets that obey one overall deadline, and connections that know whether a byte of the request was written.

Which call a socket works for is kept per thread: a call is sent and read to its end by the thread that made it.
"""

import functools
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import requests.utils
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

MAX_HEAD = 128 * 1024  # bytes of status line and headers; http.client itself stops at 100 headers
NAMES_KEPT = 30.0  # seconds
POOL_SIZE = 64  # idle connections kept to one host


@dataclass(slots=True)
class Call:
    """One request and its answer. Times are of the monotonic clock."""

    until: float
    connect_until: float
    #: the first byte of the request was handed to the system, or may have been
    begun: bool = False
    #: went over a connection that had served an earlier call
    reused: bool = False
    #: bytes that may still arrive before the headers are complete; None while no headers are read
    head_left: int | None = None

    def left(self) -> float:
        """Seconds left for the whole call. Raises TimeoutError when there are none."""
        return _positive(self.until - time.monotonic())

    def connect_left(self) -> float:
        """Seconds left for name, connection and TLS handshake together."""
        return _positive(min(self.until, self.connect_until) - time.monotonic())


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise TimeoutError("the deadline is over")
    return seconds


class _Here(threading.local):
    call: Call | None = None


#: the call that this thread is making
here = _Here()


def _current() -> Call:
    if here.call is None:
        raise TimeoutError("no call is being made")
    return here.call


def _received(count: int) -> int:
    call = _current()
    if call.head_left is not None:
        call.head_left -= count
        if call.head_left < 0:
            raise OSError("the headers are too large")
    return count


class DeadlineSocket(socket.socket):
    """A TCP socket whose every operation ends with the call."""

    def recv_into(self, *args: Any) -> int:
        self.settimeout(_current().left())
        return _received(super().recv_into(*args))

    def sendall(self, *args: Any) -> None:
        self.settimeout(_current().left())
        super().sendall(*args)


class DeadlineTlsSocket(ssl.SSLSocket):
    """The same over TLS. The handshake is bounded by the timeout that `_dial` leaves on the plain socket."""

    def recv_into(self, *args: Any) -> int:
        self.settimeout(_current().left())
        return _received(super().recv_into(*args))

    def send(self, *args: Any) -> int:  # sendall is a loop of these
        self.settimeout(_current().left())
        return super().send(*args)


@functools.lru_cache(maxsize=8)
def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """A verifying context, shared because loading the authorities takes 30 ms. Reads nothing from the environment."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(ca_file or requests.utils.DEFAULT_CA_BUNDLE_PATH)
    context.sslsocket_class = DeadlineTlsSocket
    return context


class Names:
    """Host names looked up beside the call, because the system's look-up takes no deadline (it may hang for 30 s)."""

    def __init__(self, lookup: Callable[..., list[Any]] = socket.getaddrinfo) -> None:
        self._lookup = lookup
        self._lock = threading.Lock()
        self._known: dict[tuple[str, int], tuple[float, Future[list[Any]]]] = {}

    def find(self, host: str, port: int, *, within: float) -> list[Any]:
        """Addresses as getaddrinfo returns them. Raises OSError, TimeoutError or UnicodeError."""
        with self._lock:
            until, found = self._known.get((host, port), (0.0, None))
            if found is None or (found.done() and (found.exception() or until < time.monotonic())):
                found = self._ask(host, port)
        return found.result(within)

    def _ask(self, host: str, port: int) -> Future[list[Any]]:
        if len(self._known) > 100:
            self._known.clear()
        found: Future[list[Any]] = Future()
        self._known[host, port] = (time.monotonic() + NAMES_KEPT, found)
        # A daemon: a look-up that hangs must not hold up the end of the process.
        threading.Thread(target=self._answer, args=(found, host, port), daemon=True).start()
        return found

    def _answer(self, found: Future[list[Any]], host: str, port: int) -> None:
        try:
            found.set_result(self._lookup(host, port, 0, socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.set_exception(error)


_names = Names()


def _dial(host: str, port: int, call: Call) -> socket.socket:
    """Connects to the first address that answers; a dead one may use only its share of the time."""
    failure: OSError = OSError("no address")
    addresses = _names.find(host, port, within=call.connect_left())
    for left_to_try, (family, kind, protocol, _, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
        sock = DeadlineSocket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(call.connect_left() / left_to_try)
            sock.connect(address)
            sock.settimeout(call.connect_left())
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


class _Connection:
    """What both kinds of connection share. Mixed into urllib3's classes."""

    sock: Any
    port: int
    _dns_host: str
    _first_call: Call | None = None

    def _new_conn(self) -> socket.socket:
        self._first_call = _current()
        try:
            return _dial(self._dns_host.strip("[]"), self.port, self._first_call)
        except OSError as error:
            # urllib3 takes a bare reset for one while sending, and goes on to read an answer.
            raise NewConnectionError(self, "not connected") from error  # type: ignore[arg-type]

    def send(self, data: Any) -> None:
        if self.sock is None:  # a failure to connect must not count as begun
            self.connect()  # type: ignore[attr-defined]
        call = _current()
        call.begun = True
        call.reused = self._first_call is not call
        super().send(data)  # type: ignore[misc]

    def getresponse(self) -> Any:
        call = _current()
        call.head_left = MAX_HEAD
        try:
            return super().getresponse()  # type: ignore[misc]
        finally:
            call.head_left = None


class PlainConnection(_Connection, HTTPConnection):
    pass


class TlsConnection(_Connection, HTTPSConnection):
    pass


class PlainPool(HTTPConnectionPool):
    ConnectionCls = PlainConnection


class TlsPool(HTTPSConnectionPool):
    ConnectionCls = TlsConnection


class _Fresh:
    """Never uses a connection twice: one that the server closes while idle would lose a POST without a trace."""

    def _get_conn(self, timeout: float | None = None) -> Any:  # noqa: ARG002 - the signature is urllib3's
        return self._new_conn()  # type: ignore[attr-defined]

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.close()


class FreshPlainPool(_Fresh, PlainPool):
    pass


class FreshTlsPool(_Fresh, TlsPool):
    pass


def pool_manager(context: ssl.SSLContext, *, fresh: bool) -> PoolManager:
    """Connections by host, kept for the next call or, with `fresh`, made for each call."""
    manager = PoolManager(10, maxsize=1 if fresh else POOL_SIZE, ssl_context=context, cert_reqs="CERT_REQUIRED")
    manager.pool_classes_by_scheme = (
        {"http": FreshPlainPool, "https": FreshTlsPool} if fresh else {"http": PlainPool, "https": TlsPool}
    )
    return manager
