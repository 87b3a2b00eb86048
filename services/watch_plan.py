"""The watch planner: which broadcasts and channels are asked when, within the day's units. Pure.

Everything that decides how often YouTube is asked is here; services/quota.py only counts what was asked.
"""

import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from services.quota import Spent, day_bounds
from services.watch_needs import CLOSE, IDS_PER_CALL, WINDOWS, Needs, Window

PEOPLE_SHARE = 0.10
#: of uploads lists, when the channels are too many for them and feeds are the rule
REPAIR_SHARE = 0.30
#: channels up to which uploads lists are the rule, and how often each is then asked
UPLOADS_EVERY = ((1, 30), (10, 120), (30, 300))
#: what videos.list near planned starts may take at most of a day
NEAR_SHARE = 0.60
#: kept for starts that nobody planned, and for plans that are not kept
UNFORESEEN_SHARE = 0.35
#: how far spending may run ahead of the clock whatever is foreseen
BURST = 0.10
#: however short units are, every known broadcast is asked about so often
FAR_AT_LEAST = timedelta(hours=1)
#: (part of the needed units that is left, how much longer the steps then are)
STRETCHES = ((1.0, 1.0), (0.75, 2.0), (0.4, 6.0), (0.0, 36.0))

DROPPED_AFTER = timedelta(hours=24)

#: a channel whose hub spoke, or whose episode is due without a waiting room: its uploads list, so often and so long
PUSH_FRESH, PUSH_EVERY = timedelta(minutes=2), timedelta(seconds=20)
DUE_WINDOWS: tuple[Window, ...] = (
    (timedelta(minutes=-2), timedelta(minutes=10), timedelta(seconds=15)),
    (timedelta(minutes=-2), timedelta(minutes=60), timedelta(seconds=60)),
)
#: channels up to which every page may be asked at full pace, and what that is
PAGES_AT_FULL_PACE, PAGE_EVERY = 60, timedelta(seconds=30)


class Close(StrEnum):
    """Whose planned starts are asked about every two seconds."""

    NOBODY = "nobody"
    FIRST = "first"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Demand:
    """What is to be watched: channels, broadcasts that are asked about, and what their starts need."""

    channels: int = 1
    broadcasts: int = 1
    needs: Needs = field(default_factory=Needs)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often may be asked. `stretch` is 1 while the day's units allow the full pace, more when they run short."""

    check_every: timedelta = timedelta(seconds=180)
    #: a page is asked for every 30 s at most
    at_least: timedelta = timedelta(0)
    stretch: float = 1.0
    #: so often the units allow to ask about what is far from its start
    far_every: timedelta = timedelta(0)
    first_stretch: float = 1.0
    close: Close = Close.NOBODY

    def step(self, every: timedelta, *, is_first: bool = False) -> timedelta:
        stretch = min(self.stretch, self.first_stretch) if is_first else self.stretch
        return min(max(every * stretch, self.at_least), max(self.check_every, self.at_least))

    def windows(self, *, is_first: bool = False) -> tuple[Window, ...]:
        close = self.close == Close.ALL or (is_first and self.close == Close.FIRST)
        return (CLOSE, *WINDOWS) if close else WINDOWS


@dataclass(frozen=True, slots=True)
class Plan:
    """What the day's units allow now."""

    #: whether the uploads list is asked of every channel, or only of those whose feeds fail
    lists_uploads: bool
    #: how often each channel is asked
    channel_every: timedelta
    #: how much longer than usual the steps around planned starts are
    stretch: float
    #: units that uploads lists may still take now
    discovery_left: int
    #: units that videos.list may still take today
    watch_left: int
    #: how many of these may go to broadcasts far from their start, over what remains of the day
    far_left: int
    day_left: timedelta
    first_stretch: float = 1.0
    close: Close = Close.NOBODY

    @property
    def is_blind(self) -> bool:
        """Without units YouTube is asked as without a key: by its pages."""
        return not self.watch_left

    def far_every(self, broadcasts: int) -> timedelta:
        """How often so many broadcasts far from their start can be asked about, 50 a unit."""
        calls = -(-broadcasts // IDS_PER_CALL)
        return min(self.day_left * calls / max(1, self.far_left), FAR_AT_LEAST)

    def pace(self, check_every: timedelta, broadcasts: int) -> Pace:
        """What this allows for broadcasts. Without units it is the pages' turn."""
        if self.is_blind:
            return Pace(check_every, at_least=PAGE_EVERY)
        far = self.far_every(broadcasts)
        return Pace(
            check_every, stretch=self.stretch, far_every=far, first_stretch=self.first_stretch, close=self.close
        )


def make_plan(now: datetime, demand: Demand, spent: Spent, *, units: int, check_every: timedelta) -> Plan:
    """Splits the day's units: 10 % for people, the rest for uploads lists and videos.list, over what is left of it."""
    plan = _split(now, demand, spent, units, check_every)
    if not spent.is_probe:
        return plan
    # One question each way finds out whether YouTube takes them again.
    return replace(plan, discovery_left=min(1, plan.discovery_left), watch_left=min(1, plan.watch_left))


def _split(now: datetime, demand: Demand, spent: Spent, units: int, check_every: timedelta) -> Plan:
    begin, end = day_bounds(now)
    rest = (end - now) / (end - begin)
    for_machine = units - int(units * PEOPLE_SHARE) if not spent.exhausted else 0
    left = max(0, for_machine - spent.discovery - spent.watch)
    watch = _watching(left, rest, for_machine, demand)
    every = next((seconds for most, seconds in UPLOADS_EVERY if demand.channels <= most), None)
    near = _near(units, rest, demand)
    if every is None:
        kept = max(near, int(NEAR_SHARE * units * rest))
        repair = int(units * REPAIR_SHARE) if not spent.exhausted else 0
        due = int(repair * min(1.0, 1 - rest + 0.02))
        far_left = max(0, left - kept)
        lists = min(max(0, due - spent.discovery), far_left)
        return Plan(False, check_every, watch[0], lists, left, far_left, end - now, *watch[1:])
    if watch[0] > 1.0:  # units run short: the lists give way first
        near = max(near, int(NEAR_SHARE * units * rest))
    far_left = max(0, left - near)
    # What remains after a reserve for videos.list is spread over the rest of the day.
    share = max(0, far_left - int(min(480, 0.1 * units) * rest))
    if not share:  # feeds cost nothing and are asked at every check
        return Plan(False, check_every, watch[0], 0, left, far_left, end - now, *watch[1:])
    affordable = (end - now).total_seconds() * demand.channels / share
    step = timedelta(seconds=min(max(every, affordable), check_every.total_seconds() * 4))
    return Plan(True, step, watch[0], share, left, far_left, end - now, *watch[1:])


def _watching(left: int, rest: float, for_machine: int, demand: Demand) -> tuple[float, float, Close]:
    """How much longer the steps are, those of podcasts that go first, and whose starts are asked about closest.

    `rest` is the part of the day that is to come. Compared is what is left with what the rest of it will need: the
    starts that are known, a share for those that are not, never more than an even part of the day.
    """
    even = (1 - BURST) * rest * for_machine
    unforeseen = max(UNFORESEEN_SHARE * for_machine, _a_show_a_week(demand.channels) - demand.needs.usual) * rest
    needed = max(1.0, min(even, demand.needs.usual + unforeseen))
    stretch = next(stretch for part, stretch in STRETCHES if left >= part * needed)
    first_stretch = 1.0 if left >= demand.needs.first / (1 - BURST) else stretch
    close = Close.NOBODY
    if 0 < demand.needs.first_close <= left * (1 - BURST) and first_stretch == 1.0:
        close = Close.FIRST
    if stretch == 1.0 and left >= demand.needs.close + unforeseen:
        close = Close.ALL
    return stretch, first_stretch, close


def _a_show_a_week(channels: int) -> float:
    """Units a day for following the starts of so many channels."""
    return 250 * max(1.0, channels / 7)


def _near(units: int, rest: float, demand: Demand) -> int:
    """videos.list must always be able to follow: what is foreseen, or about one show a week and channel."""
    usual = min(NEAR_SHARE * units - 480, _a_show_a_week(demand.channels)) * rest
    return max(0, int(max(usual, min(NEAR_SHARE * units, demand.needs.close))))


# When a broadcast is asked about


def next_upcoming_look(
    scheduled_start_at: datetime | None, now: datetime, pace: Pace, *, is_first: bool = False
) -> datetime | None:
    """By distance to the planned start: often around it, at every check otherwise, dropped a day after it."""
    if scheduled_start_at is None:
        return at_next_check(now, pace)
    distance = now - scheduled_start_at
    if distance > DROPPED_AFTER:
        return None
    windows = pace.windows(is_first=is_first)
    every = next((every for begin, end, every in windows if begin <= distance < end), None)
    look = after(now, pace.step(every, is_first=is_first)) if every else at_next_check(now, pace)
    # Not past the beginning of a window in which it is asked more often.
    borders = [scheduled_start_at + begin for begin, _, _ in windows]
    return min([look, *(border for border in borders if border > now)])


def is_near(scheduled_start_at: datetime | None, now: datetime) -> bool:
    """Whether it may begin about now; what has no planned start may at any time."""
    if scheduled_start_at is None:
        return True
    return any(begin <= now - scheduled_start_at < end for begin, end, _ in WINDOWS)


def at_next_check(now: datetime, pace: Pace) -> datetime:
    """Left to a check, the next one unless units are short; by itself only when no check came."""
    return now + max(1.5 * pace.check_every, pace.far_every)


def after(now: datetime, every: timedelta) -> datetime:
    """The next point of a common grid, so that broadcasts with the same pace share one call of 50 ids."""
    seconds = every.total_seconds()
    point = math.ceil((now.timestamp() + 0.3 * seconds) / seconds) * seconds
    return datetime.fromtimestamp(point, UTC)


# When a channel is asked about


def hot_step(now: datetime, pushed_at: datetime | None, due_at: datetime | None) -> timedelta | None:
    """How often a channel is asked where something is expected just now: its hub spoke, or an episode is due."""
    is_fresh = pushed_at is not None and timedelta(0) <= now - pushed_at < PUSH_FRESH
    if is_fresh:
        return PUSH_EVERY
    if due_at is None:
        return None
    return next((every for begin, end, every in DUE_WINDOWS if begin <= now - due_at < end), None)


def next_channel_look(
    now: datetime, plan: Plan | None, channels: int, check_every: timedelta, *, hot: timedelta | None
) -> datetime | None:
    """None leaves it to the check; only what is asked more often than that has a time of its own."""
    if plan is None or plan.is_blind:
        every = PAGE_EVERY if hot or channels <= PAGES_AT_FULL_PACE else check_every
    else:
        every = min(plan.channel_every, hot) if hot and plan.discovery_left else plan.channel_every
    is_own = every < check_every or (plan is not None and plan.lists_uploads)
    return now + every if is_own else None


def before_due(now: datetime, due_at: datetime | None, look: datetime | None) -> datetime | None:
    """Not past the moment from which a channel is asked more often because an episode is due."""
    hot_from = due_at + DUE_WINDOWS[0][0] if due_at is not None else None
    if hot_from is None or hot_from <= now:
        return look
    return min(look, hot_from) if look is not None else hot_from


# What that comes to


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Units that the rest of the day takes if all goes as planned."""

    starts: int = 0
    lists: int = 0
    rest: int = 0

    @property
    def total(self) -> int:
        return self.starts + self.lists + self.rest


def foreseen(plan: Plan, demand: Demand, check_every: timedelta) -> Foreseen:
    """What known starts, uploads lists and the looks at everything else take until the day ends."""
    needs = demand.needs
    starts = {Close.ALL: needs.close, Close.FIRST: needs.usual + needs.first_close - needs.first}
    every = max(check_every, plan.far_every(demand.broadcasts))
    rest = plan.day_left / every * -(-demand.broadcasts // IDS_PER_CALL) if demand.broadcasts else 0
    lists = plan.day_left / plan.channel_every * demand.channels if plan.lists_uploads else 0
    left = plan.watch_left
    taken = [0, 0, 0]
    # What is planned is never more than there is, and starts come first.
    for place, wanted in enumerate((starts.get(plan.close, needs.usual / plan.stretch), lists, rest)):
        taken[place] = min(round(wanted), left)
        left -= taken[place]
    return Foreseen(*taken)
