"""What the pages show: home, a podcast, one episode. Reads only; the statements do not grow with hosts or posts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
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
    Role,
    User,
    Verdict,
    YouTubeChannel,
)
from services.ahead import OVER
from services.causes import explain
from services.checklist import Checklist, checklists_of, first_checklist
from services.checks import HIGHEST_ID
from services.errors import NotFound
from services.lamps import Crowd, HostLamp, after_the_show, crowd_of, lamps_of
from services.needs import Need, Unmatched, needs_of, unmatched_of
from services.vocabulary import SILENT, Lamp, Light, light_of_episode

#: an episode stays under "next" for so long after its planned start when nothing was seen of it
OVERDUE = timedelta(hours=6)
MOST_NEXT = 8
#: an episode planned so long ago may still be the one that an unmatched stream was
STILL_OPEN, MOST_OPEN = timedelta(days=3), 50


@dataclass(frozen=True, slots=True)
class EpisodeCard:
    """One episode with the lamp of the whole and of each host."""

    podcast: Podcast
    episode: EpisodeGuide
    broadcast: Broadcast | None
    light: Light
    hosts: Sequence[HostLamp]

    @property
    def crowd(self) -> Crowd:
        """Its hosts counted, and those named whom something holds up."""
        return crowd_of(self.hosts)

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
    #: what is still to do before a podcast's first show, for its admins
    checklists: list[Checklist] = field(default_factory=list)
    #: the podcasts that this person manages
    managed: frozenset[int] = frozenset()
    #: what an unmatched stream may be, by podcast
    open_episodes: dict[int, list[EpisodeGuide]] = field(default_factory=dict)

    @property
    def unannounced(self) -> list[Unmatched]:
        """Those that are on air at this moment: there is still time to do something."""
        return [one for one in self.unmatched if one.broadcast.state == BroadcastState.LIVE]

    @property
    def is_on_air(self) -> bool:
        return bool(self.on_air or self.unannounced)


def home(user: User, now: datetime) -> Home:
    """Everything of the podcasts this person is on; of all podcasts for an admin of the server."""
    rows = db.session.execute(_podcasts_of(user)).all()
    shows = {row.Podcast.id: row.Podcast for row in rows}
    if not shows:
        return Home(checklists=[first_checklist()] if user.is_admin else [])
    channels = {row.YouTubeChannel.id: row.YouTubeChannel for row in rows if row.YouTubeChannel is not None}
    live = db.session.execute(_live(list(shows))).all()
    planned = list(db.session.execute(_planned(list(shows), now)).scalars())
    hosts = lamps_of([*(row.EpisodeGuide for row in live), *planned], shows, now)
    on_air = [_card(shows, row.EpisodeGuide, row.Broadcast, hosts, channels) for row in live]
    upcoming = [_card(shows, episode, None, hosts, channels) for episode in planned]
    shown = {row.Broadcast.id for row in live}
    unmatched = [one for one in unmatched_of(shows, now) if one.broadcast.id not in shown]
    managed = frozenset(row.Podcast.id for row in rows if user.is_admin or row.role == Role.ADMIN)
    matchable = {one.podcast.id for one in unmatched} & managed
    return Home(
        podcasts=list(shows.values()),
        on_air=on_air,
        next=upcoming,
        needs=needs_of(shows, now, [(card.episode, card.hosts) for card in upcoming], channels),
        unmatched=unmatched,
        checklists=checklists_of([row.Podcast for row in rows if row.role == Role.ADMIN], now),
        managed=managed,
        open_episodes=open_episodes_of(matchable, now) if matchable else {},
    )


def _podcasts_of(user: User) -> Select[Podcast, str, YouTubeChannel]:
    """Podcasts with role and channel; for an admin of the server all, without a role where he has none."""
    mine = and_(PodcastMember.podcast_id == Podcast.id, PodcastMember.user_id == user.id)
    query = select(Podcast, PodcastMember.role, YouTubeChannel).order_by(Podcast.name, Podcast.id)
    query = query.outerjoin(YouTubeChannel, YouTubeChannel.id == Podcast.youtube_channel_id)
    return query.outerjoin(PodcastMember, mine) if user.is_admin else query.join(PodcastMember, mine)


def channels_of(shows: Iterable[Podcast]) -> dict[str, YouTubeChannel]:
    """The channels of these podcasts that were looked at already, by id."""
    wanted = {show.youtube_channel_id for show in shows if show.youtube_channel_id}
    query = select(YouTubeChannel).where(YouTubeChannel.id.in_(wanted))
    return {channel.id: channel for channel in db.session.execute(query).scalars()} if wanted else {}


def open_episodes_of(podcast_ids: Collection[int], now: datetime) -> dict[int, list[EpisodeGuide]]:
    """By podcast: episodes that no announced stream is matched to, by time, MOST_OPEN of each; without one last."""
    taken = select(Broadcast.id).where(Broadcast.episode_id == EpisodeGuide.id, Broadcast.verdict == Verdict.ANNOUNCED)
    order = (EpisodeGuide.scheduled_at.is_(None), EpisodeGuide.scheduled_at, EpisodeGuide.id)
    place = func.row_number().over(partition_by=EpisodeGuide.podcast_id, order_by=order)
    still_open = (
        select(EpisodeGuide.id, place.label("place"))
        .where(
            EpisodeGuide.podcast_id.in_(list(podcast_ids)),
            or_(EpisodeGuide.scheduled_at.is_(None), EpisodeGuide.scheduled_at > now - STILL_OPEN),
            ~taken.exists(),
        )
        .subquery()
    )
    query = select(EpisodeGuide).join(still_open, still_open.c.id == EpisodeGuide.id)
    query = query.where(still_open.c.place <= MOST_OPEN).order_by(*order)
    found: dict[int, list[EpisodeGuide]] = {podcast_id: [] for podcast_id in podcast_ids}
    for episode in db.session.execute(query).scalars():
        found[episode.podcast_id].append(episode)
    return found


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
        or_(Broadcast.verdict == Verdict.ANNOUNCED, Broadcast.state.in_((BroadcastState.LIVE, *OVER))),
    )
    return (
        select(EpisodeGuide)
        .where(EpisodeGuide.podcast_id.in_(podcast_ids), EpisodeGuide.scheduled_at > now - OVERDUE, ~seen.exists())
        .order_by(EpisodeGuide.scheduled_at, EpisodeGuide.id)
        .limit(MOST_NEXT)
    )


def _card(
    shows: Mapping[int, Podcast],
    episode: EpisodeGuide,
    broadcast: Broadcast | None,
    hosts: Mapping[int, list[HostLamp]],
    channels: Mapping[str, YouTubeChannel],
) -> EpisodeCard:
    podcast = shows[episode.podcast_id]
    channel = channels.get(podcast.youtube_channel_id or "")
    return card_of(podcast, episode, broadcast, hosts[episode.id], channel=channel)


def card_of(
    podcast: Podcast,
    episode: EpisodeGuide,
    broadcast: Broadcast | None,
    hosts: Sequence[HostLamp],
    *,
    channel: YouTubeChannel | None,
) -> EpisodeCard:
    """Puts one episode together. Asks nobody."""
    hosts = after_the_show(hosts, broadcast)
    is_watched = podcast.is_active and bool(podcast.youtube_channel_id or episode.video_id)
    blind = explain(channel.error_cause) if channel is not None and channel.error_cause else None
    light = light_of_episode([host.light for host in hosts], broadcast, is_watched=is_watched, blind=blind)
    return EpisodeCard(podcast, episode, broadcast, light, hosts)


def episode_of(podcast: Podcast, episode_id: int) -> EpisodeGuide:
    """The episode if it is one of this podcast. Raises NotFound."""
    wanted = select(EpisodeGuide).where(EpisodeGuide.id == episode_id, EpisodeGuide.podcast_id == podcast.id)
    found = db.session.execute(wanted).scalar_one_or_none() if 0 < episode_id <= HIGHEST_ID else None
    if found is None:
        raise NotFound("There is no such episode in this podcast.")
    return found
