"""Whether this installation does its work: database, migrations, scheduler. Changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from alembic.script import ScriptDirectory
from sqlalchemy import String, column, func, select, table, text
from sqlalchemy.exc import DBAPIError

from config import ROOT
from extensions import db
from models import JobRun
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

    @property
    def is_ready(self) -> bool:
        beats = self.scheduler_age is not None and self.scheduler_age < SILENT_AFTER
        return self.database and self.migrated and beats and self.sickness is None


def read_health(now: datetime) -> Health:
    """Never raises: a database that is away is an answer."""
    try:
        heard = select(func.max(JobRun.seen_at)).scalar_subquery()
        found = select(column("version_num", String), heard)
        rows: Sequence[Any] = db.session.execute(found.select_from(table("alembic_version"))).all()
    except DBAPIError:
        db.session.rollback()
        return Health(_answers(), migrated=False, scheduler_age=None)
    current = {row[0] for row in rows}
    migrated = current == _heads()
    seen_at = rows[0][1] if migrated else None
    services = get_services()
    is_ours = services.settings.scheduler == "embedded"
    sickness = services.scheduler.sickness() if is_ours else None
    age = now - seen_at if seen_at else None
    return Health(True, migrated, age, sickness, ", ".join(sorted(current)))


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
