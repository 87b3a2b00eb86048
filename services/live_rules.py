"""Pure rules: what an answer of YouTube makes of a broadcast, and when it is asked about next."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from models import BroadcastState
from services.clients.values import Video
from services.watch_plan import DROPPED_AFTER, PUSH_FRESH, Pace, after, at_next_check, next_upcoming_look

SOON = timedelta(seconds=5)
WHILE_ANNOUNCING = timedelta(seconds=30)
#: one sign of two may stay alone for a moment; after this it is asked about seldom
HALF_LIVE_PATIENCE = timedelta(minutes=10)
LISTS = frozenset({"uploads", "feed", "playlist_feed", "page"})
#: what showed a broadcast first that no list had shown when the hub named it
NAMED_BY_HUB = "push"
#: so many answers in a row without it are the end of a broadcast; of one that nobody but the hub knows so many, over
#: ten minutes: the hub speaks when a video is made, and YouTube's answers may take a while to have it
ABSENCES, ABSENCES_OF_NAMED = 2, 8


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
    last_look_at: datetime | None = None
    #: the list that showed it first
    first_signal: str = ""
    #: when the hub last spoke of its channel
    pushed_at: datetime | None = None
    #: whether its podcast goes before others when units are short
    is_first: bool = False
    #: whose it is, as far as that is known
    channel_id: str | None = None


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
    if known.first_signal == NAMED_BY_HUB and video.channel_id != known.channel_id:
        # A hub tells of its channel and of no other. Where it is watched itself, its own lists bring it back.
        return Decision(BroadcastState.GONE, None)
    if video.actual_end_at is not None:
        return Decision(BroadcastState.ENDED, None)
    says_live, has_started = video.live_content == "live", video.actual_start_at is not None
    if says_live and has_started:
        return _live(known, now, pace)
    if says_live or has_started:
        return _half_live(known, video, now, pace)
    if video.live_content == "upcoming" or video.scheduled_start_at is not None:
        next_look = next_upcoming_look(video.scheduled_start_at, now, pace, is_first=known.is_first)
        return Decision(BroadcastState.UPCOMING, next_look)
    return Decision(BroadcastState.ENDED if known.state == BroadcastState.LIVE else BroadcastState.VOD, None)


def _live(known: Known, now: datetime, pace: Pace) -> Decision:
    look = at_next_check(now, pace) if known.closed_at else after(now, pace.step(WHILE_ANNOUNCING))
    return Decision(BroadcastState.LIVE, look, is_news=known.live_seen_at is None)


def _absent(known: Known, now: datetime, pace: Pace) -> Decision:
    absences = known.absences + 1
    is_unseen = known.first_signal == NAMED_BY_HUB and known.state == BroadcastState.NEW
    if absences < (ABSENCES_OF_NAMED if is_unseen else ABSENCES):
        # 5, 10, 20, 40 seconds and so on
        wait = max(pace.step(SOON, is_first=known.is_first), SOON * 2**known.absences)
        return Decision(known.state, now + wait, absences=absences)
    state = BroadcastState.ENDED if known.state == BroadcastState.LIVE else BroadcastState.GONE
    return Decision(state, None, absences=absences)


def _half_live(known: Known, video: Video, now: datetime, pace: Pace) -> Decision:
    """One sign says live, the other does not: asked again at once, and what is live stays so meanwhile."""
    state = BroadcastState.UPCOMING if known.state == BroadcastState.NEW else known.state
    since = now - (video.actual_start_at or video.scheduled_start_at or known.first_seen_at)
    if since > DROPPED_AFTER:
        return Decision(BroadcastState.ENDED if state == BroadcastState.LIVE else BroadcastState.VOD, None)
    every = SOON if since <= HALF_LIVE_PATIENCE else timedelta(seconds=120)
    return Decision(state, now + pace.step(every, is_first=known.is_first))


def signal_of(known: Known, now: datetime) -> tuple[str, datetime]:
    """What brought the look that finds it live now, and when that came.

    A push counts while it is fresh and nothing was asked about it between the push and its being shown in a list.
    """
    is_new = now - known.first_seen_at < PUSH_FRESH
    pushed = known.pushed_at
    if pushed is not None and now - pushed < PUSH_FRESH:
        asked_since = known.last_look_at is not None and known.last_look_at > pushed
        if not asked_since or (is_new and known.first_seen_at >= pushed):
            return "push", pushed
    if is_new and known.first_signal in LISTS:
        return known.first_signal, known.first_seen_at
    return "watch", now
