"""The YouTube stand-in: the life of a video as the Data API tells it."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from sandbox.standin import Fault
from sandbox.youtube import YouTube
from tests.youtube_visitor import NOON, Clock, Visitor, error_of


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def server(clock) -> Iterator[YouTube]:
    with YouTube(now=clock).serving() as youtube:
        yield youtube


@pytest.fixture
def youtube(server, clock) -> YouTube:
    clock.at = NOON
    server.reset()
    return server


@pytest.fixture
def visitor(youtube) -> Visitor:
    return Visitor(youtube.url)


@pytest.fixture
def channel(youtube) -> str:
    return youtube.add_channel("The Ü & Show", handle="@UeShow", user="oldname")


# videos.list


def test_a_waiting_room_has_a_planned_start_and_nothing_actual(youtube, visitor, channel):
    video = visitor.video(youtube.schedule(channel, "Soon", start=NOON + timedelta(hours=1)))
    assert video["snippet"]["liveBroadcastContent"] == "upcoming"
    assert video["liveStreamingDetails"] == {"scheduledStartTime": "2026-04-26T13:00:00Z"}
    assert video["contentDetails"]["duration"] == "P0D"
    assert video["status"]["privacyStatus"] == "public"


def test_the_envelope_is_the_documented_one(youtube, visitor, channel):
    answer = visitor.api("videos", part="snippet", id=youtube.upload(channel, "Film")).json()
    assert answer["kind"] == "youtube#videoListResponse"
    assert answer["pageInfo"] == {"totalResults": 1, "resultsPerPage": 1}
    assert answer["items"][0]["kind"] == "youtube#video"
    assert answer["etag"]
    assert answer["items"][0]["etag"]
    assert set(answer["items"][0]["snippet"]["thumbnails"]) >= {"default", "fhd"}


def test_a_stream_goes_from_upcoming_to_live_to_ended(youtube, visitor, channel, clock):
    video_id = youtube.schedule(channel, "Soon", start=NOON + timedelta(hours=1))
    clock.forward(minutes=50)
    youtube.go_live(video_id)  # early
    live = visitor.video(video_id)
    clock.forward(hours=2)
    youtube.end(video_id)
    ended = visitor.video(video_id)
    assert live["snippet"]["liveBroadcastContent"] == "live"
    assert live["liveStreamingDetails"]["actualStartTime"] == "2026-04-26T12:50:00Z"
    assert live["liveStreamingDetails"]["activeLiveChatId"]
    assert ended["snippet"]["liveBroadcastContent"] == "none"
    assert ended["liveStreamingDetails"]["actualEndTime"] == "2026-04-26T14:50:00Z"
    assert ended["contentDetails"]["duration"] == "PT2H"
    assert not {"activeLiveChatId", "concurrentViewers"} & ended["liveStreamingDetails"].keys()


def test_current_viewers_are_a_string_and_hidden_by_some(youtube, visitor, channel):
    ids = [youtube.go_live(channel, f"Stream {n}") for n in range(40)]
    items = visitor.api("videos", part="liveStreamingDetails", id=",".join(ids)).json()["items"]
    viewers = [item["liveStreamingDetails"].get("concurrentViewers") for item in items]
    assert None in viewers
    assert all(number.isdigit() for number in viewers if number is not None)
    assert len(items) == 40


def test_a_premiere_has_its_length_from_the_beginning(youtube, visitor, channel):
    video_id = youtube.schedule(channel, "Film night", start=NOON, duration=3_725)
    assert visitor.video(video_id)["contentDetails"]["duration"] == "PT1H2M5S"
    youtube.go_live(video_id)
    assert visitor.video(video_id)["snippet"]["liveBroadcastContent"] == "live"
    assert visitor.video(video_id)["contentDetails"]["duration"] == "PT1H2M5S"


def test_a_plain_upload_has_no_live_details(youtube, visitor, channel):
    video = visitor.video(youtube.upload(channel, "Film"))
    assert "liveStreamingDetails" not in video
    assert video["snippet"]["liveBroadcastContent"] == "none"


def test_only_the_parts_asked_for_are_sent(youtube, visitor, channel):
    video = visitor.video(youtube.go_live(channel), part="status")
    assert video.keys() == {"kind", "etag", "id", "status"}


def test_private_deleted_and_unknown_videos_are_absent_and_unlisted_ones_are_not(youtube, visitor, channel):
    ids = {name: youtube.go_live(channel, name) for name in ("private", "unlisted", "deleted", "public")}
    youtube.set_privacy(ids["private"], "private")
    youtube.set_privacy(ids["unlisted"], "unlisted")
    youtube.delete(ids["deleted"])
    answer = visitor.api("videos", part="snippet", id=",".join([*ids.values(), "unknown-000"]))
    assert answer.status_code == 200
    assert {item["snippet"]["title"] for item in answer.json()["items"]} == {"unlisted", "public"}


def test_a_members_video_says_public_and_has_no_view_count(youtube, visitor, channel):
    video_id = youtube.go_live(channel)
    youtube.set_privacy(video_id, "members")
    video = visitor.video(video_id)
    assert video["status"]["privacyStatus"] == "public"
    assert "viewCount" not in video["statistics"]


def test_videos_come_once_each_in_an_order_of_youtubes_own(youtube, visitor, channel):
    ids = [youtube.upload(channel, f"Film {n}") for n in range(50)]
    found = [i["id"] for i in visitor.api("videos", part="id", id=",".join(ids[:49] + ids[:1])).json()["items"]]
    assert sorted(found) == sorted(ids[:49])
    assert found != ids[:49]
    for pair in (ids[:2], ids[1::-1]):
        items = visitor.api("videos", part="id", id=",".join(pair)).json()["items"]
        assert [item["id"] for item in items] == pair[::-1]


def test_more_than_fifty_ids_are_refused(youtube, visitor):
    ids = ",".join(f"video-{n:05}" for n in range(50))
    assert visitor.api("videos", part="id", id=ids).status_code == 200
    assert error_of(visitor.api("videos", part="id", id=ids + ",")) == (400, "invalidFilters", "youtube.parameter")


def test_a_new_start_of_a_waiting_room_and_its_cancellation_show(youtube, visitor, channel):
    video_id = youtube.schedule(channel, "Soon", start=NOON)
    youtube.reschedule(video_id, NOON + timedelta(days=1))
    youtube.retitle(video_id, "Later")
    moved = visitor.video(video_id)
    youtube.delete(video_id)
    assert moved["liveStreamingDetails"]["scheduledStartTime"] == "2026-04-27T12:00:00Z"
    assert moved["snippet"]["title"] == "Later"
    assert visitor.video(video_id) is None


def test_a_stream_may_have_begun_long_ago_or_begin_by_itself_later(youtube, visitor, channel, clock):
    old = youtube.go_live(channel, at=NOON - timedelta(days=9))
    planned = youtube.schedule(channel, "Soon", start=NOON + timedelta(minutes=5))
    youtube.go_live(planned, at=NOON + timedelta(minutes=7))  # late
    before = visitor.video(planned)
    clock.forward(minutes=7)
    assert visitor.video(old)["liveStreamingDetails"]["actualStartTime"] == "2026-04-17T12:00:00Z"
    assert before["snippet"]["liveBroadcastContent"] == "upcoming"
    assert visitor.video(planned)["liveStreamingDetails"]["actualStartTime"] == "2026-04-26T12:07:00Z"


def test_the_api_is_late_by_the_propagation(youtube, visitor, channel, clock):
    youtube.propagation = 20
    video_id = youtube.schedule(channel, "Soon", start=NOON)
    assert visitor.video(video_id) is None
    clock.forward(minutes=1)
    youtube.go_live(video_id)
    clock.forward(seconds=19)
    assert visitor.video(video_id)["snippet"]["liveBroadcastContent"] == "upcoming"
    clock.forward(seconds=1)
    assert visitor.video(video_id)["snippet"]["liveBroadcastContent"] == "live"


def test_a_half_live_stream_lacks_its_actual_start(youtube, visitor, channel):
    video_id = youtube.go_live(channel)
    youtube.half_live.add(video_id)
    video = visitor.video(video_id)
    assert video["snippet"]["liveBroadcastContent"] == "live"
    assert "actualStartTime" not in video["liveStreamingDetails"]


def test_what_has_ended_or_was_never_live_cannot_go_live(youtube, channel):
    ended, upload = youtube.go_live(channel), youtube.upload(channel, "Film")
    assert youtube.go_live(ended, "New title") == ended
    youtube.end(ended)
    for video_id in (ended, upload):
        with pytest.raises(ValueError):
            youtube.go_live(video_id)


def test_reset_forgets_the_world_and_every_setting(youtube, visitor, channel):
    youtube.go_live(channel)
    youtube.consent, youtube.quota, youtube.faults = True, 0, [Fault(status=500)]
    youtube.reset()
    assert (youtube.consent, youtube.quota, youtube.faults, youtube.channels) == (False, 10_000, [], {})
    assert visitor.feed(channel_id=channel).status_code == 404


def test_ids_have_the_shape_of_real_ones_and_are_unique(youtube, channel):
    assert re.fullmatch(r"UC[\w-]{22}", channel)
    assert re.fullmatch(r"[\w-]{11}", youtube.upload(channel, "Film", video_id="-_abcdefghi"))
    with pytest.raises(ValueError):
        youtube.upload(channel, "Again", video_id="-_abcdefghi")
    with pytest.raises(ValueError):
        youtube.add_channel("Again", handle="ueshow")
    with pytest.raises(ValueError):
        youtube.set_privacy("-_abcdefghi", "secret")
