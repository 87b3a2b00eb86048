"""Money between a podcast's wallet and its hosts': one transfer, or many of which all happen or none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from extensions import db
from models import EntryKind
from services import money
from services.audit import Actor
from services.errors import AirhornError, Conflict, Invalid
from services.money import dollars
from services.wallet_entries import USED, About, Booked, KeyUsed, Line, find, own_key, own_note, repeated, write
from services.wallet_rows import Account, Whose, lock_own, names, start_paying

#: transfers at once
AT_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Transfer:
    """So many micro-dollars from one wallet to another."""

    source: Whose
    target: Whose
    amount: int


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of one transfer. `trouble`: why it cannot be done; None when it could, alone."""

    transfer: Transfer
    trouble: str | None = None
    source_after: int | None = None
    target_after: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Transfers that were done together; with trouble in one of them none was."""

    rows: list[Moved]
    is_done: bool

    @property
    def trouble(self) -> str:
        return next((row.trouble for row in self.rows if row.trouble), "")


def transfer(  # noqa: PLR0913 - what is moved, and on whose word
    source: Whose, target: Whose, amount: int, *, key: str, by: Actor, now: datetime, note: str = ""
) -> Moved:
    """Raises Invalid for what can be no transfer, Conflict when there is not enough or the key was used for another."""
    batch = bulk_transfer([Transfer(source, target, amount)], key=key, by=by, now=now, note=note)
    if not batch.is_done:
        raise Conflict(batch.trouble)
    return batch.rows[0]


def bulk_transfer(transfers: Sequence[Transfer], *, key: str, by: Actor, now: datetime, note: str = "") -> Batch:
    """All of them in one transaction, or none; each with what became of it. The statements do not grow with them.

    The same key again gives the same answer and moves nothing. Raises Invalid, Conflict for a key of something else.
    """
    _check(transfers)
    base, note = own_key("transfer", key), own_note(note)
    session = db.session()
    try:
        batch = _move(session, transfers, base, About(actor_id=by.user_id, note=note), now)
        session.commit()
    except IntegrityError:
        session.rollback()  # another did the same at the same moment
        batch = _move(session, transfers, base, About(actor_id=by.user_id, note=note), now)
        session.commit()
    except AirhornError:
        session.rollback()
        raise
    return batch


def _check(transfers: Sequence[Transfer]) -> None:
    if not 0 < len(transfers) <= AT_MOST:
        raise Invalid(f"Between 1 and {AT_MOST} transfers can be made at once.")
    for one in transfers:
        money.amount("the amount", one.amount)
        if one.source == one.target:
            raise Invalid("This is the same wallet. Choose another one to transfer to.")
        if one.source.podcast_id != one.target.podcast_id:
            raise Invalid("Money stays within its podcast. Choose a wallet of the same one.")
        if (one.source.user_id is None) == (one.target.user_id is None):
            raise Invalid("Transfers go from the podcast to a host, or back.")
    if len({one.source.podcast_id for one in transfers}) > 1:
        raise Invalid("All of these transfers must be within one podcast.")


def _move(session: Session, transfers: Sequence[Transfer], base: str, about: About, now: datetime) -> Batch:
    podcast, hosts = names(session, transfers[0].source.podcast_id)
    accounts = lock_own(session, {whose for one in transfers for whose in (one.source, one.target)}, hosts)
    before = find(session, [_key(base, n, side) for n in range(len(transfers) + 1) for side in ("out", "in")])
    if before and not {whose for one in transfers for whose in (one.source, one.target)} <= accounts.keys():
        raise KeyUsed(USED)
    troubles = [] if before else list(_troubles(transfers, accounts, hosts, podcast))
    if any(troubles):
        session.rollback()
        rows = [Moved(one, trouble) for one, trouble in zip(transfers, troubles, strict=True)]
        return Batch(rows, is_done=False)
    lines = [line for n, one in enumerate(transfers) for line in _lines(one, accounts, base, n, about)]
    if len(before) > len(lines):
        raise KeyUsed(USED)
    booked = repeated(lines, before) if before else write(session, lines, now)
    return Batch(_rows(transfers, booked), is_done=True)


def _key(base: str, number: int, side: str) -> str:
    return f"{base}:{number}:{side}"


def _troubles(
    transfers: Sequence[Transfer], accounts: dict[Whose, Account], hosts: dict[int, str], podcast: str
) -> Iterator[str | None]:
    """One after the other: what the earlier ones took is not there for the later."""
    free = {whose: account.free for whose, account in accounts.items()}
    for one in transfers:
        user_id = one.target.user_id
        if user_id is not None and user_id not in hosts:
            yield f"This person is not on {podcast}."
            continue
        left = free.get(one.source, 0)
        if left < one.amount:
            whose = podcast if one.source.user_id is None else hosts.get(one.source.user_id, "this host")
            yield f"{whose} has {dollars(max(0, left))} to give away, not {dollars(one.amount)}."
            continue
        free[one.source] = left - one.amount
        free[one.target] = free.get(one.target, 0) + one.amount
        yield None


def _lines(one: Transfer, accounts: dict[Whose, Account], base: str, number: int, about: About) -> Iterator[Line]:
    source, target = accounts[one.source], accounts[one.target]
    user_id = one.source.user_id or one.target.user_id
    start_paying(target, accounts[one.target.podcast])
    if one.source.user_id is not None and (source.balance, source.held) == (one.amount, 0):
        source.pays = False  # all is given back, so the podcast pays again
    for account, other, amount, side in ((source, target, -one.amount, "out"), (target, source, one.amount, "in")):
        said = replace(about, user_id=user_id, other_wallet_id=other.id)
        yield Line(account=account, kind=EntryKind.TRANSFER, key=_key(base, number, side), amount=amount, about=said)


def _rows(transfers: Sequence[Transfer], booked: Sequence[Booked]) -> list[Moved]:
    pairs = zip(transfers, booked[::2], booked[1::2], strict=True)
    return [Moved(one, None, out.balance_after, into.balance_after) for one, out, into in pairs]
