"""Months in a podcast's own zone: their bounds, what was spent in one, and how that stands against the budgets."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Podcast, WalletEntry
from services.errors import Uncovered
from services.money import dollars
from services.wallet_rows import Account, Whose

#: of a budget, in percent: who set it is told
WARN_AT = 80


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a zone: its name, "2026-11", and the instants at which it begins and ends."""

    name: str
    since: datetime
    until: datetime


def month_of(now: datetime, zone: str) -> Month:
    local = now.astimezone(ZoneInfo(zone))
    first = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
    after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return Month(f"{first:%Y-%m}", first.astimezone(UTC), after.astimezone(UTC))


def coming_in(allowance: int | None, zone: str, since: datetime, until: datetime | None) -> int:
    """What a monthly allowance brings after `since`, up to and with `until`; micro-dollars. Nothing without an end."""
    if not allowance or until is None:
        return 0
    begin, end = since.astimezone(ZoneInfo(zone)), until.astimezone(ZoneInfo(zone))
    return allowance * max(0, 12 * (end.year - begin.year) + end.month - begin.month)


@dataclass(frozen=True, slots=True)
class Spent:
    """By somebody, in a month: what it was, and what calls under way may add. Micro-dollars."""

    cost: int = 0
    held: int = 0


def spent(session: Session, podcast_id: int, month: Month) -> dict[Whose, Spent]:
    """What was spent in the month by each host, whoever paid, and by the podcast with all of them. One statement."""
    sums = (
        select(WalletEntry.user_id, func.sum(WalletEntry.cost), func.sum(WalletEntry.held))
        .where(WalletEntry.podcast_id == podcast_id, WalletEntry.at >= month.since, WalletEntry.at < month.until)
        .group_by(WalletEntry.user_id)
    )
    # PostgreSQL adds up whole numbers to a Decimal. What was held before the month began counts as nothing.
    rows = [(user_id, int(cost), max(0, int(held))) for user_id, cost, held in session.execute(sums)]
    found = {Whose(podcast_id, user_id): Spent(cost, held) for user_id, cost, held in rows if user_id is not None}
    return found | {Whose(podcast_id): Spent(sum(row[1] for row in rows), sum(row[2] for row in rows))}


def month_here(session: Session, podcast_id: int, now: datetime) -> Month:
    zone = session.execute(select(Podcast.timezone).where(Podcast.id == podcast_id)).scalar_one_or_none()
    return month_of(now, zone or "UTC")


def keep_within(budgets: dict[Whose, int], so_far: dict[Whose, Spent], cost: int) -> None:
    """Raises Uncovered when this would be more than one of the budgets allows."""
    for whose, budget in budgets.items():
        one = so_far.get(whose, Spent())
        if one.cost + one.held + cost > budget:
            what = "Your budget" if whose.user_id is not None else "The podcast's budget"
            used = dollars(one.cost + one.held)
            raise Uncovered(f"{what} of this month is {dollars(budget)}, and {used} of it are used. Nothing was asked.")


def budgets_of(accounts: dict[Whose, Account], whose: Whose) -> dict[Whose, int]:
    """Those that this host's drafts count against."""
    both = {one: accounts[one].budget for one in (whose.podcast, whose) if one in accounts}
    return {one: budget for one, budget in both.items() if budget is not None}


def level(cost: int, budget: int) -> int | None:
    """Which mark was passed, in percent: 100, WARN_AT or none."""
    return 100 if cost >= budget else WARN_AT if 100 * cost >= WARN_AT * budget else None
