"""The breakdown by host as a table: its heads, each host's numbers in words, what a reader may sort by. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.checks import shown
from services.errors import Invalid
from services.host_breakdown import COLUMNS, SORTABLE, Breakdown, HostRow
from services.number_words import COUNT, MONEY, NONE, RATE, SHARE, TIME, Unit

RISING, FALLING = "rising", "falling"
NAME, CONNECTION = "name", "connection"
SPEND = "spend"
AGAIN = "Open the table anew and choose the head of a column."
#: of averages below, the decimal says something
FEW = 100
HEADS: Mapping[str, tuple[str, Unit | None]] = {
    NAME: ("Host", None),
    "posted": ("Posted", COUNT),
    "on_time": ("On time", SHARE),
    "failed": ("Failed", COUNT),
    "median": ("Half within", TIME),
    "own": ("Own words", SHARE),
    "draft": ("Drafts", SHARE),
    "template": ("Other text", SHARE),
    "impressions": ("Impressions", COUNT),
    "engagement": ("Engagement", RATE),
    SPEND: ("Spend", MONEY),
    CONNECTION: ("X account", None),
}
#: what one wants to see first of these is the smallest
_RISING_FIRST = frozenset({NAME, CONNECTION, "median"})


@dataclass(frozen=True, slots=True)
class Sorting:
    """By which column, and which way."""

    column: str
    order: str

    @property
    def is_falling(self) -> bool:
        return self.order == FALLING


@dataclass(frozen=True, slots=True)
class Head:
    """`next`: how a click sorts. `sorted`: as it is now, in the words of WAI-ARIA, or empty."""

    name: str
    label: str
    next: Sorting
    sorted: str


def sorting(column: str, order: str, *, money: bool) -> Sorting:
    """From what an address says; empty is the usual. Raises Invalid, also for money that the reader may not see."""
    seen = [name for name in SORTABLE if money or name != SPEND]
    column = column or NAME
    if column not in seen:
        raise Invalid(f"“{shown(column)}” is no column that you can sort by. {AGAIN}")
    if order not in ("", RISING, FALLING):
        raise Invalid(f"“{shown(order)}” is no order. {AGAIN}")
    return Sorting(column, order or _first(column))


def _first(column: str) -> str:
    return RISING if column in _RISING_FIRST else FALLING


def heads(now: Sorting, *, money: bool) -> list[Head]:
    return [_head(name, label, now) for name, (label, _) in HEADS.items() if money or name != SPEND]


def _head(name: str, label: str, now: Sorting) -> Head:
    if name != now.column:
        return Head(name, label, Sorting(name, _first(name)), "")
    other = RISING if now.is_falling else FALLING
    return Head(name, label, Sorting(name, other), "descending" if now.is_falling else "ascending")


def cells(row: HostRow, *, money: bool) -> list[str]:
    """The numbers of one host, in the order of the heads between name and login."""
    return [unit.shown(COLUMNS[name](row)) for name, unit in _numbers(money=money)]


def average(found: Breakdown, *, money: bool) -> list[str]:
    """The same of the average; small counts have a decimal."""
    return [_mean(unit, found.average[name]) for name, unit in _numbers(money=money)]


def _mean(unit: Unit, value: float | None) -> str:
    if value is None:
        return NONE
    return f"{value:.1f}".removesuffix(".0") if unit is COUNT and value < FEW else unit.shown(value)


def _numbers(*, money: bool) -> Sequence[tuple[str, Unit]]:
    return [(name, unit) for name, (_, unit) in HEADS.items() if unit is not None and (money or name != SPEND)]
