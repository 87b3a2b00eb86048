"""Notices of trouble that need nobody any more, found by the real job: settled, and open again."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from extensions import db
from models import Broadcast, Post, SendGate, SocialConnection, User
from services.notice_list import unread_count
from tests.desk import spoil
from tests.test_notices import Reporter, disconnect, planned, site_admin


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


def test_a_no_go_for_another_cause_has_its_own_words(stage, services):
    reporter, episode = planned(stage, services, hours=1.9)
    disconnect(stage.user("bo"))
    reporter.make(stage.wait(seconds=5))
    mend(stage.user("bo"))
    reporter.make(stage.wait(seconds=65))
    stage.cast.config(episode, "bo").text = "x" * 400
    db.session.commit()
    reporter.make(stage.wait(seconds=65))
    (first, second) = reporter.told("go")
    assert (first[2], second[2]) == ("info", "needs_you")
    assert "No X account is connected" in first[4]
    assert "No X account is connected" not in second[4]
    assert "Too long by" in second[4]
    assert [row[2] for row in reporter.told("ready")] == ["info", "needs_you"]


def test_a_cause_that_goes_while_another_stays_is_told_to_nobody(stage, services):
    reporter, episode = planned(stage, services, hours=1.9)
    disconnect(stage.user("bo"))
    stage.cast.config(episode, "ada").text = "x" * 400
    db.session.commit()
    reporter.make(stage.wait(seconds=5))
    mend(stage.user("bo"))
    assert reporter.make(stage.wait(seconds=65)) == 0
    assert reporter.who("go") == [("ada", "needs_you")]


# After a start


def test_a_post_that_waited_needs_nobody_once_it_is_out(desk, x):
    reporter = Reporter(desk.cast.services.settings)
    desk.on_air("ada")
    desk.change_connection("ada", refresh_token=None)
    spoil(x, status=401, body='{"title": "Unauthorized"}')
    desk.drain()
    desk.later(1).drain()
    reporter.make(desk.later(1).at)
    reporter.make(desk.later(100).at)
    assert reporter.who("paused") == [("ada", "needs_you")]
    assert reporter.who("live") == [("ada", "needs_you")]
    desk.change_connection("ada", trouble=None)
    desk.change(desk.post(), not_before=desk.at)
    assert desk.later(1).drain().status == "posted"
    reporter.make(desk.later(65).at)
    assert reporter.who("paused") == reporter.who("live") == [("ada", "info")]


def test_paused_posting_needs_nobody_once_the_posts_are_out(desk):
    reporter = Reporter(desk.cast.services.settings)
    desk.on_air("ada")
    site_admin(desk.cast)
    desk.change(desk.post(), cause="x_credits")
    db.session.add(SendGate(key="x", cause="x_credits", until=desk.at + timedelta(minutes=5)))
    db.session.commit()
    reporter.make(desk.later(5).at)
    db.session.execute(update(SendGate).values(until=desk.at))
    db.session.commit()
    reporter.make(desk.later(65).at)
    assert reporter.who("credits") == [("eve", "needs_you")], "one still waits to be tried again"
    assert desk.drain().status == "posted"
    reporter.make(desk.later(65).at)
    assert reporter.who("credits") == [("eve", "info")]
    assert unread("eve") == [0]


def test_a_no_go_of_a_show_that_never_came_is_not_counted_for_ever(stage, services):
    reporter, _ = planned(stage, services, minutes=20)
    disconnect(stage.user("bo"))
    reporter.make(stage.wait(seconds=5))
    reporter.make(stage.wait(days=7))
    assert unread("ada", "bo") == [1, 1]
    reporter.make(stage.wait(days=2))
    assert reporter.who("go") + reporter.who("ready") == [("ada", "info"), ("bo", "info")]
    assert unread("ada", "bo") == [0, 0]


def test_what_was_asked_weeks_ago_needs_nobody_once_it_is_decided(stage, services):
    reporter, episode = planned(stage, services, minutes=20)
    config, at = stage.cast.config(episode, "bo"), stage.wait(seconds=5)
    whose = {
        "config_id": config.id,
        "user_id": config.user_id,
        "podcast_id": episode.podcast_id,
        "episode_id": episode.id,
    }
    db.session.add(Post(key="k", text="On air", status="review", created_at=at, not_after=at, **whose))
    db.session.commit()
    reporter.make(stage.wait(seconds=5))
    reporter.make(stage.wait(days=20))
    assert (reporter.who("review"), unread("bo")) == ([("ada", "info"), ("bo", "needs_you")], [1])
    db.session.execute(update(Post).values(status="cancelled"))
    db.session.commit()
    reporter.make(stage.wait(seconds=65))
    assert (reporter.who("review"), unread("bo")) == ([("ada", "info"), ("bo", "info")], [0])


def mend(user):
    db.session.execute(update(SocialConnection).where(SocialConnection.user_id == user.id).values(is_active=True))
    db.session.commit()


def unread(*names):
    emails = [f"{name}@example.com" for name in names]
    ids = dict(db.session.execute(select(User.email, User.id).where(User.email.in_(emails))).all())
    counts = [unread_count(ids[email]) for email in emails]
    db.session.rollback()
    return counts
