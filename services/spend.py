"""What a podcast's money did, as its page shows it. Reads only; the statements do not grow with people or entries."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from models import Podcast
from services import prices
from services.audit_log import number
from services.show_costs import outlook
from services.spend_chart import Bar, bars
from services.spend_forecast import AHEAD, Forecast, covered_by_budget, forecast
from services.spend_savings import Saving, savings
from services.spend_words import KINDS, READS, WITH_LINK, WITHOUT, sort_of
from services.undecided import Undecided, undecided
from services.wallet_history import FORMER, History, Only, OwnWallet, Sum, history, sums, wallets_of
from services.wallet_months import Month, level, month_of
from services.wallet_rows import Whose

#: all that moved money; with what was held meanwhile
MOVING, EVERYTHING = "", "all"
NOBODY = "For nobody in particular"
#: micro-dollars that an estimate is rounded to
ROUGHLY = 1_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are asked for. `before`: the id of the last one on the page before."""

    host: int | None = None
    kind: str = MOVING
    before: int | None = None

    @property
    def only(self) -> Only:
        kinds = (self.kind,) if self.kind in KINDS else ()
        return Only(self.host, kinds, moving=self.kind == MOVING)


def asked(query: Mapping[str, Any], own: int | None) -> Wanted:
    """From the parameters of an address; what is odd counts as not given. `own`: whose entries alone may be seen."""
    kind = query.get("kind", "")
    kind = kind if kind in KINDS or kind == EVERYTHING else MOVING
    host = own if own is not None else number(query.get("host"))
    return Wanted(host, kind, number(query.get("before")))


@dataclass(frozen=True, slots=True)
class Budget:
    """Of one wallet in this month. `mark`: 100, WARN_AT or None, whichever was passed."""

    name: str
    cost: int
    budget: int

    @property
    def mark(self) -> int | None:
        return level(self.cost, self.budget)

    @property
    def percent(self) -> int:
        return min(100, 100 * self.cost // self.budget)


@dataclass(frozen=True, slots=True)
class Spend:
    """`wallets`: the podcast's and those of hosts, of which a host sees only the own one. `cost`: of this month."""

    wallets: Sequence[OwnWallet]
    hosts: Sequence[tuple[int, str]]
    month: str
    last_month: str
    cost: int
    budgets: Sequence[Budget]
    forecast: Forecast
    history: History
    by_host: Sequence[Bar]
    by_sort: Sequence[Bar]
    savings: Sequence[Saving]
    saved_in: str
    #: what is held for posts in review: nobody has said yet whether they are on X
    undecided: Undecided
    #: how many of the shows of the forecast the podcast's budget covers; None where there is no budget
    budgeted: int | None = None

    @property
    def budget_words(self) -> str:
        """ "Your budget covers 3 of the next 4 shows."; empty without a budget or a show."""
        count = len(self.forecast.shows)
        if self.budgeted is None or not count:
            return ""
        which = "the next show" if count == 1 else f"the next {count} shows"
        if self.budgeted == count:
            return f"The budget covers {which}."
        return f"The budget covers {self.budgeted or 'none'} of {which}; after that drafts stop, and posts go on."

    @property
    def podcast(self) -> OwnWallet:
        return self.wallets[0]

    @property
    def is_new(self) -> bool:
        """Whether nothing has ever happened here, so that there is something to explain."""
        return not any(one.balance.balance or one.balance.held for one in self.wallets) and not (
            self.history.lines or self.by_sort
        )

    def then(self, whose: Whose) -> str:
        """What comes of it that a wallet does not cover a show; nothing of those that the reader does not see."""
        stops = self.podcast.balance.stops_posts
        return next((_after(one, stops) for one in self.wallets if one.whose == whose), "")

    def name_of(self, whose: Whose) -> str:
        """Whose money is spoken of; a host is not told of others'."""
        names = {one.whose: one.name for one in self.wallets[1:]}
        return "the podcast’s wallet" if whose.user_id is None else f"the wallet of {names.get(whose, 'another host')}"


def _after(one: OwnWallet, stops: bool) -> str:
    if not one.balance.is_limited:
        return "Posts go out all the same: it has no limit."
    return (
        "Its posts wait until an admin tops it up." if stops else "Posts go out all the same: its limit stops drafts."
    )


def _budgeted(podcast: OwnWallet, ahead: Forecast, spent: Sequence[Sum], now: datetime) -> int | None:
    budget = podcast.balance.budget
    return None if budget is None else covered_by_budget(ahead.shows, budget, sum(one.cost for one in spent), now)


def spend_page(podcast: Podcast, own: int | None, wanted: Wanted, now: datetime) -> Spend:
    """`own`: the host who reads it, who sees the own money beside the podcast's; None for admins, who see all."""
    everybody = wallets_of(podcast.id, podcast.name)
    month = month_of(now, podcast.timezone)
    before = month_of(month.since - timedelta(seconds=1), podcast.timezone)
    every_this, every_last = (sums(podcast.id, one.since, one.until) for one in (month, before))
    this, last = ([one for one in found if own in (None, one.user_id)] for found in (every_this, every_last))
    lists = prices.known(now)
    balances = {one.whose: one.balance for one in everybody}
    next_ones = outlook(podcast, now, most=AHEAD)
    reads = _reads_of_post([*every_this, *every_last])
    names = {one.user_id: one.name for one in everybody[1:]}
    seen = [one for one in everybody if own is None or one.user_id in (None, own)]
    ahead = forecast(next_ones.shows, balances, lists, now, waiting=next_ones.waiting, reads_of_post=reads)
    return Spend(
        wallets=seen,
        hosts=[(id, name) for id, name in names.items() if id is not None],
        month=_name(month, podcast),
        last_month=_name(before, podcast),
        cost=sum(one.cost for one in this),
        budgets=list(_budgets(seen if own is None else seen[1:], this)),
        forecast=ahead,
        history=history(Whose(podcast.id), everything=True, before=wanted.before, only=wanted.only),
        by_host=bars(this, last, lambda one: _host(one, names)) if own is None else [],
        by_sort=bars(this, last, lambda one: sort_of(one.item)),
        savings=savings(last or this, lists.at(now)),
        saved_in=f"in {_name(before, podcast)}" if last else f"in {_name(month, podcast)} so far",
        undecided=undecided(podcast.id, own),
        budgeted=_budgeted(everybody[0], ahead, every_this, now) if own is None else None,
    )


def _host(one: Sum, names: Mapping[int | None, str]) -> str:
    return NOBODY if one.user_id is None else names.get(one.user_id, FORMER.capitalize())


def _budgets(seen: Sequence[OwnWallet], this: Sequence[Sum]) -> Iterator[Budget]:
    """A host's counts whoever paid, the podcast's with all its hosts."""
    for one in seen:
        if one.balance.budget is not None and (one.user_id is None or one.is_member):
            cost = sum(part.cost for part in this if one.user_id in (None, part.user_id))
            yield Budget(one.name, cost, one.balance.budget)


def _reads_of_post(spent: Sequence[Sum]) -> int:
    """What reads cost for each post so far, rounded up to what people would call an estimate."""
    posts = sum(one.entries for one in spent if sort_of(one.item) in (WITH_LINK, WITHOUT))
    reads = sum(one.cost for one in spent if sort_of(one.item) == READS)
    return -(-reads // (posts * ROUGHLY)) * ROUGHLY if posts else 0


def _name(month: Month, podcast: Podcast) -> str:
    return f"{month.since.astimezone(ZoneInfo(podcast.timezone)):%B}"
