"""The wallets' rows: found, made when they are first needed, and locked. In the caller's transaction. Moves nothing."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models import Podcast, PodcastMember, User, Wallet, WalletEntry, WalletOwner
from services.errors import NotFound
from services.inserting import insert_or_ignore


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose wallet is meant: a podcast's, or with a user that of this host in it."""

    podcast_id: int
    user_id: int | None = None

    @property
    def podcast(self) -> "Whose":
        return Whose(self.podcast_id)


@dataclass(slots=True)
class Account:
    """A locked wallet. Balance and held, in micro-dollars, go along with what is written."""

    id: int
    whose: Whose
    balance: int
    held: int
    is_limited: bool
    pays: bool
    stops_posts: bool
    budget: int | None

    @property
    def free(self) -> int:
        return self.balance - self.held


#: between two statements of a transaction that has locked a wallet; PostgreSQL's own spelling
ASLEEP = "15s"
COLUMNS = (
    Wallet.id,
    Wallet.podcast_id,
    Wallet.user_id,
    Wallet.balance,
    Wallet.held,
    Wallet.is_limited,
    Wallet.pays,
    Wallet.stops_posts,
    Wallet.budget,
)


def lock(session: Session, wanted: Iterable[Whose]) -> dict[Whose, Account]:
    """The wallets of these hosts, where they have one, and of their podcasts, which are made if need be.

    Until the end of the transaction nobody else spends from them. Always in the order of their ids, so that two
    never wait for each other.
    """
    wanted = set(wanted)
    podcasts = {whose.podcast for whose in wanted}
    found = _locked(session, wanted)
    if podcasts - found.keys():
        make(session, podcasts - found.keys())
        found = _locked(session, wanted)
    return found


def lock_own(session: Session, wanted: Collection[Whose], members: Collection[int]) -> dict[Whose, Account]:
    """The same, and those of members are made as well. Who is no member any more may still have one."""
    found = lock(session, wanted)
    missing = [whose for whose in wanted if whose not in found and whose.user_id in members]
    if missing:
        make(session, missing)
        found = _locked(session, set(wanted))
    return found


def _locked(session: Session, wanted: Collection[Whose]) -> dict[Whose, Account]:
    hosts = {whose.user_id for whose in wanted if whose.user_id is not None}
    query = _locking(session).where(
        Wallet.podcast_id.in_({whose.podcast_id for whose in wanted}),
        or_(Wallet.owner == WalletOwner.PODCAST, Wallet.user_id.in_(hosts)),
    )
    accounts = [_account(row) for row in session.execute(query)]
    return {account.whose: account for account in accounts}


def lock_of_entries(session: Session, keys: Collection[str]) -> dict[int, Account]:
    """The wallets in which these entries are, by id, also those whose podcast or host is gone."""
    return lock_by_id(session, select(WalletEntry.wallet_id).where(WalletEntry.key.in_(keys)))


def lock_by_id(session: Session, ids: Any) -> dict[int, Account]:
    """`ids`: several, or a statement that finds them."""
    query = _locking(session).where(Wallet.id.in_(ids))
    return {row.id: _account(row) for row in session.execute(query)}


def _locking(session: Session) -> Any:
    """PostgreSQL ends the transaction of who falls asleep with the lock: a whole podcast would wait. SQLite cannot."""
    query = select(*COLUMNS).order_by(Wallet.id).with_for_update(key_share=True)
    if session.get_bind().dialect.name != "postgresql":
        return query
    return query.add_columns(func.set_config("idle_in_transaction_session_timeout", ASLEEP, True))


def _account(row: Any) -> Account:
    return Account(
        row.id,
        Whose(row.podcast_id or 0, row.user_id),
        row.balance,
        row.held,
        row.is_limited,
        row.pays,
        row.stops_posts,
        row.budget,
    )


def make(session: Session, missing: Iterable[Whose]) -> None:
    """Empty wallets, without a limit. One that somebody else makes at the same moment is as good."""
    rows = [
        {
            "owner": WalletOwner.PODCAST if whose.user_id is None else WalletOwner.HOST,
            "podcast_id": whose.podcast_id,
            "user_id": whose.user_id,
        }
        for whose in sorted(missing, key=lambda whose: (whose.podcast_id, whose.user_id or 0))
    ]
    session.execute(insert_or_ignore(Wallet, session.get_bind().dialect.name), rows)


def names(session: Session, podcast_id: int) -> tuple[str, dict[int, str]]:
    """The podcast's name and those of its hosts by user id. Raises NotFound without the podcast."""
    query = (
        select(Podcast.name, User.id, User.name)
        .outerjoin(PodcastMember, PodcastMember.podcast_id == Podcast.id)
        .outerjoin(User, User.id == PodcastMember.user_id)
        .where(Podcast.id == podcast_id)
    )
    rows = session.execute(query).all()
    if not rows:
        raise NotFound("There is no such podcast any more.")
    return rows[0][0], {user_id: name for _, user_id, name in rows if user_id is not None}


def start_paying(account: Account, podcast: Account) -> None:
    """A host who is given money pays with it, within a limit if the podcast has one: giving lifts none."""
    if account.whose.user_id is None or account.pays:
        return
    account.pays = True
    account.is_limited = account.is_limited or (podcast.is_limited and account.free >= 0)


def payer(accounts: dict[Whose, Account], whose: Whose) -> Account:
    """A host who was given money pays from the own wallet; the podcast pays for everybody else."""
    own = accounts.get(whose)
    return own if own is not None and own.pays else accounts[whose.podcast]
