"""What the two halves of looking share: the day's units, the result of a round, and work in portions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from extensions import db
from services import quota
from services.live_rules import Pace

#: a page is asked for at most so often
PAGE_EVERY = timedelta(seconds=30)
CHUNK = 10_000
#: rows in hand at once, so that a flood of new videos is slow and not big
AT_ONCE = 5_000


@dataclass(slots=True)
class Looked:
    """One round: broadcasts that are live or just ended, and what was asked."""

    broadcast_ids: list[int]
    channels: int = 0
    failed: int = 0
    asked: int = 0


class Budget:
    """The day's units, as far as there is a key to spend them with; all in the caller's transaction."""

    def __init__(self, *, units: int, check_every: timedelta, has_key: bool) -> None:
        self.units, self.check_every, self.has_key = units, check_every, has_key
        #: by the last check: channels, and broadcasts that are asked about
        self.channels = self.broadcasts = 1

    def plan(self, now: datetime) -> quota.Plan | None:
        """What the units allow now; None without a key."""
        if not self.has_key:
            return None
        spent = quota.read_spent(db.session(), now)
        return quota.make_plan(now, self.channels, spent, units=self.units, check_every=self.check_every)

    def pace(self, now: datetime) -> Pace:
        """How often broadcasts may be asked about now."""
        plan = self.plan(now)
        if plan is None:
            return Pace(self.check_every, at_least=PAGE_EVERY)
        return Pace(self.check_every, stretch=plan.stretch, far_every=plan.far_every(self.broadcasts))

    def spend(self, now: datetime, **wanted: int) -> bool:
        """Counts units before they are sent, all or none: discovery, watch or people."""
        return quota.spend(db.session(), now, units=self.units, **wanted)


def chunks(things: Sequence[Any], size: int = CHUNK) -> Iterator[Sequence[Any]]:
    """So many at a time, so that no statement grows without end."""
    for i in range(0, len(things), size):
        yield things[i : i + size]
