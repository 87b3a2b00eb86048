"""The files of the journal: one a day, a JSON object a line, for their owner only. Knows no database and no meaning.

Several processes of one machine append and read under one lock, which ends with the process that holds it.
"""

import contextlib
import fcntl
import json
import logging
import os
import re
import shlex
import stat
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import date
from heapq import merge
from pathlib import Path
from typing import Any

from services.errors import AirhornError

log = logging.getLogger(__name__)

NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.jsonl")
#: what is looked for later begins so; other kinds belong to the same keys
INTENT, TOKENS = b'{"kind":"intent","key":"', b'{"kind":"tokens","key":"'
CHUNK = 1 << 20
#: keys that are kept as they came; more are packed, eight bytes each
LOOSE = 1 << 15
#: intents that are kept at hand
LAST = 64
#: so much must fit before sending goes on after a disk was full
ROOM = 64 * 1024
OPENING = os.O_NOFOLLOW | os.O_CLOEXEC


class JournalError(AirhornError):
    """The journal cannot be written or trusted. Nothing may be sent."""


class _Day:
    """What is known of one file: how far it was read, and which keys it holds."""

    def __init__(self) -> None:
        self.read = 0
        self.last_intents: deque[bytes] = deque(maxlen=LAST)
        self._loose: set[int] = set()
        self._packed = array("q")

    def add(self, key: bytes) -> None:
        self._loose.add(hash(key))
        if len(self._loose) > LOOSE:
            self._packed = array("q", merge(self._packed, sorted(self._loose)))
            self._loose.clear()

    def may_hold(self, key: bytes) -> bool:
        """Never wrong when it says no."""
        number = hash(key)
        at = bisect_left(self._packed, number)
        return number in self._loose or (at < len(self._packed) and self._packed[at] == number)


class JournalFiles:
    """Use everything but `locked` inside of `with files.locked():`, which brings what is known up to date."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._days: dict[str, _Day] = {}
        self._complained: set[tuple[str, int]] = set()
        self._fd = -1

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Raises JournalError when the folder or a file in it is not private, not ours, or cannot be opened."""
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                self.folder.mkdir(mode=0o700)
            fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | OPENING)
        except OSError as error:
            raise self.unwritable(error) from error
        try:
            _refuse_what_is_not_private(os.fstat(fd), self.folder, "700")
            fcntl.flock(fd, fcntl.LOCK_EX)
            self._fd = fd
            self._read_news()
            yield
        except OSError as error:
            raise self.unwritable(error) from error
        finally:
            self._fd = -1
            os.close(fd)

    def unwritable(self, error: OSError) -> JournalError:
        why = os.strerror(error.errno) if error.errno else str(error)
        return JournalError(f"The journal in {self.folder} cannot be used: {why}. Make room or put the folder right.")

    # Reading

    def days(self) -> list[str]:
        """Names of the files, oldest first."""
        return sorted(name for name in os.listdir(self._fd) if NAME.fullmatch(name))

    def last_intents(self) -> list[dict[str, Any]]:
        """The newest, at most LAST, oldest first."""
        lines: list[bytes] = []
        for name in reversed(self.days()):
            lines = [*self._days[name].last_intents, *lines]
            if len(lines) >= LAST:
                break
        return [entry for line in lines[-LAST:] if (entry := _parsed(line)) is not None]

    def entries(self, key: str) -> list[dict[str, Any]]:
        """Every whole line about this key, oldest first."""
        quoted = _quoted(key)
        found = []
        for name in self.days():
            if not self._days[name].may_hold(quoted):
                continue
            with os.fdopen(self._open(name, os.O_RDONLY), "rb") as file:
                lines = [_parsed(line) for line in file if quoted in line]
            found += [entry for entry in lines if entry is not None and entry.get("key") == key]
        return found

    def holds(self, key: str, name: str) -> bool:
        """Whether this file may say something of the key."""
        return self._days[name].may_hold(_quoted(key))

    def _read_news(self) -> None:
        names = self.days()
        self._days = {name: self._days.get(name) or _Day() for name in names}
        for name in names:
            fd = self._open(name, os.O_RDONLY)
            try:
                self._read_on(name, fd)
            finally:
                os.close(fd)

    def _read_on(self, name: str, fd: int) -> None:
        day, size = self._days[name], os.fstat(fd).st_size
        if size < day.read:  # not the file that was read
            day = self._days[name] = _Day()
        rest = b""
        while day.read + len(rest) < size:
            chunk = os.pread(fd, CHUNK, day.read + len(rest))
            if not chunk:
                break
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._take_in(name, day, line)
                day.read += len(line) + 1
            if len(rest) > CHUNK:  # no line of ours is so long
                self._complain(name, day.read)
                day.read, rest = day.read + len(rest), b""
        if rest:  # nobody writes while we hold the lock: whoever began this line has died or had no room
            self._complain(name, day.read)

    def _take_in(self, name: str, day: _Day, line: bytes) -> None:
        is_kept = line.startswith((INTENT, TOKENS))
        end = line.find(b'"', len(INTENT)) if is_kept else 0
        if end < 0 or not (line.startswith(b'{"kind":"') and line.endswith(b"}")):
            if line.strip():
                self._complain(name, day.read)
        elif is_kept:
            day.add(line[len(INTENT) : end])
            if line.startswith(INTENT):
                day.last_intents.append(line)

    def _complain(self, name: str, at: int) -> None:
        """Once for each place."""
        if (name, at) not in self._complained:
            self._complained.add((name, at))
            log.error("a line of the journal is not whole and is passed over", extra={"file": name, "at": at})

    # Writing

    def append(self, day: date, entries: Sequence[dict[str, Any]]) -> int:
        """Writes the entries in one piece. Returns a descriptor, to be given to `settle` outside of the lock."""
        fd = self._open(f"{day:%Y-%m-%d}.jsonl", os.O_RDWR | os.O_APPEND | os.O_CREAT)
        try:
            lines = "".join(json.dumps(entry, separators=(",", ":")) + "\n" for entry in entries).encode()
            size = self._write_whole(fd, lines)
            if size == 0:
                os.fsync(self._fd)  # the file's name must last, too
        except BaseException:
            os.close(fd)
            raise
        return fd

    @staticmethod
    def settle(fd: int, *, on_disk: bool) -> None:
        """Waits until it is on the disk, and closes. Raises OSError."""
        try:
            if on_disk:
                os.fsync(fd)
        finally:
            os.close(fd)

    def try_room(self, day: date) -> None:
        """Writes as much as a large claim needs and takes it away again. Raises OSError."""
        fd = self._open(f"{day:%Y-%m-%d}.jsonl", os.O_RDWR | os.O_APPEND | os.O_CREAT)
        try:
            size = self._write_whole(fd, b" " * ROOM + b"\n")
            os.fsync(fd)
            os.ftruncate(fd, size)
        finally:
            os.close(fd)

    @staticmethod
    def _write_whole(fd: int, data: bytes) -> int:
        """All or nothing. Returns how long the file was before."""
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":
            data = b"\n" + data  # a line that somebody could not finish stays alone
        try:
            written = os.write(fd, data)
            if written != len(data):
                written += os.write(fd, data[written:])  # says why
            if written != len(data):
                raise OSError("it took only a part")
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(fd, size)
            raise
        return size

    def remove(self, name: str) -> None:
        os.unlink(name, dir_fd=self._fd)
        self._days.pop(name, None)

    def _open(self, name: str, flags: int) -> int:
        fd = os.open(name, flags | OPENING, 0o600, dir_fd=self._fd)
        try:
            _refuse_what_is_not_private(os.fstat(fd), self.folder / name, "600")
        except BaseException:
            os.close(fd)
            raise
        return fd


def _quoted(key: str) -> bytes:
    """As it stands in a line. No key of ours holds a quotation mark."""
    return json.dumps(key)[1:-1].encode()


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def _refuse_what_is_not_private(found: os.stat_result, path: Path, mode: str) -> None:
    quoted = shlex.quote(str(path))
    if found.st_uid != os.geteuid():
        raise JournalError(f"{path} belongs to another user of this machine. Run: chown {os.geteuid()} {quoted}")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise JournalError(f"Other users of this machine can read or change {path}. Run: chmod {mode} {quoted}")
