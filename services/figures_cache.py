"""Numbers that were computed are kept for a while, by podcast and version, so that old ones are never shown.

Of many who ask for the same at once one computes, and the others wait for it, in other processes too.
"""

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter

from services.guarded_store import GuardedStore

log = logging.getLogger(__name__)

#: raised when the same numbers come to be counted in another way: what an older release kept is another thing
RELEASE = 1
#: who computes says so for this long at most: whoever dies meanwhile keeps nobody longer
CLAIM_SECONDS = 5
#: after so long one of those who wait computes, too; in other processes they look so often
WAIT_SECONDS, LOOK_SECONDS = 3.0, 0.02

T = TypeVar("T")


class Shape(Generic[T]):
    """Values of one type as plain text and back: nothing in the text can do more than be a value."""

    def __init__(self, kind: Any) -> None:
        self._adapter: TypeAdapter[T] = TypeAdapter(kind)
        described = json.dumps(self._adapter.json_schema(), sort_keys=True)
        #: another for any other type, and for this one with other fields
        self.name = hashlib.sha256(described.encode()).hexdigest()[:16]

    def write(self, value: T) -> str:
        return self._adapter.dump_json(value).decode()

    def read(self, text: str) -> T:
        """Raises ValueError for what is none of them."""
        return self._adapter.validate_json(text, strict=True)


@dataclass(frozen=True, slots=True)
class Key:
    """What is asked for. `filter`: all else that the answer hangs on; `sees_money`: the right of who asks."""

    name: str
    podcast_id: int
    version: int
    sees_money: bool
    filter: tuple[str | int | None, ...] = ()
    seconds: int = 60

    def text(self, shape: str) -> str:
        given = (self.name, self.podcast_id, self.version, self.sees_money, self.filter)
        return json.dumps([RELEASE, shape, *given])


@dataclass(frozen=True, slots=True)
class Counts:
    """Of this process since it began. `errors`: a store that did not answer; while it `rests` it is not asked."""

    hits: int
    misses: int
    errors: int
    is_remote: bool
    rests: bool

    @property
    def asked(self) -> int:
        return self.hits + self.misses


class _Flight(Generic[T]):
    """One computation under way, and those who wait for it."""

    def __init__(self) -> None:
        self.is_over = threading.Event()
        self.landed: list[T] = []
        self.failed: Exception | None = None
        self._turns, self._next_at = threading.Lock(), time.monotonic() + WAIT_SECONDS

    def land(self, value: T) -> list[T]:
        self.landed = [value]
        self.is_over.set()
        return self.landed

    def wait(self) -> bool:
        """Whether it is over. If not, whoever asks is to compute as well: one more of all each WAIT_SECONDS."""
        while not self.is_over.wait(max(0.0, self._next_at - time.monotonic())):
            with self._turns:
                now = time.monotonic()
                if now >= self._next_at:
                    self._next_at = now + WAIT_SECONDS
                    return False
        return True


class FiguresCache:
    """Made once per process. `pause`: in it, what is asked elsewhere and waited for holds no connection."""

    def __init__(self, store: GuardedStore, pause: Callable[[], AbstractContextManager[Any]] = nullcontext) -> None:
        self._store, self._pause = store, pause
        self._lock = threading.Lock()
        self._flights: dict[str, _Flight[Any]] = {}
        self._hits = self._misses = 0

    def counts(self) -> Counts:
        return Counts(self._hits, self._misses, self._store.errors, self._store.is_remote, self._store.rests)

    def get(self, key: Key, shape: Shape[T], compute: Callable[[], T]) -> T:
        """What was kept, or is computed now and kept. A value that is None is kept like any other.

        What `compute` gives must not be older than the key's version: read the version first.
        """
        name = key.text(shape.name)
        found = self._look(name, shape)
        if not found:
            found = self._fly(name, key, shape, compute)
        return found[0]

    def _look(self, name: str, shape: Shape[T]) -> list[T]:
        """One value, or none."""
        if not self._store.is_remote:
            found = self._read(name, shape)
        elif self._store.rests:
            return []
        else:
            with self._pause():
                found = self._read(name, shape)
        if found:
            self._count(hits=1)
        return found

    def _read(self, name: str, shape: Shape[T]) -> list[T]:
        text = self._store.read(name)
        if text is None:
            return []
        try:
            return [shape.read(text)]
        except ValueError:
            log.warning("numbers that were kept cannot be read")
            return []

    def _fly(self, name: str, key: Key, shape: Shape[T], compute: Callable[[], T]) -> list[T]:
        """Computes, or waits for another thread that does, and gets what that one got: the value, or the failure.

        When that one takes long, one of those who wait computes, too, for all of them.
        """
        with self._lock:
            flight = self._flights.get(name)
            is_mine = flight is None
            if flight is None:
                flight = self._flights[name] = _Flight[T]()
        if not is_mine:
            return self._waited(flight, compute) or self._fly(name, key, shape, compute)
        try:
            return flight.land(self._found_or_computed(name, key, shape, compute)[0])
        except Exception as error:
            flight.failed = error
            raise
        finally:
            with self._lock:
                self._flights.pop(name, None)
            flight.is_over.set()

    def _waited(self, flight: _Flight[T], compute: Callable[[], T]) -> list[T]:
        """Empty where the other one was stopped in the middle. Raises what the other one raised."""
        with self._pause():
            is_over = flight.wait()
        if not is_over:
            return flight.land(self._computed(compute))
        if flight.landed:
            self._count(hits=1)
        elif flight.failed is not None:
            raise flight.failed
        return flight.landed

    def _found_or_computed(self, name: str, key: Key, shape: Shape[T], compute: Callable[[], T]) -> list[T]:
        """Alone in this process: looks once more, since somebody may just have been ready."""
        found = self._claimed_or_found(name, shape) if self._store.is_remote else self._read(name, shape)
        if found:
            self._count(hits=1)
            return found
        if not self._store.is_remote:
            value = self._computed(compute)
            self._store.write(name, shape.write(value), key.seconds)
            return [value]
        try:
            value = self._computed(compute)
        except BaseException:
            self._store.release(name)
            raise
        with self._pause():
            self._store.write(name, shape.write(value), key.seconds)
            self._store.release(name)
        return [value]

    def _claimed_or_found(self, name: str, shape: Shape[T]) -> list[T]:
        """What another process computes meanwhile; none: it is ours to compute."""
        ends = time.monotonic() + WAIT_SECONDS
        with self._pause():
            while not self._store.claim(name, CLAIM_SECONDS):
                time.sleep(LOOK_SECONDS)
                found = self._read(name, shape)
                if found or time.monotonic() > ends:
                    return found
            return self._read(name, shape)

    def _computed(self, compute: Callable[[], T]) -> T:
        self._count(misses=1)
        return compute()

    def _count(self, hits: int = 0, misses: int = 0) -> None:
        with self._lock:
            self._hits += hits
            self._misses += misses
