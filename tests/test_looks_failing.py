"""A failed look is shown, counted and made again; it starts nothing and ends nothing. With an API key."""

import json
import time
from datetime import datetime
from typing import Any

import pytest
from werkzeug.wrappers import Request

from extensions import db
from sandbox.standin import Fault
from sandbox.youtube import API_TROUBLE
from services import quota
from services.status import read_status
from tests.stage import Stage

LIST, VIDEOS = "/playlistItems$", "/v3/videos$"
KINDS = {LIST: "youtube#playlistItemListResponse", VIDEOS: "youtube#videoListResponse"}


@pytest.fixture
def engine_name() -> str:
    """What the outside does is the same for both databases; the other files run on both."""
    return "sqlite"


def wrong_types(path: str) -> list[bytes]:
    kind = KINDS[path]
    bodies: list[Any] = [
        None,
        [],
        "live",
        {},
        {"kind": 7},
        {"kind": kind, "items": {}},
        {"kind": kind, "items": "live"},
    ]
    return [json.dumps(body).encode() for body in bodies]


def spoilt(path: str) -> list[tuple[str, Fault]]:
    """(cause, fault): every way in which a call to the API fails."""
    trouble = [("youtube_error", Fault(path=path, status=f.status, body=f.body)) for f in API_TROUBLE]
    bodies = [b"{", b"", b"\xff\xfe", b"<html>Sorry</html>", b'"' + b"x" * 3_000_000 + b'"', *wrong_types(path)]
    return [
        *trouble,
        *[("youtube_odd_answer", Fault(path=path, status=200, body=body)) for body in bodies],
        ("youtube_error", Fault(path=path, status=502, body="<html>Bad Gateway</html>")),
        ("youtube_rate", Fault(path=path, status=429, body="{}")),
        ("youtube_key", Fault(path=path, status=401, body="{}")),
        ("youtube_refused", Fault(path=path, status=418, body="{}")),
        ("youtube_unreachable", Fault(path=path, hang_up="before")),
        ("youtube_unreachable", Fault(path=path, hang_up="after", reset=True)),
        ("youtube_unreachable", Fault(path=path, cut=20)),
    ]


@pytest.mark.slow
def test_a_failed_look_at_a_channel_is_shown_starts_nothing_and_the_next_one_counts(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    channel_id = str(show.youtube_channel_id)
    for number, (cause, fault) in enumerate(spoilt(LIST)):
        stage.wait(hours=4)
        video = stage.youtube.go_live(channel_id, f"Number {number}")
        stage.youtube.faults = [fault]
        assert stage.check().failed_looks == 1, fault
        channel = stage.channel(channel_id)
        assert (channel.error_cause, channel.failures) == (cause, 1), fault
        assert channel.last_good_look_at != stage.now
        (shown,) = read_status(db.session(), stage.services.settings, stage.now)["channels"]
        assert (shown["channel"], shown["failures"], len(shown["error"]) > 20) == (channel_id, 1, True)
        assert stage.said("ada") == [number]
        stage.wait(seconds=180)
        stage.check()
        channel = stage.channel(channel_id)
        assert (channel.error_cause, channel.error, channel.failures) == (None, None, 0)
        assert stage.said("ada") == [number + 1]
        stage.youtube.end(video)


@pytest.mark.slow
def test_a_failed_look_at_a_broadcast_is_shown_and_neither_starts_nor_ends_it(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    for number, (cause, fault) in enumerate(spoilt(VIDEOS)):
        stage.wait(hours=4)
        room = stage.youtube.schedule(show.youtube_channel_id, f"Number {number}", start=stage.now)
        stage.check()
        stage.youtube.go_live(room)
        assert fails(stage, room, fault) == ("upcoming", cause, 0, None), fault
        stage.wait(seconds=180)
        stage.check()
        assert stage.said("ada") == [number + 1]
        assert fails(stage, room, fault) == ("live", cause, 0, None), fault
        stage.youtube.end(room)
        stage.wait(seconds=180)
        stage.check()
        assert stage.state(room)[0] == "ended"


def fails(stage: Stage, video: str, fault: Fault) -> tuple[str, str | None, int, datetime | None]:
    """What is known of a broadcast after this look at it."""
    stage.youtube.faults = [fault]
    stage.wait(seconds=60)
    assert stage.watch() == 0
    assert stage.youtube.faults == [], "it was not asked about"
    found = stage.broadcast(video)
    assert found is not None
    return found.state, found.error_cause, found.absences, found.closed_at


def test_an_answer_whose_videos_cannot_be_read_is_not_an_answer_that_they_are_gone(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    room = stage.youtube.schedule(show.youtube_channel_id, "Queues", start=stage.now)
    stage.check()
    for items in ([None], [7, "x"], [{"id": 5}], [{"id": "x" * 11, "snippet": [], "status": "public"}]):
        body = json.dumps({"kind": KINDS[VIDEOS], "items": items})
        seen = fails(stage, room, Fault(path=VIDEOS, status=200, body=body))
        assert seen == ("upcoming", "youtube_odd_answer", 0, None)


# The units are gone


@pytest.mark.slow
@pytest.mark.parametrize("form", ["new", "old"])
def test_when_youtube_says_that_the_units_are_gone_nothing_is_asked_until_midnight_pacific(
    stage: Stage, form: str
) -> None:
    show = stage.show(hosts=("ada",))
    room = stage.youtube.schedule(show.youtube_channel_id, "Queues", start=stage.ahead(hours=14, minutes=10))
    stage.check()
    stage.youtube.quota, stage.youtube.quota_form = stage.youtube.units(), form
    quota.spend(db.session(), stage.now, units=10_000, people=9_500)
    db.session.commit()
    stage.wait(seconds=180)
    stage.check()
    assert stage.channel(show.youtube_channel_id).error_cause == "youtube_quota"
    asked = len(stage.youtube.asked("GET", "/youtube/v3/"))
    stage.run(minutes=70, step=30)
    assert stage.state(room) == ("upcoming", "open")
    assert len(stage.youtube.asked("GET", "/youtube/v3/")) == asked
    status = read_status(db.session(), stage.services.settings, stage.now)["units"]
    assert status["used_up"] is True
    stage.youtube.quota = 10_000
    stage.wait(hours=12, minutes=50)  # a few minutes past midnight
    stage.youtube.go_live(room)
    stage.check()
    assert stage.said("ada") == [1]


# The fallback chain


def test_a_broken_feed_gives_way_to_the_list_feed_and_that_to_the_uploads_list(stage: Stage) -> None:
    stage.quiet_channels(30)
    show = stage.show(hosts=("ada",))
    channel = show.youtube_channel_id
    assert channel is not None
    stage.youtube.upload(channel, "Trailer")
    stage.youtube.feed_broken.add(channel)
    signals = []
    for number in range(10):
        if number == 5:
            stage.youtube.playlist_feed_broken.add("UU" + channel[2:])
        if number == 9:
            stage.youtube.feed_broken.clear()
        stage.check()
        found = stage.channel(channel)
        signals.append((found.signal, found.error_cause))
        stage.wait(seconds=180)
    broken = "youtube_feed"
    assert signals[:3] == [("feed", broken)] * 3
    assert signals[3:5] == [("playlist_feed", None)] * 2
    assert ("uploads", None) in signals[5:]
    assert len(stage.youtube.asked("GET", "/playlistItems")) <= 5


def test_a_stream_that_the_uploads_list_does_not_show_is_found_by_the_feed(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    video = stage.youtube.go_live(show.youtube_channel_id, "Queues")
    stage.youtube.omitted.add(video)
    for _ in range(4):
        stage.check()
        stage.wait(seconds=60)
    assert stage.said("ada") == [1]
    found = stage.broadcast(video)
    assert found is not None
    assert found.first_signal == "feed"


@pytest.mark.slow
def test_a_feed_that_is_none_is_a_failed_look(stage: Stage) -> None:
    stage.quiet_channels(30)
    channel_id = str(stage.show(hosts=()).youtube_channel_id)
    entities = b'<!DOCTYPE d [<!ENTITY a "b">]><feed>&a;</feed>'
    for body in (b"<html>", b"", b"<feed/>", b"\x00", entities, b"<a>" * 200_000):
        stage.youtube.faults = [Fault(path="^/feeds/", status=200, body=body) for _ in range(31)]
        assert stage.check().failed_looks == 31
        cause = "youtube_odd_answer" if len(body) > 500_000 else "youtube_feed"
        assert stage.channel(channel_id).error_cause == cause
        stage.youtube.upload(channel_id, "Trailer")
        stage.check()
        assert stage.channel(channel_id).failures == 0


# Slow ones


def announced_after(stage: Stage, slow: set[str], seconds: float) -> float:
    """One check while these channels take so long to answer: how long until the first post arrives at X."""

    def hang(request: Request) -> None:
        if request.args.get("playlistId", "")[2:] in slow or request.args.get("channel_id", "")[2:] in slow:
            time.sleep(seconds)

    arrived: list[float] = []
    stage.youtube.watchers.append(hang)
    stage.x.watchers.append(lambda _: arrived.append(time.monotonic()))
    started = time.monotonic()
    stage.check()
    return arrived[0] - started


@pytest.mark.slow
def test_one_hanging_channel_costs_nobody_else_and_its_own_stream_comes_with_its_answer(stage: Stage) -> None:
    slow, live = stage.show("Slow", hosts=("ada",)), stage.show("Live", hosts=("bo",))
    for show in (slow, live):
        stage.youtube.go_live(show.youtube_channel_id, f"{show.name} is on")
    assert announced_after(stage, {str(slow.youtube_channel_id)[2:]}, 2.0) < 1.5
    assert stage.said("ada", "bo") == [1, 1]


@pytest.mark.slow
def test_forty_hanging_channels_do_not_hold_a_live_one(stage: Stage) -> None:
    slow = {channel[2:] for channel in stage.quiet_channels(40)}
    show = stage.show(hosts=("ada",))
    stage.youtube.go_live(show.youtube_channel_id, "Queues")
    assert announced_after(stage, slow, 2.5) < 1.5
    assert stage.said("ada") == [1]
