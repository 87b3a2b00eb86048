"""A start that nobody planned, told by the hub: posted once, by the real jobs, although the feed is late."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from extensions import db
from models import Broadcast, Podcast, Post, QuotaDay, YouTubeChannel
from sandbox import hub_payloads as payloads
from tests import processes
from tests.push_stage import *  # noqa: F403 - its fixtures

QUICK = {"live_watch_interval_seconds": 0.2, "live_check_interval_seconds": 3600.0}


@pytest.fixture
def engine_name():
    return "sqlite"


def crowd(push):
    """So many channels that feeds are the rule, and feeds that are a quarter of an hour old."""
    for n in range(31):
        channel = push.youtube.add_channel(f"Quiet {n}")
        push.youtube.upload(channel, "Old")
        db.session.add(Podcast(slug=f"quiet-{n}", name=f"Quiet {n}", youtube_channel_id=channel))
    db.session.commit()
    push.youtube.feed_staleness = 900.0


def watched(push, **more):
    """A channel with an old video whose feed is cached by now, subscribed."""
    channel = push.show(hosts=("ada", "bo"), **more)
    push.youtube.upload(channel, "Trailer")
    push.hub.by_hand = True
    push.ask()
    push.hub.work()
    assert push.held(channel) is not None
    push.cast.check()
    db.session.rollback()
    return channel


def counts():
    db.session.rollback()
    found = [db.session.execute(select(func.count()).select_from(table)).scalar() for table in (Broadcast, Post)]
    db.session.rollback()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
@pytest.mark.calls_in_transaction  # jobs run side by side: one may write while another asks
def test_an_unplanned_start_is_posted_by_the_jobs_when_the_hub_tells(push, make_app, door):
    crowd(push)
    channel = watched(push)
    app = make_app(**QUICK)
    door.app = app
    scheduler = app.extensions["airhorn"].scheduler
    scheduler.start()
    try:
        processes.eventually(lambda: (run := scheduler._runs.get("check")) and run.finished, timeout=60)
        video = push.youtube.go_live(channel, "Queues")
        push.hub.by_hand = False
        for host in ("ada", "bo"):
            processes.eventually(lambda host=host: push.cast.timeline(host), timeout=60)
        processes.eventually(lambda: len(push.cast.posts(status="posted")) == 2, timeout=60)
    finally:
        scheduler.stop()
    broadcast = db.session.execute(select(Broadcast).where(Broadcast.video_id == video)).scalar_one()
    assert (broadcast.state, broadcast.live_signal) == ("live", "push")
    assert [len(push.cast.timeline(host)) for host in ("ada", "bo")] == [1, 1]


def test_without_the_hub_the_same_start_waits_for_the_feed(push):
    """What the test above is worth."""
    crowd(push)
    channel = watched(push)
    push.hub.lost = 1.0
    push.youtube.go_live(channel, "Queues")
    push.hub.work()
    for seconds in (5, 60, 180):
        push.cast.services.tweets.watch(datetime.now(UTC) + timedelta(seconds=seconds))
    assert push.cast.timeline("ada") == []


@pytest.mark.slow
@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
@pytest.mark.parametrize("round_", range(3))
@pytest.mark.calls_in_transaction  # several look at once: one may write while another asks
def test_push_and_poll_at_the_same_moment_make_one_broadcast_and_one_post(push, make_app, round_):
    channel = watched(push)
    push.youtube.go_live(channel, "Queues")
    apps, start = [make_app() for _ in range(2)], threading.Barrier(4)
    jobs = [lambda tweets: tweets.watch(datetime.now(UTC)), lambda tweets: tweets.check_and_post_live_tweets()]

    def run(app, job):
        with app.app_context():
            start.wait()
            job(app.extensions["airhorn"].tweets)

    def tell():
        start.wait()
        push.hub.work()

    threads = [threading.Thread(target=run, args=(app, job)) for app, job in zip(apps, jobs, strict=True)]
    threads += [threading.Thread(target=tell) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    push.cast.check()
    assert [len(push.cast.timeline(host)) for host in ("ada", "bo")] == [1, 1]
    assert counts() == [2, 2]  # the trailer and the stream; a post of each host


def test_a_push_alone_makes_no_post_and_what_youtube_does_not_know_is_given_up(push):
    channel = watched(push)
    posts = counts()[1]
    for video in ("v" * 11, "w" * 11):
        assert push.send(channel, push.body(channel, video)).status == 204
    push.cast.services.tweets.watch(datetime.now(UTC))
    push.cast.check()
    for minutes in range(6, 60, 6):
        push.cast.services.tweets.watch(datetime.now(UTC) + timedelta(minutes=minutes))
    named = select(Broadcast.state, Broadcast.next_look_at).where(Broadcast.video_id.in_(("v" * 11, "w" * 11)))
    assert [tuple(row) for row in db.session.execute(named)] == [("gone", None)] * 2
    assert counts()[1] == posts


def test_a_push_that_comes_two_days_late_is_looked_at_and_posted_by_nobody(push):
    channel = watched(push)
    two_days_ago = datetime.now(UTC) - timedelta(days=2)
    video = push.youtube.go_live(channel, "Queues", at=two_days_ago)
    push.youtube.end(video, at=two_days_ago + timedelta(hours=1))
    body = payloads.entry(channel, video, "Queues", author="A", published=two_days_ago, updated=two_days_ago)
    assert push.send(channel, body).status == 204
    push.cast.services.tweets.watch(datetime.now(UTC))
    push.cast.check()
    assert push.cast.timeline("ada") == push.cast.timeline("bo") == []
    broadcast = db.session.execute(select(Broadcast).where(Broadcast.video_id == video)).scalar_one()
    assert broadcast.state in ("ended", "vod")


def test_edits_and_removals_cost_a_few_units_and_nothing_else(push):
    channel = watched(push)
    video = push.youtube.upload(channel, "Film")
    push.youtube.retitle(video, "Film, longer")
    push.youtube.delete(video)
    push.hub.work()
    assert sum(sent.method == "POST" and sent.status == 204 for sent in push.hub.sent) == 3
    before = units()
    now = datetime.now(UTC)
    for seconds in range(0, 240, 5):
        push.cast.services.tweets.watch(now + timedelta(seconds=seconds))
    assert units() - before <= 20
    assert push.cast.timeline("ada") == []


def units():
    db.session.rollback()
    rows = db.session.execute(select(QuotaDay)).scalars()
    spent = sum(row.discovery + row.watch for row in rows)
    db.session.rollback()
    return spent


def test_without_a_key_a_push_has_the_page_looked_at(push, make_app):
    app = make_app(youtube_api_key=None)
    channel = watched(push)
    with app.app_context():
        tweets = app.extensions["airhorn"].tweets
        tweets.check_and_post_live_tweets()
        push.youtube.go_live(channel, "Queues")
        push.hub.work()
        assert tweets.watch(datetime.now(UTC)) == 2
        db.session.rollback()


def test_after_the_units_are_gone_a_push_is_still_good(push):
    channel = watched(push)
    now = datetime.now(UTC)
    db.session.execute(db.text("UPDATE quota_days SET exhausted_at = :now"), {"now": now.replace(tzinfo=None)})
    db.session.commit()
    push.youtube.feed_staleness = 0.0
    push.youtube.go_live(channel, "Queues")
    push.hub.work()
    assert push.cast.services.tweets.watch(datetime.now(UTC)) == 2


def test_what_the_hub_says_while_a_look_is_chosen_asks_for_another_look(stage):
    show = stage.show(hosts=())
    channel = show.youtube_channel_id
    stage.youtube.upload(channel, "Trailer")
    stage.check()
    stage.wait(minutes=1)
    told_at = stage.ahead(seconds=0.5)
    db.session.execute(update(YouTubeChannel).values(pushed_at=told_at, next_look_at=stage.now))
    db.session.commit()
    stage.watch()
    assert stage.channel(channel).next_look_at <= told_at
    stage.wait(seconds=1)
    asked = len(stage.youtube.asked("GET", "playlistItems"))
    stage.watch()
    assert len(stage.youtube.asked("GET", "playlistItems")) == asked + 1
    assert stage.channel(channel).next_look_at > stage.now
