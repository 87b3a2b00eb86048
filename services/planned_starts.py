"""What is known to begin: waiting rooms, and episodes whose stream YouTube does not show yet. Reads only."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session

from models import OPEN_STATES, Broadcast, EpisodeGuide, Podcast, PushState, PushSubscription
from services.watch_needs import OVER_BY, Start
from services.watch_plan import DUE_WINDOWS

#: a waiting room so near an episode's time is taken for its stream
SAME_SHOW = timedelta(hours=2)


def is_first() -> ColumnElement[bool]:
    """Whether some podcast of the broadcast's channel goes before others when units are short."""
    return exists().where(Podcast.youtube_channel_id == Broadcast.channel_id, Podcast.is_active, Podcast.is_first)


def counted(session: Session, now: datetime) -> tuple[int, int, int]:
    """How many channels are watched, how many broadcasts asked about, how many channels the hub tells of; at once."""
    channels = select(func.count(Podcast.youtube_channel_id.distinct())).where(Podcast.is_active).scalar_subquery()
    open_ones = and_(Broadcast.state.in_(OPEN_STATES), Broadcast.next_look_at.is_not(None))
    broadcasts = select(func.count(Broadcast.id)).where(open_ones).scalar_subquery()
    holds = and_(PushSubscription.state == PushState.ACTIVE, PushSubscription.lease_until > now)
    told = select(func.count()).select_from(PushSubscription).where(holds).scalar_subquery()
    row = session.execute(select(channels, broadcasts, told)).one()
    return row[0], row[1], row[2]


def known_starts(session: Session, now: datetime, until: datetime) -> list[Start]:
    """The waiting rooms whose planned start needs units from now on."""
    at = Broadcast.scheduled_start_at
    query = select(at.label("at"), is_first().label("is_first")).where(
        Broadcast.state.in_(OPEN_STATES), Broadcast.live_seen_at.is_(None), at > now - OVER_BY, at < until
    )
    return [Start(**row) for row in session.execute(query).mappings()]


def due_channels(session: Session, now: datetime, soon: timedelta, among: Iterable[str]) -> dict[str, datetime]:
    """Channel → planned start of an episode that is due about now and whose waiting room is not known.

    Only then is a list worth asking more often: a known waiting room is asked about by itself.
    """
    begin, end = now - DUE_WINDOWS[-1][1], now + soon - DUE_WINDOWS[0][0]
    channel, at = Podcast.youtube_channel_id, EpisodeGuide.scheduled_at
    is_matched = exists().where(Broadcast.episode_id == EpisodeGuide.id)
    query = (
        select(channel.label("channel_id"), at.label("at"))
        .join(EpisodeGuide, EpisodeGuide.podcast_id == Podcast.id)
        .where(Podcast.is_active, channel.is_not(None), at.between(begin, end))
        .where(EpisodeGuide.video_id.is_(None), ~is_matched)
        .order_by(at)
    )
    wanted = set(among)
    due = [(row["channel_id"], row["at"]) for row in session.execute(query).mappings() if row["channel_id"] in wanted]
    rooms = _rooms(session, {row[0] for row in due}) if due else {}
    found: dict[str, datetime] = {}
    for channel_id, planned_at in due:
        if not any(abs(room - planned_at) < SAME_SHOW for room in rooms.get(channel_id, ())):
            found.setdefault(channel_id, planned_at)
    return found


def _rooms(session: Session, channel_ids: Collection[str]) -> dict[str, list[datetime]]:
    """When the known open broadcasts of these channels began or should begin."""
    began = func.coalesce(Broadcast.actual_start_at, Broadcast.scheduled_start_at)
    query = select(Broadcast.channel_id, began.label("at")).where(
        Broadcast.channel_id.in_(channel_ids), Broadcast.state.in_(OPEN_STATES), began.is_not(None)
    )
    rooms: dict[str, list[datetime]] = {}
    for row in session.execute(query).mappings():
        rooms.setdefault(row["channel_id"], []).append(row["at"])
    return rooms
