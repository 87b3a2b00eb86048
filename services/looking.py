"""What the two halves of looking share: the day's units, the result of a round, and work in portions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from extensions import db
from services import planned_starts, quota
from services.errors import Outcome
from services.watch_needs import foresee
from services.watch_plan import PAGE_EVERY, Demand, Pace, Plan, make_plan

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
        #: by the last check
        self.demand = Demand()
        self._is_probe = False

    def refresh(self, now: datetime) -> None:
        """Finds out what is to be watched."""
        channels, broadcasts, _ = planned_starts.counted(db.session(), now)
        ends = quota.day_bounds(now)[1]
        starts = planned_starts.known_starts(db.session(), now, ends) if self.has_key else []
        self.demand = Demand(channels, broadcasts, foresee(starts, now, ends))

    def plan(self, now: datetime) -> Plan | None:
        """What the units allow now; None without a key."""
        if not self.has_key:
            return None
        spent = quota.read_spent(db.session(), now)
        self._is_probe = spent.is_probe
        return make_plan(now, self.demand, spent, units=self.units, check_every=self.check_every)

    def pace(self, now: datetime) -> Pace:
        """How often broadcasts may be asked about now."""
        plan = self.plan(now)
        if plan is None:
            return Pace(self.check_every, at_least=PAGE_EVERY)
        return plan.pace(self.check_every, self.demand.broadcasts)

    def spend(self, now: datetime, **wanted: int) -> bool:
        """Counts units before they are sent, all or none: discovery, watch or people."""
        return quota.spend(db.session(), now, units=self.units, **wanted)

    def answered(self, now: datetime, failures: Sequence[Any]) -> None:
        """What YouTube's answers say of the day's quota: an Outcome, or None for a good one."""
        if any(isinstance(failure, Outcome) and failure.cause == "youtube_quota" for failure in failures):
            quota.refuse(db.session(), now, units=self.units)
        elif self._is_probe and None in failures:
            quota.take(db.session(), now)

    def in_need(self, now: datetime) -> None:
        """The pages that were asked instead do not answer either."""
        quota.hurry(db.session(), now)


def chunks(things: Sequence[Any], size: int = CHUNK) -> Iterator[Sequence[Any]]:
    """So many at a time, so that no statement grows without end."""
    for i in range(0, len(things), size):
        yield things[i : i + size]
