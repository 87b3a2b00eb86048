"""The database forgets, real workers go on: what was sent is looked up, and X is never asked twice for one post."""

import shutil
import signal
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskCliRunner
from sqlalchemy import select, update
from sqlalchemy.engine import make_url

from benchmarks.scratch import execute
from config import Settings
from extensions import db
from models import Installation, PostEvent, SocialConnection
from sandbox.x import X
from tests.kill.conftest import Stage

pytestmark = [pytest.mark.slow, pytest.mark.calls_in_transaction, pytest.mark.logs_errors]

POSTED, ASKED = ("posted", 1), ("review", 0)


class Backup:
    """A copy of this test's database as it is now; `put_back` makes everything since then forgotten."""

    def __init__(self, settings: Settings, engine_name: str) -> None:
        self._url, self._is_sqlite = make_url(settings.database_url), engine_name == "sqlite"
        self._let_go()
        if self._is_sqlite:
            self._copy(self._path, self._path.with_suffix(".copy"))
        else:
            execute(self._server, f"CREATE DATABASE {self._url.database}_copy TEMPLATE {self._url.database}")

    def put_back(self) -> None:
        self._let_go()
        if self._is_sqlite:
            for leftover in (*self._path.parent.glob("*-wal"), *self._path.parent.glob("*-shm")):
                leftover.unlink()
            shutil.copy(self._path.with_suffix(".copy"), self._path)
        else:
            execute(self._server, f"DROP DATABASE {self._url.database} WITH (FORCE)")
            execute(self._server, f"ALTER DATABASE {self._url.database}_copy RENAME TO {self._url.database}")

    @property
    def _path(self) -> Path:
        return Path(str(self._url.database))

    @property
    def _server(self) -> str:
        return self._url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)

    @staticmethod
    def _copy(source: Path, target: Path) -> None:
        with sqlite3.connect(source) as one, sqlite3.connect(target) as other:
            one.backup(other)
        one.close()
        other.close()

    @staticmethod
    def _let_go() -> None:
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def backup(settings: Settings, engine_name: str) -> Callable[[], Backup]:
    return lambda: Backup(settings, engine_name)


def causes(status: str) -> set[str | None]:
    query = select(PostEvent.cause).where(PostEvent.status == status)
    found = set(db.session.execute(query).scalars())
    db.session.commit()
    return found


def send_and_die(stage: Stage, x: X) -> None:
    """A worker sends both posts; it is gone when both are recorded."""
    # However slow the machine is, both are sent within their lease: that it runs out is another story.
    pid = stage.start(settings=stage.settings_with(send_lease_seconds=30.0))
    stage.settle()
    stage.kill(pid)
    assert x.attempts() == 2


def test_f45_a_database_that_lost_the_intents_sends_nothing_twice(stage: Stage, x: X, backup: Any):
    stage.queue(ada=False, bo=True)
    before = backup()
    send_and_die(stage, x)
    before.put_back()
    stage.start()
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (POSTED, POSTED, 2)
    assert causes("unknown") == {"lost_record"}


def test_f45_what_x_does_not_have_either_is_for_a_person_in_both_modes(stage: Stage, x: X, fault: Any, backup: Any):
    stage.queue(ada=False, bo=True)
    before = backup()
    fault(status=500)
    assert stage.wait(stage.start(kill_at="outcome:begin")) == -signal.SIGKILL
    before.put_back()
    asked = x.attempts()
    stage.start()
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (ASKED, ASKED, asked)
    assert causes("review") == {"not_found_since"}


def test_f46_without_a_journal_the_changed_database_is_in_quarantine(
    stage: Stage, x: X, backup: Any, settings: Settings, engine_name: str, runner: FlaskCliRunner
):
    """PostgreSQL tells by itself that it is another history; of SQLite a person says it."""
    stage.queue(ada=False, bo=True)
    stage.cast.services.guard.check(x.now())
    before = backup()
    send_and_die(stage, x)
    before.put_back()
    shutil.rmtree(settings.instance_path / "journal")
    (settings.instance_path / "instance_id").unlink()
    if engine_name == "sqlite":
        assert runner.invoke(args=["db-restored"]).exit_code == 0
    else:
        db.session.execute(update(Installation).values(timeline_id=Installation.timeline_id + 1))
        db.session.commit()
    stage.start()
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (POSTED, POSTED, 2)
    assert causes("unknown") == {"quarantined"}


def test_f47_a_dump_of_yesterday_and_a_live_stream_end_posted_by_look_up(stage: Stage, x: X, backup: Any):
    for name in ("ada", "bo"):
        stage.cast.connect(stage.cast.user(name, default_text=f"{name} says: {{title}} {{url}}"))
    channel = stage.cast.show("Deep Dive", hosts=("ada", "bo")).youtube_channel_id
    stage.cast.services.guard.check(x.now() - timedelta(days=1))
    yesterday = backup()
    stage.cast.youtube.go_live(channel, "Queues")
    stage.announce()
    send_and_die(stage, x)
    yesterday.put_back()
    assert stage.posts() == []
    stage.start()
    stage.until(lambda: len(stage.posts()) == 2, "the second announcement")
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (POSTED, POSTED, 2)
    row = db.session.execute(select(Installation)).scalar_one()
    assert (row.cause, row.quarantined_at is None) == ("db_lost_posts", False)
    db.session.commit()


def test_f38_a_worker_that_dies_with_a_new_pair_in_hand_leaves_it_in_the_journal(stage: Stage, x: X):
    x.reuse_revokes_family = True
    stage.take_time()
    stage.queue(ada=False)
    soon = x.now() + timedelta(minutes=5)
    db.session.execute(update(SocialConnection).values(expires_at=soon))
    db.session.commit()
    assert stage.wait(stage.start(kill_at="pair:begin")) == -signal.SIGKILL
    # Later: the dead worker's lease is over, and the old pair is of no use any more.
    db.session.execute(update(SocialConnection).values(expires_at=x.now(), refresh_lease_until=x.now()))
    db.session.commit()
    stage.start()
    stage.settle()
    assert (stage.state("ada"), len(x.asked("POST", "/2/oauth2/token"))) == (POSTED, 1)
    connection = db.session.execute(select(SocialConnection)).scalar_one()
    assert (connection.refresh_state, connection.trouble) == ("idle", None)
    db.session.commit()


def test_a_second_server_of_the_same_database_changes_nothing(stage: Stage, x: X, settings: Settings):
    stage.queue(ada=False, bo=True)
    first = stage.start()
    stage.settle()
    stage.kill(first)
    stage.start(settings=stage.settings_with(instance_path=str(settings.instance_path / "elsewhere")))
    stage.until((settings.instance_path / "elsewhere" / "instance_id").exists, "the second server")
    row = db.session.execute(select(Installation)).scalar_one()
    assert (row.quarantined_at, row.cause) == (None, None)
    db.session.commit()
    assert stage.violations() == []
