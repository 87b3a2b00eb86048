"""The Data API client against the stand-in, over real HTTP."""

import json
import traceback
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.standin import Fault
from sandbox.youtube import YouTube
from services.clients.http import Http
from services.clients.values import Channel, ChannelReference
from services.clients.youtube_api import YouTubeApi
from services.errors import Invalid, Refused

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = "canary-key-93841"
HOUR = timedelta(hours=1)
NOWHERE = "UC" + "0" * 22


@pytest.fixture
def youtube():
    youtube = YouTube(now=lambda: NOON)
    youtube.keys = {KEY}
    with youtube.serving():
        yield youtube


@pytest.fixture
def ada(youtube):
    return youtube.add_channel("Ada's show", handle="AdaShow", user="adauser")


@pytest.fixture(scope="module")
def http():
    return Http()


@pytest.fixture
def api(youtube, http):
    return YouTubeApi(http, f"{youtube.url}/youtube/v3", KEY)


def cause_of(call, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    assert str(refused.value).endswith(".")
    assert KEY not in "".join(traceback.format_exception(refused.value))
    return refused.value.cause


class TestTheDataApi:
    def test_a_running_stream_is_told_with_its_times(self, api, youtube, ada):
        planned = youtube.schedule(ada, "Planned", start=NOON - HOUR)
        youtube.go_live(planned, at=NOON)
        video = api.videos([planned])[planned]
        assert (video.live_content, video.privacy, video.channel_id) == ("live", "public", ada)
        assert (video.scheduled_start_at, video.actual_start_at, video.actual_end_at) == (NOON - HOUR, NOON, None)
        assert video.duration_seconds == 0

    def test_a_planned_premiere_has_its_length(self, api, youtube, ada):
        premiere = youtube.schedule(ada, "Film", start=NOON + HOUR, duration=3723)
        video = api.videos([premiere])[premiere]
        assert (video.live_content, video.duration_seconds) == ("upcoming", 3723)

    def test_an_ended_stream_is_none_with_an_end(self, api, youtube, ada):
        stream = youtube.go_live(ada, at=NOON - HOUR)
        youtube.end(stream, at=NOON)
        video = api.videos([stream])[stream]
        assert (video.live_content, video.actual_end_at) == ("none", NOON)

    def test_fifty_videos_are_one_call_and_unknown_or_private_ones_are_absent(self, api, youtube, ada):
        known = [youtube.upload(ada, f"Video {n}") for n in range(48)]
        private = youtube.go_live(ada)
        youtube.set_privacy(private, "private")
        assert list(api.videos([*known, private, "unknownid00"])) == known
        assert len(youtube.asked()) == youtube.units() == 1

    def test_only_one_to_fifty_ids_can_be_asked_for(self, api, youtube):
        for ids in ([], ["a" * 11] * 51, ["a,b"], ["short"]):
            with pytest.raises(Invalid):
                api.videos(ids)
        assert not youtube.asked()

    def test_uploads_are_one_page_of_fifty_newest_first(self, api, youtube, ada):
        ids = [youtube.upload(ada, f"Video {n}") for n in range(60)]
        planned = youtube.schedule(ada, "Planned", start=NOON + HOUR)
        uploads = api.uploads(ada)
        assert [upload.id for upload in uploads] == [planned, *reversed(ids)][:50]
        assert (uploads[0].title, uploads[0].published_at) == ("Planned", NOON)
        assert youtube.units() == 1

    def test_a_channel_without_an_uploads_list_says_so(self, api, ada):
        assert cause_of(api.uploads, ada) == "youtube_no_uploads"

    @pytest.mark.parametrize("kind, value", [("handle", "adashow"), ("user", "AdaUser"), ("custom", "AdaShow")])
    def test_a_channel_is_found_by_name(self, api, ada, kind, value):
        found = api.channel(ChannelReference(kind, value))
        assert found == Channel(ada, "Ada's show", "adashow", f"https://yt3.ggpht.com/{ada}=s88")

    def test_a_channel_is_found_by_id_and_by_one_of_its_videos(self, api, youtube, ada):
        video = youtube.upload(ada, "A video")
        assert api.channel(ChannelReference("id", ada)).id == ada
        assert api.channel(ChannelReference("video", video)).id == ada

    @pytest.mark.parametrize(
        "kind, value", [("id", NOWHERE), ("handle", "nobody"), ("user", "nobody"), ("video", "unknownid00")]
    )
    def test_a_channel_that_does_not_exist_is_none(self, api, kind, value):
        assert api.channel(ChannelReference(kind, value)) is None

    @pytest.mark.parametrize(
        "setting, value, cause, permanent",
        [
            ("quota", 0, "youtube_quota", False),
            ("rate_limit", 0, "youtube_rate", False),
            ("key_trouble", "disabled", "youtube_key", True),
            ("key_trouble", "ip", "youtube_key", True),
            ("keys", {"another"}, "youtube_key", True),
        ],
    )
    @pytest.mark.parametrize("form", ["old", "new"])
    def test_a_refusal_has_its_cause(self, api, youtube, setting, value, cause, permanent, form):
        youtube.quota_form = youtube.rate_form = form
        setattr(youtube, setting, value)
        with pytest.raises(Refused) as refused:
            api.videos(["a" * 11])
        assert (refused.value.cause, refused.value.permanent, refused.value.retry_at) == (cause, permanent, None)
        assert refused.value.http_status in (400, 403, 429)

    def test_no_key_at_all_is_a_wrong_key(self, youtube, http):
        assert cause_of(YouTubeApi(http, f"{youtube.url}/youtube/v3/", "").videos, ["a" * 11]) == "youtube_key"

    @pytest.mark.parametrize(
        "fault, cause",
        [
            (Fault(status=500, body="<html>"), "youtube_error"),
            (Fault(status=409, body='{"error":{"status":"ABORTED"}}'), "youtube_error"),
            (Fault(status=429, body=""), "youtube_rate"),
            (Fault(status=401, body="{}"), "youtube_key"),
            (
                Fault(status=403, body='{"error":{"errors":[{"reason":"accountDelegationForbidden"}]}}'),
                "youtube_refused",
            ),
            (Fault(status=404, body="<html>"), "youtube_refused"),
            (Fault(status=302, headers={"Location": "/consent"}, body="x"), "youtube_odd_answer"),
            (Fault(status=304, body=""), "youtube_odd_answer"),
            (Fault(body="<!DOCTYPE html><title>Proxy</title>"), "youtube_odd_answer"),
            (Fault(body="{}"), "youtube_odd_answer"),
            (Fault(body='{"kind":"youtube#videoListResponse","items":[{"id":"aaaaaaaaaaa"}]}'), "youtube_odd_answer"),
            (Fault(body="[" * 100_000), "youtube_odd_answer"),
            (Fault(body="x" * (2 * 1024 * 1024 + 1)), "youtube_odd_answer"),
            (Fault(cut=20), "youtube_unreachable"),
            (Fault(hang_up="before"), "youtube_unreachable"),
        ],
    )
    def test_a_bad_answer_is_a_failed_look(self, api, youtube, fault, cause):
        youtube.faults = [fault, fault]
        assert cause_of(api.videos, ["a" * 11]) == cause

    def test_nobody_there_is_unreachable_and_names_no_key(self, http):
        assert cause_of(YouTubeApi(http, "http://127.0.0.1:1/youtube/v3", KEY).videos, ["a" * 11]) == (
            "youtube_unreachable"
        )

    def test_another_channel_than_the_one_asked_for_is_odd(self, api, youtube, ada):
        answer = {"kind": "youtube#channelListResponse", "items": [{"id": NOWHERE, "snippet": {"title": "x"}}]}
        youtube.faults = [Fault(body=json.dumps(answer))]
        assert cause_of(api.channel, ChannelReference("id", ada)) == "youtube_odd_answer"
