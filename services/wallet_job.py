"""What is done about wallets by itself: allowances, notices of budgets, and the nightly check. Moves no other money."""

import logging
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy import select

from extensions import db, reading
from models import Podcast, User, Wallet, WalletOwner
from services import notice_words as say
from services.money import dollars
from services.notice_events import admins_of
from services.notice_server import site_admins
from services.notice_store import store
from services.notice_words import Event
from services.registry import get_services
from services.wallet_allowances import pay_allowances
from services.wallet_check import Difference, differences
from services.wallet_low import low_events
from services.wallet_months import Month, Spent, level, month_of, spent
from services.wallet_rows import Whose

log = logging.getLogger(__name__)

NAME, EVERY_SECONDS = "wallet", 600.0
#: UTC; the first run after this hour checks, so that a server that was off at night does it when it is back
NIGHT = 3
#: differences that one notice names
MOST_NAMED = 5


def init_app(app: Flask) -> None:
    """Gives the scheduler of this process its job."""
    with app.app_context():
        scheduler = get_services().scheduler
    scheduler.also(NAME, WalletJob().run, EVERY_SECONDS)


class WalletJob:
    """Any number of processes may run it: an allowance counts once in its month, a notice is told once."""

    def __init__(self) -> None:
        self._checked: date | None = None

    def run(self, now: datetime) -> None:
        paid = pay_allowances(now)
        if paid:
            log.info("allowances were paid", extra={"wallets": paid})
        reading()
        events = [*budget_events(now), *low_events(now)]
        is_due = now.hour >= NIGHT and self._checked != now.date()
        if is_due:
            events += difference_events(differences(), now)
        db.session.rollback()
        if events:
            store(events, now)
        if is_due:
            self._checked = now.date()


def difference_events(found: list[Difference], now: datetime) -> list[Event]:
    """One for those who run the server, each day until it is mended."""
    if not found:
        return []
    log.error("wallets do not add up", extra={"wallets": [one.wallet_id for one in found][:MOST_NAMED]})
    named = [f"Wallet {one.wallet_id}: {one.what}" if one.wallet_id else one.what for one in found[:MOST_NAMED]]
    body = "\n".join([*named, "`flask wallet check` lists them all. Somebody changed the database past Airhorn."])
    title = "A wallet does not add up" if len(found) == 1 else f"{len(found)} wallets do not add up"
    return [Event(f"wallets:{now.date()}", "wallet", title, body, say.SYSTEM, site_admins())]


def budget_events(now: datetime) -> Iterable[Event]:
    """Once in a month for each budget of which 80 % are spent, and once when all is."""
    query = (
        select(Wallet.id, Wallet.owner, Wallet.user_id, Wallet.budget, User.name.label("host"), Podcast)
        .join(Podcast, Podcast.id == Wallet.podcast_id)
        .outerjoin(User, User.id == Wallet.user_id)
        .where(Wallet.budget.is_not(None), Podcast.is_active)
        .order_by(Wallet.id)
    )
    rows = [row for row in db.session.execute(query) if row.owner == WalletOwner.PODCAST or row.user_id is not None]
    months = {row.Podcast.id: month_of(now, row.Podcast.timezone) for row in rows}
    sums = {podcast_id: spent(db.session(), podcast_id, month) for podcast_id, month in months.items()}
    admins = admins_of(set(months)) if months else {}
    for row in rows:
        cost = sums[row.Podcast.id].get(Whose(row.Podcast.id, row.user_id), Spent()).cost
        passed = level(cost, row.budget)
        if passed is not None:
            yield _budget_event(row, cost, passed, months[row.Podcast.id], admins[row.Podcast.id])


def _budget_event(row: Any, cost: int, passed: int, month: Month, admins: tuple[int, ...]) -> Event:
    whose = f"the budget of {row.host}" if row.owner == WalletOwner.HOST else "the podcast's budget"
    drafts = "No more drafts are asked for until the month ends; posts go on." if passed == 100 else ""
    begun = month.since.astimezone(ZoneInfo(row.Podcast.timezone))
    of_month = f"{dollars(cost)} of {dollars(row.budget)} are spent in {begun:%B %Y}."
    share = "all" if passed == 100 else f"{passed} %"
    people = {*admins, *([row.user_id] if row.user_id is not None else [])}
    return Event(
        key=f"budget:{row.id}:{month.name}:{row.budget}:{passed}",
        kind="budget",
        title=f"{row.Podcast.name}: {share} of {whose} is spent",
        body=f"{of_month} {drafts}".strip(),
        link=say.spend_link(row.Podcast.id),
        user_ids=tuple(sorted(people)),
        level=say.NEEDS_YOU if passed == 100 else say.INFO,
        podcast_id=row.Podcast.id,
    )
