"""Pure: what a look at the timeline makes of a post whose outcome is unknown, and when it is looked for again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models import Outcome, PostStatus
from services.lookup import Absent, Candidate, Found, Judgement
from services.outbox import Move
from services.pending import DUPLICATE, SAID_BY_X, Pending

NEGATIVES_NEEDED = 3


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a post is looked for, since its outcome became unknown."""

    #: until it is decided
    delays: Sequence[timedelta]
    #: while a person may decide, and for the id of what is out without one
    slow: Sequence[timedelta]

    @property
    def span(self) -> timedelta:
        """Absence is proven over so long."""
        return self.delays[-1] - self.delays[0]

    def next_lookup(self, one: Pending, now: datetime, absences: int) -> datetime | None:
        """None when looking is over for this state."""
        is_slow = one.status != PostStatus.UNKNOWN
        ahead = self._ahead(one, now, self.slow if is_slow else self.delays)
        if ahead is not None or is_slow:
            return ahead
        gap = self.delays[-1] - self.delays[-2]
        proven_at = (one.first_absence_at or now) + self.span
        at = proven_at if absences >= NEGATIVES_NEEDED and proven_at > now else now + gap
        # Reads failed meanwhile: looked for on as long as it would still be worth sending.
        return at if at <= max(one.not_after, one.unknown_since + 2 * self.delays[-1]) else None

    def decide(self, one: Pending, judgement: Judgement, now: datetime) -> Move | None:
        """The step that a judgement means; None when the post only waits for its next look-up."""
        if isinstance(judgement, Found):
            values = {"remote_id": judgement.remote_id, "posted_at": judgement.posted_at, "next_lookup_at": None}
            # What is out already was settled and paid when that was known; only its id comes late.
            outcome = None if one.status == PostStatus.POSTED else Outcome.ACCEPTED
            return _step(one, PostStatus.POSTED, "found", values, outcome=outcome)
        if one.status != PostStatus.UNKNOWN:
            return None
        if isinstance(judgement, Candidate):
            review = {"candidate_id": judgement.remote_id, "next_lookup_at": one.unknown_since + self.slow[0]}
            return _step(one, PostStatus.REVIEW, "candidate", review)
        if isinstance(judgement, Absent):
            return self._absent(one, now)
        return self._undecided(one, now) if self.next_lookup(one, now, one.absences) is None else None

    def _absent(self, one: Pending, now: datetime) -> Move | None:
        """A complete read without it. X's own word that it is a duplicate weighs more than any number of these."""
        if one.cause == DUPLICATE and not _is_double_of_itself(one):
            return self._not_ours(one, now)
        first = one.first_absence_at or now
        is_proven = one.absences + 1 >= NEGATIVES_NEEDED and now - first >= self.span
        if not is_proven:
            return self._undecided(one, now) if self.next_lookup(one, now, one.absences + 1) is None else None
        if not one.may_repost or one.was_reposted or now >= one.not_after:
            return self._undecided(one, now)
        again = {
            "was_reposted": True,
            "not_before": now,
            "unknown_since": None,
            "next_lookup_at": None,
            "lookups": 0,
            "absences": 0,
            "first_absence_at": None,
        }
        return _step(one, PostStatus.QUEUED, "verified_absent", again, outcome=Outcome.NOT_ACCEPTED)

    def _not_ours(self, one: Pending, now: datetime) -> Move | None:
        """X has the text from elsewhere, or shows ours late: one read at the end of the schedule tells these apart."""
        if now - one.unknown_since < self.delays[-1]:
            return None
        return _step(one, PostStatus.FAILED, DUPLICATE, {"next_lookup_at": None}, outcome=Outcome.NOT_ACCEPTED)

    def _undecided(self, one: Pending, now: datetime) -> Move:
        """Looking is over. What X refused as a double of itself after a re-post went out the first time."""
        if _is_double_of_itself(one):
            values = {"remote_id": None, "posted_at": now, "next_lookup_at": self._ahead(one, now, self.slow)}
            return _step(one, PostStatus.POSTED, SAID_BY_X, values, outcome=Outcome.ACCEPTED)
        cause = "not_found_since" if one.is_quarantined else "not_found"
        return _step(one, PostStatus.REVIEW, cause, {"next_lookup_at": one.unknown_since + self.slow[0]})

    @staticmethod
    def _ahead(one: Pending, now: datetime, steps: Sequence[timedelta]) -> datetime | None:
        """The next of these steps that is still to come."""
        return next((at for step in steps if (at := one.unknown_since + step) > now), None)


def _is_double_of_itself(one: Pending) -> bool:
    """What X took the first time without saying so, and calls a double the second time."""
    return one.cause == DUPLICATE and one.was_reposted and one.was_in_doubt


def _step(one: Pending, to: PostStatus, cause: str, values: dict[str, Any], *, outcome: Outcome | None = None) -> Move:
    return Move(
        post_id=one.post_id,
        expected=one.status,
        to=to,
        token=one.attempt_token,
        outcome=outcome,
        cause=cause,
        values=values,
    )
