"""Whether the wallets cover what the posts of a show cost, where a podcast lets an empty wallet stop posts. Reads only.

Such a wallet is looked at from a day before the start on: until then somebody may still top it up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from extensions import db
from models import EpisodeGuide, Wallet
from services import prices
from services.causes import explain
from services.wallet_rows import Whose

NEAR = timedelta(hours=24)
NO_BALANCE = "no_balance"


def uncovered() -> str:
    """What people read."""
    return explain(NO_BALANCE)


@dataclass(frozen=True, slots=True)
class ToPost:
    """A post that waits for its show."""

    episode_id: int
    whose: Whose
    has_link: bool


def is_near(episode: EpisodeGuide, now: datetime) -> bool:
    """Also of a show that is overdue."""
    return episode.scheduled_at is not None and episode.scheduled_at - now <= NEAR


def paying(wallets: Mapping[Whose, Any], whose: Whose) -> Whose:
    """As wallet_rows.payer, of anything that knows whether it `pays`."""
    own = wallets.get(whose)
    return whose if own is not None and own.pays else whose.podcast


Host = tuple[int, int]


def short(posts: Iterable[ToPost], now: datetime) -> set[Host]:
    """(episode id, user id) of those whose wallet does not cover all that it pays for the show.

    One statement, and a second where an empty wallet stops posts; none where nothing waits.
    """
    posts = list(posts)
    if not posts:
        return set()
    wallets = _stopping({post.whose.podcast_id for post in posts})
    posts = [post for post in posts if post.whose.podcast in wallets]
    if not posts:
        return set()
    asked, costs = prices.current(now), dict[tuple[int, Whose], int]()
    for post in posts:
        key = (post.episode_id, paying(wallets, post.whose))
        costs[key] = costs.get(key, 0) + asked.post(has_link=post.has_link)
    lacking = {key for key, cost in costs.items() if wallets[key[1]].is_limited and _free(wallets[key[1]]) < cost}
    return {
        (post.episode_id, post.whose.user_id or 0)
        for post in posts
        if (post.episode_id, paying(wallets, post.whose)) in lacking
    }


def _stopping(podcast_ids: set[int]) -> dict[Whose, Any]:
    """All wallets of those of these podcasts in which an empty one stops posts."""
    stopping = select(Wallet.podcast_id).where(Wallet.stops_posts, Wallet.podcast_id.in_(podcast_ids))
    query = select(Wallet.podcast_id, Wallet.user_id, Wallet.owner, Wallet.balance, Wallet.held)
    query = query.add_columns(Wallet.is_limited, Wallet.pays).where(Wallet.podcast_id.in_(stopping))
    rows = db.session.execute(query)
    return {Whose(row.podcast_id, row.user_id): row for row in rows if row.owner == "podcast" or row.user_id}


def _free(row: Any) -> int:
    return int(row.balance - row.held)
