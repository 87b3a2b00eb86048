"""Redis: a small stand-in on loopback that can die, hang and lie; and a real one, where it is installed."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

REAL = shutil.which("redis-server")


class RedisStandIn:
    """Knows GET, SET with NX and EX, DEL, SELECT. `mood`: "well", "hangs", "resets", "rubbish" or "floods"."""

    def __init__(self) -> None:
        self.mood = "well"
        self.kept: dict[bytes, tuple[bytes, float]] = {}
        self.asked = 0
        #: called before each answer
        self.watchers: list[Callable[[], object]] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._open: list[socket.socket] = []
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for sock in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection, connection.makefile("rb") as read:
            while head := read.readline():
                words = []
                for _ in range(int(head[1:])):
                    length = int(read.readline()[1:])
                    words.append(read.read(length + 2)[:-2])
                self.asked += 1
                for watcher in self.watchers:
                    watcher()
                if not self._answer(connection, words):
                    return

    def _answer(self, connection: socket.socket, words: list[bytes]) -> bool:
        if self.mood == "hangs":
            time.sleep(1000)
        if self.mood == "resets":
            return False
        if self.mood == "rubbish":
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            return True
        while self.mood == "floods":
            connection.sendall(b"x" * 65_536)
        with self._lock:
            connection.sendall(self._do(words))
        return True

    def _do(self, words: list[bytes]) -> bytes:
        name, key = words[0].upper(), words[1] if len(words) > 1 else b""
        value, ends = self.kept.get(key, (None, 0.0))
        value = value if ends > time.time() else None
        if name == b"GET":
            return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)
        if name == b"DEL":
            return b":%d\r\n" % (self.kept.pop(key, None) is not None)
        options = [word.upper() for word in words[3:]]
        if name == b"SET" and b"NX" in options and value is not None:
            return b"$-1\r\n"
        if name == b"SET":
            self.kept[key] = words[2], time.time() + int(options[options.index(b"EX") + 1])
        return b"+OK\r\n"


@contextlib.contextmanager
def redis_stand_in() -> Iterator[RedisStandIn]:
    server = RedisStandIn()
    try:
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def real_redis() -> Iterator[str]:
    """Its address. Skips the test where there is none."""
    if REAL is None:
        pytest.skip("install Debian's redis-server to run this")
    folder = Path(tempfile.mkdtemp(prefix="airhorn-redis-"))
    path = folder / "redis.sock"
    server = subprocess.Popen(
        [REAL, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)], stdout=subprocess.DEVNULL
    )
    try:
        _wait_for(path)
        yield f"unix://{path}"
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder)


def _wait_for(path: Path) -> None:
    ends = time.monotonic() + 30
    with redis.Redis(unix_socket_path=str(path)) as asking:
        while True:
            try:
                asking.ping()
            except redis.ConnectionError:
                assert time.monotonic() < ends
                time.sleep(0.01)
            else:
                return
