"""Notices of trouble before a start that need nobody any more, found by the real job: settled, and open again."""

import pytest
from sqlalchemy import select, update

from extensions import db
from models import Broadcast, SocialConnection, User
from services.notice_list import unread_count
from tests.test_notices import disconnect, planned


@pytest.fixture
def engine_name():
    return "sqlite"


def test_a_mended_no_go_needs_nobody_any_more_and_is_not_counted(stage, services):
    reporter, _ = planned(stage, services, hours=1.9)
    disconnect(stage.user("bo"))
    reporter.make(stage.wait(seconds=5))
    assert unread("ada", "bo") == [1, 1]
    mend(stage.user("bo"))
    reporter.make(stage.wait(seconds=65))
    assert reporter.who("go") == [("ada", "info")]
    assert reporter.who("ready") == [("bo", "info")]
    assert unread("ada", "bo") == [0, 0]


def test_trouble_that_is_back_at_the_same_checkpoint_is_counted_again_and_sent_to_nobody(stage, services):
    reporter, _ = planned(stage, services, hours=1.9)
    for act in (disconnect, mend, disconnect):
        act(stage.user("bo"))
        made = reporter.make(stage.wait(seconds=65))
    assert made == 0
    assert reporter.who("go") + reporter.who("ready") == [("ada", "needs_you"), ("bo", "needs_you")]
    assert unread("ada", "bo") == [1, 1]


def test_one_host_who_is_ready_again_settles_nothing_of_another(stage, services):
    reporter, _ = planned(stage, services, hours=1.9)
    for name in ("ada", "bo"):
        disconnect(stage.user(name))
    reporter.make(stage.wait(seconds=5))
    mend(stage.user("bo"))
    reporter.make(stage.wait(seconds=65))
    assert reporter.who("ready") == [("ada", "needs_you"), ("bo", "info")]
    assert reporter.who("go") == [("ada", "needs_you")]


def test_a_no_go_of_a_show_that_has_begun_needs_nobody_any_more(stage, services):
    reporter, episode = planned(stage, services, minutes=20)
    disconnect(stage.user("bo"))
    reporter.make(stage.wait(seconds=5))
    reporter.make(stage.wait(minutes=25))
    assert reporter.who("go") == [("ada", "needs_you")], "late is not begun"
    db.session.add(Broadcast(video_id="v" * 11, episode_id=episode.id, state="live"))
    db.session.commit()
    reporter.make(stage.wait(seconds=65))
    assert reporter.who("go") == [("ada", "info")]


def mend(user):
    db.session.execute(update(SocialConnection).where(SocialConnection.user_id == user.id).values(is_active=True))
    db.session.commit()


def unread(*names):
    emails = [f"{name}@example.com" for name in names]
    ids = dict(db.session.execute(select(User.email, User.id).where(User.email.in_(emails))).all())
    counts = [unread_count(ids[email]) for email in emails]
    db.session.rollback()
    return counts
