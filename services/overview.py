"""What the pages show: home, a podcast, one episode. Reads only; the statements do not grow with hosts or posts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, func, or_, select

from extensions import db
from models import (
    Broadcast,
    BroadcastState,
    EpisodeGuide,
    Podcast,
    PodcastMember,
    SocialConnection,
    User,
    Verdict,
    YouTubeChannel,
)
from services.causes import explain
from services.episodes import HIGHEST_ID
from services.errors import NotFound
from services.hosts import HostView, hosts_of
from services.needs import Need, Unmatched, needs_of, unmatched_of
from services.vocabulary import SILENT, Lamp, Light, light_of_episode

#: an episode stays under "next" for so long after its planned start when nothing was seen of it
OVERDUE = timedelta(hours=6)
MOST_NEXT, MOST_EPISODES = 8, 50


@dataclass(frozen=True, slots=True)
class EpisodeCard:
    """One episode with the lamp of the whole and of each host."""

    podcast: Podcast
    episode: EpisodeGuide
    broadcast: Broadcast | None
    light: Light
    hosts: list[HostView]

    @property
    def posted(self) -> int:
        return sum(host.light.lamp == Lamp.BLUE for host in self.hosts)

    @property
    def silence(self) -> str | None:
        """Why nothing was announced for the stream, if so."""
        return SILENT.get(Verdict(self.broadcast.verdict)) if self.broadcast else None

    @property
    def wanted(self) -> int:
        return sum(host.light.word not in ("Off", "Cancelled") for host in self.hosts)


@dataclass(slots=True)
class Home:
    """The first page of one person."""

    podcasts: list[Podcast] = field(default_factory=list)
    on_air: list[EpisodeCard] = field(default_factory=list)
    next: list[EpisodeCard] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    unmatched: list[Unmatched] = field(default_factory=list)

    @property
    def unannounced(self) -> list[Unmatched]:
        """Those that are on air at this moment: there is still time to do something."""
        return [one for one in self.unmatched if one.broadcast.state == BroadcastState.LIVE]

    @property
    def is_on_air(self) -> bool:
        return bool(self.on_air or self.unannounced)


def home(user: User, now: datetime) -> Home:
    """Everything of the podcasts this person is on; of all podcasts for an admin of the server."""
    shows = {podcast.id: podcast for podcast in db.session.execute(_podcasts_of(user)).scalars()}
    if not shows:
        return Home()
    live = db.session.execute(_live(list(shows))).all()
    planned = list(db.session.execute(_planned(list(shows), now)).scalars())
    hosts = hosts_of([*(row.EpisodeGuide.id for row in live), *(episode.id for episode in planned)])
    on_air = [_card(shows, row.EpisodeGuide, row.Broadcast, hosts) for row in live]
    upcoming = [_card(shows, episode, None, hosts) for episode in planned]
    shown = {row.Broadcast.id for row in live}
    return Home(
        podcasts=list(shows.values()),
        on_air=on_air,
        next=upcoming,
        needs=needs_of(shows, now, [(card.episode, card.hosts) for card in upcoming]),
        unmatched=[one for one in unmatched_of(shows, now) if one.broadcast.id not in shown],
    )


def _podcasts_of(user: User) -> Select[Podcast]:
    query = select(Podcast).order_by(Podcast.name, Podcast.id)
    if user.is_admin:
        return query
    return query.join(PodcastMember, PodcastMember.podcast_id == Podcast.id).where(PodcastMember.user_id == user.id)


def _live(podcast_ids: Sequence[int]) -> Select[Broadcast, EpisodeGuide]:
    return (
        select(Broadcast, EpisodeGuide)
        .join(EpisodeGuide, EpisodeGuide.id == Broadcast.episode_id)
        .where(Broadcast.state == BroadcastState.LIVE, EpisodeGuide.podcast_id.in_(podcast_ids))
        .order_by(Broadcast.actual_start_at.desc())
    )


def _planned(podcast_ids: Sequence[int], now: datetime) -> Select[EpisodeGuide]:
    """Episodes to come, and those whose start nobody has seen yet; soonest first."""
    seen = select(Broadcast.id).where(
        Broadcast.episode_id == EpisodeGuide.id,
        or_(Broadcast.verdict == Verdict.ANNOUNCED, Broadcast.state.in_((BroadcastState.LIVE, BroadcastState.ENDED))),
    )
    return (
        select(EpisodeGuide)
        .where(EpisodeGuide.podcast_id.in_(podcast_ids), EpisodeGuide.scheduled_at > now - OVERDUE, ~seen.exists())
        .order_by(EpisodeGuide.scheduled_at, EpisodeGuide.id)
        .limit(MOST_NEXT)
    )


def _card(
    shows: dict[int, Podcast], episode: EpisodeGuide, broadcast: Broadcast | None, hosts: dict[int, list[HostView]]
) -> EpisodeCard:
    podcast = shows[episode.podcast_id]
    return card_of(podcast, episode, broadcast, hosts[episode.id])


def card_of(podcast: Podcast, episode: EpisodeGuide, broadcast: Broadcast | None, hosts: list[HostView]) -> EpisodeCard:
    """Puts one episode together. Asks nobody."""
    is_watched = bool(podcast.youtube_channel_id or episode.video_id)
    light = light_of_episode([host.light for host in hosts], broadcast, is_watched=is_watched)
    return EpisodeCard(podcast, episode, broadcast, light, hosts)


# A podcast


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody on a podcast. `trouble` says why their posts would not go out; None when they would."""

    name: str
    role: str
    username: str | None
    trouble: str | None


@dataclass(frozen=True, slots=True)
class PodcastPage:
    """`next` is what is on air or planned, soonest first; `past` the newest first."""

    next: list[EpisodeCard]
    past: list[EpisodeCard]
    members: list[Member]
    channel: YouTubeChannel | None


def podcast_page(podcast: Podcast, now: datetime) -> PodcastPage:
    """The episodes of one podcast with their hosts' states, its people and its channel."""
    shows = {podcast.id: podcast}
    episodes = list(db.session.execute(_episodes(podcast.id)).scalars())
    hosts = hosts_of([episode.id for episode in episodes])
    newest = select(Broadcast).where(Broadcast.episode_id.in_(list(hosts))).order_by(Broadcast.id)
    matched = {broadcast.episode_id: broadcast for broadcast in db.session.execute(newest).scalars()}
    cards = [_card(shows, episode, matched.get(episode.id), hosts) for episode in episodes]
    ahead = [card for card in cards if _is_ahead(card, now)]
    channel_id = podcast.youtube_channel_id
    return PodcastPage(
        next=ahead[::-1],
        past=[card for card in cards if card not in ahead],
        members=_members(podcast.id),
        channel=db.session.get(YouTubeChannel, channel_id) if channel_id else None,
    )


def _is_ahead(card: EpisodeCard, now: datetime) -> bool:
    if card.broadcast is not None and card.broadcast.state in (BroadcastState.LIVE, BroadcastState.ENDED):
        return card.broadcast.state == BroadcastState.LIVE
    planned = card.episode.scheduled_at
    return planned is None or planned > now - OVERDUE


def _episodes(podcast_id: int) -> Select[EpisodeGuide]:
    return (
        select(EpisodeGuide)
        .where(EpisodeGuide.podcast_id == podcast_id)
        .order_by(func.coalesce(EpisodeGuide.scheduled_at, EpisodeGuide.created_at).desc(), EpisodeGuide.id.desc())
        .limit(MOST_EPISODES)
    )


def _members(podcast_id: int) -> list[Member]:
    connection = and_(SocialConnection.user_id == User.id, SocialConnection.platform == "x", SocialConnection.is_active)
    query = (
        select(User.name, PodcastMember.role, SocialConnection.id, SocialConnection.username, SocialConnection.trouble)
        .join(PodcastMember, PodcastMember.user_id == User.id)
        .outerjoin(SocialConnection, connection)
        .where(PodcastMember.podcast_id == podcast_id)
        .order_by(User.name, User.id)
    )
    return [
        Member(row.name, row.role, row.username, explain(cause) if (cause := _cause(row.id, row.trouble)) else None)
        for row in db.session.execute(query)
    ]


def _cause(connection_id: int | None, trouble: str | None) -> str | None:
    return trouble if connection_id is not None else "no_connection"


def episode_of(podcast: Podcast, episode_id: int) -> EpisodeGuide:
    """The episode if it is one of this podcast. Raises NotFound."""
    wanted = select(EpisodeGuide).where(EpisodeGuide.id == episode_id, EpisodeGuide.podcast_id == podcast.id)
    found = db.session.execute(wanted).scalar_one_or_none() if 0 < episode_id <= HIGHEST_ID else None
    if found is None:
        raise NotFound("There is no such episode in this podcast.")
    return found
