"""Planned episodes that were not seen live: those to come, and those whose start is over. Reads only."""

from collections.abc import Collection
from datetime import datetime
from functools import cache

from sqlalchemy import Select, bindparam, case, func, or_, select

from extensions import db
from models import Broadcast, BroadcastState, EpisodeGuide, UtcDateTime, Verdict
from services.ahead import OVER, OVERDUE
from services.needs_shows import SILENT_SHOWN

#: of one podcast that are to come, and of one that are over; of all together
MOST_OF_ONE, MOST_OF_ALL = 8, 40


def planned(podcast_ids: Collection[int], now: datetime) -> list[EpisodeGuide]:
    """The nearest of each podcast, by time: first those under "next", then those that are over for longer.

    One statement.
    """
    asked = {"podcasts": list(podcast_ids), "overdue": now - OVERDUE, "silent": now - SILENT_SHOWN}
    return list(db.session.execute(_planned(), asked).scalars())


@cache
def _planned() -> Select[EpisodeGuide]:
    """Put together once."""
    seen = select(Broadcast.id).where(
        Broadcast.episode_id == EpisodeGuide.id,
        or_(Broadcast.verdict == Verdict.ANNOUNCED, Broadcast.state.in_((BroadcastState.LIVE, *OVER))),
    )
    at = EpisodeGuide.scheduled_at
    is_over = at <= bindparam("overdue", type_=UtcDateTime)
    nearest = (case((is_over, None), else_=at), at.desc(), EpisodeGuide.id)
    place = func.row_number().over(partition_by=(EpisodeGuide.podcast_id, is_over), order_by=nearest)
    near = select(EpisodeGuide.id, place.label("place")).where(
        EpisodeGuide.podcast_id.in_(bindparam("podcasts", expanding=True)), at > bindparam("silent"), ~seen.exists()
    )
    ranked = near.subquery()
    query = select(EpisodeGuide).join(ranked, ranked.c.id == EpisodeGuide.id).where(ranked.c.place <= MOST_OF_ONE)
    return query.order_by(is_over, at, EpisodeGuide.id).limit(MOST_OF_ALL)


def is_next(episode: EpisodeGuide, now: datetime) -> bool:
    """Whether it may still begin."""
    return episode.scheduled_at is not None and episode.scheduled_at > now - OVERDUE
