"""Which episode a broadcast is: asks the database for what could fit, lets matching decide, and writes it down.

All in the caller's transaction. Commits nothing.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from models import Broadcast, BroadcastState, EpisodeGuide, Podcast, Verdict
from services.matching import EARLIEST, LATEST, SAME_SHOW_WITHIN, Match, Planned, Show, Start, match


def started_at(broadcast: Broadcast) -> datetime:
    return broadcast.actual_start_at or broadcast.scheduled_start_at or broadcast.first_seen_at


def find_match(session: Session, broadcast: Broadcast, *, was_late: bool) -> Match:
    """Asks the database for what could fit and decides."""
    at = started_at(broadcast)
    active = select(Podcast).where(Podcast.is_active).with_for_update(key_share=True)
    shows = session.execute(active.where(Podcast.youtube_channel_id == broadcast.channel_id)).scalars().all()
    if not shows:
        # Nobody's own channel: then an episode that names the video is enough.
        naming = select(EpisodeGuide.podcast_id).where(EpisodeGuide.video_id == broadcast.video_id)
        shows = session.execute(active.where(Podcast.id.in_(naming))).scalars().all()
    ids = [show.id for show in shows]
    start = Start(
        broadcast.video_id,
        broadcast.title,
        at,
        broadcast.privacy == "public",
        broadcast.is_premiere,
        was_late,
        was_over=broadcast.state == BroadcastState.ENDED and broadcast.live_seen_at is None,
    )
    return match(
        start,
        [Show(s.id, s.active_filter, s.auto_create_episodes, s.announce_premieres) for s in shows],
        _open_episodes(session, broadcast, ids, at) if ids else [],
        _announced(session, broadcast, ids, at) if ids else [],
    )


def _open_episodes(session: Session, broadcast: Broadcast, podcast_ids: Sequence[int], at: datetime) -> list[Planned]:
    taken = select(Broadcast.id).where(
        Broadcast.episode_id == EpisodeGuide.id, Broadcast.verdict == Verdict.ANNOUNCED, Broadcast.id != broadcast.id
    )
    near = and_(EpisodeGuide.scheduled_at >= at + EARLIEST, EpisodeGuide.scheduled_at <= at + LATEST)
    query = select(EpisodeGuide.id, EpisodeGuide.podcast_id, EpisodeGuide.scheduled_at, EpisodeGuide.video_id).where(
        EpisodeGuide.podcast_id.in_(podcast_ids),
        or_(EpisodeGuide.video_id == broadcast.video_id, near),
        ~taken.exists(),
    )
    return [Planned(*row) for row in session.execute(query)]


def _announced(
    session: Session, broadcast: Broadcast, podcast_ids: Sequence[int], at: datetime
) -> list[tuple[int, datetime]]:
    query = select(Broadcast.podcast_id, Broadcast.actual_start_at).where(
        Broadcast.podcast_id.in_(podcast_ids),
        Broadcast.verdict == Verdict.ANNOUNCED,
        Broadcast.id != broadcast.id,
        Broadcast.actual_start_at >= at - SAME_SHOW_WITHIN,
        Broadcast.actual_start_at <= at + SAME_SHOW_WITHIN,
    )
    return [(row.podcast_id, row.actual_start_at) for row in session.execute(query)]


def adopt(session: Session, broadcast: Broadcast, found: Match, now: datetime) -> None:
    """Writes a match on the broadcast; makes the episode when there is none to be found."""
    broadcast.verdict, broadcast.podcast_id = found.verdict, found.podcast_id
    broadcast.episode_id = found.episode_id
    if found.verdict != Verdict.ANNOUNCED:
        return
    broadcast.announced_at = broadcast.announced_at or now
    if found.episode_id is None:
        assert found.podcast_id is not None
        episode = EpisodeGuide(
            podcast_id=found.podcast_id,
            title=broadcast.title[:200] or "Live",
            scheduled_at=started_at(broadcast),
            video_id=broadcast.video_id,
        )
        session.add(episode)
        session.flush()
        broadcast.episode_id = episode.id
