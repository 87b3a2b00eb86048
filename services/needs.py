"""What needs a person: posts that wait, texts that do not fit, connections, silent channels. Reads only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

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
    SendGate,
    SocialConnection,
    User,
    Verdict,
    YouTubeChannel,
)
from services.ahead import OVER
from services.causes import CAUSES, explain
from services.coverage import uncovered
from services.evidence import Evidence, decided_at, sent_at, weigh
from services.lamps import HostLamp
from services.vocabulary import SILENT, TRIABLE, WAITS_FOR_A_PERSON, Light, after_the_end, light_of_host

#: what is older needs nobody any more
RECENT = timedelta(days=14)
#: nobody posts about a stream that was so long ago
MISSED_SHOWN = UNMATCHED_SHOWN = timedelta(days=2)
MENDABLE = frozenset(code for code, cause in CAUSES.items() if cause.fix)
MOST_NEEDS, MOST_UNMATCHED = 20, 10
#: where a host's text may stand when somebody has to do something
WAITING = (ConfigStatus.FAILED, ConfigStatus.REVIEW, ConfigStatus.MISSED, ConfigStatus.POSTING)
FIXES = ("connect", "edit", "post_now", "try_now", "youtube", "decide", "spend")
#: cause → the button that mends it
_FIX_OF = (
    dict.fromkeys(("x_auth", "x_token_refused", "x_scope", "no_connection", "refresh_in_doubt"), "connect")
    | dict.fromkeys(("x_text_refused", "text_invalid", "x_duplicate"), "edit")
    | dict.fromkeys(("x_locked", "x_forbidden", "too_late", "stream_over"), "post_now")
)


def fix_of(cause: str | None) -> str:
    """One of FIXES; empty where the operator has to act, or nobody."""
    return _FIX_OF.get(cause or "", "")


def fix_for(post: Post) -> str:
    """The same of a post, which may be tried at once while it waits."""
    return "try_now" if post.status == PostStatus.QUEUED and post.cause in TRIABLE else fix_of(post.cause)


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that a person has to do. `episode_id` None: it is about the podcast or a person as such.

    `user_id` is who can do it, None for an admin; `fix` says with what: one of FIXES, or empty.
    """

    podcast: Podcast
    who: str
    what: str
    episode_id: int | None = None
    episode_title: str = ""
    user_id: int | None = None
    fix: str = ""
    evidence: Evidence | None = None
    #: of a post that waits to be sent: where it stands, with its times
    light: Light | None = None
    post_id: int | None = None


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A stream that nothing was announced for, and why."""

    broadcast: Broadcast
    podcast: Podcast
    why: str

    @property
    def can_match(self) -> bool:
        """Whether saying which episode it is helps: not where YouTube or the podcast's own settings are in the way."""
        return self.broadcast.verdict in (Verdict.UNMATCHED, Verdict.SAME_SHOW, Verdict.TOO_OLD)


Shows = Mapping[int, Podcast]


def needs_of(
    shows: Shows,
    now: datetime,
    upcoming: Iterable[tuple[EpisodeGuide, Iterable[HostLamp]]] = (),
    channels: Mapping[str, YouTubeChannel] | None = None,
) -> list[Need]:
    """Posts first, then texts of `upcoming` episodes, then people, then channels."""
    found = [
        *_of_posts(shows, now),
        *_of_texts(shows, upcoming),
        *_of_wallets(shows, upcoming),
        *_of_hosts(shows),
        *_of_channels(shows, channels or {}),
    ]
    return found[:MOST_NEEDS]


def _of_texts(shows: Shows, upcoming: Iterable[tuple[EpisodeGuide, Iterable[HostLamp]]]) -> list[Need]:
    """Words that could not be posted at the start."""
    return [
        Need(shows[episode.podcast_id], host.name, host.text_trouble, episode.id, episode.title, host.user_id, "edit")
        for episode, hosts in upcoming
        for host in hosts
        if host.text_trouble
    ]


def _of_wallets(shows: Shows, upcoming: Iterable[tuple[EpisodeGuide, Iterable[HostLamp]]]) -> list[Need]:
    """Shows that an empty wallet would keep from being posted about: once each, whoever's wallet it is."""
    return [
        Need(shows[episode.podcast_id], "Wallet", uncovered(), episode.id, episode.title, fix="spend")
        for episode, hosts in upcoming
        if any(host.light.note == uncovered() for host in hosts)
    ]


def _needs_a_person(now: datetime) -> ColumnElement[bool]:
    """Refused, undecided, missed for a reason that can be mended, or held up until somebody has mended it."""
    status = EpisodeTweetConfig.status
    refused = and_(status.in_((ConfigStatus.FAILED, ConfigStatus.REVIEW)), Post.created_at > now - RECENT)
    missed = and_(status == ConfigStatus.MISSED, Post.cause.in_(MENDABLE), Post.created_at > now - MISSED_SHOWN)
    held = and_(status == ConfigStatus.POSTING, Post.status == PostStatus.QUEUED, Post.cause.in_(WAITS_FOR_A_PERSON))
    # Said once more by itself, so that a database sets the others aside before it looks for their newest posts.
    return and_(status.in_(WAITING), or_(refused, missed, held))


def _of_posts(shows: Shows, now: datetime) -> list[Need]:
    """The newest post of a host, where it waits for a person."""
    newest = select(func.max(Post.id)).where(Post.config_id == EpisodeTweetConfig.id)
    newest_id = newest.correlate(EpisodeTweetConfig).scalar_subquery()
    query = (
        select(
            EpisodeGuide,
            User.name,
            User.id.label("user_id"),
            Post,
            SendGate.until,
            Broadcast.state,
            sent_at(),
            decided_at(),
        )
        .join(EpisodeTweetConfig, EpisodeTweetConfig.episode_id == EpisodeGuide.id)
        .join(User, User.id == EpisodeTweetConfig.user_id)
        .join(Post, Post.id == newest_id)
        .outerjoin(Broadcast, Broadcast.id == Post.broadcast_id)
        .outerjoin(SendGate, SendGate.key == "x")
        .where(EpisodeGuide.podcast_id.in_(shows), _needs_a_person(now))
        .order_by(Post.id.desc())
        .limit(MOST_NEEDS)
    )
    return [_of_post(shows, row) for row in db.session.execute(query)]


def _of_post(shows: Shows, row: Any) -> Need:
    post, episode = row.Post, row.EpisodeGuide
    evidence = weigh(post, row.sent_at, row.decided_at) if post.status == PostStatus.REVIEW else None
    is_over = post.status == PostStatus.MISSED or (post.trigger == "live" and row.state in OVER)
    return Need(
        shows[episode.podcast_id],
        row.name,
        explain(post.cause or "", post.detail, is_over=is_over),
        episode.id,
        episode.title,
        row.user_id,
        "decide" if evidence else fix_for(post),
        evidence,
        _light_of(post, row.until, is_over=is_over) if post.status == PostStatus.QUEUED else None,
        post.id,
    )


def _light_of(post: Post, held_until: datetime | None, *, is_over: bool) -> Light:
    light = light_of_host(ConfigStatus.POSTING, enabled=True, post=post, trouble=None, held_until=held_until)
    return after_the_end(light) if is_over else light


def _of_hosts(shows: Shows) -> list[Need]:
    """Members whose X account is not connected, or no longer works."""
    connection = and_(SocialConnection.user_id == User.id, SocialConnection.platform == "x", SocialConnection.is_active)
    query = (
        select(PodcastMember.podcast_id, User.id, User.name, SocialConnection.trouble)
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
        Need(shows[row.podcast_id], row.name, explain(row.trouble or "no_connection"), user_id=row.id, fix="connect")
        for row in db.session.execute(query)
    ]


def _of_channels(shows: Shows, channels: Mapping[str, YouTubeChannel]) -> list[Need]:
    """Channels that YouTube does not show at the moment, and podcasts that have none."""
    needs = []
    for show in shows.values():
        channel = channels.get(show.youtube_channel_id or "")
        if channel is not None and channel.error_cause:
            needs.append(Need(show, "YouTube", explain(channel.error_cause), fix="youtube"))
    without = [show for show in shows.values() if show.is_active and not show.youtube_channel_id]
    return needs + [
        Need(show, "YouTube", "No channel is set, so no start is noticed.", fix="youtube") for show in without
    ]


def unmatched_of(shows: Shows, now: datetime) -> list[Unmatched]:
    """Streams of these podcasts' channels that nothing was announced for; newest first.

    On a channel that several share, once for each that the stream may be of.
    """
    channels: dict[str, list[Podcast]] = {}
    for show in shows.values():
        if show.youtube_channel_id:
            channels.setdefault(show.youtube_channel_id, []).append(show)
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
        Unmatched(broadcast, show, SILENT[Verdict(broadcast.verdict)])
        for broadcast in db.session.execute(query).scalars()
        for show in _whose(broadcast, shows, channels)
    ]


def _whose(broadcast: Broadcast, shows: Shows, channels: Mapping[str, list[Podcast]]) -> list[Podcast]:
    """The podcast it is known to be of, if that is one of these; while it is of none, all that watch its channel."""
    if broadcast.podcast_id is not None:
        return [shows[broadcast.podcast_id]] if broadcast.podcast_id in shows else []
    watching = channels.get(broadcast.channel_id or "", [])
    return [show for show in watching if show.is_active] or watching[:1]
