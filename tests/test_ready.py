"""/readyz: green while database, migrations, a scheduler and the journal work, and otherwise red with a sentence."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from extensions import db
from models import JobRun, Post
from services.health import read_health

GREEN: list[str] = []
NO_JOURNAL = ["The journal cannot be written, so nothing is sent. The system page says why."]
NOT_MIGRATED = ["The database is not migrated to this version. Run flask db upgrade."]

pytestmark = pytest.mark.logs_errors


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def now(app: Flask) -> datetime:
    """A moment at which a scheduler was just heard of."""
    now = datetime.now(UTC)
    db.session.add(JobRun(process="p", job="heartbeat", started_at=now, finished_at=now, seen_at=now))
    db.session.commit()
    return now


@contextmanager
def no_room() -> Iterator[None]:
    """Files of this process may not grow over a thousand bytes, as on a disk that is nearly full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def why(at: datetime) -> list[str]:
    found = read_health(at).why
    db.session.rollback()
    return found


def test_a_journal_without_room_is_red_with_a_sentence_until_there_is_room(app, now, tmp_path):
    client = app.test_client()
    with no_room():
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json["status"], answer.json["why"]) == (503, "not ready", NO_JOURNAL)
    assert answer.json["journal_works"] is False
    assert str(tmp_path) not in answer.text
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["journal_works"], answer.json["why"]) == (200, True, GREEN)


def test_a_journal_that_others_may_read_is_red_at_once(now, tmp_path):
    assert why(now) == GREEN
    folder: Path = tmp_path / "journal"
    folder.chmod(0o755)
    assert why(now) == NO_JOURNAL
    folder.chmod(0o700)
    assert why(now) == GREEN


def test_whoever_asks_often_makes_it_write_once_in_ten_seconds(now):
    assert why(now) == GREEN
    with no_room():
        assert why(now + timedelta(seconds=9)) == GREEN
        assert why(now + timedelta(seconds=10)) == NO_JOURNAL
    assert why(now + timedelta(seconds=11)) == GREEN


def test_a_clock_that_was_set_back_does_not_keep_the_journal_from_being_tried(now):
    assert why(now + timedelta(hours=1)) == ["No scheduler has been heard of for a minute."]
    with no_room():
        assert why(now) == NO_JOURNAL


def test_posts_that_wait_for_the_journal_of_another_machine_make_it_red(now):
    values = {"status": "queued", "cause": "journal", "detail": "The journal in /elsewhere cannot be used: no room."}
    db.session.add(Post(key="live:a:1", text="We are live", not_after=now + timedelta(minutes=30), **values))
    db.session.commit()
    assert why(now) == NO_JOURNAL


@pytest.mark.parametrize("revision", ["0001", "9999"])
def test_a_database_of_an_older_or_newer_version_is_red_and_says_what_to_run(app, now, revision):
    db.session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    db.session.commit()
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["migrations_at_head"], answer.json["why"]) == (503, False, NOT_MIGRATED)


def test_a_database_that_is_away_is_named_alone_and_the_process_is_healthy(app, now):
    db.session.remove()
    db.engine.dispose()
    Path(db.engine.url.database).unlink()
    Path(db.engine.url.database).mkdir()
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.json["why"]) == (503, ["The database does not answer."])
    assert app.test_client().get("/healthz").status_code == 200
