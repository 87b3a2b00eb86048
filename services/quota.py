"""The units of the YouTube Data API: counted per Pacific day before they are sent, split, and paced over the day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models import QuotaDay
from services.outbox import insert_or_ignore

#: the day of the quota begins at midnight there: developers.google.com/youtube/data/determine_quota_cost
PACIFIC = ZoneInfo("America/Los_Angeles")
PEOPLE_SHARE = 0.10
#: of uploads lists, when the channels are too many for them and feeds are the rule
REPAIR_SHARE = 0.30
#: how far spending may run ahead of the clock before looks are stretched
BURST = 0.10
#: channels up to which uploads lists are the rule, and how often each is then asked
UPLOADS_EVERY = ((1, 30), (10, 120), (30, 300))
#: kept for videos.list near planned starts when feeds are the rule
NEAR_SHARE = 0.60
#: however short units are, every known broadcast is asked about so often
FAR_AT_LEAST = timedelta(hours=1)


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
    """Units of one day by purpose."""

    discovery: int = 0
    watch: int = 0
    people: int = 0
    exhausted: bool = False

    @property
    def total(self) -> int:
        return self.discovery + self.watch + self.people


@dataclass(frozen=True, slots=True)
class Plan:
    """What the day's units allow now. Pure: made from the clock, the number of channels and what is spent."""

    #: whether the uploads list is asked of every channel, or only of those whose feeds fail
    lists_uploads: bool
    #: how often each channel is asked
    channel_every: timedelta
    #: how much longer than usual the steps around planned starts are
    stretch: float
    #: units that uploads lists may still take now
    discovery_left: int
    #: units that videos.list may still take today
    watch_left: int
    #: how many of these may go to broadcasts far from their start, over what remains of the day
    far_left: int
    day_left: timedelta

    def far_every(self, broadcasts: int) -> timedelta:
        """How often so many broadcasts far from their start can be asked about, 50 a unit."""
        calls = -(-broadcasts // 50)
        return min(self.day_left * calls / max(1, self.far_left), FAR_AT_LEAST)


def make_plan(now: datetime, channels: int, spent: Spent, *, units: int, check_every: timedelta) -> Plan:
    """Splits the day's units: 10 % for people, the rest for uploads lists and videos.list, paced over the day."""
    begin, end = day_bounds(now)
    elapsed = (now - begin) / (end - begin)
    for_machine = units - int(units * PEOPLE_SHARE) if not spent.exhausted else 0
    left = max(0, for_machine - spent.discovery - spent.watch)
    ahead = (spent.discovery + spent.watch) / max(1, for_machine) - elapsed
    stretch = 1.0 if ahead <= BURST else 2.0 if ahead <= 2 * BURST else 6.0
    kept = int(NEAR_SHARE * units * (1 - elapsed))
    if left < kept:
        stretch = 6.0  # or the last hours of the day would have no units at all
    every = next((seconds for most, seconds in UPLOADS_EVERY if channels <= most), None)
    if every is None:
        repair = int(units * REPAIR_SHARE) if not spent.exhausted else 0
        due = int(repair * min(1.0, elapsed + 0.02))
        far_left = max(0, left - kept)
        uploads = min(max(0, due - spent.discovery), far_left)
        return Plan(False, check_every, stretch, uploads, left, far_left, end - now)
    near, checks = _watch_reserve(units, 1 - elapsed, channels)
    if stretch > 1.0:  # units run short: the lists give way first
        near = max(near, kept)
    far_left = max(0, left - near)
    # What remains after a reserve for videos.list is spread over the rest of the day.
    share = max(0, left - near - checks)
    if not share:  # feeds cost nothing and are asked at every check
        return Plan(False, check_every, stretch, 0, left, far_left, end - now)
    affordable = (end - now).total_seconds() * channels / share
    seconds = min(max(every, affordable), check_every.total_seconds() * 4)
    return Plan(True, timedelta(seconds=seconds), stretch, share, left, far_left, end - now)


def _watch_reserve(units: int, left: float, channels: int) -> tuple[int, int]:
    """videos.list must always be able to follow: near about one show a week and channel, and at each check.

    `left` is the part of the day that is to come.
    """
    near = min(NEAR_SHARE * units - 480, 250 * max(1.0, channels / 7))
    return max(0, int(near * left)), int(min(480, 0.1 * units) * left)


def read_spent(session: Session, now: datetime) -> Spent:
    row = session.execute(select(QuotaDay).where(QuotaDay.day == pacific_day(now))).scalar_one_or_none()
    return Spent(row.discovery, row.watch, row.people, row.exhausted_at is not None) if row else Spent()


def spend(session: Session, now: datetime, *, units: int, **wanted: int) -> bool:
    """Counts units before they are sent, all or none, in the caller's transaction. `wanted`: discovery, watch, people.

    The row is the guard: two processes together never pass the day's units.
    """
    day = pacific_day(now)
    session.execute(insert_or_ignore(QuotaDay, session.get_bind().dialect.name).values(day=day))
    everything = QuotaDay.discovery + QuotaDay.watch + QuotaDay.people + sum(wanted.values())
    counted = session.execute(
        update(QuotaDay)
        .where(QuotaDay.day == day, everything <= units, QuotaDay.exhausted_at.is_(None))
        .values({name: getattr(QuotaDay, name) + n for name, n in wanted.items()})
        .returning(QuotaDay.day),
        execution_options={"synchronize_session": False},
    )
    return counted.first() is not None


def mark_exhausted(session: Session, now: datetime) -> None:
    """YouTube said that the day's quota is gone: nothing more is asked until midnight Pacific time."""
    day = pacific_day(now)
    session.execute(insert_or_ignore(QuotaDay, session.get_bind().dialect.name).values(day=day))
    session.execute(
        update(QuotaDay).where(QuotaDay.day == day).values(exhausted_at=now),
        execution_options={"synchronize_session": False},
    )
