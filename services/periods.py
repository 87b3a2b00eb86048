"""Periods of a podcast's local days: a week, a month, a quarter or all, each with the one before it. Pure.

The last day of a period is whole: it ends at midnight of the podcast's zone, whether that day has 23, 24 or 25 hours.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from services.checks import shown
from services.errors import Invalid

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
#: nothing here is older
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
SPARKLINE_WEEKS = 12


class Kind(StrEnum):
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Span:
    """From an instant up to, and without, another. `first` and `last` are the local days, None where it is open."""

    since: datetime
    until: datetime
    first: date | None
    last: date


@dataclass(frozen=True, slots=True)
class Period:
    """What is looked at, and what it is held against; all there is has nothing before it."""

    kind: Kind
    zone: str
    current: Span
    previous: Span | None

    @property
    def spans(self) -> tuple[Span, ...]:
        """Oldest first."""
        return (self.previous, self.current) if self.previous is not None else (self.current,)


def kind_of(text: str) -> Kind:
    """Raises Invalid."""
    try:
        return Kind(text)
    except ValueError:
        names = ", ".join(Kind)
        raise Invalid(f"“{shown(text)}” is no period. There are: {names}.") from None


def period(kind: Kind, now: datetime, zone: str) -> Period:
    """The one that today is in. Weeks begin on Monday, quarters with January, April, July and October."""
    today = now.astimezone(ZoneInfo(zone)).date()
    if kind is Kind.ALL:
        span = Span(BEGINNING, midnight(today + DAY, zone), None, today)
        return Period(kind, zone, span, None)
    first = _first(kind, today)
    after, before = _first(kind, first + _LONGER[kind]), _first(kind, first - DAY)
    return Period(kind, zone, span_of(first, after, zone), span_of(before, first, zone))


#: a little longer than the longest of its kind, and shorter than two
_LONGER = {Kind.WEEK: WEEK, Kind.MONTH: timedelta(days=32), Kind.QUARTER: timedelta(days=100)}


def _first(kind: Kind, day: date) -> date:
    """The first day of the week, month or quarter that has this day."""
    if kind is Kind.WEEK:
        return day - timedelta(days=day.weekday())
    month = day.month if kind is Kind.MONTH else day.month - (day.month - 1) % 3
    return day.replace(month=month, day=1)


def span_of(first: date, after: date, zone: str) -> Span:
    """All local days from the first up to, and without, the one after."""
    return Span(midnight(first, zone), midnight(after, zone), first, after - DAY)


def midnight(day: date, zone: str) -> datetime:
    """When this local day begins: where the clock skips midnight at that moment, where it comes twice the first."""
    return datetime.combine(day, time(0), ZoneInfo(zone)).astimezone(UTC)


def week_of(now: datetime, zone: str) -> date:
    """The Monday of the local week."""
    return _first(Kind.WEEK, now.astimezone(ZoneInfo(zone)).date())


def weeks(now: datetime, zone: str, number: int = SPARKLINE_WEEKS) -> tuple[Span, ...]:
    """So many local weeks, oldest first, the last one that of today."""
    monday = week_of(now, zone)
    starts = [monday - n * WEEK for n in range(number - 1, -1, -1)]
    return tuple(span_of(start, start + WEEK, zone) for start in starts)


def index_of(spans: Sequence[Span], at: datetime) -> int | None:
    """Which of these, oldest first and end to end, has this instant."""
    found = bisect_right([span.since for span in spans], at) - 1
    return found if found >= 0 and at < spans[found].until else None
