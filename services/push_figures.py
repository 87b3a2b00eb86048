"""Push in figures, for monitoring: subscriptions, deliveries, and how soon a look followed one. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, or_, select

from extensions import db
from models import PushState, PushSubscription, YouTubeChannel
from services.receipts import Receipt, spread

#: granted once, and the hub's lease is over: nothing is told of this channel
LAPSED = "lapsed"
STATES = (*(state.value for state in PushState), LAPSED)


@dataclass(frozen=True, slots=True)
class PushFigures:
    """What all processes know. `waiting`: seconds since the oldest delivery that no look has followed yet."""

    subscriptions: dict[str, int]
    accepted: int
    last_at: datetime | None
    waiting: float


def push_figures(now: datetime) -> PushFigures:
    """Always two statements."""
    one = PushSubscription
    lapsed = (one.state == PushState.ACTIVE) & or_(one.lease_until.is_(None), one.lease_until <= now)
    state = case((lapsed, LAPSED), else_=one.state)
    query = select(state, func.count(), func.sum(one.pushes), func.max(one.last_push_at)).group_by(state)
    rows = db.session.execute(query).all()
    counted = {row[0]: row[1] for row in rows}
    return PushFigures(
        {name: counted.get(name, 0) for name in STATES},
        sum(row[2] for row in rows),
        max((row[3] for row in rows if row[3] is not None), default=None),
        _waiting(now),
    )


def _waiting(now: datetime) -> float:
    channel = YouTubeChannel
    unseen = or_(channel.last_look_at.is_(None), channel.last_look_at < channel.pushed_at)
    query = select(func.min(channel.pushed_at)).join(PushSubscription, PushSubscription.channel_id == channel.id)
    since = db.session.execute(query.where(unseen, PushSubscription.state != PushState.LEAVING)).scalar_one()
    return max(0.0, (now - since).total_seconds()) if since is not None else 0.0


def as_json(figures: PushFigures, found: Iterable[Receipt]) -> dict[str, Any]:
    """For `flask scheduler status`; seconds as numbers."""
    lag = spread(receipt.push_to_confirmed for receipt in found)
    return figures.subscriptions | {
        "accepted": figures.accepted,
        "last_at": figures.last_at.isoformat() if figures.last_at else None,
        "waiting_seconds": round(figures.waiting, 1),
        "to_seen_p50_seconds": lag.p50,
        "to_seen_p95_seconds": lag.p95,
    }
