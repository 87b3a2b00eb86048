"""Reading wallets: balances, the history with people and episodes, what was spent on what. Reads only."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from extensions import db
from models import EpisodeGuide, PodcastMember, User, Wallet, WalletEntry, WalletOwner
from services.wallet_rows import Whose

PAGE, BATCH = 100, 500
FORMER = "a former host"
_WALLET = (Wallet.balance, Wallet.held, Wallet.is_limited, Wallet.pays, Wallet.stops_posts)


@dataclass(frozen=True, slots=True)
class Balance:
    """How a wallet stands, in micro-dollars. One that was never needed is empty and without a limit."""

    balance: int = 0
    held: int = 0
    is_limited: bool = False
    pays: bool = False
    stops_posts: bool = False
    allowance: int | None = None
    budget: int | None = None

    @property
    def free(self) -> int:
        return self.balance - self.held


def bulk_get_balances(wanted: Collection[Whose]) -> dict[Whose, Balance]:
    """How each of these wallets stands, in one statement for any number."""
    if not wanted:
        return {}
    hosts = {whose.user_id for whose in wanted if whose.user_id is not None}
    query = select(Wallet.podcast_id, Wallet.user_id, *_WALLET, Wallet.allowance, Wallet.budget).where(
        Wallet.podcast_id.in_({whose.podcast_id for whose in wanted}),
        or_(Wallet.owner == WalletOwner.PODCAST, Wallet.user_id.in_(hosts)),
    )
    rows: list[Any] = list(db.session.execute(query))
    found = {Whose(row.podcast_id, row.user_id): Balance(*row[2:]) for row in rows}
    return {whose: found.get(whose, Balance()) for whose in wanted}


@dataclass(frozen=True, slots=True)
class OwnWallet:
    """A wallet with its owner's name. The podcast's own comes first, and has no user."""

    whose: Whose
    name: str
    balance: Balance
    is_member: bool = True

    @property
    def user_id(self) -> int | None:
        return self.whose.user_id


def wallets_of(podcast_id: int, podcast: str) -> list[OwnWallet]:
    """The podcast's, then its members' by name, made or not, then of former ones what is not empty. Two statements."""
    on_it = (PodcastMember.user_id == User.id) & (PodcastMember.podcast_id == podcast_id)
    members = select(User.id, User.name).join(PodcastMember, on_it).order_by(User.name, User.id)
    names = {row.id: row.name for row in db.session.execute(members)}
    query = select(Wallet.owner, Wallet.user_id, User.name, *_WALLET, Wallet.allowance, Wallet.budget)
    query = query.outerjoin(User, User.id == Wallet.user_id).where(Wallet.podcast_id == podcast_id).order_by(Wallet.id)
    rows: list[Any] = list(db.session.execute(query))
    found = {row.user_id: Balance(*row[3:]) for row in rows if row.owner == WalletOwner.PODCAST or row.user_id}
    former = {row.user_id: row.name for row in rows if row.user_id is not None and row.user_id not in names}
    first = OwnWallet(Whose(podcast_id), podcast, found.get(None, Balance()))
    hosts = [OwnWallet(Whose(podcast_id, id), name, found.get(id, Balance())) for id, name in names.items()]
    gone = [OwnWallet(Whose(podcast_id, id), name, found[id], is_member=False) for id, name in former.items()]
    return [first, *hosts, *(one for one in gone if one.balance.balance or one.balance.held)]


# History


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """An entry with the names of those it is about. `wallet`: the host's whose wallet it is; None for the podcast's."""

    id: int
    at: datetime
    kind: str
    amount: int
    held: int
    cost: int
    price: int
    balance_after: int
    held_after: int
    item: str | None
    price_list_id: int | None
    post_id: int | None
    episode_id: int | None
    draft_id: int | None
    note: str
    user_id: int | None
    actor_id: int | None
    wallet: str | None
    host: str | None
    actor: str | None
    episode: str | None


@dataclass(frozen=True, slots=True)
class History:
    """Newest first. `older`: what to ask for the page after this one by; None when this was the last."""

    lines: list[HistoryLine]
    older: int | None


#: the last four are names, of other tables
OWN = tuple(HistoryLine.__slots__[:-4])


@dataclass(frozen=True, slots=True)
class Only:
    """Which entries are wanted: those that were for a host, of these kinds. `moving`: leaves out what was only held."""

    user_id: int | None = None
    kinds: tuple[str, ...] = ()
    moving: bool = False


ALL = Only()


def history(
    whose: Whose, *, everything: bool = False, before: int | None = None, limit: int = PAGE, only: Only = ALL
) -> History:
    """The entries of a wallet, or with `everything` of all wallets of its podcast, in one statement.

    `before`: `History.older` of the page before, or the id of any entry.
    """
    of = WalletEntry.podcast_id == whose.podcast_id if everything else WalletEntry.wallet_id == _id_of(whose)
    return _page([of, *_wanted(only)], before, max(1, min(limit, PAGE)))


def every_line(podcast_id: int, only: Only = ALL) -> Iterator[HistoryLine]:
    """All entries of a podcast, newest first. However many there are, BATCH of them are in memory.

    Holds no connection while the caller is busy with what it was given.
    """
    where = [WalletEntry.podcast_id == podcast_id, *_wanted(only)]
    before: int | None = None
    while True:
        found = _page(where, before, BATCH)
        db.session.rollback()
        yield from found.lines
        if found.older is None:
            return
        before = found.older


def _wanted(only: Only) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if only.user_id is not None:
        where.append(WalletEntry.user_id == only.user_id)
    if only.kinds:
        where.append(WalletEntry.kind.in_(only.kinds))
    if only.moving:
        where.append(or_(WalletEntry.amount != 0, WalletEntry.cost != 0))
    return where


def _page(where: Sequence[ColumnElement[bool]], before: int | None, limit: int) -> History:
    """The ids first: names are looked up for those entries alone that are shown."""
    past = [WalletEntry.id < before] if before is not None else []
    ids = select(WalletEntry.id).where(*where, *past).order_by(WalletEntry.id.desc()).limit(limit + 1).subquery()
    found = _lines().join(ids, ids.c.id == WalletEntry.id).order_by(WalletEntry.id.desc())
    rows = db.session.execute(found).all()
    lines = [_line(row) for row in rows[:limit]]
    return History(lines, lines[-1].id if len(rows) > limit else None)


@cache
def _lines() -> Select[Any]:
    """Names are looked up as they are now; who is gone has none. Made once: that takes longer than asking."""
    owner, host, actor = aliased(User), aliased(User), aliased(User)
    return (
        select(*(getattr(WalletEntry, name) for name in OWN), Wallet.owner)
        .add_columns(owner.name, host.name, actor.name, EpisodeGuide.title)
        .join(Wallet, Wallet.id == WalletEntry.wallet_id)
        .outerjoin(owner, owner.id == Wallet.user_id)
        .outerjoin(host, host.id == WalletEntry.user_id)
        .outerjoin(actor, actor.id == WalletEntry.actor_id)
        .outerjoin(EpisodeGuide, EpisodeGuide.id == WalletEntry.episode_id)
    )


def _id_of(whose: Whose) -> Any:
    of_host = and_(Wallet.owner == WalletOwner.HOST, Wallet.user_id == whose.user_id)
    owner = Wallet.owner == WalletOwner.PODCAST if whose.user_id is None else of_host
    return select(Wallet.id).where(Wallet.podcast_id == whose.podcast_id, owner).scalar_subquery()


def _line(row: Any) -> HistoryLine:
    owner, wallet, host, actor, episode = row[len(OWN) :]
    of_host = (wallet or FORMER) if owner == WalletOwner.HOST else None
    values: list[Any] = [*row[: len(OWN)], of_host, _name(row.user_id, host), _name(row.actor_id, actor), episode]
    return HistoryLine(*values)


def _name(user_id: int | None, name: str | None) -> str | None:
    return None if user_id is None else name or FORMER


# Sums


@dataclass(frozen=True, slots=True)
class Sum:
    """What was spent on one thing for one host; the podcast's own has no user. Micro-dollars."""

    user_id: int | None
    item: str | None
    cost: int
    entries: int


def sums(podcast_id: int, since: datetime, until: datetime) -> list[Sum]:
    """What the podcast spent, by host and by what it was spent on, dearest first, in one statement."""
    total = func.sum(WalletEntry.cost)
    query = (
        select(WalletEntry.user_id, WalletEntry.item, total, func.count())
        .where(
            WalletEntry.podcast_id == podcast_id,
            WalletEntry.at >= since,
            WalletEntry.at < until,
            WalletEntry.cost != 0,
        )
        .group_by(WalletEntry.user_id, WalletEntry.item)
        .order_by(total.desc(), WalletEntry.user_id, WalletEntry.item)
    )
    return [Sum(user_id, item, int(cost), count) for user_id, item, cost, count in db.session.execute(query)]
