"""The database is updated while workers run: those of the version before and of the next go on, and send once."""

from pathlib import Path

import flask_migrate
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from extensions import db
from models import PostAttempt
from sandbox.x import X
from tests.kill.conftest import Stage

pytestmark = [pytest.mark.slow, pytest.mark.calls_in_transaction, pytest.mark.logs_errors]

POSTED = ("posted", 1)
#: what this version needs to send is not there yet
WITHOUT_ENOUGH = "0002"
#: what a next version may do to what this one uses: add, with a value for whoever does not know of it
NEXT = """
CREATE TABLE of_the_next (id INTEGER PRIMARY KEY, post_id INTEGER REFERENCES posts (id));
ALTER TABLE posts ADD COLUMN of_the_next INTEGER DEFAULT 0 NOT NULL;
ALTER TABLE post_attempts ADD COLUMN of_the_next VARCHAR(20) DEFAULT 'nothing' NOT NULL;
ALTER TABLE social_connections ADD COLUMN of_the_next VARCHAR(20);
CREATE INDEX ix_of_the_next ON posts (of_the_next);
UPDATE alembic_version SET version_num = '9999';
"""


def update_to_the_next() -> bool:
    """In one transaction, as migrations are run; rather refused than in the way of others: then it is run again."""
    try:
        _update()
    except OperationalError:
        db.session.rollback()
        return False
    return True


def _update() -> None:
    connection = db.session.connection()
    if db.engine.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = '2s'"))
    for statement in filter(str.strip, NEXT.split(";")):
        connection.execute(text(statement))
    db.session.commit()


def sent() -> int:
    number: int = db.session.execute(select(func.count()).select_from(PostAttempt)).scalar_one()
    db.session.commit()
    return number


def test_f51_workers_go_on_when_the_database_becomes_that_of_the_next_version(stage: Stage, x: X):
    """Some posts are sent before, some while it happens, some after it."""
    stage.take_time()
    x.latency = 0.2
    names = [f"host{n}" for n in range(24)]
    stage.queue(**dict.fromkeys(names, True))
    for _ in range(2):
        stage.start()
    stage.until(lambda: sent() > 0, "the first attempt")
    stage.until(update_to_the_next, "the update")
    second = stage.cast.show("Second", hosts=("host0", "host1"))
    stage.cast.youtube.go_live(second.youtube_channel_id, "Trees")
    stage.announce()
    stage.settle()
    assert stage.violations() == []
    assert {post.status for post in stage.posts()} == {"posted"}
    assert x.attempts() == len(names) + 2


def test_f51_a_worker_that_was_started_before_the_upgrade_sends_nothing_until_it_is_done(stage: Stage, x: X):
    stage.queue(ada=False, bo=True)
    flask_migrate.downgrade(revision=WITHOUT_ENOUGH)
    db.session.remove()
    db.engine.dispose()
    stage.start()
    log = Path(stage._log)
    stage.until(lambda: log.exists() and "run flask db upgrade" in log.read_text(), "what to run, in the log")
    assert x.attempts() == 0
    assert stage.wait(stage.start(migrates=True)) == 0
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (POSTED, POSTED, 2)
