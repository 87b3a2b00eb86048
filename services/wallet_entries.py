"""Writing entries: the one place that changes a balance, and always together with the line that says why."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, case, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import EntryKind, Wallet, WalletEntry
from services.checks import one_line
from services.errors import Conflict
from services.money import dollars
from services.wallet_rows import Account

LONGEST_KEY, LONGEST_NOTE = 60, 200
USED = "The same key was used for something else before. Nothing was changed."
#: past the object mapper, which would take most of the time
ENTRIES = cast(Table, WalletEntry.__table__)
_PLAIN = {"synchronize_session": False}


class KeyUsed(Conflict):
    """The key stands for something else that was done; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What an entry is about: who did it, for whom, what was bought, for what."""

    user_id: int | None = None
    actor_id: int | None = None
    item: str | None = None
    price_list_id: int | None = None
    post_id: int | None = None
    episode_id: int | None = None
    draft_id: int | None = None
    other_wallet_id: int | None = None
    note: str = ""


ABOUT = tuple(About.__slots__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An entry to be written. Micro-dollars, as the columns of WalletEntry."""

    account: Account
    kind: EntryKind
    key: str
    amount: int = 0
    held: int = 0
    cost: int = 0
    price: int = 0
    about: About = About()
    #: where the wallet's own is gone
    podcast_id: int = 0


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry as it was written."""

    key: str
    wallet_id: int
    podcast_id: int
    kind: str
    amount: int
    held: int
    cost: int
    price: int
    balance_after: int
    held_after: int
    about: About


BOOKED = tuple(name for name in Booked.__slots__ if name != "about")


def write(session: Session, lines: Sequence[Line], now: datetime) -> list[Booked]:
    """Balances and entries, in two statements for any number. In the caller's transaction, their wallets locked."""
    if not lines:
        return []
    before = {line.account.id: (line.account.balance, line.account.held) for line in lines}
    booked = [_book(line) for line in lines]
    accounts = {line.account.id: line.account for line in lines}
    moved = {id: (one.balance - before[id][0], one.held - before[id][1]) for id, one in accounts.items()}
    session.execute(
        update(Wallet)
        .where(Wallet.id.in_(list(accounts)))
        .values(
            balance=Wallet.balance + _each({id: amount for id, (amount, _) in moved.items()}),
            held=Wallet.held + _each({id: held for id, (_, held) in moved.items()}),
            pays=_each({id: one.pays for id, one in accounts.items()}),
            is_limited=_each({id: one.is_limited for id, one in accounts.items()}),
        ),
        execution_options=_PLAIN,
    )
    add(session, booked, now)
    return booked


def _each(by_id: dict[int, Any]) -> Any:
    different = set(by_id.values())
    return different.pop() if len(different) == 1 else case(by_id, value=Wallet.id)


def _book(line: Line) -> Booked:
    account = line.account
    account.balance += line.amount
    account.held += line.held
    return Booked(
        line.key,
        account.id,
        line.podcast_id or account.whose.podcast_id,
        line.kind,
        line.amount,
        line.held,
        line.cost,
        line.price,
        account.balance,
        account.held,
        line.about,
    )


def add(session: Session, booked: Sequence[Booked], now: datetime) -> None:
    """The entries themselves, in one statement."""
    session.execute(insert(ENTRIES), [_row(one) | {"at": now} for one in booked])


def _row(one: Booked) -> dict[str, Any]:
    return {name: getattr(one, name) for name in BOOKED} | {name: getattr(one.about, name) for name in ABOUT}


def find(session: Session, keys: Collection[str]) -> dict[str, Booked]:
    """Those of these entries that are there, by key."""
    columns = [getattr(WalletEntry, name) for name in (*BOOKED, *ABOUT)]
    rows = session.execute(select(*columns).where(WalletEntry.key.in_(keys))).mappings()
    return {row["key"]: _read(row) for row in rows}


def _read(row: Any) -> Booked:
    values: dict[str, Any] = {name: row[name] for name in BOOKED}
    return Booked(**values, about=About(**{name: row[name] for name in ABOUT}))


# Once


def own_key(kind: str, key: str) -> str:
    """The key of a deed that a person or a program names, apart from those of other kinds. Raises Invalid."""
    return f"{kind}:{one_line('the key', key, LONGEST_KEY)}"


def own_note(note: str) -> str:
    return one_line("the note", note, LONGEST_NOTE) if note.strip() else ""


def once(session: Session, lines: Sequence[Line], now: datetime) -> list[Booked]:
    """Writes and commits, unless it was done before: then the answer is the same, and nothing is written.

    Raises Conflict when one of these keys stands for something else.
    """
    keys = [line.key for line in lines]
    before = find(session, keys)
    if before:
        session.rollback()
        return repeated(lines, before)
    try:
        booked = write(session, lines, now)
        session.commit()
    except IntegrityError:
        session.rollback()
        before = find(session, keys)  # another did the same at the same moment
        session.rollback()
        if not before:
            raise
        return repeated(lines, before)
    return booked


def repeated(lines: Sequence[Line], before: dict[str, Booked]) -> list[Booked]:
    """What was answered the first time. Raises Conflict when that was not the same."""
    for line in lines:
        found = before.get(line.key)
        if found is None:
            raise KeyUsed(USED)
        same(found, line.account.id, line.kind, amount=line.amount, cost=line.cost)
    return [before[line.key] for line in lines]


def same(found: Booked, wallet_id: int, kind: str, *, amount: int, cost: int) -> None:
    """Raises Conflict unless the entry is just that."""
    if (found.wallet_id, found.kind) != (wallet_id, kind):
        raise KeyUsed(USED)
    if (found.amount, found.cost) != (amount, cost):
        was = dollars(abs(found.amount or found.cost))
        raise KeyUsed(f"The same key was used before, with {was}. Nothing was changed.")
