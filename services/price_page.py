"""The price list as those who run the server see and change it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services import money, prices
from services.audit import Actor
from services.errors import Conflict, Invalid
from services.prices import Prices
from services.spend_words import is_ai, item_words


@dataclass(frozen=True, slots=True)
class Row:
    """One price, in micro-dollars for so many."""

    item: str
    micros: int

    @property
    def words(self) -> str:
        return item_words(self.item)

    @property
    def is_ai(self) -> bool:
        return is_ai(self.item)


@dataclass(frozen=True, slots=True)
class Planned:
    """A list that is to come: from when on, and each price that it changes, before and after."""

    since: datetime
    changes: Sequence[tuple[str, int, int]]


@dataclass(frozen=True, slots=True)
class PricePage:
    """`since`: from when the list in force holds."""

    version: int | None
    since: datetime | None
    rows: Sequence[Row]
    planned: Sequence[Planned]


def price_page(now: datetime) -> PricePage:
    """One statement."""
    lists = prices.known(now).lists
    if not lists:
        return PricePage(None, None, [], [])
    since, in_force = lists[0]
    planned = [Planned(at, _changes(lists[n][1], found)) for n, (at, found) in enumerate(lists[1:])]
    return PricePage(in_force.version, since, _rows(in_force), planned)


def _rows(found: Prices) -> list[Row]:
    """X's first, dearest first."""
    rows = [Row(item, micros) for item, (micros, _) in found.of.items()]
    return sorted(rows, key=lambda row: (row.is_ai, row.item if row.is_ai else "", -row.micros))


def _changes(before: Prices, after: Prices) -> list[tuple[str, int, int]]:
    """What only the later one names did cost nothing before."""
    both = {item: (before.of.get(item, (0, 1))[0], micros) for item, (micros, _) in after.of.items()}
    return [(item_words(item), was, becomes) for item, (was, becomes) in both.items() if was != becomes]


def price(text: str) -> int:
    """Micro-dollars, also none. Raises Invalid."""
    micros = money.micros("the price", text)
    if not 0 <= micros <= prices.MOST:
        raise Invalid(f"A price is between {money.dollars(0)} and {money.dollars(prices.MOST)}.")
    return micros


def change(
    typed: Mapping[str, int], seen_version: str, effective_at: datetime | None, by: Actor, now: datetime
) -> datetime:
    """A new list with what differs from the list in force. Returns from when on it holds; None as a day: from now on.

    Raises Invalid, and Conflict where the list in force is not the one that was seen.
    """
    page = price_page(now)
    if seen_version != str(page.version):
        raise Conflict("The price list has changed since this page was opened. Look at each price, then save again.")
    known = {row.item: row.micros for row in page.rows}
    changes = {item: micros for item, micros in typed.items() if known.get(item) != micros}
    if not changes:
        raise Invalid("No price differs from the list in force, so there is nothing to change.")
    effective_at = effective_at or now
    prices.change(changes, effective_at, by, now)
    return effective_at
