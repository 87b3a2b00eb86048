"""What one call costs: held, charged, released, in two statements each and committed at once.

What was paid changes the podcast's numbers, which one statement more says.
What several cost together, in the transaction that says what became of them, is in wallet_holds.py.
"""

from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any, cast

from sqlalchemy import BigInteger, Table, and_, bindparam, case, exists, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from extensions import db
from models import EntryKind, Wallet, WalletEntry, WalletOwner
from services.errors import Conflict, Uncovered
from services.money import dollars
from services.wallet_entries import Booked, add, find, same
from services.wallet_holds import Order, ending_of, reserve_all, reserved, taken

WALLETS = cast(Table, Wallet.__table__)


def reserve(order: Order, now: datetime) -> Booked:
    """Holds what it may cost. Raises Uncovered when it must not be bought."""
    session = db.session()
    try:
        answer = _reserve_at_once(session, order, now) or reserve_all(session, [order], now)[order.key]
        session.commit()
    except IntegrityError:
        session.rollback()  # another did the same at the same moment
        answer = reserve_all(session, [order], now)[order.key]
        session.commit()
    if isinstance(answer, Uncovered):
        raise answer
    if answer.price != order.cost:
        raise Conflict(f"The same key was used before, with {dollars(answer.price)}. Nothing was changed.")
    return answer


def _reserve_at_once(session: Session, order: Order, now: datetime) -> Booked | None:
    """Two statements where nothing speaks against it. None, and nothing done, where there is more to look at."""
    key, whose = reserved(order.key), order.whose
    given = {"podcast": whose.podcast_id, "user": whose.user_id, "price": order.cost, "key": key}
    row = session.execute(_holding(is_draft=order.is_draft), given).one_or_none()
    if row is None:
        return None
    booked = Booked(
        key=key,
        wallet_id=row.id,
        podcast_id=whose.podcast_id,
        kind=EntryKind.RESERVE,
        amount=0,
        held=order.cost,
        cost=0,
        price=order.cost,
        balance_after=row.balance,
        held_after=row.held,
        about=order.about,
    )
    add(session, [booked], now)
    return booked


@cache
def _holding(*, is_draft: bool) -> Any:
    """Holds :price for :user under :key, if a limit allows it, no budget has to be looked at, and it was not done yet.

    Made once: that takes longer than asking.
    """
    here, host = WALLETS.c.podcast_id == bindparam("podcast"), WALLETS.c.user_id == bindparam("user")
    of_podcast = WALLETS.c.owner == WalletOwner.PODCAST
    # As wallet_rows.payer: a host who was given money, otherwise the podcast. "host" comes before "podcast".
    payer = select(WALLETS.c.id).where(here, or_(of_podcast, and_(host, WALLETS.c.pays))).order_by(WALLETS.c.owner)
    change = update(WALLETS).where(
        WALLETS.c.id == payer.limit(1).scalar_subquery(),
        or_(~WALLETS.c.is_limited, WALLETS.c.balance - WALLETS.c.held >= bindparam("price", type_=BigInteger)),
        ~exists().where(WalletEntry.key == bindparam("key")),
    )
    if is_draft:
        budgets = select(WALLETS.c.id).where(here, or_(of_podcast, host), WALLETS.c.budget.is_not(None))
        change = change.where(~budgets.exists())
    change = change.values(held=WALLETS.c.held + bindparam("price", type_=BigInteger))
    return change.returning(WALLETS.c.id, WALLETS.c.balance, WALLETS.c.held)


def charge(hold: Booked, cost: int, now: datetime) -> Booked:
    """What it did cost, in two statements. The second time the answer is the same. Raises Conflict for another cost."""
    return _end_one(hold, EntryKind.CHARGE, cost, now)


def release(hold: Booked, now: datetime) -> Booked:
    """It was clearly refused: nothing is held any more. Two statements."""
    return _end_one(hold, EntryKind.RELEASE, 0, now)


def _end_one(hold: Booked, kind: EntryKind, cost: int, now: datetime) -> Booked:
    session, key = db.session(), ending_of(hold)
    try:
        given = {"wallet": hold.wallet_id, "key": key, "held_so_far": hold.held, "price": cost}
        given["covered"] = taken(hold, cost, is_limited=True)
        row = session.execute(_ending(), given).one_or_none()
        if row is not None:
            booked = _booked(hold, kind, key, cost, row)
            add(session, [booked], now)
            session.commit()
            return booked
        session.rollback()
        before = find(session, [key])
    except IntegrityError:
        session.rollback()
        before = find(session, [key])  # another ended it at the same moment
        if not before:
            raise
    session.rollback()
    if key not in before:
        raise Conflict("Nothing is held for this.")
    same(before[key], hold.wallet_id, kind, amount=before[key].amount, cost=cost)
    return before[key]


@cache
def _ending() -> Any:
    """Nothing held any more in :wallet, and the :price gone, :covered with a limit; unless :key is there already."""
    price, covered, so_far = (bindparam(name, type_=BigInteger) for name in ("price", "covered", "held_so_far"))
    amount = case((WALLETS.c.is_limited, covered), else_=price)
    change = update(WALLETS).where(
        WALLETS.c.id == bindparam("wallet"), ~exists().where(WalletEntry.key == bindparam("key"))
    )
    change = change.values(balance=WALLETS.c.balance - amount, held=WALLETS.c.held - so_far)
    return change.returning(WALLETS.c.balance, WALLETS.c.held, WALLETS.c.is_limited)


def _booked(hold: Booked, kind: EntryKind, key: str, cost: int, row: Any) -> Booked:
    amount = -taken(hold, cost, is_limited=row.is_limited)
    ending = replace(hold, key=key, kind=kind, amount=amount, held=-hold.held, cost=cost, price=0)
    return replace(ending, balance_after=row.balance, held_after=row.held)
