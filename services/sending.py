"""Pure: what an answer of X, or its absence, makes of a post that is being sent."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models import Outcome as AttemptOutcome
from models import PostStatus
from services.clients.x_answers import Accepted
from services.errors import Outcome, Refused, Unknown
from services.outbox import Move

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(seconds=60)
MOST_ATTEMPTS = 12
CREDITS_PROBE_EVERY = timedelta(minutes=5)
#: refusals that annoy nobody: what never left this machine, and what was asked by one post for all
PATIENT = ("x_unreachable", "x_credits", "journal", "lost_record", "storage")
#: refusals that may pass one day, but not by connecting again, and not in time for this post
ENDED_BY_X = ("x_locked",)
#: refusals that a person must cure; the post waits for that until it is too late
CURED_BY_HAND = ("x_auth", "x_scope", "x_token_refused", "x_client")


@dataclass(frozen=True, slots=True)
class Sending:
    """A post whose intent is committed: everything a thread needs to send it."""

    post_id: int
    key: str
    token: str
    number: int
    text: str
    access_token: str
    connection_id: int
    platform_user_id: str
    not_after: datetime
    #: the connection's token version that was used
    version: int
    can_refresh: bool
    #: why the attempt before this was refused, if it was
    previous_cause: str | None
    #: sent to find out whether there are credits again
    is_probe: bool = False


def settle(sending: Sending, result: Accepted | Outcome, now: datetime, *, first_lookup_at: datetime) -> Move:
    """The step that an answer means for its post."""
    if isinstance(result, Accepted):
        values: dict[str, Any] = {"remote_id": result.id, "posted_at": now, "lease_until": None}
        return _move(sending, PostStatus.POSTED, AttemptOutcome.ACCEPTED, values)
    if isinstance(result, Unknown):
        values = {"unknown_since": now, "next_lookup_at": first_lookup_at, "lease_until": None}
        return _move(sending, PostStatus.UNKNOWN, AttemptOutcome.UNKNOWN, values, result)
    assert isinstance(result, Refused)
    if result.cause == "x_duplicate":
        # X has this text already, and never says where. It may be ours: the timeline tells.
        values = {"unknown_since": now, "next_lookup_at": now, "lease_until": None, "lookups": 0, "absences": 0}
        return _move(sending, PostStatus.UNKNOWN, AttemptOutcome.UNKNOWN, values, result)
    # Some are tried for as long as it is in time.
    is_spent = sending.number >= MOST_ATTEMPTS and result.cause not in PATIENT
    again_at = None if result.permanent or result.cause in ENDED_BY_X or is_spent else retry_at(sending, result, now)
    if again_at is None:
        return _move(sending, PostStatus.FAILED, AttemptOutcome.NOT_ACCEPTED, {"lease_until": None}, result)
    if again_at >= sending.not_after and result.cause == "x_rate":
        return _move(sending, PostStatus.MISSED, AttemptOutcome.NOT_ACCEPTED, {"lease_until": None}, result)
    # At the end of its time at the latest: then it is missed, and says so.
    values = {"not_before": min(again_at, sending.not_after), "lease_until": None}
    return _move(sending, PostStatus.QUEUED, AttemptOutcome.NOT_ACCEPTED, values, result)


def heard(result: Accepted | Outcome) -> tuple[AttemptOutcome, str | None]:
    """What an answer says of its attempt, and X's id if it has one."""
    if isinstance(result, Accepted):
        return AttemptOutcome.ACCEPTED, result.id
    is_refused = isinstance(result, Refused) and result.cause != "x_duplicate"
    return (AttemptOutcome.NOT_ACCEPTED if is_refused else AttemptOutcome.UNKNOWN), None


def retry_at(sending: Sending, refused: Refused, now: datetime) -> datetime:
    """When to try again: at once with a renewed token, when X says, when a person has helped, or by full jitter."""
    if needs_new_token(sending, refused):
        return now
    if refused.cause in CURED_BY_HAND:
        return sending.not_after
    if refused.cause == "x_credits":
        return now + CREDITS_PROBE_EVERY
    if refused.retry_at is not None:
        return refused.retry_at
    ceiling = min(FIRST_PAUSE * float(1 << min(sending.number - 1, 10)), LONGEST_PAUSE)
    return now + max(timedelta(milliseconds=500), ceiling * random.random())


def needs_new_token(sending: Sending, refused: Refused) -> bool:
    """A first 401 may only mean that the access token ran out early; a second one is meant."""
    return refused.cause == "x_auth" and sending.can_refresh and sending.previous_cause != "x_auth"


def gate(sending: Sending, result: Accepted | Outcome, now: datetime) -> tuple[str, datetime, str] | None:
    """What else must wait: (key, until, cause) for the whole app or for this account, or None."""
    if not isinstance(result, Refused):
        return None
    if result.cause == "x_credits":
        return "x", now + CREDITS_PROBE_EVERY, result.cause
    if result.cause == "x_rate" and result.retry_at is not None:
        return f"x:{sending.platform_user_id}", result.retry_at, result.cause
    return None


def _move(
    sending: Sending,
    to: PostStatus,
    outcome: AttemptOutcome,
    values: dict[str, Any],
    why: Outcome | None = None,
) -> Move:
    return Move(
        post_id=sending.post_id,
        expected=PostStatus.SENDING,
        to=to,
        token=sending.token,
        outcome=outcome,
        cause=why.cause if why else None,
        # What X itself said, or this machine's journal; what became of the wire is told by the cause.
        detail=str(why) if isinstance(why, Refused) and (why.http_status or why.cause == "journal") else None,
        http_status=why.http_status if why else None,
        values=values,
    )
