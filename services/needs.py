"""What needs a person: posts that wait, texts that do not fit, connections, silent channels. Reads only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select

from extensions import db
from models import (
    Broadcast,
    ConfigStatus,
    EpisodeGuide,
    EpisodeTweetConfig,
    Podcast,
    PodcastMember,
    Post,
    PostStatus,
    SocialConnection,
    User,
    Verdict,
    YouTubeChannel,
)
from services.causes import CAUSES, explain
from services.hosts import HostView
from services.vocabulary import SILENT, WAITS_FOR_A_PERSON

#: what is older needs nobody any more
RECENT = timedelta(days=14)
#: nobody posts about a stream that was so long ago
MISSED_SHOWN = UNMATCHED_SHOWN = timedelta(days=2)
MENDABLE = frozenset(code for code, cause in CAUSES.items() if cause.fix)
MOST_NEEDS, MOST_UNMATCHED = 20, 10


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that a person has to do. `episode_id` None: it is about the podcast or a person as such."""

    podcast: Podcast
    who: str
    what: str
    episode_id: int | None = None
    episode_title: str = ""


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A stream that nothing was announced for, and why."""

    broadcast: Broadcast
    podcast: Podcast | None
    why: str


Shows = Mapping[int, Podcast]


def needs_of(
    shows: Shows, now: datetime, upcoming: Iterable[tuple[EpisodeGuide, Iterable[HostView]]] = ()
) -> list[Need]:
    """Posts first, then texts of `upcoming` episodes, then people, then channels."""
    return [*_of_posts(shows, now), *_of_texts(shows, upcoming), *_of_hosts(shows), *_of_channels(shows)][:MOST_NEEDS]


def _of_texts(shows: Shows, upcoming: Iterable[tuple[EpisodeGuide, Iterable[HostView]]]) -> list[Need]:
    """Words that could not be posted at the start."""
    return [
        Need(shows[episode.podcast_id], host.name, host.text_trouble, episode.id, episode.title)
        for episode, hosts in upcoming
        for host in hosts
        if host.text_trouble
    ]


def _needs_a_person(now: datetime) -> ColumnElement[bool]:
    """Refused, undecided, missed for a reason that can be mended, or held up until somebody has mended it."""
    status = EpisodeTweetConfig.status
    refused = and_(status.in_((ConfigStatus.FAILED, ConfigStatus.REVIEW)), Post.created_at > now - RECENT)
    missed = and_(status == ConfigStatus.MISSED, Post.cause.in_(MENDABLE), Post.created_at > now - MISSED_SHOWN)
    held = and_(status == ConfigStatus.POSTING, Post.status == PostStatus.QUEUED, Post.cause.in_(WAITS_FOR_A_PERSON))
    return or_(refused, missed, held)


def _of_posts(shows: Shows, now: datetime) -> list[Need]:
    """The newest post of a host, where it waits for a person."""
    newest = select(func.max(Post.id)).where(Post.config_id == EpisodeTweetConfig.id)
    newest_id = newest.correlate(EpisodeTweetConfig).scalar_subquery()
    query = (
        select(EpisodeGuide, User.name, Post)
        .join(EpisodeTweetConfig, EpisodeTweetConfig.episode_id == EpisodeGuide.id)
        .join(User, User.id == EpisodeTweetConfig.user_id)
        .join(Post, Post.id == newest_id)
        .where(EpisodeGuide.podcast_id.in_(shows), _needs_a_person(now))
        .order_by(Post.id.desc())
        .limit(MOST_NEEDS)
    )
    return [
        Need(
            shows[row.EpisodeGuide.podcast_id],
            row.name,
            explain(row.Post.cause or "", row.Post.detail),
            row.EpisodeGuide.id,
            row.EpisodeGuide.title,
        )
        for row in db.session.execute(query)
    ]


def _of_hosts(shows: Shows) -> list[Need]:
    """Members whose X account is not connected, or no longer works."""
    connection = and_(SocialConnection.user_id == User.id, SocialConnection.platform == "x", SocialConnection.is_active)
    query = (
        select(PodcastMember.podcast_id, User.name, SocialConnection.trouble)
        .join(User, User.id == PodcastMember.user_id)
        .outerjoin(SocialConnection, connection)
        .where(
            PodcastMember.podcast_id.in_(shows),
            User.is_active,
            or_(SocialConnection.id.is_(None), SocialConnection.trouble.is_not(None)),
        )
        .order_by(User.name)
        .limit(MOST_NEEDS)
    )
    return [
        Need(shows[row.podcast_id], row.name, explain(row.trouble or "no_connection"))
        for row in db.session.execute(query)
    ]


def _of_channels(shows: Shows) -> list[Need]:
    """Channels that YouTube does not show at the moment, and podcasts that have none."""
    wanted = [show.youtube_channel_id for show in shows.values() if show.youtube_channel_id]
    query = select(YouTubeChannel).where(YouTubeChannel.id.in_(wanted), YouTubeChannel.error_cause.is_not(None))
    failing = {channel.id: channel.error_cause for channel in db.session.execute(query).scalars()}
    needs = [
        Need(show, "YouTube", explain(failing[show.youtube_channel_id] or ""))
        for show in shows.values()
        if show.youtube_channel_id in failing
    ]
    without = [show for show in shows.values() if show.is_active and not show.youtube_channel_id]
    return needs + [Need(show, "YouTube", "No channel is set, so no start is noticed.") for show in without]


def unmatched_of(shows: Shows, now: datetime) -> list[Unmatched]:
    """Streams of these podcasts' channels that nothing was announced for; newest first."""
    channels = {show.youtube_channel_id: show for show in shows.values() if show.youtube_channel_id}
    query = (
        select(Broadcast)
        .where(
            or_(Broadcast.channel_id.in_(channels), Broadcast.podcast_id.in_(shows)),
            Broadcast.verdict.in_(list(SILENT)),
            Broadcast.first_seen_at > now - UNMATCHED_SHOWN,
        )
        .order_by(Broadcast.first_seen_at.desc())
        .limit(MOST_UNMATCHED)
    )
    return [
        Unmatched(b, shows.get(b.podcast_id or 0) or channels.get(b.channel_id or ""), SILENT[Verdict(b.verdict)])
        for b in db.session.execute(query).scalars()
    ]
