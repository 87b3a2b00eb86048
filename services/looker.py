"""The lease by which one process of many is the one that looks."""

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import case, or_, update

from extensions import db
from models import WorkerLease
from services import leases
from services.outbox import insert_or_ignore

LOOKER = "looker"
LEASE = timedelta(seconds=30)
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_PLAIN = {"synchronize_session": False}


class Looker:
    """Whether `process` is the one that looks: taken by compare-and-set, and renewed by whoever has it."""

    def __init__(self, process: str) -> None:
        self._process = process
        #: by the monotonic clock
        self._trusted_until = 0.0

    def is_mine(self, now: datetime) -> bool:
        """Asks the database when half of the lease is over, and commits then."""
        return self._trusted_until > time.monotonic() or self._take(now)

    def _take(self, now: datetime) -> bool:
        """Trust ends by our own monotonic clock, counted from before the question."""
        asked = time.monotonic()
        session = db.session()
        made = insert_or_ignore(WorkerLease, session.get_bind().dialect.name)
        session.execute(made.values(name=LOOKER, holder="", expires_at=_LONG_AGO))
        mine = WorkerLease.holder == self._process
        taken = session.execute(
            update(WorkerLease)
            .where(WorkerLease.name == LOOKER, or_(mine, leases.over(WorkerLease.expires_at, now)))
            .values(
                holder=self._process,
                expires_at=now + LEASE,
                epoch=case((mine, WorkerLease.epoch), else_=WorkerLease.epoch + 1),
            )
            .returning(WorkerLease.epoch),
            execution_options=_PLAIN,
        ).first()
        session.commit()
        self._trusted_until = asked + LEASE.total_seconds() / 2 if taken else 0.0
        return taken is not None

    def give_back(self) -> None:
        """For others to take at once. Commits."""
        mine = update(WorkerLease).where(WorkerLease.name == LOOKER, WorkerLease.holder == self._process)
        db.session.execute(mine.values(expires_at=_LONG_AGO), execution_options=_PLAIN)
        db.session.commit()
