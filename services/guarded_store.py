"""A store of text that may be anywhere and in any state: it is never waited for long, nor believed without a signature.

Raises nothing: what it cannot say is not there. After a failure it is left alone for a while.
"""

import contextlib
import hashlib
import hmac
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

log = logging.getLogger(__name__)

#: for one answer of a store elsewhere, whatever it does, finding its address with it
DEADLINE_SECONDS = 0.5
#: in which it is not asked again after it has failed
REST_SECONDS = 5.0
HANDS = 4


class Store(Protocol):
    """Keeps text by name for some seconds; `add` only where nothing is."""

    def get(self, key: str) -> Any: ...

    def set(self, key: str, value: Any, timeout: Any = None) -> Any: ...

    def add(self, key: str, value: Any, timeout: Any = None) -> Any: ...

    def delete(self, key: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class Where:
    """A store, and whether it is elsewhere: then it may hang, and is asked by other processes, too.

    One that is has a `drop`, which ends whatever is being asked.
    """

    store: Store
    is_remote: bool


class GuardedStore:
    """Made once per process."""

    def __init__(self, where: Where, secret: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.is_remote = where.is_remote
        self._store, self._secret, self._clock = where.store, secret.encode(), clock
        self._drop: Callable[[], None] = getattr(where.store, "drop", lambda: None)
        self._hands = ThreadPoolExecutor(HANDS, thread_name_prefix="figures") if where.is_remote else None
        self._lock = threading.Lock()
        self._rests_until = 0.0
        self.errors = 0

    @property
    def rests(self) -> bool:
        """Whether it failed a moment ago."""
        return self._clock() < self._rests_until

    def read(self, name: str) -> str | None:
        """What was written under this name here or in another process, and by nobody else."""
        key = self._key(name)
        found = self._ask(self._store.get, key)
        if not isinstance(found, str):
            return None
        signature, _, text = found.partition(":")
        is_ours = hmac.compare_digest(signature.encode(), self._signature(key, text).encode())
        return text if is_ours else None

    def write(self, name: str, text: str, seconds: int) -> None:
        key = self._key(name)
        self._ask(self._store.set, key, f"{self._signature(key, text)}:{text}", seconds)

    def claim(self, name: str, seconds: int) -> bool:
        """Whether nobody else has claimed it, or nobody knows."""
        return self._ask(self._store.add, self._key(f"{name} claim"), "claimed", seconds) is not False

    def release(self, name: str) -> None:
        """A claim that has ended by itself may be another's by now: then one more computes, and that is all."""
        self._ask(self._store.delete, self._key(f"{name} claim"))

    def _key(self, name: str) -> str:
        """Of a fixed length, and apart from those of another installation in the same store."""
        return f"airhorn:{self._signature('key', name)}"

    def _signature(self, key: str, text: str) -> str:
        return hmac.new(self._secret, f"{key}\n{text}".encode(), hashlib.sha256).hexdigest()

    def _ask(self, question: Callable[..., Any], *given: Any) -> Any:
        """None where there is no answer."""
        if self._hands is None:
            return question(*given)
        if self.rests:
            return None
        answer: Future[Any] | None = None
        try:
            answer = self._hands.submit(question, *given)
            return answer.result(DEADLINE_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever it is: nothing here is worth a page
            self._fail(error)
            if answer is not None:
                answer.cancel()
            return None

    def _fail(self, error: Exception) -> None:
        with self._lock:
            self.errors += 1
            was_well, self._rests_until = not self.rests, self._clock() + REST_SECONDS
        with contextlib.suppress(Exception):
            self._drop()
        if was_well:
            log.warning("the store of numbers does not answer: %s", type(error).__name__)
