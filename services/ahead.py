"""Which episodes are over: what was seen of their stream, whatever time was planned. Pure, and one condition of SQL."""

from datetime import timedelta

from sqlalchemy import ColumnElement, func, or_, select

from models import Broadcast, BroadcastState, EpisodeGuide

#: a waiting room that was taken down is none of them: its show is still to come
OVER = (BroadcastState.ENDED, BroadcastState.VOD)
#: an episode stays under "next" for so long after its planned start when nothing was seen of it
OVERDUE = timedelta(hours=6)


def has_ended(broadcast: Broadcast) -> bool:
    """Whether the stream of its episode is over."""
    return broadcast.state in OVER


def is_over() -> ColumnElement[bool]:
    """Of an EpisodeGuide: a stream that was matched to it has ended."""
    return has_stream(Broadcast.state.in_(OVER))


def has_begun() -> ColumnElement[bool]:
    """Of an EpisodeGuide: a stream that was matched to it is on air or over, also before its time."""
    return has_stream(Broadcast.state.in_((BroadcastState.LIVE, *OVER)))


def has_stream(*such: ColumnElement[bool]) -> ColumnElement[bool]:
    """Of an EpisodeGuide: such a stream was matched to it.

    Looked up for each episode by its index: instead of EXISTS, PostgreSQL would rather read all streams of everybody.
    """
    found = select(func.min(Broadcast.id)).where(Broadcast.episode_id == EpisodeGuide.id, *such)
    return found.correlate(EpisodeGuide).scalar_subquery().is_not(None)


def was_over_before_its_time() -> ColumnElement[bool]:
    """Of an EpisodeGuide: its stream had ended before the planned start. Stays as it is when that time has come."""
    ended = or_(
        Broadcast.actual_end_at < EpisodeGuide.scheduled_at,
        Broadcast.actual_end_at.is_(None) & (Broadcast.last_look_at < EpisodeGuide.scheduled_at),
    )
    return has_stream(Broadcast.state.in_(OVER), ended)
