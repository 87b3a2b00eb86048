"""The plan of the day: which starts are known, how each is watched, whether it would be noticed, what that costs.

Reads only; always the same number of statements.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from config import Settings
from extensions import db
from models import (
    OPEN_STATES,
    Broadcast,
    EpisodeGuide,
    Podcast,
    PushState,
    PushSubscription,
    WorkerLease,
    YouTubeChannel,
)
from services import planned_starts, quota
from services.leases import is_held
from services.planned_starts import SAME_SHOW
from services.quota import Spent
from services.vocabulary import Light
from services.watch_needs import OVER_BY, WINDOWS, Start, foresee, units_for
from services.watch_plan import DUE_WINDOWS, Close, Demand, Foreseen, Plan, foreseen, make_plan
from services.watch_verdicts import UNNOTICED, Facts, verdict
from services.watch_words import USUAL_STEP, Watched, Ways, planned_step, ways

AHEAD = timedelta(hours=24)
#: what is overdue is still waited for
OVERDUE = timedelta(hours=6)
MOST_SHOWS, MOST_FAILING = 200, 20


@dataclass(frozen=True, slots=True)
class State:
    """What the units allow now. `plan` and `spent` are None without a key."""

    demand: Demand
    plan: Plan | None
    spent: Spent | None
    foreseen: Foreseen
    check_every: timedelta
    resets_at: datetime
    #: units of a day
    of: int = 0
    #: channels that YouTube's hub tells of
    told: int = 0

    @property
    def left(self) -> int:
        """What nobody has spent; none while YouTube takes no questions."""
        return max(0, self.of - self.spent.total) if self.spent is not None and not self.spent.exhausted else 0


@dataclass(frozen=True, slots=True)
class Planned:
    """One start that is known. `light` says whether it would be noticed, and why not."""

    at: datetime
    podcast: Podcast
    title: str
    video_id: str
    channel: str
    episode_id: int | None
    watched_from: datetime
    step: timedelta
    units: int
    signal: str
    light: Light


@dataclass(frozen=True, slots=True)
class Tonight:
    """The known starts until this time tomorrow, soonest first."""

    state: State
    ways: Ways
    shows: Sequence[Planned]
    #: channels whose last look failed, the worst first
    failing: Sequence[YouTubeChannel] = ()

    @property
    def in_danger(self) -> list[Planned]:
        return [show for show in self.shows if show.light.word == UNNOTICED]

    @property
    def sentence(self) -> str:
        """The answer in one line."""
        if not self.shows:
            return "Nothing is planned for the next 24 hours."
        count, wrong = len(self.shows), len(self.in_danger)
        shows = "1 show is" if count == 1 else f"{count} shows are"
        if not wrong:
            return f"{shows} planned for the next 24 hours. {'It' if count == 1 else 'Each'} would be noticed."
        return f"{shows} planned for the next 24 hours. {wrong} would not be noticed as things are."


def read_state(settings: Settings, now: datetime) -> State:
    """Three statements."""
    session = db.session()
    every, units = timedelta(seconds=settings.live_check_interval_seconds), settings.youtube_daily_units
    ends = quota.day_bounds(now)[1]
    channels, broadcasts, told = planned_starts.counted(session, now)
    starts = planned_starts.known_starts(session, now, ends)
    demand = Demand(channels, broadcasts, foresee(starts, now, ends))
    spent = quota.read_spent(session, now)
    if not settings.youtube_api_key:
        return State(demand, None, None, Foreseen(), every, ends, units, told)
    plan = make_plan(now, demand, spent, units=units, check_every=every)
    return State(demand, plan, spent, foreseen(plan, demand, every), every, ends, units, told)


def ways_of(settings: Settings, podcast: Podcast, now: datetime) -> Ways | None:
    """How starts of one podcast are noticed now; None where no channel is watched. Four statements."""
    channel_id = podcast.youtube_channel_id
    if channel_id is None:
        return None
    state, channel = read_state(settings, now), db.session.get(YouTubeChannel, channel_id)
    one = PushSubscription
    holds = (one.channel_id == channel_id, one.state == PushState.ACTIVE, one.lease_until > now)
    has_push = db.session.execute(select(exists().where(*holds))).scalar_one()
    failures = channel.failures if channel else 0
    seen = Watched(state.plan, state.spent, state.demand.channels, state.check_every, has_push, failures)
    return ways(replace(seen, is_first=podcast.is_first))


def tonight(settings: Settings, now: datetime) -> Tonight:
    """Everything that is known to begin, and whether it would be announced as far as seeing it goes."""
    session = db.session()
    state = read_state(settings, now)
    rooms, episodes = _rooms(session, now), _episodes(session, now)
    channels = _channels(session, rooms, episodes, now)
    failing = [row for row, _ in channels.values() if row.error_cause is not None]
    failing.sort(key=lambda row: (-row.failures, row.id))
    seen = _Seen(state, now, channels, is_looked_at(session, now))
    shows = [seen.of_room(room, podcast) for room, podcast in rooms]
    known = [(show.channel, show.at) for show in shows]
    for episode, podcast in episodes:
        at = episode.scheduled_at
        near = [place for place, (channel, start) in enumerate(known) if _is_same(podcast, at, channel, start)]
        if near:
            shows[near[0]] = replace(shows[near[0]], episode_id=episode.id, title=episode.title)
        else:
            shows.append(seen.of_episode(episode, podcast))
    shows.sort(key=lambda show: (show.at, show.podcast.name))
    everywhere = Watched(
        state.plan, state.spent, state.demand.channels, state.check_every, 0 < state.demand.channels <= state.told
    )
    return Tonight(state, ways(everywhere), shows, failing[:MOST_FAILING])


def _is_same(podcast: Podcast, at: datetime | None, channel: str, start: datetime) -> bool:
    return at is not None and channel == podcast.youtube_channel_id and abs(start - at) < SAME_SHOW


def is_looked_at(session: Session, now: datetime) -> bool:
    """Whether some process holds the lease of the looker."""
    lease = session.get(WorkerLease, "looker")
    return lease is not None and is_held(lease.expires_at, now)


def _rooms(session: Session, now: datetime) -> list[tuple[Broadcast, Podcast]]:
    """Waiting rooms and the podcast each is shown under: of several on one channel, the first that fits its title."""
    at = Broadcast.scheduled_start_at
    query = (
        select(Broadcast, Podcast)
        .join(Podcast, Podcast.youtube_channel_id == Broadcast.channel_id)
        .where(Podcast.is_active, Broadcast.state.in_(OPEN_STATES), Broadcast.live_seen_at.is_(None))
        .where(at > now - OVERDUE, at < now + AHEAD)
        .order_by(at, Broadcast.id, Podcast.id)
        .limit(MOST_SHOWS)
    )
    found: dict[int, tuple[Broadcast, Podcast]] = {}
    for broadcast, podcast in session.execute(query):
        if podcast.active_filter in broadcast.title.casefold():
            found.setdefault(broadcast.id, (broadcast, podcast))
    return list(found.values())


def _episodes(session: Session, now: datetime) -> list[tuple[EpisodeGuide, Podcast]]:
    """Planned episodes that have not begun."""
    at = EpisodeGuide.scheduled_at
    query = (
        select(EpisodeGuide, Podcast)
        .join(Podcast, Podcast.id == EpisodeGuide.podcast_id)
        .where(Podcast.is_active, at > now - OVER_BY, at < now + AHEAD)
        .where(~exists().where(Broadcast.episode_id == EpisodeGuide.id, Broadcast.live_seen_at.is_not(None)))
        .order_by(at, EpisodeGuide.id)
        .limit(MOST_SHOWS)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def _channels(
    session: Session,
    rooms: Iterable[tuple[Broadcast, Podcast]],
    episodes: Iterable[tuple[EpisodeGuide, Podcast]],
    now: datetime,
) -> dict[str, tuple[YouTubeChannel, bool]]:
    """Each channel that matters, and those that fail most; with whether YouTube's hub tells of it."""
    ids = {podcast.youtube_channel_id for _, podcast in (*rooms, *episodes) if podcast.youtube_channel_id}
    told = and_(PushSubscription.channel_id == YouTubeChannel.id, PushSubscription.state == PushState.ACTIVE)
    query = select(YouTubeChannel, PushSubscription.lease_until).outerjoin(PushSubscription, told)
    matters, fails = YouTubeChannel.id.in_(ids), YouTubeChannel.error_cause.is_not(None)
    worst = query.order_by(matters.desc(), YouTubeChannel.failures.desc()).limit(len(ids) + MOST_FAILING)
    rows = session.execute(worst.where(or_(matters, fails)))
    return {row[0].id: (row[0], row[1] is not None and row[1] > now) for row in rows}


@dataclass(frozen=True, slots=True)
class _Seen:
    """What every show of the plan is judged by."""

    state: State
    now: datetime
    channels: Mapping[str, tuple[YouTubeChannel, bool]]
    is_looked_at: bool

    def of_room(self, room: Broadcast, podcast: Podcast) -> Planned:
        assert room.scheduled_start_at is not None
        return self._planned(room.scheduled_start_at, podcast, room, None)

    def of_episode(self, episode: EpisodeGuide, podcast: Podcast) -> Planned:
        assert episode.scheduled_at is not None
        return self._planned(episode.scheduled_at, podcast, None, episode)

    def _planned(self, at: datetime, podcast: Podcast, room: Broadcast | None, episode: EpisodeGuide | None) -> Planned:
        channel, has_push = self.channels.get(podcast.youtube_channel_id or "", (None, False))
        state = self._state_at(at)
        watched = Watched(state.plan, state.spent, state.demand.channels, state.check_every, is_first=podcast.is_first)
        step = planned_step(watched)
        facts = Facts(
            at=at,
            podcast=podcast,
            room=room,
            channel=channel,
            has_push=has_push,
            names_video=episode is not None and bool(episode.video_id),
            step=step,
            has_units=state.plan is not None and not state.plan.is_blind,
            has_key=state.plan is not None,
            check_every=state.check_every,
        )
        video_id = room.video_id if room else (episode.video_id or "") if episode else ""
        return Planned(
            at=at,
            podcast=podcast,
            title=(room.title if room else episode.title if episode else "") or video_id,
            video_id=video_id,
            channel=podcast.youtube_channel_id or "",
            episode_id=episode.id if episode else None,
            watched_from=at + WINDOWS[1][0],
            step=step,
            units=self._units(at, step, room) if facts.has_units else 0,
            signal=_signal(facts),
            light=verdict(facts, self.now, is_looked_at=self.is_looked_at),
        )

    def _state_at(self, at: datetime) -> State:
        """After midnight Pacific time there are new units; what is refused for a while may be back by then."""
        state, spent = self.state, self.state.spent
        if state.plan is None or spent is None:
            return state
        back_at = spent.retry_at if spent.retry_at is not None else state.resets_at
        if at < back_at or not (state.plan.is_blind or at >= state.resets_at):
            return state
        plan = replace(state.plan, watch_left=1, stretch=1.0, first_stretch=1.0, close=Close.ALL)
        return replace(state, plan=plan, spent=None)

    @staticmethod
    def _units(at: datetime, step: timedelta, room: Broadcast | None) -> int:
        """If it begins as late as is expected at most, and shares its calls with nobody."""
        if room is None:
            return sum(round((end - begin) / every) for begin, end, every in DUE_WINDOWS[:1])
        end = at + OVER_BY
        return round(units_for([Start(at)], at + WINDOWS[1][0], end, close=step < USUAL_STEP))


def _signal(facts: Facts) -> str:
    """What is expected to show its start first."""
    if facts.room is not None or facts.names_video:
        return "watch" if facts.has_units else "page"
    if not facts.has_units:
        return "page"
    return "push" if facts.has_push else "uploads"
