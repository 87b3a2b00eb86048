"""A podcast whose money is counted: its hosts by name, wallets to fill and spend from, and a check of every entry."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

from sqlalchemy import event, select

from extensions import db
from models import EntryKind, PodcastMember, User, WalletEntry
from services import prices, wallet
from services.audit import NOBODY
from services.money import DOLLAR
from services.wallet import Balance, Booked, Order, Rules, Whose
from services.wallet_check import differences
from tests.cast import Cast

EVENING = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
WITH_LINK, WITHOUT = 200_000, 15_000


class Till:
    """Deep Dive with Ada and Bo. Amounts are micro-dollars."""

    def __init__(self, cast: Cast, hosts: tuple[str, ...] = ("ada", "bo"), **columns: Any) -> None:
        show = cast.show(hosts=hosts, **{"connected": False} | columns)
        self.cast, self.show_id, self.now = cast, show.id, EVENING
        query = select(User.name, User.id).join(PodcastMember, PodcastMember.user_id == User.id)
        rows = db.session.execute(query.where(PodcastMember.podcast_id == show.id)).all()
        self.ids = {name.lower(): user_id for name, user_id in rows}
        self.podcast = Whose(self.show_id)
        self._keys = count(1)
        db.session.rollback()

    def of(self, host: str) -> Whose:
        return Whose(self.show_id, self.ids[host])

    def key(self) -> str:
        return f"key-{next(self._keys)}"

    # Doing

    def top_up(self, whose: Whose, dollars: int = 1, **more: Any) -> Booked:
        more = {"key": self.key(), "by": NOBODY, "now": self.now} | more
        return wallet.top_up(whose, dollars * DOLLAR, **more)

    def limit(self, whose: Whose, **rules: Any) -> None:
        wallet.set_rules(whose, Rules(is_limited=True, **rules), NOBODY, self.now)

    def order(
        self, host: str = "ada", cost: int = WITH_LINK, *, item: str = prices.POST_WITH_LINK, **more: Any
    ) -> Order:
        return Order(key=more.pop("key", None) or self.key(), whose=self.of(host), item=item, cost=cost, **more)

    def draft(self, host: str = "ada", cost: int = 1_000, **more: Any) -> Order:
        return self.order(host, cost, item="ai", **more)

    def spend(self, host: str = "ada", cost: int = WITH_LINK, **more: Any) -> Booked:
        return wallet.charge(wallet.reserve(self.order(host, cost, **more), self.now), cost, self.now)

    # Seeing

    def balance(self, whose: Whose) -> Balance:
        found = wallet.bulk_get_balances([whose])[whose]
        db.session.rollback()
        return found

    def stands(self, whose: Whose) -> tuple[int, int]:
        """(balance, held)."""
        found = self.balance(whose)
        return found.balance, found.held

    def entries(self, *kinds: EntryKind) -> list[WalletEntry]:
        query = select(WalletEntry).order_by(WalletEntry.id)
        found = list(db.session.execute(query.where(WalletEntry.kind.in_(kinds)) if kinds else query).scalars())
        db.session.expunge_all()
        db.session.rollback()
        return found

    def adds_up(self) -> bool:
        found = differences()
        db.session.rollback()
        assert found == []
        return True


@contextmanager
def statements() -> Iterator[list[str]]:
    """What the database is asked meanwhile, BEGIN aside."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN"):
            asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
