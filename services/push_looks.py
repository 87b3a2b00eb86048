"""The look at a channel that a delivery of the hub asks for: at most one in 20 seconds, and so many a day."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, or_, update

from extensions import db
from models import PushState, PushSubscription, YouTubeChannel
from services import quota

#: at most one look per channel in so much time
LOOK_EVERY = timedelta(seconds=20)
#: looks that deliveries may ask for on one day and channel; the usual looks go on
LOOKS_A_DAY = 100

One = PushSubscription


def ask_for_look(channel_id: str, row: Any, now: datetime) -> tuple[datetime, bool]:
    """The look that is asked for now or already, and whether it is new, by compare-and-set among processes.

    `row`: the subscription as it was read. In the caller's transaction.
    """
    day = quota.pacific_day(now)
    looks = row.looks if row.looks_day == day else 0
    if is_ahead(row.look_at, now):
        return row.look_at, False
    if looks >= LOOKS_A_DAY:
        return now + LOOK_EVERY, False
    look_at, same = next_look(row.look_at, now), One.look_at.is_not_distinct_from(row.look_at)
    noted = db.session.execute(
        update(One)
        .where(One.channel_id == channel_id, One.state != PushState.LEAVING, same)
        .values(look_at=look_at, looks_day=day, looks=looks + 1, last_push_at=now, pushes=One.pushes + 1)
        .returning(One.channel_id),
        execution_options={"synchronize_session": False},
    ).first()
    if noted is not None:
        _look_sooner(channel_id, look_at, now)
    return look_at, noted is not None


def is_ahead(look_at: datetime | None, now: datetime) -> bool:
    """Whether a look is to come anyway. One from the far future stems from a clock that went back."""
    return look_at is not None and now < look_at <= now + 2 * LOOK_EVERY


def next_look(last: datetime | None, now: datetime) -> datetime:
    """Now, or 20 seconds after the last one that was asked for. Pure."""
    return last + LOOK_EVERY if last is not None and last <= now < last + LOOK_EVERY else now


def _look_sooner(channel_id: str, look_at: datetime, now: datetime) -> None:
    # NULL is what is left to the next check.
    later = or_(YouTubeChannel.next_look_at.is_(None), YouTubeChannel.next_look_at > look_at)
    db.session.execute(
        update(YouTubeChannel)
        .where(YouTubeChannel.id == channel_id)
        .values(pushed_at=now, next_look_at=case((later, look_at), else_=YouTubeChannel.next_look_at)),
        execution_options={"synchronize_session": False},
    )
