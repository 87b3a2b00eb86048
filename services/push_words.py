"""Push in words: whether YouTube's hub tells of a channel's news, until when, since when not, and why. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from extensions import db
from models import PushState, PushSubscription, YouTubeChannel
from services.causes import explain
from services.registry import get_services
from services.vocabulary import Lamp, Light

MOST_TROUBLES = 20
SOON = "The hub is asked within a minute. Until then Airhorn looks by itself."
CHECKING = "The hub has the request and comes back to confirm it."


@dataclass(frozen=True, slots=True)
class Push:
    """One channel's. `until`: the end of what the hub granted; `again_at`: when it is asked again after trouble."""

    light: Light
    until: datetime | None = None
    again_at: datetime | None = None
    last_push_at: datetime | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class PushOfAll:
    """Everybody's: how many channels of how many are told of, and what is wrong with others."""

    light: Light
    active: int
    channels: int
    last_push_at: datetime | None
    pushes: int
    troubles: Sequence[Push]


def push_of(channel_id: str | None, now: datetime) -> Push | None:
    """None where no channel is watched."""
    if channel_id is None:
        return None
    if not get_services().push.is_on:
        return Push(_off())
    return read_push(db.session.get(PushSubscription, channel_id), now)


def read_push(row: PushSubscription | None, now: datetime, title: str = "") -> Push:
    """Pure."""
    if row is None:
        return Push(Light("Not yet", Lamp.HOLLOW, SOON))
    holds = row.state == PushState.ACTIVE and row.lease_until is not None and row.lease_until > now
    why = explain(row.error_cause, row.error) if row.error_cause else ""
    if holds:
        light = Light("On", Lamp.GREEN, why)
    elif row.state == PushState.DENIED:
        light = Light("Denied", Lamp.AMBER, why)
    elif why:
        light = Light("Not on", Lamp.AMBER, why)
    else:
        light = Light("Asked", Lamp.HOLLOW, CHECKING) if row.asked_at else Light("Not yet", Lamp.HOLLOW, SOON)
    return Push(light, row.lease_until if holds else None, row.next_ask_at if why else None, row.last_push_at, title)


def push_of_all(now: datetime) -> PushOfAll:
    """Always two statements."""
    one = PushSubscription
    active = func.count().filter(one.state == PushState.ACTIVE, one.lease_until > now)
    counted = db.session.execute(
        select(active, func.count(), func.max(one.last_push_at), func.sum(one.pushes)).where(
            one.state != PushState.LEAVING
        )
    ).one()
    query = select(one, YouTubeChannel.title).outerjoin(YouTubeChannel, YouTubeChannel.id == one.channel_id)
    query = query.where(one.error_cause.is_not(None), one.state != PushState.LEAVING)
    rows = db.session.execute(query.order_by(one.failures.desc(), one.channel_id).limit(MOST_TROUBLES)).all()
    troubles = [read_push(row[0], now, row[1] or row[0].channel_id) for row in rows]
    return PushOfAll(_of_all(counted[0], counted[1]), *counted[:3], counted[3] or 0, troubles)


def _of_all(active: int, channels: int) -> Light:
    if not get_services().push.is_on:
        return _off()
    if not channels:
        return Light("Nothing to tell", Lamp.HOLLOW, "No podcast watches a channel yet.")
    if active == channels:
        return Light("On", Lamp.GREEN)
    return Light("Not everywhere" if active else "Not on", Lamp.AMBER, "Airhorn looks at the others by itself.")


def _off() -> Light:
    return Light("Off", Lamp.HOLLOW, explain("push_off"))
