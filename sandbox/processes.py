"""Processes that start and end together."""

import http.client
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
#: longer than a post may take, so that one on the wire is finished
END_SECONDS = 30.0


class Stop(Exception):  # noqa: N818 - not an error: it may be somebody's wish
    """Ends the program. `sentence` says why when nobody asked for it."""

    def __init__(self, sentence: str = "", *, code: int = 0) -> None:
        super().__init__(sentence)
        self.sentence, self.code = sentence, code


class Children:
    """Starts Python processes; leaving ends them all, the last one first."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for child in reversed(self._running):
            self._end(child)

    def start(self, *arguments: str, env: dict[str, str]) -> None:
        """Runs `python ARGUMENTS`; what it says on stdout is of no use to people, its complaints are.

        In a group of its own: Ctrl+C goes to all processes of a terminal's group, and these end in their order.
        """
        python = [sys.executable, *arguments]
        child = subprocess.Popen(python, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, process_group=0)
        self._running.append(child)

    def check(self) -> None:
        """Raises Stop when one of them has ended by itself."""
        for child in self._running:
            if child.poll() is not None:
                name = " ".join(str(part) for part in child.args[1:3])  # type: ignore[index]
                raise Stop(f"python {name} ended by itself with {child.returncode}.", code=1)

    def wait(self) -> None:
        """Until one ends, or a signal raises Stop."""
        while True:
            self.check()
            time.sleep(0.5)

    @staticmethod
    def _end(child: subprocess.Popen[bytes]) -> None:
        if child.poll() is not None:
            return
        child.terminate()
        try:
            child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def is_free(port: int) -> bool:
    """Whether somebody may listen here. A connection that just ended does not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def await_page(url: str, children: Children, seconds: float) -> None:
    """Returns when the page answers 200. Raises Stop when a process ended before, or it takes too long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        children.check()
        if _answers(url):
            return
        time.sleep(0.1)
    raise Stop(f"{url} did not answer within {seconds:.0f} s.", code=1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (http.client.HTTPException, OSError):
        return False
