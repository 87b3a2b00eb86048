"""How often a planned start is asked about, and what the known starts of a day take of its units. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise

Window = tuple[timedelta, timedelta, timedelta]
#: (from, to, every) around the planned start; the first window that fits wins
WINDOWS: tuple[Window, ...] = (
    (timedelta(minutes=-2), timedelta(minutes=10), timedelta(seconds=5)),
    (timedelta(minutes=-10), timedelta(minutes=60), timedelta(seconds=30)),
    (timedelta(minutes=-10), timedelta(hours=6), timedelta(seconds=120)),
)
#: before all others, where the units allow
CLOSE: Window = (timedelta(minutes=-1), timedelta(minutes=5), timedelta(seconds=2))
#: a stream is expected to begin, or to be announced, so soon after its planned start
OVER_BY = timedelta(minutes=40)
IDS_PER_CALL = 50


@dataclass(frozen=True, slots=True)
class Start:
    """A planned start whose waiting room is known. `is_first`: its podcast goes before others when units are short."""

    at: datetime
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class Needs:
    """Units that known planned starts take until the day ends: at the usual steps and at the closest."""

    usual: float = 0.0
    close: float = 0.0
    first: float = 0.0
    first_close: float = 0.0


def foresee(starts: Sequence[Start], now: datetime, end: datetime) -> Needs:
    """Units of videos.list for these starts from now until `end`, 50 ids a call on the common grid."""
    first = [start for start in starts if start.is_first]
    some, sizes = (starts, first), (False, True)
    return Needs(*(units_for(which, now, end, close=close) for which in some for close in sizes))


def units_for(starts: Iterable[Start], begin: datetime, end: datetime, *, close: bool) -> float:
    """Starts that are asked about at the same step share their calls, so many at the same hour cost hardly more."""
    changes: list[tuple[datetime, float, int]] = []
    for start in starts:
        for after_start, until, every in spans(close=close):
            since, to = max(begin, start.at + after_start), min(end, start.at + until)
            if since < to:
                changes += [(since, every.total_seconds(), 1), (to, every.total_seconds(), -1)]
    running: Counter[float] = Counter()
    total, before = 0.0, begin
    for at, every_seconds, by in sorted(changes):
        seconds = (at - before).total_seconds()
        total += sum(seconds / step * math.ceil(count / IDS_PER_CALL) for step, count in running.items() if count)
        running[every_seconds] += by
        before = at
    return total


@cache
def spans(*, close: bool) -> tuple[Window, ...]:
    """The windows around one start, cut so that none overlaps another, up to when it is expected to be over."""
    windows = (CLOSE, *WINDOWS) if close else WINDOWS
    borders = sorted({border for window in windows for border in window[:2] if border <= OVER_BY} | {OVER_BY})
    found = []
    for begin, end in pairwise(borders):
        every = next(every for since, until, every in windows if since <= begin < until)
        found.append((begin, end, every))
    return tuple(found)
