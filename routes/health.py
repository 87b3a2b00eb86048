"""For machines: does the process answer, does the installation work, and are its connections enough."""

from dataclasses import asdict
from datetime import UTC, datetime

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from routes.access import require_site_admin
from services.health import read_health
from services.system_status import pool

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> ResponseReturnValue:
    """The process answers; says nothing about anything else."""
    return jsonify(status="ok")


@bp.get("/readyz")
def readyz() -> ResponseReturnValue:
    """200 when database, migrations, a scheduler and the journal are as they should be, else 503 and why; no names."""
    health = read_health(datetime.now(UTC))
    age = health.scheduler_age
    return jsonify(
        status="ready" if health.is_ready else "not ready",
        database=health.database,
        migrations_at_head=health.migrated,
        scheduler_age_seconds=round(age.total_seconds(), 1) if age is not None else None,
        scheduler_works=health.sickness is None,
        journal_works=health.journal is None,
        why=health.why,
    ), 200 if health.is_ready else 503


@bp.get("/health/pool")
@require_site_admin
def connections() -> ResponseReturnValue:
    """Connections of this process to its database, for those who run the server."""
    found = pool()
    return jsonify(None if found is None else asdict(found))
