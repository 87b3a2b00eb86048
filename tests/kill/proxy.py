"""A wire to PostgreSQL that breaks at one moment: around the COMMIT of an intent, once."""

import contextlib
import socket
import threading
from collections.abc import Callable

#: how libpq asks to commit, and how the server says that it has
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"
INTENT = b"INSERT INTO post_attempts"


class Proxy:
    """Passes everything on, until the transaction that holds an intent commits.

    `loses` "answer": the server commits, and the connection breaks before the client hears of it.
    `loses` "question": it breaks before the server is asked, so that nothing is committed.
    """

    def __init__(self, target: int, loses: str) -> None:
        self._target, self._loses = target, loses
        self.cuts = 0
        self._armed = True
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for one in (self._listener, *self._open):
            _end(one)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._open += [client, server]
                wire = _Wire(self, client, server)
                threading.Thread(target=wire.questions, daemon=True).start()
                threading.Thread(target=wire.answers, daemon=True).start()

    def cuts_now(self, what: str) -> bool:
        """Whether this is the moment; there is only one."""
        if what != self._loses or not self._armed:
            return False
        self._armed = False
        self.cuts += 1
        return True


class _Wire:
    """One connection through the proxy, both ways."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._has_intent = self._commits = False

    def questions(self) -> None:
        def is_cut(data: bytes) -> bool:
            self._has_intent |= INTENT in data
            self._commits = self._has_intent and COMMIT in data
            return self._commits and self._proxy.cuts_now("question")

        self._pass(self._client, self._server, is_cut)

    def answers(self) -> None:
        def is_cut(data: bytes) -> bool:
            return self._commits and COMMITTED in data and self._proxy.cuts_now("answer")

        self._pass(self._server, self._client, is_cut)

    def _pass(self, source: socket.socket, target: socket.socket, is_cut: Callable[[bytes], bool]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_cut(data):
                    break
                target.sendall(data)
        _end(source)
        _end(target)


def _end(one: socket.socket) -> None:
    """Wakes whoever waits on it, then closes it."""
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
