"""Each host's numbers of a week, added up once the week is over, in bulk; and what is too old taken away.

A week's numbers may still change while X is asked about its posts, so it is added up again until nobody asks any more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, cast

from sqlalchemy import Table, and_, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from extensions import db, reading
from models import HostWeek, Podcast, PodcastMember, PostSnapshot, User
from services import figures, periods
from services.batches import take_away
from services.figures import HUNDREDTH, NOTHING, Figures
from services.metrics_rows import LAST
from services.one_by_one import apart
from services.periods import DAY, WEEK

#: a server that was off for so long adds up what it has missed
WEEKS_BACK = 8
SNAPSHOTS_KEPT, WEEKS_KEPT = timedelta(days=365), timedelta(days=730)
WEEKS = cast(Table, HostWeek.__table__)
SUMS = (*figures.COUNTS, "spend")
#: (podcast, Monday) → when it was added up
Made = dict[tuple[int, date], datetime]


@dataclass(frozen=True, slots=True)
class Show:
    """A podcast: values only."""

    podcast_id: int
    zone: str


def roll_up(show: Show, monday: date, now: datetime) -> int:
    """Adds up one local week of all hosts, in three statements however many, and commits. Returns how many hosts.

    Every member has a row, also who did nothing; and who was one then and has an account still. Nobody has where the
    podcast is gone by now, or in another zone: its weeks begin at other moments then.
    """
    session = db.session()
    span = periods.span_of(monday, monday + WEEK, show.zone)
    found = figures.by_host(session, show.podcast_id, span)
    member = and_(PodcastMember.user_id == User.id, PodcastMember.podcast_id == show.podcast_id)
    is_there = select(Podcast.id).where(Podcast.id == show.podcast_id, Podcast.timezone == show.zone).exists()
    hosts = select(User.id).outerjoin(PodcastMember, member).where(is_there).order_by(User.id)
    hosts = hosts.where(or_(PodcastMember.id.is_not(None), User.id.in_(list(found))))
    rows = [
        {"podcast_id": show.podcast_id, "user_id": id, "week": monday, "made_at": now, **_row(found.get(id, NOTHING))}
        for id in session.execute(hosts).scalars()
    ]
    if rows:
        session.execute(_upsert(session.get_bind().dialect.name), rows)
    session.commit()
    return len(rows)


def _row(one: Figures) -> dict[str, Any]:
    sums = {name: getattr(one, name) for name in SUMS}
    return sums | {"median": _stored(one.total.median), "p95": _stored(one.total.p95)}


def _stored(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * HUNDREDTH)


def _upsert(dialect: str) -> Any:
    new = postgresql_insert(WEEKS) if dialect == "postgresql" else sqlite_insert(WEEKS)
    return new.on_conflict_do_update(
        index_elements=["podcast_id", "user_id", "week"],
        set_={name: new.excluded[name] for name in ("made_at", *SUMS, "median", "p95")},
    )


def due(now: datetime, empty: Made | None = None) -> list[tuple[Show, date]]:
    """The weeks that are over and not added up, or not since their numbers could last change. Two statements.

    `empty`: those that had nobody to add up for.
    """
    reading()
    session = db.session()
    shows = [Show(*row) for row in session.execute(select(Podcast.id, Podcast.timezone).where(Podcast.is_active))]
    made = (empty or {}) | _made(session, now)
    db.session.rollback()
    found: list[tuple[Show, date]] = []
    for show in shows:
        apart(partial(_add, found, show, made, now), "which weeks of a podcast are due is not known", show.podcast_id)
    return found


def _add(found: list[tuple[Show, date]], show: Show, made: Made, now: datetime) -> None:
    found += [(show, week) for week in _weeks(show, made, now)]


def _made(session: Session, now: datetime) -> Made:
    query = select(HostWeek.podcast_id, HostWeek.week, func.max(HostWeek.made_at)).where(HostWeek.week >= _oldest(now))
    rows = session.execute(query.group_by(HostWeek.podcast_id, HostWeek.week))
    return {(podcast_id, week): at for podcast_id, week, at in rows}


def _oldest(now: datetime) -> date:
    return now.date() - (WEEKS_BACK + 1) * WEEK


def _weeks(show: Show, made: Made, now: datetime) -> Iterator[date]:
    this = periods.week_of(now, show.zone)
    for number in range(1, WEEKS_BACK + 1):
        week = this - number * WEEK
        at, final = made.get((show.podcast_id, week)), periods.midnight(week + WEEK, show.zone) + LAST
        if at is None or (at < final and now - at >= DAY):
            yield week


class RollUp:
    """Adds up what is due, each week by itself: one that can not be keeps no other back."""

    def __init__(self) -> None:
        #: nobody was there to add them up for: looked at again a day later
        self._empty: Made = {}

    def run(self, now: datetime) -> int:
        """Returns how many weeks of podcasts were added up."""
        self._empty = {key: at for key, at in self._empty.items() if now - at < DAY}
        wanted = due(now, self._empty)
        return sum(self._week(show, week, now) for show, week in wanted)

    def _week(self, show: Show, week: date, now: datetime) -> bool:
        def work() -> None:
            if not roll_up(show, week, now):
                self._empty[show.podcast_id, week] = now

        return apart(work, "a week of a podcast was not added up", show.podcast_id)


def roll_up_due(now: datetime) -> int:
    """All that is due, once. Returns how many weeks of podcasts."""
    return RollUp().run(now)


def begin_anew(podcast_id: int) -> None:
    """Its zone is another, so its weeks begin at other moments: they are added up again. In the caller's transaction.

    Those that are too long ago for that are gone: they would tell of days that no page shows any more.
    """
    mine = HostWeek.podcast_id == podcast_id
    db.session.execute(delete(HostWeek).where(mine), execution_options={"synchronize_session": False})


def forget(now: datetime) -> None:
    """What nobody looks at any more. The newest counts of a post stay with it."""
    take_away(PostSnapshot, PostSnapshot.at < now - SNAPSHOTS_KEPT)
    take_away(HostWeek, HostWeek.week < (now - WEEKS_KEPT).date())
