"""Pure rules: what an answer of YouTube makes of a broadcast, and when it is asked about next."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from models import BroadcastState
from services.clients.values import Video

#: (from, to, every) around the planned start; the first window that fits wins
WINDOWS = (
    (timedelta(minutes=-2), timedelta(minutes=10), timedelta(seconds=5)),
    (timedelta(minutes=-10), timedelta(minutes=60), timedelta(seconds=30)),
    (timedelta(minutes=-10), timedelta(hours=6), timedelta(seconds=120)),
)
DROPPED_AFTER = timedelta(hours=24)
SOON = timedelta(seconds=5)
WHILE_ANNOUNCING = timedelta(seconds=30)
#: one sign of two may stay alone for a moment; after this it is asked about seldom
HALF_LIVE_PATIENCE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of a broadcast."""

    id: int
    video_id: str
    state: BroadcastState
    first_seen_at: datetime
    scheduled_start_at: datetime | None
    actual_start_at: datetime | None
    live_seen_at: datetime | None
    closed_at: datetime | None
    absences: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How often may be asked. `stretch` is 1 while the day's units allow the full pace, more when they run short."""

    check_every: timedelta = timedelta(seconds=180)
    #: without a key every look is a page, and a page is asked for every 30 s at most
    at_least: timedelta = timedelta(0)
    stretch: float = 1.0
    #: so often the units allow to ask about what is far from its start
    far_every: timedelta = timedelta(0)

    def step(self, every: timedelta) -> timedelta:
        return min(max(every * self.stretch, self.at_least), max(self.check_every, self.at_least))


@dataclass(frozen=True, slots=True)
class Decision:
    """The new state of a broadcast; `next_look_at` None: never again by itself."""

    state: BroadcastState
    next_look_at: datetime | None
    absences: int = 0
    #: live for the first time at this look
    is_news: bool = False


def decide(known: Known, video: Video | None, now: datetime, pace: Pace) -> Decision:
    """The stored state and YouTube's answer make the new state and the next look.

    `video` None is an answer that does not have it; a failed look is no answer and never comes here.
    """
    if video is None:
        return _absent(known, now, pace)
    if video.actual_end_at is not None:
        return Decision(BroadcastState.ENDED, None)
    says_live, has_started = video.live_content == "live", video.actual_start_at is not None
    if says_live and has_started:
        return _live(known, now, pace)
    if says_live or has_started:
        return _half_live(known, video, now, pace)
    if video.live_content == "upcoming" or video.scheduled_start_at is not None:
        next_look = next_upcoming_look(video.scheduled_start_at, now, pace)
        return Decision(BroadcastState.UPCOMING, next_look)
    return Decision(BroadcastState.ENDED if known.state == BroadcastState.LIVE else BroadcastState.VOD, None)


def _live(known: Known, now: datetime, pace: Pace) -> Decision:
    look = at_next_check(now, pace) if known.closed_at else after(now, pace.step(WHILE_ANNOUNCING))
    return Decision(BroadcastState.LIVE, look, is_news=known.live_seen_at is None)


def _absent(known: Known, now: datetime, pace: Pace) -> Decision:
    if known.absences == 0:
        return Decision(known.state, now + pace.step(SOON), absences=1)
    state = BroadcastState.ENDED if known.state == BroadcastState.LIVE else BroadcastState.GONE
    return Decision(state, None, absences=known.absences + 1)


def _half_live(known: Known, video: Video, now: datetime, pace: Pace) -> Decision:
    """One sign says live, the other does not: asked again at once, and what is live stays so meanwhile."""
    state = BroadcastState.UPCOMING if known.state == BroadcastState.NEW else known.state
    since = now - (video.actual_start_at or video.scheduled_start_at or known.first_seen_at)
    if since > DROPPED_AFTER:
        return Decision(BroadcastState.ENDED if state == BroadcastState.LIVE else BroadcastState.VOD, None)
    every = SOON if since <= HALF_LIVE_PATIENCE else timedelta(seconds=120)
    return Decision(state, now + pace.step(every))


def next_upcoming_look(scheduled_start_at: datetime | None, now: datetime, pace: Pace) -> datetime | None:
    """By distance to the planned start: often around it, at every check otherwise, dropped a day after it."""
    if scheduled_start_at is None:
        return at_next_check(now, pace)
    distance = now - scheduled_start_at
    if distance > DROPPED_AFTER:
        return None
    every = next((every for begin, end, every in WINDOWS if begin <= distance < end), None)
    look = after(now, pace.step(every)) if every else at_next_check(now, pace)
    # Not past the beginning of a window in which it is asked more often.
    borders = [scheduled_start_at + begin for begin, _, _ in WINDOWS]
    return min([look, *(border for border in borders if border > now)])


def at_next_check(now: datetime, pace: Pace) -> datetime:
    """Left to a check, the next one unless units are short; by itself only when no check came."""
    return now + max(1.5 * pace.check_every, pace.far_every)


def after(now: datetime, every: timedelta) -> datetime:
    """The next point of a common grid, so that broadcasts with the same pace share one call of 50 ids."""
    seconds = every.total_seconds()
    point = math.ceil((now.timestamp() + 0.3 * seconds) / seconds) * seconds
    return datetime.fromtimestamp(point, UTC)
