"""What the hub says when it comes back: the lease it grants, or that it denies one. Believed where it was asked."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update

from extensions import db, reading
from models import PushState, PushSubscription
from services.clients.websub import channel_of

#: the hub grants five days when nothing is asked for, and ten at most
SHORTEST, USUAL, LONGEST = timedelta(minutes=10), timedelta(days=5), timedelta(days=10)
#: a lease is renewed in this part of it, each channel at its own moment
RENEW_FROM, RENEW_SPREAD = 0.5, 0.1
#: how long after it was asked the hub is believed
BELIEVED = timedelta(hours=1)
DENIED_AGAIN = timedelta(hours=6)
LONGEST_CHALLENGE = 1024
REASON_LENGTH = 200
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,30}\s*")

One = PushSubscription


@dataclass(frozen=True, slots=True)
class Visit:
    """The hub.… parameters of its GET; "" for what is missing."""

    mode: str
    topic: str
    challenge: str = ""
    lease: str = ""
    reason: str = ""


def verify(path: str, visit: Visit, now: datetime) -> str | None:
    """The challenge when this is what was asked for, "" for a refusal that was noted; None: nobody asked."""
    reading()
    columns = One.channel_id, One.path, One.state, One.asked_at, One.verified_at, One.lease_until
    row = db.session.execute(select(*columns).where(One.path == path)).one_or_none()
    db.session.rollback()
    if row is None or channel_of(visit.topic) != row.channel_id:
        return None
    if visit.mode == "denied":
        return _denied(row.channel_id, visit, now)
    leaves = row.state == PushState.LEAVING
    if visit.mode != ("unsubscribe" if leaves else "subscribe") or not 0 < len(visit.challenge) <= LONGEST_CHALLENGE:
        return None
    if is_awaited(row.asked_at, row.verified_at, now):
        return visit.challenge if _verified(row, visit, now) else None
    # Hubs make sure of a lease at times, after trouble with a delivery: confirmed, and nothing changes.
    holds = row.state == PushState.ACTIVE and row.lease_until is not None and row.lease_until > now
    return visit.challenge if holds else None


def is_awaited(asked_at: datetime | None, verified_at: datetime | None, now: datetime) -> bool:
    """Whether the hub was asked a while ago at most, and has not come back on it."""
    if asked_at is None or abs(now - asked_at) > BELIEVED:
        return False
    return verified_at is None or verified_at < asked_at


def _verified(row: Any, visit: Visit, now: datetime) -> bool:
    same = (One.channel_id == row.channel_id) & (One.path == row.path) & (One.asked_at == row.asked_at)
    if row.state == PushState.LEAVING:
        gone = db.session.execute(delete(One).where(same, One.state == PushState.LEAVING).returning(One.path))
        found = len(gone.all())
    else:
        lease = granted(visit.lease)
        found = change(
            same & (One.state != PushState.LEAVING),
            state=PushState.ACTIVE,
            verified_at=now,
            lease_until=now + lease,
            next_ask_at=now + lease * (RENEW_FROM + RENEW_SPREAD * place_of(row.channel_id)),
            failures=0,
            error_cause=None,
            error=None,
        )
    db.session.commit()
    return found > 0


def _denied(channel_id: str, visit: Visit, now: datetime) -> str:
    """May come at any time. Asked again later: hubs have been wrong."""
    words = " ".join(visit.reason[: 4 * REASON_LENGTH].split())[:REASON_LENGTH]
    said = f"It said: “{words}”." if words.isprintable() and words else None
    change(
        (One.channel_id == channel_id) & (One.state != PushState.LEAVING),
        state=PushState.DENIED,
        asked_at=None,
        lease_until=None,
        next_ask_at=now + DENIED_AGAIN,
        failures=0,
        error_cause="hub_denied",
        error=said,
    )
    db.session.commit()
    return ""


def granted(text: str) -> timedelta:
    """The lease that a hub says it granted, within what can be true; the usual one when it says no number."""
    if not _NUMBER.fullmatch(text):
        return USUAL
    seconds = min(max(int(text), SHORTEST.total_seconds()), LONGEST.total_seconds())
    return timedelta(seconds=seconds)


def place_of(channel_id: str) -> float:
    """0 to 1, always the same for a channel: many subscriptions are not renewed all at once."""
    return zlib.crc32(channel_id.encode()) / 2**32


def change(which: ColumnElement[bool], **values: Any) -> int:
    done = db.session.execute(
        update(One).where(which).values(**values).returning(One.channel_id),
        execution_options={"synchronize_session": False},
    )
    found: Sequence[Any] = done.all()
    return len(found)
