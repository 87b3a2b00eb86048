"""How the numbers of a podcast are written: amounts, shares, durations, what differs, and which days. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from services import money
from services.durations import duration
from services.periods import Kind, Period, Span

#: where there is nothing to count
NONE = "–"


@dataclass(frozen=True, slots=True)
class Unit:
    """How one sort of number is written, and how much more or less of it is said.

    `step`: the smallest difference that is told. `more`, `less`: the words of one, its amount in the braces.
    `to_step`: rounds as `write` does.
    """

    write: Callable[[float], str]
    step: float
    more: str
    less: str
    amount: Callable[[float], str]
    to_step: Callable[[float], int] = round

    def shown(self, value: float | None) -> str:
        return NONE if value is None else self.write(value)

    def difference(self, value: float, before: float) -> str:
        """ "3 more"; empty where what is written is the same."""
        if self.write(value) == self.write(before):
            return ""
        steps = abs(self.to_step(value / self.step) - self.to_step(before / self.step))
        words = self.more if value > before else self.less
        return words.format(self.amount(steps * self.step) if steps else "A little")


def whole(number: float) -> str:
    return f"{round(number):,}"


def percent(share: float) -> str:
    """ "84 %": 0 and 100 only where it is none and all."""
    number = round(100 * share)
    return f"{number if share in (0, 1) or share > 1 else min(99, max(1, number))} %"


def rate(share: float) -> str:
    """ "2.3 %": of what is small."""
    number = f"{100 * share:.1f} %"
    return "under 0.1 %" if share and number == "0.0 %" else number


def plain_seconds(number: float) -> str:
    """ "50 s", "0.5 s", "1,000 s": beside a chart, where every line has the same unit."""
    return f"{number:,.1f}".removesuffix(".0") + " s"


def _points(number: float) -> str:
    points = round(100 * number, 1)
    words = f"{points:g}"
    return f"{words} point" if words == "1" else f"{words} points"


def _money(micros: float) -> str:
    return money.short(money.nearest(micros))


COUNT = Unit(whole, 1, "{} more", "{} fewer", whole)
SHARE = Unit(percent, 0.01, "{} more", "{} less", _points)
RATE = Unit(rate, 0.001, "{} more", "{} less", _points)
TIME = Unit(duration, 0.1, "{} slower", "{} faster", duration)
MONEY = Unit(_money, money.FINEST_SHOWN, "{} more", "{} less", _money, money.nearest)


# Periods


@dataclass(frozen=True, slots=True)
class Named:
    """A period in words. `before` is empty where nothing is before it."""

    label: str
    so_far: str
    before: str


PERIODS: Mapping[Kind, Named] = {
    Kind.WEEK: Named("Week", "this week", "the week before"),
    Kind.MONTH: Named("Month", "this month", "the month before"),
    Kind.QUARTER: Named("Quarter", "this quarter", "the quarter before"),
    Kind.ALL: Named("All", "at all", ""),
}


def days(span: Span) -> str:
    """ "Mon 16 Nov to Sun 22 Nov 2026"; of what has no beginning only the end."""
    if span.first is None:
        return f"everything up to {day(span.last)}"
    first = day(span.first) if span.first.year != span.last.year else day(span.first).rpartition(" ")[0]
    return f"{first} to {day(span.last)}"


def day(one: date) -> str:
    return f"{one:%a} {one.day} {one:%b %Y}"


def short_day(one: date) -> str:
    return f"{one.day} {one:%b}"


def compared(period: Period, unit: Unit, value: float | None, before: float | None, *, grows: bool = False) -> str:
    """The difference to the period before in one sentence, without its stop; empty where nothing is before.

    `grows`: the number does until the period is over, so that less of it means little yet.
    """
    name = PERIODS[period.kind].before
    if not name or (value is None and before is None):
        return ""
    if before is None:
        return f"Nothing to hold it against in {name}"
    if value is None:
        return f"Nothing yet; {unit.shown(before)} in {name}"
    said = unit.difference(value, before)
    so_far = " so far" if grows else ""
    return f"{said}{so_far} than {name}" if said else f"The same as {name}"
