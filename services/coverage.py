"""Whether the wallets cover what the posts of a show cost, where a podcast lets an empty wallet stop posts. Reads only.

Judged at the start of the show: by the prices in force then, and with the allowances that come until then. Such a
wallet is looked at from a day before the start on: until then somebody may still top it up. What there is comes along
with the hosts of an episode; what is posted before it and paid from the same wallets is asked by claims.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import and_, case, false, func, select
from sqlalchemy.orm import aliased

from extensions import db
from models import EpisodeGuide, EpisodeTweetConfig, Podcast, Wallet, WalletOwner
from services import prices
from services.causes import explain
from services.money import dollars
from services.paying import NO_BALANCE
from services.wallet_months import coming_in
from services.wallet_rows import Whose

NEAR = timedelta(hours=24)


def uncovered() -> str:
    """What people read."""
    return explain(NO_BALANCE)


def is_near(episode: EpisodeGuide, now: datetime) -> bool:
    """Also of a show that is overdue."""
    return episode.scheduled_at is not None and episode.scheduled_at - now <= NEAR


def paying(wallets: Mapping[Whose, Any], whose: Whose) -> Whose:
    """As wallet_rows.payer, of anything that knows whether it `pays`."""
    own = wallets.get(whose)
    return whose if own is not None and own.pays else whose.podcast


@dataclass(frozen=True, slots=True)
class Purse:
    """The wallet that pays for a host, and what X asks at the start for a post with a link and without; micro-dollars.

    `id` None: it was never needed. `stops`: whether the podcast lets an empty one stop posts. `to_come`: what its
    allowance adds to `left` before the start.
    """

    id: int | None
    is_own: bool
    left: int
    is_limited: bool
    stops: bool
    with_link: int
    without: int
    to_come: int = 0

    def cost(self, *, has_link: bool) -> int:
        return self.with_link if has_link else self.without

    @property
    def is_used(self) -> bool:
        """Whether somebody watches what is left in it."""
        return self.is_limited or self.left > 0

    @property
    def words(self) -> str:
        """ "of $4.20 left in the podcast's wallet"; empty where nobody watches it."""
        if not self.is_used:
            return ""
        said = f"of {dollars(self.left)} left in {self._whose}"
        return f"{said}, and {dollars(self.to_come)} that come in before the show" if self.to_come else said

    def trouble(self, *, has_link: bool) -> str:
        """What comes of it that a post is not covered; empty where it is, or where nobody watches."""
        if not self.is_used or self.left + self.to_come >= self.cost(has_link=has_link):
            return ""
        said = f"This costs more than {self._whose} {'will have' if self.to_come else 'has left'}."
        if self.is_limited and self.stops:
            return f"{said} It is not posted unless an admin tops it up in time."
        why = "the limit stops drafts only" if self.is_limited else "no limit is set"
        return f"{said} It is posted all the same: {why}."

    @property
    def _whose(self) -> str:
        return "your wallet" if self.is_own else "the podcast’s wallet"


def with_purses(query: Any, now: prices.Instant, *, at: Any = EpisodeGuide.scheduled_at) -> Any:
    """A query of EpisodeTweetConfig and EpisodeGuide that also answers what purse_of reads. `at`: when a row pays."""
    podcast, host = aliased(Wallet), aliased(Wallet)
    here = podcast.podcast_id == EpisodeGuide.podcast_id, podcast.owner == WalletOwner.PODCAST
    own = host.podcast_id == EpisodeGuide.podcast_id, host.owner == WalletOwner.HOST
    pays = func.coalesce(host.pays, false())
    columns = {
        "purse_id": case((pays, host.id), else_=podcast.id),
        "purse_left": case((pays, host.balance - host.held), else_=podcast.balance - podcast.held),
        "purse_limited": case((pays, host.is_limited), else_=podcast.is_limited),
        "purse_is_own": pays,
        "purse_stops": podcast.stops_posts,
        "purse_allowance": case((pays, host.allowance), else_=podcast.allowance),
        "with_link": prices.price_at(prices.POST_WITH_LINK, at, now),
        "without": prices.price_at(prices.POST, at, now),
    }
    query = query.outerjoin(podcast, and_(*here))
    query = query.outerjoin(host, and_(*own, host.user_id == EpisodeTweetConfig.user_id))
    return query.add_columns(*(column.label(name) for name, column in columns.items()))


def purse_before(row: Any, episode: EpisodeGuide, podcast: Podcast, now: datetime) -> Purse:
    """As it stands at the start of the show."""
    to_come = coming_in(row.purse_allowance, podcast.timezone, now, episode.scheduled_at)
    return replace(purse_of(row), to_come=to_come)


def purse_of(row: Any) -> Purse:
    """As it stands now."""
    return Purse(
        row.purse_id,
        bool(row.purse_is_own),
        row.purse_left or 0,
        bool(row.purse_limited),
        bool(row.purse_stops),
        row.with_link or 0,
        row.without or 0,
    )


class Waiting(NamedTuple):
    """A post that waits for its show, with what pays for it."""

    episode_id: int
    user_id: int
    has_link: bool
    purse: Purse


Host = tuple[int, int]


#: (episode id, wallet id) → what is posted before the show and paid from that wallet, in micro-dollars
Taken = Mapping[tuple[int, int | None], int]


class Lack(NamedTuple):
    """A wallet with a limit, what is left in it, and what it pays for one show and `before` it; micro-dollars.

    `to_come`: what its allowance brings before the show.
    """

    wallet_id: int | None
    is_own: bool
    left: int
    cost: int
    before: int = 0
    to_come: int = 0

    def words(self, host: str) -> str:
        """For its host and for admins: how much there is, and how much is missing."""
        whose = f"The wallet of {host}" if self.is_own else "The podcast’s wallet"
        has, missing = f"{whose} has {dollars(self.left)}", self.cost + self.before - self.left - self.to_come
        if not self.before and not self.to_come:
            return f"{has} of the {dollars(self.cost)} that this show costs: {dollars(missing)} is missing."
        comes = f", and {dollars(self.to_come)} come in before the show" if self.to_come else ""
        earlier = f"Posts before this show take {dollars(self.before)}, and it" if self.before else "The show"
        return f"{has}{comes}. {earlier} costs {dollars(self.cost)}: {dollars(missing)} is missing."


def lacks(posts: Iterable[Waiting], taken: Taken) -> dict[Host, Lack]:
    """(episode id, user id) of those whose wallet has a limit and does not cover all that it pays for the show.

    What posts before it take is not there for it, although it is still in the wallet.
    """
    limited = [post for post in posts if post.purse.is_limited]
    costs = dict[tuple[int, int | None], int]()
    for post in limited:
        key = (post.episode_id, post.purse.id)
        costs[key] = costs.get(key, 0) + post.purse.cost(has_link=post.has_link)
    found: dict[Host, Lack] = {}
    for post in limited:
        purse, key = post.purse, (post.episode_id, post.purse.id)
        cost, before = costs[key], taken.get(key, 0)
        if purse.left + purse.to_come - before < cost:
            lack = Lack(purse.id, purse.is_own, purse.left, cost, before, purse.to_come)
            found[post.episode_id, post.user_id] = lack
    return found


def lacking(posts: Iterable[Waiting], taken: Taken) -> set[Host]:
    """The same of those whose wallet stops posts."""
    return set(lacks((post for post in posts if post.purse.stops), taken))


# Asked for themselves


@dataclass(frozen=True, slots=True)
class ToPost:
    """A post that waits for its show."""

    episode_id: int
    whose: Whose
    has_link: bool


def short(posts: Iterable[ToPost], now: datetime) -> set[Host]:
    """The same as `lacking` of posts that are to go out now, before all others, for whom nothing was read yet.

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
