"""What the pages show: home, a podcast, one episode. Reads only; the statements do not grow with hosts or posts."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Select, and_, bindparam, func, or_, select

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
from services.causes import explain
from services.checklist import Checklist, checklists_of, first_checklist
from services.checks import HIGHEST_ID
from services.dismissals import Viewer, in_force, sorted_by
from services.errors import NotFound
from services.lamps import Crowd, HostLamp, after_the_show, crowd_of, lamps_of
from services.last_check import LastCheck, last_check
from services.need import Group, Need, Unmatched, grouped
from services.needs import Seen, most_for, needs_of
from services.next_shows import is_next, planned
from services.registry import get_services
from services.vocabulary import SILENT, Lamp, Light, light_of_episode

MOST_NEXT = 8
#: so many of what needs a person are on the first page; all are on the page of their podcast
MOST_NEEDS = 10
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
    #: all that needs a person, the most urgent first; and below the streams on air, which have cards of their own
    needs: list[Need] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    #: how much was put aside of each podcast
    aside: dict[Podcast, int] = field(default_factory=dict)
    #: when YouTube was last looked at
    check: LastCheck | None = None
    #: what is still to do before a podcast's first show, for its admins
    checklists: list[Checklist] = field(default_factory=list)
    #: the podcasts that this person manages
    managed: frozenset[int] = frozenset()
    #: what an unmatched stream may be, by podcast
    open_episodes: dict[int, list[EpisodeGuide]] = field(default_factory=dict)

    @property
    def unannounced(self) -> list[Unmatched]:
        """Streams that are on air at this moment: there is still time to do something."""
        return [need.stream for need in self.needs if need.stream is not None and need.stream.is_on]

    @property
    def first_groups(self) -> list[Group]:
        """What is under "Needs a person"."""
        return self.groups[:MOST_NEEDS]

    @property
    def further(self) -> dict[Podcast, int]:
        """How many more there are of each podcast."""
        return Counter(group.first.podcast for group in self.groups[MOST_NEEDS:])

    @property
    def is_on_air(self) -> bool:
        return bool(self.on_air or self.unannounced)


def home(user: User, now: datetime) -> Home:
    """Everything of the podcasts this person is on; of all podcasts for an admin of the server."""
    rows = db.session.execute(_podcasts(everybodys=user.is_admin), {"reader": user.id}).all()
    shows = {row.Podcast.id: row.Podcast for row in rows}
    if not shows:
        return Home(checklists=[first_checklist()] if user.is_admin else [])
    channels = {row.YouTubeChannel.id: row.YouTubeChannel for row in rows if row.YouTubeChannel is not None}
    live = db.session.execute(_live(), {"shows": list(shows)}).all()
    ahead = planned(shows, now)
    hosts = lamps_of([*(row.EpisodeGuide for row in live), *ahead], shows, now)
    seen = Seen([(episode, hosts[episode.id]) for episode in ahead], channels, checked(now))
    managed = frozenset(row.Podcast.id for row in rows if user.is_admin or row.role == Role.ADMIN)
    on_air = {row.Broadcast.id for row in live}
    put = in_force(shows, user.id, now)
    needs = needs_of(shows, seen, now, most=most_for(put), reader_id=user.id)
    needs = [one for one in needs if one.stream is None or one.stream.broadcast.id not in on_air]
    needs, aside = sorted_by(once(needs), Viewer(user.id, managed), put)
    upcoming = [episode for episode in ahead if is_next(episode, now)][:MOST_NEXT]
    return Home(
        podcasts=list(shows.values()),
        on_air=[_card(shows, row.EpisodeGuide, row.Broadcast, hosts, channels) for row in live],
        next=[_card(shows, episode, None, hosts, channels) for episode in upcoming],
        needs=needs,
        aside=Counter(one.need.podcast for one in aside),
        groups=grouped((need for need in needs if need.stream is None or not need.stream.is_on), user.id),
        check=seen.check,
        checklists=checklists_of([row.Podcast for row in rows if row.role == Role.ADMIN], now),
        managed=managed,
        open_episodes=open_episodes_for(needs, managed, now),
    )


def checked(now: datetime) -> LastCheck:
    return last_check(now, timedelta(seconds=get_services().settings.live_check_interval_seconds))


def once(needs: Iterable[Need]) -> list[Need]:
    """What several podcasts have in common, such as checks that stopped, is said once."""
    found: dict[object, Need] = {}
    for need in needs:
        found.setdefault(need.item if need.fix == "operator" else (need.podcast.id, need.item), need)
    return list(found.values())


def open_episodes_for(needs: Iterable[Need], managed: Collection[int], now: datetime) -> dict[int, list[EpisodeGuide]]:
    """What the streams among these may be, for whoever may say it; no statement where there is none."""
    matchable = {need.podcast.id for need in needs if need.stream is not None} & set(managed)
    return open_episodes_of(matchable, now) if matchable else {}


@cache
def _podcasts(*, everybodys: bool) -> Select[Podcast, str, YouTubeChannel]:
    """Podcasts of `:reader` with role and channel, or everybody's, without a role where he has none."""
    mine = and_(PodcastMember.podcast_id == Podcast.id, PodcastMember.user_id == bindparam("reader"))
    query = select(Podcast, PodcastMember.role, YouTubeChannel).order_by(Podcast.name, Podcast.id)
    query = query.outerjoin(YouTubeChannel, YouTubeChannel.id == Podcast.youtube_channel_id)
    return query.outerjoin(PodcastMember, mine) if everybodys else query.join(PodcastMember, mine)


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


@cache
def _live() -> Select[Broadcast, EpisodeGuide]:
    """Put together once."""
    return (
        select(Broadcast, EpisodeGuide)
        .join(EpisodeGuide, EpisodeGuide.id == Broadcast.episode_id)
        .where(Broadcast.state == BroadcastState.LIVE, EpisodeGuide.podcast_id.in_(bindparam("shows", expanding=True)))
        .order_by(Broadcast.actual_start_at.desc())
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
