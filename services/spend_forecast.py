"""What the next shows will cost, what is left after each, and which is the first that would be stopped. Reads only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.claims import Claim
from services.coverage import paying
from services.prices import PriceLists, Prices
from services.show_costs import ComingShow
from services.wallet_history import Balance
from services.wallet_months import coming_in, month_of
from services.wallet_rows import Whose

#: planned shows
AHEAD = 4


@dataclass(frozen=True, slots=True)
class ShowCost:
    """Micro-dollars. `left`: in the podcast's wallet after it. `short`: the wallets that do not cover their part."""

    show: ComingShow
    with_link: int
    without: int
    posts: int
    reads: int
    left: int
    short: tuple[Whose, ...]

    @property
    def cost(self) -> int:
        return self.posts + self.reads


@dataclass(frozen=True, slots=True)
class Ahead:
    """Posts that come before the shows: they wait to be sent, or for a show that is overdue. Micro-dollars."""

    posts: int = 0
    cost: int = 0


@dataclass(frozen=True, slots=True)
class Forecast:
    """`stopping`: the wallets that stop posts when they are empty.

    `is_watched`: whether somebody watches all wallets that pay.
    """

    shows: Sequence[ShowCost]
    ahead: Ahead = Ahead()
    stopping: frozenset[Whose] = frozenset()
    is_watched: bool = True

    @property
    def first_short(self) -> tuple[ShowCost, Whose] | None:
        """The first that would be stopped, else the first that is not covered; None when all are."""
        short = [(one, whose) for one in self.shows for whose in one.short]
        return next((one for one in short if self.stops(one[1])), next(iter(short), None))

    def stops(self, whose: Whose) -> bool:
        return whose in self.stopping


def covered_by_budget(shows: Sequence[ShowCost], budget: int, spent: int, now: datetime) -> int:
    """How many of the next shows a monthly budget covers, one after the other; `spent`: of the month of `now`.

    Micro-dollars. Another month begins with all of it.
    """
    covered, month, left = 0, None, budget - spent
    for one in shows:
        its = month_of(max(one.show.at, now), one.show.podcast.timezone)
        month = month or month_of(now, one.show.podcast.timezone)
        if its.since != month.since:
            month, left = its, budget
        left -= one.cost
        if left < 0:
            break
        covered += 1
    return covered


def forecast(
    shows: Iterable[ComingShow],
    wallets: Mapping[Whose, Balance],
    asked: PriceLists,
    now: datetime,
    *,
    waiting: Iterable[Claim] = (),
    reads_of_post: int = 0,
) -> Forecast:
    """First what waits pays, then one show after the other; allowances come in between.

    `reads_of_post`: what reads cost for each post.
    """
    left = {whose: balance.free for whose, balance in wallets.items()}
    watched = {whose for whose, balance in wallets.items() if balance.is_limited or balance.free > 0}
    ahead = _pay_ahead(left, wallets, waiting, asked.at(now))
    found, so_far = [], now
    for show in shows:
        _add_allowances(left, wallets, show, so_far)
        so_far = show.at
        cost = _cost_of(show, wallets, left, asked, reads_of_post)
        # A wallet without a limit that nobody fills is no trouble, and would be for ever.
        found.append(replace(cost, short=tuple(whose for whose in cost.short if whose in watched)))
    pay = {paying(wallets, post.whose) for one in found for post in one.show.posts}
    stop = {whose.podcast_id for whose, one in wallets.items() if one.stops_posts}
    limited = frozenset(whose for whose, one in wallets.items() if one.is_limited and whose.podcast_id in stop)
    return Forecast(found, ahead, limited, is_watched=pay <= watched)


def _pay_ahead(
    left: dict[Whose, int], wallets: Mapping[Whose, Balance], waiting: Iterable[Claim], asked: Prices
) -> Ahead:
    posts = cost = 0
    for claim in waiting:
        whose, price = paying(wallets, claim.whose), asked.post(has_link=claim.has_link)
        left[whose] = left.get(whose, 0) - price
        posts, cost = posts + 1, cost + price
    return Ahead(posts, cost)


def _cost_of(
    show: ComingShow, wallets: Mapping[Whose, Balance], left: dict[Whose, int], asked: PriceLists, reads_of_post: int
) -> ShowCost:
    in_force, posts = asked.at(show.at), 0
    payers: list[Whose] = []
    for post in show.posts:
        whose, price = paying(wallets, post.whose), in_force.post(has_link=post.has_link)
        left[whose] = left.get(whose, 0) - price
        posts += price
        payers.append(whose)
    # Reads may or may not be needed: for them alone no show goes uncovered.
    short = tuple(whose for whose in dict.fromkeys(payers) if left[whose] < 0)
    for whose in payers:
        left[whose] -= reads_of_post
    with_link = sum(post.has_link for post in show.posts)
    return ShowCost(
        show,
        with_link=with_link,
        without=len(show.posts) - with_link,
        posts=posts,
        reads=reads_of_post * len(show.posts),
        left=left.get(Whose(show.podcast.id), 0),
        short=short,
    )


def _add_allowances(
    left: dict[Whose, int], wallets: Mapping[Whose, Balance], show: ComingShow, since: datetime
) -> None:
    """What comes into the wallets with the months that begin between two shows."""
    for whose, balance in wallets.items():
        left[whose] = left.get(whose, 0) + coming_in(balance.allowance, show.podcast.timezone, since, show.at)
