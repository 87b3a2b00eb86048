"""Whether every balance is what its entries add up to. Reads only."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select

from extensions import db
from models import EntryKind, Wallet, WalletEntry
from services.money import dollars


@dataclass(frozen=True, slots=True)
class Difference:
    """A wallet that does not add up, or with no id transfers of a podcast that do not. `what` is a sentence."""

    wallet_id: int | None
    podcast_id: int | None
    user_id: int | None
    what: str


def differences() -> list[Difference]:
    """None while all is well. Three statements over all entries; each sees one moment, also while others spend."""
    return [*_sums(), *_running(), *_transfers()]


def _sums() -> list[Difference]:
    amount, held = (func.coalesce(func.sum(column), 0) for column in (WalletEntry.amount, WalletEntry.held))
    query = (
        select(Wallet.id, Wallet.podcast_id, Wallet.user_id, Wallet.balance, Wallet.held, amount, held)
        .outerjoin(WalletEntry, WalletEntry.wallet_id == Wallet.id)
        .group_by(Wallet.id)
        .having(or_(Wallet.balance != amount, Wallet.held != held))
        .order_by(Wallet.id)
    )
    said = "It says {} with {} held; its entries add up to {} with {} held."
    return [
        Difference(row[0], row[1], row[2], said.format(*(dollars(int(micros)) for micros in row[3:])))
        for row in db.session.execute(query)
    ]


def _running() -> list[Difference]:
    """The first entry of each wallet whose balance is not the one before it plus its amount."""

    def so_far(column: Any) -> Any:
        return func.sum(column).over(partition_by=WalletEntry.wallet_id, order_by=WalletEntry.id)

    run = select(
        WalletEntry.id,
        WalletEntry.wallet_id,
        (WalletEntry.balance_after - so_far(WalletEntry.amount)).label("off"),
        (WalletEntry.held_after - so_far(WalletEntry.held)).label("held_off"),
    ).subquery()
    wrong = select(run.c.wallet_id, func.min(run.c.id).label("first")).where(or_(run.c.off != 0, run.c.held_off != 0))
    first = wrong.group_by(run.c.wallet_id).subquery()
    query = select(Wallet.id, Wallet.podcast_id, Wallet.user_id, first.c.first)
    query = query.join(first, first.c.wallet_id == Wallet.id).order_by(Wallet.id)
    said = "From entry {} on, the balance written beside each entry is not their sum."
    return [Difference(row[0], row[1], row[2], said.format(row[3])) for row in db.session.execute(query)]


def _transfers() -> list[Difference]:
    total = func.sum(WalletEntry.amount)
    query = select(WalletEntry.podcast_id, total).where(WalletEntry.kind == EntryKind.TRANSFER)
    query = query.group_by(WalletEntry.podcast_id).having(total != 0).order_by(WalletEntry.podcast_id)
    return [
        Difference(None, podcast_id, None, f"Its transfers leave {dollars(int(left))} that no wallet has.")
        for podcast_id, left in db.session.execute(query)
    ]
