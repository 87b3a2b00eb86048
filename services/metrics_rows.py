"""The statements of reading what X shows of posts: claiming, who pays, whose token, storing. Commits nothing."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from models import Podcast, Post, PostSnapshot, PostStatus, SendGate, SocialConnection, Wallet, WalletOwner
from models.types import UtcDateTime
from services import figures_version, paying
from services.clients.x_metrics import Metrics
from services.logins import PLATFORM, trouble_of
from services.tokens import Access, TokenService
from services.vault import VaultError
from services.wallet_rows import Whose

log = logging.getLogger(__name__)

#: hours after a post went out at which it is read
STEPS = (1, 6, 24, 72, 168)
AGES = tuple(timedelta(hours=step) for step in STEPS)
#: after that nobody reads it any more: the last age, and two days in which the server may be off
LAST = AGES[-1] + timedelta(days=2)
#: longer than a run takes: nobody else reads the same post meanwhile
TAKEN_FOR = timedelta(minutes=10)
POSTS, SNAPSHOTS = cast(Table, Post.__table__), cast(Table, PostSnapshot.__table__)
#: the columns of a post with what X showed last
NEWEST = ("impressions", "engagements", "counted_at")
_PLAIN = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Due:
    """A post to read: values only, so that threads need no session."""

    post_id: int
    remote_id: str
    posted_at: datetime
    account: str
    whose: Whose
    episode_id: int | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What X said of a post. It may say nothing: then it is neither counted nor gone.

    `is_odd`: it was shown, and so is paid for, with counts that cannot be read.
    """

    due: Due
    metrics: Metrics | None
    is_gone: bool
    is_odd: bool = False

    @property
    def is_shown(self) -> bool:
        return self.metrics is not None or self.is_odd

    @property
    def is_told(self) -> bool:
        return self.is_shown or self.is_gone


def step_at(posted_at: datetime, now: datetime) -> int:
    """The newest age that a post has reached; the first one for a younger post. Pure."""
    return next((step for step, age in zip(STEPS[::-1], AGES[::-1], strict=True) if posted_at + age <= now), STEPS[0])


def next_due(posted_at: datetime, now: datetime) -> datetime:
    """When it is read next; after the last age when nobody asks for it any more. Pure."""
    return next((posted_at + age for age in AGES if posted_at + age > now), posted_at + LAST)


def claim(session: Session, now: datetime, most: int, *, first: timedelta = AGES[0]) -> list[Due]:
    """Takes what is due, in two statements. Nothing while a gate holds everybody back; of accounts at their limit none.

    `first`: how long after it went out a post is read for the first time.
    Oldest first, so that no post's last age is missed.
    """
    gates = set(session.execute(select(SendGate.key).where(SendGate.until > now)).scalars())
    if "x" in gates:
        return []
    shut = [key.removeprefix("x:") for key in gates]
    is_due = or_(Post.metrics_due_at.is_(None), Post.metrics_due_at <= now)
    due = (
        select(Post.id)
        .join(Podcast, Podcast.id == Post.podcast_id)
        .where(
            Post.platform == PLATFORM,
            Post.posted_at > now - LAST,
            Post.posted_at <= now - first,
            Post.status == PostStatus.POSTED,
            Post.remote_id.is_not(None),
            Post.gone_at.is_(None),
            Podcast.reads_metrics,
            Post.platform_user_id.not_in(shut),
            is_due,
        )
        .order_by(Post.posted_at)
        .limit(most)
    )
    taken = session.execute(
        update(Post)
        .where(Post.id.in_(due), is_due)
        .values(metrics_due_at=now + TAKEN_FOR)
        .returning(
            *(Post.id, Post.remote_id, Post.posted_at, Post.platform_user_id),
            *(Post.podcast_id, Post.user_id, Post.episode_id),
        ),
        execution_options=_PLAIN,
    )
    return sorted((_due(row) for row in taken), key=lambda one: (one.posted_at, one.post_id))


def _due(row: Any) -> Due:
    whose = Whose(row.podcast_id, row.user_id)
    return Due(row.id, row.remote_id, row.posted_at, row.platform_user_id, whose, row.episode_id)


@dataclass(slots=True)
class Free:
    """What the wallets that pay have left, in micro-dollars; who is not in `left` has no limit."""

    paying: set[Whose]
    left: dict[Whose, int]

    def payer(self, whose: Whose) -> Whose:
        """As wallet_rows.payer."""
        return whose if whose in self.paying else whose.podcast


def free(session: Session, podcast_ids: Collection[int]) -> Free:
    """One statement."""
    query = select(Wallet).where(Wallet.podcast_id.in_(podcast_ids))
    found = Free(set(), {})
    for one in session.execute(query).scalars():
        is_host = one.owner == WalletOwner.HOST
        if one.podcast_id is None or (is_host and one.user_id is None):
            continue
        whose = Whose(one.podcast_id, one.user_id)
        if is_host and one.pays:
            found.paying.add(whose)
        if one.is_limited:
            found.left[whose] = one.balance - one.held
    return found


@dataclass(frozen=True, slots=True)
class Login:
    """An account's login here. `access` is None when its token does not open."""

    connection_id: int
    access: Access | None
    is_stale: bool


def logins(session: Session, accounts: Collection[str], tokens: TokenService, now: datetime) -> dict[str, Login]:
    """Those that work, by account, in one statement."""
    query = select(SocialConnection).where(
        SocialConnection.platform == PLATFORM,
        SocialConnection.platform_user_id.in_(list(accounts)),
        SocialConnection.is_active,
    )
    rows = session.execute(query, execution_options={"populate_existing": True}).scalars()
    return {row.platform_user_id: _login(row, tokens, now) for row in rows if trouble_of(row) is None}


def _login(row: SocialConnection, tokens: TokenService, now: datetime) -> Login:
    try:
        access = tokens.access(row)
    except VaultError:
        log.exception("a token does not open", extra={"connection": row.id})
        return Login(row.id, None, is_stale=False)
    return Login(row.id, access, tokens.needs_refresh(row, now))


def still_there(session: Session, podcast_ids: Collection[int]) -> set[int]:
    """Those that nobody has deleted. They stay until the end of the transaction: entries are written for them."""
    query = select(Podcast.id).where(Podcast.id.in_(set(podcast_ids))).order_by(Podcast.id)
    return set(session.execute(query.with_for_update(read=True, key_share=True)).scalars())


def store(session: Session, kept: Sequence[Kept], now: datetime) -> None:
    """What was read, in bulk: the counts by age, the newest ones and when it is read next, what is gone, the cost."""
    rows = [_row(one.due, one.metrics, now) for one in kept if one.metrics is not None]
    if rows:
        session.execute(_upsert(session.get_bind().dialect.name), rows)
    shown = [one for one in kept if one.is_shown]
    if shown:
        session.execute(_newest(), [_counted(one, now) for one in shown])
        paying.record_reads(session, [_bill(one.due) for one in shown], now)
        figures_version.raise_for(session, [one.due.whose.podcast_id for one in shown])
    gone = [one.due.post_id for one in kept if one.is_gone]
    if gone:
        missed = update(Post).where(Post.id.in_(gone), Post.gone_at.is_(None)).values(gone_at=now)
        session.execute(missed, execution_options=_PLAIN)


def _row(due: Due, metrics: Metrics, now: datetime) -> dict[str, Any]:
    return {"post_id": due.post_id, "step": step_at(due.posted_at, now), "at": now, **asdict(metrics)}


def _upsert(dialect: str) -> Any:
    """A second reading at the same age replaces the first; an older one never replaces a newer."""
    new = postgresql_insert(SNAPSHOTS) if dialect == "postgresql" else sqlite_insert(SNAPSHOTS)
    names = ("at", *Metrics.__slots__)
    return new.on_conflict_do_update(
        index_elements=["post_id", "step"],
        set_={name: new.excluded[name] for name in names},
        where=SNAPSHOTS.c.at <= new.excluded.at,
    )


def _newest() -> Any:
    """What somebody read later stays as it is; of a post whose counts could not be read those that are known do."""
    kept = {name: func.coalesce(bindparam(f"new_{name}", type_=POSTS.c[name].type), POSTS.c[name]) for name in NEWEST}
    is_newer = or_(POSTS.c.counted_at.is_(None), POSTS.c.counted_at <= bindparam("at", type_=UtcDateTime()))
    mine = POSTS.c.id == bindparam("post_id")
    return update(POSTS).where(mine, is_newer).values(metrics_due_at=bindparam("due_at"), **kept)


def _counted(one: Kept, now: datetime) -> dict[str, Any]:
    found, due = one.metrics, one.due
    newest = (found.impressions, found.engagements, now) if found else (None, None, None)
    new = {f"new_{name}": value for name, value in zip(NEWEST, newest, strict=True)}
    return {"post_id": due.post_id, "at": now, "due_at": next_due(due.posted_at, now), **new}


def _bill(due: Due) -> paying.Read:
    return paying.Read(due.whose, due.remote_id, post_id=due.post_id, episode_id=due.episode_id)


def put_off(session: Session, post_ids: Collection[int], until: datetime) -> None:
    if post_ids:
        later = update(Post).where(Post.id.in_(list(post_ids))).values(metrics_due_at=until)
        session.execute(later, execution_options=_PLAIN)
