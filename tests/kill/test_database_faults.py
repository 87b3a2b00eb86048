"""The database answers, and refuses: deadlocks, time-outs, no connection left, a held lock, a full disk, a wrong clock.

Ada is in default mode, Bo in strict mode, where a person would be asked: nobody has to be asked here.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.engine import make_url

from extensions import db
from models import JobRun, Post, PostAttempt, PostEvent
from sandbox.standin import Fault
from sandbox.x import X
from tests.kill.conftest import Held, Stage

pytestmark = [pytest.mark.slow, pytest.mark.calls_in_transaction]

POSTED = ("posted", 1)
ON_SQLITE = pytest.mark.parametrize("engine_name", ["sqlite"])
ON_POSTGRES = pytest.mark.parametrize("engine_name", ["postgresql"])
#: a point of a post's way → what the database is asked to do there
STEPS = {"intent": "INSERT", "outcome": "UPDATE"}


def all_posted(stage: Stage, x: X) -> None:
    """Both are out, each was sent once, and nothing contradicts."""
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (POSTED, POSTED, 2)


def outcomes() -> list[str]:
    found = sorted(str(outcome) for outcome in db.session.execute(select(PostAttempt.outcome)).scalars())
    db.session.commit()
    return found


def until_said(stage: Stage, words: str) -> None:
    """An operator reads it in the log."""
    log = Path(stage._log)
    stage.until(lambda: log.exists() and words in log.read_text(), f'"{words}" in the log')


# PostgreSQL refuses


ERRORS = {
    "a deadlock": "40P01",
    "a serialization failure": "40001",
    "a statement that takes too long": "57014",
    "a lock that is not given in time": "55P03",
}
FAILING = """
    CREATE SEQUENCE failures;
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF nextval('failures') <= 2 THEN RAISE EXCEPTION 'this was to happen' USING ERRCODE = '%s'; END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER fails BEFORE %s ON post_attempts FOR EACH STATEMENT EXECUTE FUNCTION fail();
"""


@ON_POSTGRES
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", ERRORS)
def test_what_postgresql_ends_twice_is_done_at_the_third_time_and_sent_once(stage: Stage, x: X, name: str, step: str):
    stage.take_time()
    stage.queue(ada=False, bo=True)
    db.session.connection().exec_driver_sql(FAILING % (ERRORS[name], STEPS[step]))
    db.session.commit()
    stage.start()
    stage.settle()
    all_posted(stage, x)
    assert outcomes() == ["accepted", "accepted"]
    assert not x.asked("GET", "/tweets")
    until_said(stage, "this was to happen")


@ON_POSTGRES
def test_what_x_said_waits_for_a_connection_when_all_are_taken(stage: Stage, x: X):
    x.latency = 0.3
    stage.take_time()
    stage.queue(ada=False, bo=True)
    stage.start(hog_at="intent:after_commit", pool_timeout=0.2)
    stage.settle()
    all_posted(stage, x)
    assert outcomes() == ["accepted", "accepted"]
    until_said(stage, "QueuePool limit")


# SQLite


@contextmanager
def writing(*statements: str) -> Iterator[sqlite3.Connection]:
    """Another process holds the write lock, until its transaction ends."""
    path = make_url(str(db.engine.url)).database
    db.session.remove()
    connection = sqlite3.connect(str(path), isolation_level=None)
    for statement in ("BEGIN IMMEDIATE", *statements):
        connection.execute(statement)
    yield connection
    if connection.in_transaction:
        connection.execute("COMMIT")
    connection.close()


def until_up(stage: Stage) -> None:
    """The worker has begun, and has opened its connections."""

    def is_up() -> bool:
        jobs = list(db.session.execute(select(JobRun.job)).scalars())
        db.session.commit()
        return bool(jobs)

    stage.until(is_up, "the first heartbeat")


def due(at: datetime) -> None:
    db.session.execute(update(Post).values(not_before=at))
    db.session.commit()


@pytest.fixture
def start_early(stage: Stage, x: X) -> Callable[..., None]:
    """Starts a worker before its two posts are due."""

    def start(**order: Any) -> None:
        stage.queue(ada=False, bo=True)
        due(x.now() + timedelta(hours=1))
        stage.start(**order)
        until_up(stage)

    return start


@ON_SQLITE
def test_nothing_is_sent_while_another_process_keeps_the_database_for_itself(stage: Stage, x: X, start_early: Any):
    """As if it were held for longer than anybody waits. The posts become due meanwhile."""
    start_early(pragmas=["PRAGMA busy_timeout = 200"])
    at = x.now() + timedelta(seconds=5)
    due(at)
    with writing():
        stage.until(lambda: x.now() > at + timedelta(seconds=0.7), "the moment")
        until_said(stage, "database is locked")
        assert x.attempts() == 0
    stage.settle()
    all_posted(stage, x)


@ON_SQLITE
def test_what_x_said_while_another_process_kept_the_database_is_recorded_later(stage: Stage, x: X, held: Held):
    stage.take_time()
    stage.queue(ada=False, bo=True)
    stage.start(pragmas=["PRAGMA busy_timeout = 200"])
    held.wait()
    with writing():
        held.release()
        until_said(stage, "outcomes could not be stored")
    stage.settle()
    all_posted(stage, x)
    assert outcomes() == ["accepted", "accepted"]


@ON_SQLITE
def test_an_intent_that_waited_for_the_lock_until_its_lease_was_nearly_over_is_not_sent(
    stage: Stage, x: X, start_early: Any
):
    start_early(settings=stage.settings_with(send_deadline_seconds=4.0, send_lease_seconds=6.0))
    with writing("UPDATE posts SET not_before = created_at"):
        time.sleep(3.5)  # less than 6 s: the lease is not over; more than 2 s: too little of it is left for a call
    stage.settle()
    all_posted(stage, x)
    assert outcomes() == ["accepted", "accepted", "not_accepted", "not_accepted"]


FILLING = """
    CREATE TABLE filling (bytes BLOB);
    CREATE TRIGGER fills AFTER %s ON post_attempts BEGIN INSERT INTO filling VALUES (zeroblob(65536)); END;
"""


@ON_SQLITE
@pytest.mark.parametrize("step", STEPS)
def test_a_full_disk_delays_what_is_written_and_sends_nothing_unwritten(stage: Stage, x: X, step: str):
    stage.take_time()
    stage.queue(ada=False, bo=True)
    with writing() as connection:
        connection.execute("COMMIT")
        connection.executescript(FILLING % STEPS[step])
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
    stage.start(pragmas=[f"PRAGMA max_page_count = {pages + 4}"])
    until_said(stage, "database or disk is full")
    assert x.attempts() == (0 if step == "intent" else 2)
    with writing() as connection:
        connection.execute("DROP TRIGGER fills")
    stage.settle()
    all_posted(stage, x)
    assert outcomes() == ["accepted", "accepted"]


@ON_SQLITE
def test_a_file_that_can_only_be_read_sends_nothing_and_says_so(stage: Stage, x: X):
    stage.queue(ada=False, bo=True)
    path = make_url(str(db.engine.url)).database
    settings = stage.settings_with(database_url=f"sqlite:///file:{path}?mode=ro&uri=true")
    worker = stage.start(settings=settings)
    until_said(stage, "attempt to write a readonly database")
    time.sleep(0.5)
    assert (x.attempts(), {post.status for post in stage.posts()}) == (0, {"queued"})
    stage.kill(worker)
    stage.start()
    stage.settle()
    all_posted(stage, x)


@ON_SQLITE
def test_a_write_ahead_log_that_is_lost_with_the_intents_in_it_makes_nothing_go_out_twice(stage: Stage, x: X):
    stage.queue(ada=False, bo=True)
    path = Path(str(make_url(str(db.engine.url)).database))
    db.session.remove()
    db.engine.dispose()
    worker = stage.start()
    stage.until(lambda: x.attempts() == 2, "both attempts")
    time.sleep(0.3)
    stage.kill(worker)
    log = path.with_name(f"{path.name}-wal")
    assert log.stat().st_size > 0
    log.unlink()
    path.with_name(f"{path.name}-shm").unlink()
    assert {post.status for post in stage.posts()} == {"queued"}
    stage.start()
    stage.settle()
    all_posted(stage, x)


# Clocks


CLOCKS = ("now()", "current_timestamp", "clock_timestamp", "localtimestamp", "datetime(", "strftime(", "julianday")


def test_no_statement_asks_the_clock_of_the_database(stage: Stage, x: X):
    """So it may be as wrong as it likes: times are written by whoever works, and compared with his own."""
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda _c, _cursor, statement, *_: asked.append(statement))
    stage.queue(ada=False, bo=True)
    services, now = stage.cast.services, x.now()
    x.faults.append(Fault(method="POST", path="^/2/tweets$", hang_up="after"))
    services.posting.drain(now)
    services.posting.reap(now + timedelta(seconds=10))
    services.confirming.look_up(now + timedelta(seconds=10))
    services.scheduler.tick(now + timedelta(seconds=20))
    assert [post.status for post in stage.posts()] == ["posted", "posted"]
    assert [sql for sql in asked if any(clock in sql.lower() for clock in CLOCKS)] == []


@ON_POSTGRES
@pytest.mark.parametrize("hours", [2, -2])
def test_a_database_whose_clock_is_hours_off_changes_nothing(stage: Stage, x: X, hours: int, fault: Any):
    """What fills a column by itself is the only use of its clock, and no post's way has such a column."""
    for table in db.metadata.tables.values():
        for column in table.columns:
            if column.server_default is not None and "now" in str(column.server_default.arg).lower():
                off = f"ALTER TABLE {table.name} ALTER {column.name} SET DEFAULT now() + interval '{hours} hours'"
                db.session.connection().exec_driver_sql(off)
    db.session.commit()
    stage.queue(ada=False, bo=True)
    fault(hang_up="after")
    stage.start()
    stage.settle()
    all_posted(stage, x)
    times = [at for post in stage.posts() for at in (post.created_at, post.not_before, post.posted_at)]
    assert all(abs(at - x.now()) < timedelta(minutes=10) for at in times)


@pytest.mark.parametrize("hours", [2, -2])
def test_a_machine_whose_clock_is_hours_off_takes_a_lease_for_over_and_sends_nothing_twice(
    stage: Stage, x: X, hours: int, held: Held
):
    """The wrong clock's look comes while X still works on the posts; the right clock's worker hears of them."""
    stage.take_time()
    stage.queue(ada=False, bo=True)
    stage.start()
    held.wait()
    services, wrong = stage.cast.services, x.now() + timedelta(hours=hours)
    assert services.posting.reap(wrong) == 2
    for seconds in (5, 20, 50, 95):
        services.confirming.look_up(wrong + timedelta(seconds=seconds))
        services.posting.drain(wrong + timedelta(seconds=seconds))
    held.release()
    stage.settle()
    all_posted(stage, x)
    found = set(db.session.execute(select(PostEvent.cause).where(PostEvent.status == "unknown")).scalars())
    assert found == {"x_interrupted"}
    db.session.commit()
