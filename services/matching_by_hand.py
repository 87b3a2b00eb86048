"""A person says which episode a stream was, where Airhorn could not tell."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from extensions import db
from models import Broadcast, BroadcastState, EpisodeGuide, Podcast, Verdict
from services import adopting, announcing, audit
from services.audit import NOBODY, Actor, Kind
from services.checks import HIGHEST_ID
from services.errors import Conflict, Invalid, NotFound

#: instead of an episode's id: make one
NEW_EPISODE = "new"
LONGEST_ID = 10


def match(broadcast_id: int, episode_id: int, now: datetime, *, by: Actor = NOBODY) -> None:
    """A person says which episode a broadcast is; what is still in time is announced at the next look, at once."""
    session = db.session()
    broadcast = announcing.lock_broadcast(session, broadcast_id)
    episode = session.get(EpisodeGuide, episode_id)
    if broadcast is None or episode is None:
        session.rollback()
        raise NotFound("There is no such stream or episode.")
    _write(session, broadcast, episode, by, now)


def match_here(podcast: Podcast, broadcast_id: int, episode: str, now: datetime, *, by: Actor) -> int:
    """The same for a stream of this podcast's channel and one of its own episodes. Returns the episode's id.

    `episode` is an id, or NEW_EPISODE for one made from the stream's title. Raises NotFound for anything of another
    podcast, Conflict when it was announced already.
    """
    session = db.session()
    is_id = 0 < broadcast_id <= HIGHEST_ID
    broadcast = announcing.lock_broadcast(session, broadcast_id) if is_id else None
    if broadcast is None or not _is_of(podcast, broadcast):
        session.rollback()
        raise NotFound("There is no such stream on this podcast's channel.")
    found = _new_episode(session, podcast, broadcast) if episode == NEW_EPISODE else _own(session, podcast, episode)
    if found is None:
        session.rollback()
        raise Invalid("Choose which episode it is.")
    episode_id = found.id
    _write(session, broadcast, found, by, now)
    return episode_id


def _write(session: Session, broadcast: Broadcast, episode: EpisodeGuide, by: Actor, now: datetime) -> None:
    if broadcast.verdict == Verdict.ANNOUNCED:
        session.rollback()
        raise Conflict("This stream was announced already.")
    active = select(Podcast.is_active).where(Podcast.id == episode.podcast_id).with_for_update(key_share=True)
    if not session.execute(active).scalar_one():
        session.rollback()
        raise Conflict("This podcast is archived, so nothing is announced. Bring it back first.")
    broadcast.podcast_id, broadcast.episode_id = episode.podcast_id, episode.id
    audit.note(Kind.MATCHED, by, now, podcast_id=episode.podcast_id, episode=episode.id, stream=broadcast.video_id)
    if broadcast.state == BroadcastState.LIVE and broadcast.closed_at is None:
        broadcast.verdict, broadcast.announced_at, broadcast.next_look_at = Verdict.ANNOUNCED, now, now
    session.commit()


def _is_of(podcast: Podcast, broadcast: Broadcast) -> bool:
    """Whether a stream may be matched here: on this podcast's channel, and not known as another's."""
    is_ours = broadcast.podcast_id == podcast.id
    on_channel = bool(podcast.youtube_channel_id) and broadcast.channel_id == podcast.youtube_channel_id
    return is_ours or (broadcast.podcast_id is None and on_channel)


def _new_episode(session: Session, podcast: Podcast, broadcast: Broadcast) -> EpisodeGuide:
    made = EpisodeGuide(
        podcast_id=podcast.id,
        title=broadcast.title[:200] or "Live",
        scheduled_at=adopting.started_at(broadcast),
        video_id=broadcast.video_id,
    )
    session.add(made)
    session.flush()
    announcing.top_up_configs(session, made.id)
    return made


def _own(session: Session, podcast: Podcast, typed: str) -> EpisodeGuide | None:
    """The episode with this id; None for what is no id. Raises NotFound for one of another podcast."""
    if not typed.isascii() or not typed.isdigit() or len(typed) > LONGEST_ID:
        return None
    wanted = select(EpisodeGuide).where(EpisodeGuide.id == int(typed), EpisodeGuide.podcast_id == podcast.id)
    found = session.execute(wanted).scalar_one_or_none() if 0 < int(typed) <= HIGHEST_ID else None
    if found is None:
        session.rollback()
        raise NotFound("There is no such episode in this podcast.")
    return found
