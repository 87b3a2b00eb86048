"""Whether money holds while many spend it at once, in each of the ways in which it is spent: by single calls, with
what becomes of posts, and by what has happened already. What is left is compared with what was ordered, too, since
entries that are wrong all alike add up as well.
"""

import random
from collections.abc import Callable
from itertools import count
from typing import Any

from sqlalchemy import select, text

from benchmarks import equality
from benchmarks.bed import Databases
from benchmarks.checking import RACERS, MissedError, all_at_once, application, none
from extensions import db
from models import Wallet, WalletOwner
from services import prices, wallet, wallet_check
from services.audit import NOBODY
from services.errors import Uncovered
from services.wallet import Order, Rules, Whose

ORDERS, ROUNDS = 20, 5
PRICE = 15_000
NOW = equality.BEGINNING


def double_spend(databases: Databases, engine: str) -> str:
    """Of many who want the last money at once, one gets it, whichever way they ask."""
    with application(databases, engine):
        whose, keys = _rich(PRICE), (f"race:{number}" for number in count())
        for _ in range(ROUNDS):
            for reserve in (_reserve, _reserve_posts):
                held = _race_to_hold(whose, reserve, [next(keys) for _ in range(RACERS)])
                _race_to_end(whose, held)
            _race_to_record(whose, [next(keys) for _ in range(RACERS)])
        none("differences in the books", wallet_check.differences())
    return f"one of {RACERS} at once, {ROUNDS} times in each of 4 ways"


def _race_to_hold(whose: Whose, reserve: Callable[[Whose, str], Any], keys: list[str]) -> str:
    """The key of the one who got it."""
    answers = all_at_once(lambda number: reserve(whose, keys[number]) and keys[number])
    (got, *more) = [key for key in answers if key] or [""]
    if more or not got:
        raise MissedError(f"{len(more) + bool(got)} of {RACERS} got money that was there once")
    _is_left(whose, PRICE, PRICE)
    return got


def _race_to_end(whose: Whose, key: str) -> None:
    ended = [len(one) for one in all_at_once(lambda _: _settle_posts({}, [key]))]
    if sum(ended) != 1:
        raise MissedError(f"what was held once was given back {sum(ended)} times")
    _is_left(whose, PRICE, 0)


def _race_to_record(whose: Whose, keys: list[str]) -> None:
    """All of it has happened; a wallet with a limit pays no more than it has."""
    all_at_once(lambda number: _record(whose, keys[number]))
    _is_left(whose, 0, 0)
    wallet.top_up(whose, PRICE, key=keys[0], by=NOBODY, now=NOW)


def ledger_sum(databases: Databases, engine: str) -> str:
    """Entries add up to balances, and these to what was ordered, whoever holds, pays and takes back at once."""
    begun = 2 * PRICE * RACERS * ORDERS
    with application(databases, engine):
        whose = _rich(begun)
        sums = all_at_once(lambda number: _trade(whose, random.Random(number), number))
        none("differences in the books", wallet_check.differences())
        _is_left(whose, begun - sum(paid for paid, _ in sums), sum(held for _, held in sums))
        entries = db.session.execute(text("SELECT count(*) FROM wallet_entries")).scalar_one()
    return f"{entries} entries of {RACERS} at once, and what is left is what was not spent"


def _trade(whose: Whose, dice: random.Random, number: int) -> tuple[int, int]:
    """What these orders have cost, and what they still hold: counted here, whatever the wallet says."""
    paid = held = 0
    for order in range(ORDERS):
        cost, is_kept = (_one_call, _one_post, _one_read)[order % 3](whose, dice, f"{number}:{order}")
        paid, held = paid + cost, held + (PRICE if is_kept else 0)
    return paid, held


def _one_call(whose: Whose, dice: random.Random, key: str) -> tuple[int, bool]:
    """What it costs, and whether it stays held."""
    hold, cost, fate = _reserve(whose, key), dice.choice((PRICE, 0)), dice.random()
    if fate < 0.5:
        wallet.charge(hold, cost, NOW)
        return cost, False
    if fate < 0.9:
        wallet.release(hold, NOW)
    return 0, fate >= 0.9


def _one_post(whose: Whose, dice: random.Random, key: str) -> tuple[int, bool]:
    _reserve_posts(whose, key)
    fate = dice.random()
    if fate < 0.5:
        _settle_posts({key: None}, [])
        return PRICE, False
    if fate < 0.9:
        _settle_posts({}, [key])
    return 0, fate >= 0.9


def _one_read(whose: Whose, _dice: random.Random, key: str) -> tuple[int, bool]:
    _record(whose, key)
    _record(whose, key)
    return PRICE, False


# One deed in each way


def _order(whose: Whose, key: str) -> Order:
    return Order(key=key, whose=whose, item=prices.POST, cost=PRICE)


def _reserve(whose: Whose, key: str) -> Any:
    try:
        return wallet.reserve(_order(whose, key), NOW)
    except Uncovered:
        return None


def _reserve_posts(whose: Whose, key: str) -> Any:
    answer = wallet.reserve_all(db.session(), [_order(whose, key)], NOW)[key]
    db.session.commit()
    return None if isinstance(answer, Uncovered) else answer


def _settle_posts(charged: dict[str, int | None], released: list[str]) -> list[Any]:
    booked = wallet.settle_all(db.session(), charged, released, NOW)
    db.session.commit()
    return list(booked)


def _record(whose: Whose, key: str) -> None:
    wallet.record_all(db.session(), [_order(whose, key)], NOW)
    db.session.commit()


# The wallet


def _rich(balance: int) -> Whose:
    """A podcast whose wallet has so much and no more."""
    whose = Whose(equality.Scene().podcast_id)
    wallet.top_up(whose, balance, key="verify", by=NOBODY, now=NOW)
    wallet.set_rules(whose, Rules(is_limited=True, stops_posts=True), NOBODY, NOW)
    return whose


def _is_left(whose: Whose, balance: int, held: int) -> None:
    query = select(Wallet.balance, Wallet.held)
    query = query.where(Wallet.podcast_id == whose.podcast_id, Wallet.owner == WalletOwner.PODCAST)
    found = tuple(db.session.execute(query).one())
    db.session.rollback()
    if found != (balance, held):
        raise MissedError(f"{found[0]} left and {found[1]} held, though by the orders it is {balance} and {held}")
