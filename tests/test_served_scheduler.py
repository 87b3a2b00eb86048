"""The scheduler inside a server that people run: it ends with the server, and nobody has to wait for its lease."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from extensions import db
from models import WorkerLease
from tests.processes import end, eventually, free_port, start


@pytest.fixture
def engine_name():
    return "sqlite"


def is_held() -> bool:
    until = db.session.execute(select(WorkerLease.expires_at)).scalar_one_or_none()
    db.session.rollback()
    return until is not None and until > datetime.now(UTC)


@pytest.mark.slow
def test_a_server_that_ends_gives_the_lease_back(app, settings, tmp_path):
    port, log = free_port(), tmp_path / "gunicorn.log"
    embedded = settings.model_copy(update={"scheduler": "embedded"})
    address = ("--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--no-control-socket")
    process = start(embedded, "gunicorn", "app:create_app()", *address, log=log)
    try:
        eventually(is_held, timeout=60)
    finally:
        end(process)
    assert not is_held(), log.read_text()
    assert "scheduler stopped" in log.read_text()
