"""How to spend less: what each habit costs in a month, by what was really counted. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import eq

from services import prices
from services.money import dollars
from services.paying import USER_READ
from services.prices import Prices
from services.spend_words import is_ai
from services.wallet_history import Sum

Fits = Callable[[str | None], bool]


@dataclass(frozen=True, slots=True)
class Saving:
    """`micros`: what would have been saved in that month; 0 where nothing of it was bought."""

    title: str
    words: str
    micros: int


def savings(spent: Iterable[Sum], asked: Prices) -> list[Saving]:
    """Of one month, dearest first."""
    spent = list(spent)
    found = [_links(spent, asked), _drafts(spent), _reads(spent, asked)]
    return sorted(found, key=lambda saving: -saving.micros)


def _links(spent: Sequence[Sum], asked: Prices) -> Saving:
    dear, cheap = asked.post(has_link=True), asked.post(has_link=False)
    count, cost = _of(spent, lambda item: item == prices.POST_WITH_LINK)
    words = f"A post with a link costs {dollars(dear)}, one without {dollars(cheap)}."
    saved = max(0, cost - count * cheap)
    if count:
        words += f" {_count(count, 'post')} had one. Keep it where people come from, and switch it off elsewhere."
    return Saving("Post without links", words, saved)


def _drafts(spent: Sequence[Sum]) -> Saving:
    count, cost = _of(spent, is_ai)
    words = "The built-in writer costs nothing; a host's usual text does not either."
    if count:
        words += f" {_count(count, 'draft')} came from an AI, {dollars(-(-cost // count))} each on average."
    return Saving("Use the built-in writer", words, cost)


def _reads(spent: Sequence[Sum], asked: Prices) -> Saving:
    """Posts and accounts apart: they have prices of their own, and other reasons to be read."""
    posts, accounts = (_of(spent, partial(eq, item)) for item in (prices.READ, USER_READ))
    words = f"Each post that is read at X costs {dollars(asked.cost(prices.READ))}. "
    words += "Airhorn reads posts when X did not confirm one, where somebody asks for earlier posts, and for what came "
    words += f"of them where that is switched on.{_taken(*posts, 'post')} "
    words += f"Each account costs {dollars(asked.cost(USER_READ))}: Rehearse reads that of every host, once a day at "
    words += f"most.{_taken(*accounts, 'account')}"
    return Saving("Read less at X", words, posts[1] + accounts[1])


def _taken(count: int, cost: int, noun: str) -> str:
    return f" {_count(count, noun)} took {dollars(cost)}." if count else ""


def _of(spent: Sequence[Sum], fits: Fits) -> tuple[int, int]:
    found = [one for one in spent if fits(one.item)]
    return sum(one.entries for one in found), sum(one.cost for one in found)


def _count(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count:,} {noun}s"
