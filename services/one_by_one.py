"""What is done for one podcast after the other: one that raises stops nobody behind it, and who failed waits longer."""

import logging
from collections.abc import Callable, Hashable, Iterable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from extensions import db

log = logging.getLogger(__name__)

#: after the first failure; then twice as long each time
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(minutes=15)
One = TypeVar("One", bound=Hashable)


def apart(work: Callable[[], object], what: str, podcast_id: int) -> bool:
    """Does it. What it raises is written down as `what` with the podcast, and its transaction taken back.

    Returns whether it went well. That the process is told to end passes through.
    """
    try:
        work()
    except Exception:
        db.session.rollback()
        log.exception("%s", what, extra={"podcast": podcast_id})
        return False
    return True


class Turns(Generic[One]):
    """Whose turn it is: who never failed comes first, the others after ever longer waits. In the memory of a process,
    which is enough: one that begins anew asks everybody once more."""

    def __init__(self) -> None:
        self._failed: dict[One, tuple[int, datetime]] = {}

    def of(self, wanting: Iterable[One], now: datetime) -> list[One]:
        """Those who need not wait, in the order given where they failed equally often. All others are forgotten."""
        ones = list(wanting)
        self._failed = {one: self._failed[one] for one in ones if one in self._failed}
        ready = [one for one in ones if one not in self._failed or self._failed[one][1] <= now]
        return sorted(ready, key=lambda one: self._failed[one][0] if one in self._failed else 0)

    def later(self, one: One, now: datetime) -> None:
        """It failed: others have their turn first."""
        times, _ = self._failed.get(one, (0, now))
        self._failed[one] = times + 1, now + min(FIRST_WAIT * 2 ** min(times, 10), LONGEST_WAIT)
