"""The last run of each job of a process, in its memory and noted down for people."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, insert, or_
from sqlalchemy.orm import Session

from models import JobRun

#: of a process that was not heard of for so long nothing is kept
KEPT = timedelta(days=1)


@dataclass(slots=True)
class Run:
    """Times by the monotonic clock and the wall's."""

    started: float = field(default_factory=time.monotonic)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    finished: float | None = None
    finished_at: datetime | None = None
    error: str | None = None

    def end(self) -> None:
        self.finished, self.finished_at = time.monotonic(), datetime.now(UTC)


def note(session: Session, process: str, runs: Mapping[str, Run], now: datetime, *, behind: int | None) -> None:
    """Writes what the jobs of this process last did, and forgets processes that are long gone. Commits nothing.

    `behind`: seconds that this clock is behind others', None where that is not known.
    """
    session.execute(delete(JobRun).where(or_(JobRun.process == process, JobRun.seen_at < now - KEPT)))
    rows = [
        {
            "process": process,
            "job": name,
            "started_at": run.started_at,
            "finished_at": run.finished_at,
            "error": run.error,
            "seen_at": now,
            "seconds_behind": behind,
        }
        for name, run in runs.items()
    ]
    if rows:
        session.execute(insert(JobRun), rows)
