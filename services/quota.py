"""The units of the YouTube Data API: counted per Pacific day before they are sent."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import case, or_, select, update
from sqlalchemy.orm import Session

from models import QuotaDay
from services.outbox import insert_or_ignore

#: the day of the quota begins at midnight there: developers.google.com/youtube/data/determine_quota_cost
PACIFIC = ZoneInfo("America/Los_Angeles")
#: the day's units are believed to be gone when so much of them is counted here; else it is asked again
NEARLY_ALL = 0.95
#: after the first, second and every further refusal that the count here does not explain
RETRY_AFTER = (timedelta(minutes=15), timedelta(minutes=30), timedelta(minutes=60))
#: or so soon, where the pages do not answer either and something may be live
RETRY_IN_NEED = timedelta(minutes=5)


def pacific_day(now: datetime) -> date:
    return now.astimezone(PACIFIC).date()


def day_bounds(now: datetime) -> tuple[datetime, datetime]:
    """Begin and end of the quota's day; 23 or 25 hours apart when the clocks change."""
    day = pacific_day(now)
    following = day + timedelta(days=1)
    # In UTC: between two times of one zone Python subtracts what the clocks on the wall say.
    begin, end = (datetime(d.year, d.month, d.day, tzinfo=PACIFIC).astimezone(UTC) for d in (day, following))
    return begin, end


@dataclass(frozen=True, slots=True)
class Spent:
    """Units of one day by purpose.

    `exhausted`: YouTube takes no questions, all day or until `retry_at`. `is_probe`: it refused before, although
    units are left by this count, and the next question finds out whether it takes questions again.
    """

    discovery: int = 0
    watch: int = 0
    people: int = 0
    exhausted: bool = False
    retry_at: datetime | None = None
    is_probe: bool = False

    @property
    def total(self) -> int:
        return self.discovery + self.watch + self.people


def read_spent(session: Session, now: datetime) -> Spent:
    row = session.execute(
        select(QuotaDay).where(QuotaDay.day == pacific_day(now)), execution_options={"populate_existing": True}
    ).scalar_one_or_none()
    if row is None:
        return Spent()
    waits = row.retry_at is not None and row.retry_at > now
    is_gone = row.exhausted_at is not None
    return Spent(
        row.discovery,
        row.watch,
        row.people,
        exhausted=is_gone or waits,
        retry_at=row.retry_at if waits and not is_gone else None,
        is_probe=row.retry_at is not None and not waits and not is_gone,
    )


def spend(session: Session, now: datetime, *, units: int, **wanted: int) -> bool:
    """Counts units before they are sent, all or none, in the caller's transaction. `wanted`: discovery, watch, people.

    The row is the guard: two processes together never pass the day's units.
    """
    day = pacific_day(now)
    session.execute(insert_or_ignore(QuotaDay, session.get_bind().dialect.name).values(day=day))
    everything = QuotaDay.discovery + QuotaDay.watch + QuotaDay.people + sum(wanted.values())
    may_ask = QuotaDay.exhausted_at.is_(None) & or_(QuotaDay.retry_at.is_(None), QuotaDay.retry_at <= now)
    counted = session.execute(
        update(QuotaDay)
        .where(QuotaDay.day == day, everything <= units, may_ask)
        .values({name: getattr(QuotaDay, name) + n for name, n in wanted.items()})
        .returning(QuotaDay.day),
        execution_options={"synchronize_session": False},
    )
    return counted.first() is not None


def refuse(session: Session, now: datetime, *, units: int) -> None:
    """YouTube said that the day's quota is gone. Believed until midnight Pacific time when the count here agrees.

    When it does not, YouTube may be wrong for a while: it is asked again after 15, 30, then every 60 minutes, so
    that one false refusal does not end the day. Several refusals of one round are one.
    """
    day = pacific_day(now)
    session.execute(insert_or_ignore(QuotaDay, session.get_bind().dialect.name).values(day=day))
    counted = QuotaDay.discovery + QuotaDay.watch + QuotaDay.people
    is_gone = counted >= NEARLY_ALL * units
    today = update(QuotaDay).where(QuotaDay.day == day, QuotaDay.exhausted_at.is_(None))
    first, second, later = (now + wait for wait in RETRY_AFTER)
    retry_at = case((QuotaDay.refusals == 0, first), (QuotaDay.refusals == 1, second), else_=later)
    options = {"synchronize_session": False}
    session.execute(today.where(is_gone).values(exhausted_at=now), execution_options=options)
    session.execute(
        today.where(or_(QuotaDay.retry_at.is_(None), QuotaDay.retry_at <= now)).values(
            refusals=QuotaDay.refusals + 1, retry_at=retry_at
        ),
        execution_options=options,
    )


def hurry(session: Session, now: datetime) -> None:
    """Nothing else can be asked either, and something may be live: YouTube is asked again in five minutes."""
    soon = now + RETRY_IN_NEED
    session.execute(
        update(QuotaDay)
        .where(QuotaDay.day == pacific_day(now), QuotaDay.exhausted_at.is_(None), QuotaDay.retry_at > soon)
        .values(retry_at=soon),
        execution_options={"synchronize_session": False},
    )


def take(session: Session, now: datetime) -> None:
    """YouTube takes questions again after it refused some."""
    session.execute(
        update(QuotaDay).where(QuotaDay.day == pacific_day(now), QuotaDay.retry_at <= now).values(retry_at=None),
        execution_options={"synchronize_session": False},
    )
