"""A video that the hub names is asked about by itself: also while no list of its channel can be read."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from extensions import db
from models import Broadcast, BroadcastState, QuotaDay
from sandbox import hub_payloads as payloads
from sandbox.hub import sign
from sandbox.standin import Fault
from services.push_deliveries import Judged
from services.push_named import AGAIN_AFTER, MOST_A_DAY, MOST_AT_ONCE, Named
from services.registry import get_services
from tests.conftest import ENGINES
from tests.push_stage import *  # noqa: F403 - its fixtures

LISTS = ("playlistItems", "feeds/videos")


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def channel(push):
    """Subscribed, with an old video, and known; from here on its lists fail."""
    channel = push.show(hosts=("ada", "bo"))
    push.youtube.upload(channel, "Trailer")
    push.hub.by_hand = True
    push.ask()
    push.hub.work()
    push.cast.check()
    db.session.rollback()
    push.youtube.faults += [Fault(path=path, status=500) for path in LISTS for _ in range(200)]
    return channel


def watch(push, **later):
    """What the watch job does, and the sending after it."""
    at = datetime.now(UTC) + timedelta(**later)
    queued = push.cast.services.tweets.watch(at)
    push.cast.services.posting.drain(at)
    return queued


def broadcasts():
    db.session.rollback()
    found = {row.video_id: row for row in db.session.execute(select(Broadcast)).scalars()}
    db.session.expunge_all()
    db.session.rollback()
    return found


def units():
    db.session.rollback()
    found = sum(row.watch for row in db.session.execute(select(QuotaDay)).scalars())
    db.session.rollback()
    return found


@pytest.mark.parametrize("engine_name", ENGINES, indirect=True)
def test_a_start_is_seen_and_posted_while_uploads_and_feed_both_fail(push, channel):
    video = push.youtube.go_live(channel, "Queues")
    push.hub.work()
    before = units()
    assert watch(push) == 2
    assert [len(push.cast.timeline(host)) for host in ("ada", "bo")] == [1, 1]
    found = broadcasts()[video]
    assert (found.state, found.first_signal, found.live_signal) == ("live", "push", "push")
    assert units() == before + 1


def test_without_being_named_the_same_start_is_not_seen(push, channel):
    push.hub.lost = 1.0
    push.youtube.go_live(channel, "Queues")
    push.hub.work()
    assert [watch(push, seconds=seconds) for seconds in (1, 60, 180)] == [0, 0, 0]


def test_what_was_named_is_kept_over_a_restart(push, channel, make_app):
    push.youtube.go_live(channel, "Queues")
    push.hub.work()
    with make_app().app_context():
        assert get_services().tweets.watch(datetime.now(UTC)) == 2


def test_it_is_asked_about_until_it_can_be(push, channel):
    video = push.youtube.go_live(channel, "Queues")
    push.hub.work()
    push.youtube.faults += [Fault(path="youtube/v3/videos", status=500)] * 3
    for seconds in (0, 10, 20):
        assert watch(push, seconds=seconds) == 0
    assert watch(push, seconds=30) == 2
    assert broadcasts()[video].state == BroadcastState.LIVE


def test_a_video_of_another_channel_is_let_be(push, channel):
    stranger = push.youtube.add_channel("Stranger")
    video = push.youtube.go_live(stranger, "Not ours")
    assert push.send(channel, push.body(channel, video)).status == 204
    assert [watch(push, seconds=seconds) for seconds in (0, 60)] == [0, 0]
    found = broadcasts()[video]
    assert (found.state, found.next_look_at, found.verdict) == ("gone", None, "open")
    assert push.send(channel, push.body(channel, video)).status == 204
    assert broadcasts()[video].state == BroadcastState.GONE


def test_one_that_is_watched_itself_still_sees_what_a_strange_hub_named(push, channel):
    push.youtube.faults.clear()
    other = push.show("Small Talk", hosts=("cy",))
    video = push.youtube.go_live(other, "Theirs")
    push.send(channel, push.body(channel, video))
    watch(push)
    push.cast.check()
    assert len(push.cast.timeline("cy")) == 1
    assert push.cast.timeline("ada") == []


def test_one_that_youtube_does_not_know_yet_is_asked_about_anew_when_it_is_named_again(push, channel):
    video = "v" * 11
    push.send(channel, push.body(channel, video))
    watch(push)
    lasts = 0
    while broadcasts()[video].state != BroadcastState.GONE:
        watch(push, seconds=(lasts := lasts + 320))
    asked = len(push.youtube.asked("GET", "v3/videos"))
    take(push, channel, push.body(channel, video), later=timedelta(seconds=lasts))
    assert (broadcasts()[video].state, broadcasts()[video].absences) == ("new", 0)
    watch(push, seconds=lasts + 1)
    assert len(push.youtube.asked("GET", "v3/videos")) == asked + 1


EMPTY = '{"kind": "youtube#videoListResponse", "items": []}'


def test_one_that_youtube_shows_minutes_after_the_hub_named_it_is_seen(push, channel):
    video = push.youtube.go_live(channel, "Queues")
    push.youtube.faults += [Fault(path="youtube/v3/videos", status=200, body=EMPTY)] * 4
    push.hub.work()
    assert [watch(push, seconds=seconds) for seconds in (0, 6, 20, 60)] == [0] * 4
    assert (broadcasts()[video].state, broadcasts()[video].absences) == ("new", 4)
    assert watch(push, seconds=180) == 2
    assert broadcasts()[video].state == BroadcastState.LIVE


def test_one_that_is_awaited_is_asked_about_at_once_when_it_is_named_again(push, channel):
    video = push.youtube.go_live(channel, "Queues")
    push.youtube.faults += [Fault(path="youtube/v3/videos", status=200, body=EMPTY)] * 5
    push.hub.work()
    for seconds in (0, 6, 20, 60, 180):
        watch(push, seconds=seconds)
    assert watch(push, seconds=190) == 0
    take(push, channel, push.body(channel, video), later=timedelta(seconds=195))
    assert watch(push, seconds=200) == 2


def test_a_second_video_within_a_moment_is_kept_although_a_look_is_to_come_anyway(push, channel):
    for video in ("a" * 11, "b" * 11, "c" * 11):
        assert push.send(channel, push.body(channel, video)).status == 204
    assert {"a" * 11, "b" * 11, "c" * 11} <= set(broadcasts())


def test_what_is_no_id_and_what_is_deleted_makes_no_broadcast(push, channel):
    before = set(broadcasts())
    for id in ("short", "x" * 12, "<script>abc", "é" * 11):
        push.send(channel, push.body(channel, id.replace("<", "&lt;")))
    push.send(channel, payloads.tombstone(channel, "v" * 11, author="Ada", when=datetime.now(UTC)))
    assert set(broadcasts()) == before


def test_of_a_delivery_with_a_hundred_videos_five_are_kept(push, channel):
    one = push.body(channel, "v" * 11)
    begin, end = one.index(b"<entry>"), one.index(b"</entry>") + len(b"</entry>")
    many = [one[begin:end].replace(b"v" * 11, b"%011d" % n) for n in range(100)]
    before = len(broadcasts())
    push.send(channel, one[:begin] + b"".join(many) + one[end:])
    assert len(broadcasts()) == before + MOST_AT_ONCE


def test_a_channel_that_is_let_go_of_has_nothing_kept(push, channel):
    push.change(channel, state="leaving")
    before = set(broadcasts())
    push.send(channel, push.body(channel, "v" * 11))
    assert set(broadcasts()) == before


def test_the_same_again_is_no_news_and_a_day_has_its_bounds():
    named, now = Named(), datetime(2026, 3, 4, tzinfo=UTC)
    assert named.take("UC", ["a", "b"], now) == ["a", "b"]
    assert named.take("UC", ["a", "c"], now) == ["c"]
    assert named.take("UC", ["a"], now + AGAIN_AFTER) == ["a"]
    assert named.take("UC", ["a"], now - AGAIN_AFTER) == ["a"]  # the clock was set back
    for n in range(MOST_A_DAY):
        named.take("UC", [str(n)], now)
    assert named.take("UC", ["z"], now) == []
    assert named.take("UD", ["z"], now) == ["z"]
    named.forget("UC", ["0", "unheard"])
    assert named.take("UC", ["0", "z"], now) == ["0"]
    assert named.take("UC", ["z"], now + timedelta(days=1)) == ["z"]


def take(push, channel, body, *, later):
    """A delivery as it would come so much later."""
    held = push.held(channel)
    path, signed = held.callback.rpartition("/")[2], sign(body, held.secret)
    judged = push.service.deliveries.take(path, signed, body, datetime.now(UTC) + later)
    assert judged == Judged.ACCEPTED
