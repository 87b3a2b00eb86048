"""Whether this installation does its work: database, migrations, scheduler, journal. Changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from alembic.script import ScriptDirectory
from sqlalchemy import String, column, func, select, table, text
from sqlalchemy.exc import DBAPIError

from config import ROOT
from extensions import db, reading
from models import JobRun, Post, PostStatus
from services.registry import get_services

#: heartbeats come every ten seconds
SILENT_AFTER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Health:
    """`scheduler_age` is how long ago any process's scheduler wrote its heartbeat; None: never."""

    database: bool
    migrated: bool
    scheduler_age: timedelta | None
    #: why this process's own scheduler is not to be trusted, if it has one
    sickness: str | None = None
    #: what the database says it was migrated to
    migration: str = ""
    #: why nothing is sent, if the journal cannot be written here or where posts wait for it
    journal: str | None = None

    @property
    def is_ready(self) -> bool:
        return not self.why

    @property
    def why(self) -> list[str]:
        """What is wrong, a sentence each; none names a path, a process or a person."""
        is_silent = self.scheduler_age is None or self.scheduler_age >= SILENT_AFTER
        sentences = {
            "The database does not answer.": not self.database,
            "The database is not migrated to this version. Run flask db upgrade.": self.database and not self.migrated,
            "No scheduler has been heard of for a minute.": self.migrated and is_silent,
            "The scheduler of this process does not work. The log says why.": self.sickness is not None,
            "The journal cannot be written, so nothing is sent. The system page says why.": self.journal is not None,
        }
        return [sentence for sentence, is_so in sentences.items() if is_so]


def read_health(now: datetime) -> Health:
    """Never raises: a database that is away is an answer."""
    services = get_services()
    journal = services.guard.journal.tried_lately(now)
    try:
        rows = _rows()
    except DBAPIError:
        db.session.rollback()
        return Health(_answers(), migrated=False, scheduler_age=None, journal=journal)
    current = {row[0] for row in rows}
    migrated = current == _heads()
    seen_at, elsewhere = rows[0][1:] if migrated else (None, None)
    is_ours = services.settings.scheduler == "embedded"
    sickness = services.scheduler.sickness() if is_ours else None
    age = now - seen_at if seen_at else None
    return Health(True, migrated, age, sickness, ", ".join(sorted(current)), journal or elsewhere)


def _rows() -> Sequence[Any]:
    """(migration, last heartbeat, why a post waits for the journal of its machine)."""
    heard = select(func.max(JobRun.seen_at)).scalar_subquery()
    waits = select(func.max(Post.detail)).where(Post.status == PostStatus.QUEUED, Post.cause == "journal")
    found = select(column("version_num", String), heard, waits.scalar_subquery())
    reading()
    return db.session.execute(found.select_from(table("alembic_version"))).all()


def _answers() -> bool:
    try:
        db.session.execute(text("SELECT 1"))
    except DBAPIError:
        db.session.rollback()
        return False
    return True


@cache
def _heads() -> set[str]:
    return set(ScriptDirectory(str(ROOT / "migrations")).get_heads())
