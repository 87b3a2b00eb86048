"""Which database this is: what counts as a restore and what does not, and what may be sent after one."""

import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, select, update

from extensions import db
from models import Installation, OneTimeLink, PostAttempt, User, UserSession
from services import announcing, links
from services.audit import NOBODY
from services.installation import Guard, NotDurableError, release
from services.registry import get_services
from tests.books import forget_all_entries
from tests.browser import Browser
from tests.desk import Desk, lose

pytestmark = pytest.mark.logs_errors


@pytest.fixture
def guard(desk: Desk) -> Guard:
    """Of a server that runs: the database has its name, and it is kept beside it."""
    guard = get_services().guard
    guard.check(desk.at)
    return guard


def standing() -> Installation:
    row = db.session.execute(select(Installation), execution_options={"populate_existing": True}).scalar_one()
    db.session.expunge(row)
    db.session.commit()
    return row


def change(**columns: object) -> None:
    db.session.execute(update(Installation).values(**columns))
    db.session.commit()


def forget(post_id: int, **columns: object) -> None:
    """The database as before the post was sent: it waits, and no attempt was made."""
    forget_all_entries()
    db.session.execute(PostAttempt.__table__.delete())
    post = announcing.Post
    values = {"status": "queued", "attempts": 0, "attempt_token": None, "remote_id": None, "posted_at": None} | columns
    db.session.execute(update(post).where(post.id == post_id).values(**values))
    db.session.execute(db.text("UPDATE episode_tweet_configs SET status = 'posting'"))
    db.session.execute(db.text("DELETE FROM post_events WHERE status != 'queued'"))
    db.session.commit()


# What counts as a restore


def test_the_first_start_names_the_database_and_later_ones_find_it_unchanged(guard, desk, tmp_path, engine_name):
    first = standing()
    assert (tmp_path / "instance_id").read_text().strip() == first.instance_id
    assert (tmp_path / "instance_id").stat().st_mode & 0o777 == 0o600
    assert (first.system_id != "", first.timeline_id) == ((True, 1) if engine_name == "postgresql" else (False, 0))
    guard.check(desk.later(10).at)
    assert (standing().instance_id, standing().quarantined_at) == (first.instance_id, None)


def test_a_new_machine_for_the_same_database_is_no_restore(guard, desk, make_app: Callable[..., Flask], tmp_path):
    desk.on_air("ada")
    desk.drain()
    with make_app(instance_path=tmp_path / "second").app_context():
        get_services().guard.check(desk.later(10).at)
    guard.check(desk.later(10).at)
    assert standing().quarantined_at is None
    assert (tmp_path / "second" / "instance_id").read_text() == (tmp_path / "instance_id").read_text()


def test_another_database_than_this_machine_knows_is_a_restore(guard, desk):
    change(instance_id="0" * 32)
    guard.check(desk.later(10).at)
    assert (standing().cause, standing().quarantined_at) == ("db_replaced", desk.at)


@pytest.mark.parametrize("held", [b"", b"\0" * 33, b"\xff\xfe\xfd", b"0" * 20], ids=["empty", "zeros", "bytes", "part"])
def test_what_is_no_name_of_a_database_is_no_restore_and_is_written_anew(guard, desk, tmp_path, held):
    (tmp_path / "instance_id").write_bytes(held)
    guard.check(desk.later(10).at)
    assert standing().quarantined_at is None
    assert (tmp_path / "instance_id").read_text().strip() == standing().instance_id


def test_a_database_that_does_not_know_the_last_posts_is_a_restore(guard, desk):
    desk.on_air("ada")
    forget(desk.drain().id)
    guard.check(desk.later(10).at)
    assert (standing().cause, standing().quarantined_at) == ("db_lost_posts", desk.at)


def test_a_new_database_beside_an_old_journal_is_a_restore_at_its_first_start(guard, desk, tmp_path):
    desk.on_air("ada")
    forget(desk.drain().id)
    (tmp_path / "instance_id").unlink()
    db.session.execute(Installation.__table__.delete())
    db.session.commit()
    guard.check(desk.later(10).at)
    assert standing().cause == "db_lost_posts"


class TestPostgreSQL:
    @pytest.fixture
    def engine_name(self) -> str:
        return "postgresql"

    @pytest.mark.parametrize("column, value", [("timeline_id", 7), ("system_id", "7000000000000000000")])
    def test_another_cluster_or_history_is_a_restore_also_between_two_heartbeats(self, guard, desk, column, value):
        real = getattr(standing(), column)
        desk.on_air("ada")
        change(**{column: value})
        assert desk.drain().status == "unknown"
        assert (standing().cause, standing().quarantined_at >= desk.at) == ("db_changed", True)
        assert getattr(standing(), column) == real
        assert desk.x.attempts() == 0


def test_what_was_dealt_with_is_no_news_to_a_machine_that_comes_later(guard, desk, make_app, tmp_path):
    desk.on_air("ada")
    forget(desk.drain().id)
    shutil.copytree(tmp_path / "journal", tmp_path / "late" / "journal")
    shutil.copy2(tmp_path / "instance_id", tmp_path / "late" / "instance_id")
    change(instance_id="0" * 32)
    guard.check(desk.later(10).at)
    release(NOBODY, desk.later(10).at)
    with make_app(instance_path=tmp_path / "late").app_context():
        get_services().guard.check(desk.later(10).at)
    guard.check(desk.later(10).at)
    assert standing().quarantined_at is None


# What may be sent


def test_what_is_on_the_timeline_is_posted_and_x_is_not_asked_again(guard, desk):
    desk.on_air("ada")
    first = desk.drain()
    change(quarantined_at=desk.later(5).at, cause="db_restored")
    shutil.rmtree(guard.journal._files.folder)
    forget(first.id)
    post = desk.drain()
    assert (post.status, post.cause) == ("unknown", "quarantined")
    post = desk.find_out()
    assert (post.status, post.remote_id, desk.x.attempts()) == ("posted", first.remote_id, 1)


def test_what_is_not_there_is_for_a_person_also_in_default_mode_and_then_goes(guard, desk):
    desk.on_air("ada")
    change(quarantined_at=desk.later(5).at, cause="db_restored")
    desk.drain()
    post = desk.find_out(until=300)
    assert (post.status, post.cause, desk.x.attempts()) == ("review", "not_found_since", 0)
    desk.cast.services.by_hand.resolve(post.id, "again", NOBODY, desk.later(5).at)
    post = desk.drain()
    assert (post.status, desk.x.attempts()) == ("posted", 1)


def test_an_attempt_that_was_unknown_before_the_restore_is_not_repeated_either(guard, desk, x):
    lose(x)
    desk.on_air("ada")
    assert desk.drain().status == "unknown"
    change(quarantined_at=desk.later(5).at, cause="db_restored")
    assert (desk.find_out(until=300).status, x.attempts()) == ("review", 1)


def test_a_stream_that_starts_after_the_restore_is_announced_as_ever(guard, desk):
    change(quarantined_at=desk.at, cause="db_restored")
    desk.later(60).on_air("ada")
    assert desk.drain().status == "posted"


def test_only_lost_attempts_that_x_did_not_refuse_hold_a_post_back(guard, desk):
    desk.on_air("ada")
    account = desk.x.account("ada")
    account.locked = True
    assert desk.drain().status == "failed"
    account.locked = False
    forget(desk.post().id, cause=None)
    release_later(desk)
    assert desk.drain().status == "posted"


def release_later(desk: Desk) -> None:
    get_services().guard.check(desk.later(5).at)
    release(NOBODY, desk.later(5).at)


# A person's word


def test_the_command_ends_sessions_and_links_and_says_how_many(guard, desk, runner, app: Flask):
    desk.on_air("ada")
    ada = db.session.execute(select(User)).scalar_one()
    now = datetime.now(desk.at.tzinfo)
    browser = Browser(app)
    browser.let_in(ada)
    links.make(links.LinkPurpose.PASSWORD, now, user_id=ada.id)
    db.session.commit()
    before = standing().instance_id
    said = json.loads(runner.invoke(args=["db-restored", "--json"]).stdout)
    assert (said["sessions"], said["links"], said["queued"]) == (1, 1, 1)
    assert browser.get("/").headers["Location"].startswith("/sign-in")
    assert db.session.execute(select(UserSession)).all() == []
    assert db.session.execute(select(OneTimeLink.used_at)).scalar_one() is not None
    db.session.commit()
    assert (standing().cause, standing().instance_id == before) == ("db_restored", False)
    assert runner.invoke(args=["db-restored", "--done"]).exit_code == 0
    assert (standing().quarantined_at, standing().released_at is None) == (None, False)
    again = runner.invoke(args=["db-restored", "--done"])
    assert (again.exit_code, again.stderr) == (1, "Error: There is no quarantine to end.\n")


def test_the_command_works_before_any_scheduler_has_run(desk, runner):
    assert "0 sessions and 0 links have ended" in runner.invoke(args=["db-restored"]).stdout
    get_services().guard.check(desk.at)
    assert standing().cause == "db_restored"


def test_the_system_page_says_it_and_an_admin_ends_it(guard, desk, app):
    change(quarantined_at=desk.at - timedelta(minutes=5), cause="db_replaced")
    browser = Browser(app)
    browser.let_in(desk.cast.user("eve", is_admin=True))
    page = browser.get("/admin/system").text
    assert "The database is in quarantine since" in page
    assert "The database is not the one that this server used before." in page
    answer = browser.post("/admin/system/quarantine/end", form="/admin/system")
    assert answer.status_code == 302
    assert standing().quarantined_at is None
    assert "in quarantine" not in browser.get("/admin/system").text
    assert browser.post("/admin/system/quarantine/end", form="/admin/system").status_code == 409


# A database that may forget


def test_a_database_that_may_forget_a_commit_is_refused_at_the_start(guard, services, engine_name):
    setting = "SET synchronous_commit = off" if engine_name == "postgresql" else "PRAGMA synchronous = NORMAL"

    def loosen(connection, _record) -> None:
        cursor = connection.cursor()
        cursor.execute(setting)
        cursor.close()
        connection.commit()

    guard.check_durable()
    db.session.remove()
    db.engine.dispose()
    event.listen(db.engine, "connect", loosen)
    try:
        with pytest.raises(
            NotDurableError, match=r"^The database runs with synchronous(_commit=off|=1): it may forget"
        ):
            services.scheduler.start()
    finally:
        event.remove(db.engine, "connect", loosen)
        db.session.remove()
        db.engine.dispose()


def test_a_server_does_not_start_on_a_journal_that_others_can_read(services, tmp_path: Path):
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal").chmod(0o755)
    with pytest.raises(Exception, match=r"Run: chmod 700 /"):
        services.scheduler.start()
