"""Wallets as pages and commands use them: money put in, given back, set; the rules of a wallet; and all the rest."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from extensions import db
from models import EntryKind, Wallet
from services import audit, figures_version, money
from services.audit import Actor, Kind
from services.errors import Conflict, Invalid, NotFound
from services.money import dollars
from services.wallet_calls import charge, release, reserve
from services.wallet_entries import About, Booked, Line, find, once, own_key, own_note, same
from services.wallet_history import Balance, History, bulk_get_balances, history, sums
from services.wallet_holds import Order, reserve_all, settle_all
from services.wallet_records import record_all
from services.wallet_rows import Account, Whose, lock_of_entries, lock_own, names, start_paying
from services.wallet_transfers import Batch, Moved, Transfer, bulk_transfer, transfer

__all__ = [
    "Balance",
    "Batch",
    "Booked",
    "History",
    "Moved",
    "Order",
    "Rules",
    "Transfer",
    "Whose",
    "adjust",
    "bulk_get_balances",
    "bulk_transfer",
    "charge",
    "grant",
    "history",
    "record_all",
    "refund",
    "release",
    "reserve",
    "reserve_all",
    "set_rules",
    "settle_all",
    "sums",
    "top_up",
    "transfer",
]
NOT_HERE = "This person is not on {podcast}."


def top_up(whose: Whose, amount: int, *, key: str, by: Actor, now: datetime, note: str = "") -> Booked:
    """Puts money in. The same key again gives the same answer and puts in nothing.

    Raises Invalid, NotFound, and Conflict for a key of something else.
    """
    money.amount("the amount", amount)
    name, about = own_key("top_up", key), About(user_id=whose.user_id, actor_id=by.user_id, note=own_note(note))
    account, podcast = _accounts(db.session(), whose)
    start_paying(account, podcast)
    line = Line(account=account, kind=EntryKind.TOP_UP, key=name, amount=amount, about=about)
    return once(db.session(), [line], now)[0]


def grant(podcast_id: int, amount: int, *, key: str, by: Actor, now: datetime, note: str = "") -> Batch:
    """Gives every host of the podcast so much from its wallet, or nobody anything."""
    podcast, hosts = names(db.session(), podcast_id)
    if not hosts:
        db.session.rollback()
        raise Conflict(f"Nobody is on {podcast} yet.")
    rows = [Transfer(Whose(podcast_id), Whose(podcast_id, user_id), amount) for user_id in sorted(hosts)]
    return bulk_transfer(rows, key=key, by=by, now=now, note=note)


def adjust(whose: Whose, balance: int, *, key: str, by: Actor, now: datetime, note: str = "") -> Booked:
    """Sets the balance, and writes down by how much that changed it. Raises Invalid, NotFound, Conflict."""
    if not isinstance(balance, int) or isinstance(balance, bool) or abs(balance) > money.MOST:
        raise Invalid(f"A balance is between {dollars(-money.MOST)} and {dollars(money.MOST)}.")
    name, about = own_key("adjust", key), About(user_id=whose.user_id, actor_id=by.user_id, note=own_note(note))
    session = db.session()
    account = _account(session, whose)
    before = find(session, [name]).get(name)
    if before is not None:
        session.rollback()
        same(before, account.id, EntryKind.ADJUST, amount=before.amount + balance - before.balance_after, cost=0)
        return before
    if account.is_limited and balance < account.held:
        session.rollback()
        raise Conflict(f"{dollars(account.held)} are held for calls under way, and this wallet has a limit.")
    line = Line(account=account, kind=EntryKind.ADJUST, key=name, amount=balance - account.balance, about=about)
    return once(session, [line], now)[0]


def refund(charged: Booked, cost: int, *, by: Actor, now: datetime, note: str = "") -> Booked:
    """Takes back so much of a charge that was not asked for in the end, once. Raises Invalid and Conflict."""
    money.amount("the amount", cost)
    if charged.kind != EntryKind.CHARGE or cost > charged.cost:
        raise Invalid(f"At most {dollars(charged.cost)} can be refunded.")
    session = db.session()
    account = lock_of_entries(session, [charged.key])[charged.wallet_id]
    line = Line(
        account=account,
        kind=EntryKind.REFUND,
        key=f"{charged.key}#refund",
        amount=min(cost, -charged.amount),
        cost=-cost,
        about=replace(charged.about, actor_id=by.user_id, note=own_note(note)),
        podcast_id=charged.podcast_id,
    )
    figures_version.raise_for(session, [charged.podcast_id])
    return once(session, [line], now)[0]


@dataclass(frozen=True, slots=True)
class Rules:
    """What an admin sets for a wallet, in micro-dollars: None is none. `stops_posts` belongs to a podcast's.

    `pays`: whether a host pays from the own wallet; None: as it was, and from the own one where that has a limit.
    """

    is_limited: bool = False
    stops_posts: bool = False
    allowance: int | None = None
    budget: int | None = None
    pays: bool | None = None


def set_rules(whose: Whose, rules: Rules, by: Actor, now: datetime) -> None:
    """Raises Invalid, NotFound, and Conflict when a wallet below zero is to have a limit."""
    for what, micros in (("the allowance", rules.allowance), ("the budget", rules.budget)):
        if micros is not None:
            money.amount(what, micros)
    is_host = whose.user_id is not None
    if rules.pays is not None and not is_host:
        raise Invalid("Who pays is set for a host: name one.")
    if rules.pays is False and rules.is_limited:
        raise Invalid("A limit is for who pays from the own wallet. Lift it, and the podcast can pay.")
    if is_host and rules.stops_posts:
        raise Invalid("Whether an empty wallet stops posts is set for the whole podcast.")
    if rules.stops_posts and not rules.is_limited:
        raise Invalid("Without a limit no wallet is ever empty, so it stops nothing. Set the limit as well.")
    session = db.session()
    account = _account(session, whose)
    if rules.is_limited and account.free < 0:
        session.rollback()
        raise Conflict(f"The wallet is {dollars(-account.free)} below zero. Top it up, or set its balance, first.")
    values = {name: getattr(rules, name) for name in Rules.__slots__}
    del values["pays"]
    if is_host:
        values["pays"] = (account.pays or rules.is_limited) if rules.pays is None else rules.pays
    session.execute(
        update(Wallet).where(Wallet.id == account.id).values(**values),
        execution_options={"synchronize_session": False},
    )
    said = {name: value for name, value in values.items() if name != "pays" or rules.pays is not None}
    audit.note(Kind.WALLET_SET, by, now, podcast_id=whose.podcast_id, subject_id=whose.user_id, **said)
    session.commit()


def _account(session: Session, whose: Whose) -> Account:
    """The wallet, locked, made if need be. Raises NotFound for who is not on the podcast and has none."""
    return _accounts(session, whose)[0]


def _accounts(session: Session, whose: Whose) -> tuple[Account, Account]:
    """The same, and that of its podcast."""
    podcast, hosts = names(session, whose.podcast_id)
    accounts = lock_own(session, [whose], hosts)
    if whose not in accounts:
        session.rollback()
        raise NotFound(NOT_HERE.format(podcast=podcast))
    return accounts[whose], accounts[whose.podcast]
