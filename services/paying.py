"""What X asks for posts and reads, from the wallets: held with the intent, charged or given back with the outcome.

All in the caller's transaction, the one that says what is sent or what became of it, so that entries and outbox cannot
tell two stories. While nobody knows what became of a post, what it may cost stays held.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Outcome, Post, PostAttempt
from services import figures_version, prices, tweet_text
from services.errors import Uncovered
from services.prices import Prices, item_of_post
from services.wallet_holds import Order, reserve_all, settle_all
from services.wallet_records import record_all
from services.wallet_rows import Whose

#: as in the price list: an account that X describes
USER_READ = "x_user_read"
#: why a post waits: a code of services/causes.py
NO_BALANCE = "no_balance"


@dataclass(frozen=True, slots=True)
class Ended:
    """Attempts by token that X has taken, and that it has not; and posts that a person leaves undecided."""

    accepted: Collection[str]
    refused: Collection[str]
    left: Collection[int]


def key_of(token: str) -> str:
    """The deal of one attempt."""
    return f"attempt:{token}"


def hold(session: Session, posts: Mapping[str, Post], now: datetime) -> set[str]:
    """Holds what each may cost, by the token of its attempt. Returns those that are not covered and must not be sent.

    How much there is stays between a wallet and its host: others see the post.
    """
    if not posts:
        return set()
    asked = prices.current(now)
    answers = reserve_all(session, [_order(post, token, asked) for token, post in posts.items()], now)
    return {token for token in posts if isinstance(answers[key_of(token)], Uncovered)}


def give_back(session: Session, tokens: Collection[str], now: datetime) -> None:
    """These are certainly not sent."""
    settle_all(session, {}, [key_of(token) for token in tokens], now)


def settle(session: Session, ended: Ended, now: datetime) -> None:
    """Charges what X took, gives back what it did not, and keeps the rest."""
    taken = set(ended.accepted) | _never_told(session, ended.left)
    charged: dict[str, int | None] = {key_of(token): None for token in sorted(taken)}
    booked = settle_all(session, charged, [key_of(token) for token in sorted(ended.refused)], now)
    figures_version.raise_for(session, [one.podcast_id for one in booked if one.cost])
    if len(booked) < len(taken) + len(ended.refused):
        _record(session, taken, now)


@dataclass(frozen=True, slots=True)
class Read:
    """Something that X showed: one of READ and USER_READ, and its id there."""

    whose: Whose
    id: str
    item: str = prices.READ
    post_id: int | None = None
    episode_id: int | None = None


def record_reads(session: Session, reads: Iterable[Read], now: datetime) -> None:
    """X asks for the same thing once in a UTC day, whoever reads it."""
    by_key = {f"{one.item}:{now.astimezone(UTC):%Y-%m-%d}:{one.id}": one for one in reads}
    if not by_key:
        return
    asked = prices.current(now)
    orders = [
        Order(
            key=key,
            whose=one.whose,
            item=one.item,
            cost=asked.cost(one.item),
            price_list_id=asked.version,
            post_id=one.post_id,
            episode_id=one.episode_id,
        )
        for key, one in by_key.items()
    ]
    record_all(session, orders, now)
    figures_version.raise_for(session, [one.whose.podcast_id for one in by_key.values()])


def _never_told(session: Session, left: Collection[int]) -> set[str]:
    """X may have stored them, and then it has charged for them."""
    if not left:
        return set()
    query = select(PostAttempt.token).where(PostAttempt.post_id.in_(left), PostAttempt.outcome == Outcome.UNKNOWN)
    return set(session.execute(query).scalars())


def _record(session: Session, tokens: Collection[str], now: datetime) -> None:
    """What X took though nothing was held: sent before there were wallets, or known from the journal only."""
    query = select(PostAttempt.token, Post).join(Post, Post.id == PostAttempt.post_id)
    rows = session.execute(query.where(PostAttempt.token.in_(tokens), Post.podcast_id.is_not(None))).all()
    if rows:
        asked = prices.current(now)
        record_all(session, [_order(row.Post, row.token, asked) for row in rows], now)


def _order(post: Post, token: str, asked: Prices) -> Order:
    item = item_of_post(has_link=tweet_text.has_link(post.text))
    return Order(
        key=key_of(token),
        whose=Whose(post.podcast_id or 0, post.user_id),
        item=item,
        cost=asked.cost(item),
        price_list_id=asked.version,
        post_id=post.id,
        episode_id=post.episode_id,
    )
