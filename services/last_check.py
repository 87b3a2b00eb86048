"""When YouTube was last looked at as a whole. Reads only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Select, select

from extensions import db
from models import JobRun, WorkerLease


@dataclass(frozen=True, slots=True)
class LastCheck:
    """When YouTube was last looked at as a whole, and whether that is as it should be."""

    at: datetime | None
    is_late: bool
    error: str | None = None


def last_check(now: datetime, every: timedelta) -> LastCheck:
    """Of the process that looks; of any while nobody holds the lease. `every`: how often a check should come."""
    runs = db.session.execute(_runs()).all()
    of_looker = [row.JobRun for row in runs if row.is_looker] or [row.JobRun for row in runs]
    newest = max(of_looker, key=lambda run: run.started_at, default=None)
    if newest is None:
        return LastCheck(None, is_late=True)
    at = newest.finished_at or newest.started_at
    return LastCheck(at, is_late=now - at > late_after(every), error=newest.error)


@cache
def _runs() -> Select[JobRun, bool]:
    """Put together once."""
    looks = select(JobRun, (WorkerLease.holder == JobRun.process).label("is_looker"))
    return looks.outerjoin(WorkerLease, WorkerLease.name == "looker").where(JobRun.job == "check")


def late_after(every: timedelta) -> timedelta:
    """Runs are written down with the heartbeat, every ten seconds, and a check itself may take a while."""
    return 2 * every + timedelta(seconds=60)
