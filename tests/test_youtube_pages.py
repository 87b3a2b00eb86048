"""The clients that need no key, against the stand-in, over real HTTP: the feed and the pages."""

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.standin import Fault
from sandbox.youtube import YouTube
from services.clients.http import Http
from services.clients.values import Channel, ChannelReference
from services.clients.youtube_feed import YouTubeFeed
from services.clients.youtube_page import YouTubePage
from services.errors import Invalid, Refused

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def youtube():
    youtube = YouTube(now=lambda: NOON)
    with youtube.serving():
        yield youtube


@pytest.fixture
def ada(youtube):
    return youtube.add_channel("Ada's show", handle="AdaShow", user="adauser")


@pytest.fixture(scope="module")
def http():
    return Http()


@pytest.fixture
def feed(youtube, http):
    return YouTubeFeed(http, youtube.url)


@pytest.fixture
def page(youtube, http):
    return YouTubePage(http, youtube.url)


def cause_of(call, *args, **kwargs):
    with pytest.raises(Refused) as refused:
        call(*args, **kwargs)
    assert str(refused.value).endswith(".")
    return refused.value.cause


class TestTheFeed:
    def test_shows_the_newest_fifteen(self, feed, youtube, ada):
        ids = [youtube.upload(ada, f"Video & {n}") for n in range(20)]
        entries = feed.entries(ada)
        assert [entry.id for entry in entries] == ids[:4:-1]
        assert (entries[0].title, entries[0].published_at) == ("Video & 19", NOON)

    def test_reads_a_feed_that_does_not_name_its_channel(self, feed, youtube, ada):
        youtube.feed_without_channel = True
        video = youtube.upload(ada, "A video")
        assert [entry.id for entry in feed.entries(ada)] == [video]

    def test_of_the_uploads_list_works_while_the_channels_own_is_broken(self, feed, youtube, ada):
        video = youtube.upload(ada, "A video")
        youtube.feed_broken = {ada}
        assert cause_of(feed.entries, ada) == "youtube_feed"
        assert [entry.id for entry in feed.entries(ada, playlist=True)] == [video]
        assert youtube.asked()[-1].query == {"playlist_id": "UU" + ada[2:]}

    def test_asks_past_the_consent_page(self, feed, youtube, ada):
        youtube.upload(ada, "A video")
        youtube.feed_consent = True
        assert len(feed.entries(ada)) == 1

    @pytest.mark.parametrize(
        "fault, cause",
        [
            (Fault(status=404, body="<html>"), "youtube_feed"),
            (Fault(status=500), "youtube_feed"),
            (Fault(status=429), "youtube_rate"),
            (Fault(status=302, headers={"Location": "https://consent.youtube.com/m?continue=x"}), "youtube_consent"),
            (Fault(status=302, headers={"Location": "https://elsewhere.example/"}), "youtube_feed"),
            (Fault(body="<!DOCTYPE html><html lang=en><title>Error</title>"), "youtube_feed"),
            (Fault(body="<html/>"), "youtube_feed"),
            (Fault(body="<feed/>"), "youtube_feed"),
            (Fault(body='<?xml version="1.0" encoding="nobody-knows"?><feed/>'), "youtube_feed"),
            (Fault(body="x" * 600_000), "youtube_odd_answer"),
            (Fault(hang_up="after"), "youtube_unreachable"),
        ],
    )
    def test_that_is_none_is_a_failed_look(self, feed, youtube, ada, fault, cause):
        youtube.faults = [fault, fault]
        assert cause_of(feed.entries, ada) == cause

    def test_is_never_asked_for_what_is_no_channel_id(self, feed, youtube):
        with pytest.raises(Invalid):
            feed.entries("UC/../../x")
        assert not youtube.asked()


class TestTheLivePage:
    def test_shows_a_running_stream_and_not_the_one_in_the_margin(self, page, youtube, ada):
        stream = youtube.go_live(ada, "On air", at=NOON - HOUR)
        video = page.live(ada)
        assert (video.id, video.title, video.channel_id) == (stream, "On air", ada)
        assert (video.live_content, video.privacy, video.actual_start_at) == ("live", "public", NOON - HOUR)
        assert youtube.asked()[0].headers["Cookie"] == "SOCS=CAI"

    def test_shows_the_waiting_room(self, page, youtube, ada):
        planned = youtube.schedule(ada, "Soon", start=NOON + HOUR)
        video = page.live(ada)
        assert (video.id, video.live_content, video.duration_seconds) == (planned, "upcoming", 0)
        assert (video.scheduled_start_at, video.actual_start_at) == (NOON + HOUR, None)

    def test_of_a_premiere_about_to_start_is_still_upcoming(self, page, youtube, ada):
        youtube.schedule(ada, "Film", start=NOON - timedelta(minutes=1), duration=600)
        video = page.live(ada)
        assert (video.live_content, video.duration_seconds, video.actual_start_at) == ("upcoming", 600, None)

    def test_of_a_quiet_channel_shows_nothing(self, page, youtube, ada):
        youtube.upload(ada, "A video")
        assert page.live(ada) is None

    def test_of_a_stream_just_over_shows_its_end(self, page, youtube, ada):
        youtube.linger = 600
        youtube.end(youtube.go_live(ada, at=NOON - HOUR), at=NOON - timedelta(minutes=1))
        video = page.live(ada)
        assert (video.live_content, video.actual_end_at) == ("none", NOON - timedelta(minutes=1))

    def test_with_only_one_sign_of_life_has_no_start(self, page, youtube, ada):
        youtube.interrupted = {youtube.go_live(ada)}
        video = page.live(ada)
        assert (video.live_content, video.actual_start_at) == ("live", None)

    def test_of_a_members_stream_says_members(self, page, youtube, ada):
        youtube.set_privacy(youtube.go_live(ada), "members")
        assert page.live(ada).privacy == "members"

    @pytest.mark.parametrize(
        "setting, cause",
        [
            ("canonical_undefined", "youtube_odd_answer"),
            ("bot_check", "youtube_bot_check"),
            ("too_many_requests", "youtube_rate"),
        ],
    )
    def test_that_says_nothing_is_a_failed_look(self, page, youtube, ada, setting, cause):
        youtube.go_live(ada)
        setattr(youtube, setting, True)
        assert cause_of(page.live, ada) == cause

    @pytest.mark.parametrize(
        "fault, cause",
        [
            (Fault(status=302, headers={"Location": "https://consent.youtube.com/m?x=1"}), "youtube_consent"),
            (Fault(status=303, headers={"Location": "/consent?continue=x"}), "youtube_consent"),
            (Fault(body='<form action="https://consent.youtube.com/save">'), "youtube_consent"),
            (Fault(status=302, headers={"Location": "https://www.google.com/sorry/index"}), "youtube_bot_check"),
            (Fault(status=302, headers={"Location": "http://127.0.0.1:1/"}), "youtube_odd_answer"),
            (Fault(status=302), "youtube_odd_answer"),
            (Fault(status=404, body="<html>"), "youtube_refused"),
            (Fault(status=503), "youtube_error"),
            (Fault(body="<html></html>"), "youtube_odd_answer"),
            (Fault(body="x" * (2 * 1024 * 1024 + 1)), "youtube_odd_answer"),
            (Fault(hang_up="before", reset=True), "youtube_unreachable"),
        ],
    )
    def test_that_is_another_page_is_a_failed_look(self, page, youtube, ada, fault, cause):
        youtube.faults = [fault, fault]
        assert cause_of(page.live, ada) == cause

    def test_that_leads_in_circles_is_given_up(self, page, youtube, ada):
        youtube.faults = [Fault(status=302, headers={"Location": f"/channel/{ada}/live"})] * 20
        assert cause_of(page.live, ada) == "youtube_odd_answer"
        assert len(youtube.asked()) == 4

    def test_of_two_megabytes_is_read_quickly(self, page, youtube, ada):
        youtube.go_live(ada)
        youtube.page_padding = 1_900_000
        began = datetime.now(UTC)
        assert page.live(ada) is not None
        assert datetime.now(UTC) - began < timedelta(seconds=2)


class TestOtherPages:
    def test_a_videos_page_tells_unlisted(self, page, youtube, ada):
        stream = youtube.go_live(ada)
        youtube.set_privacy(stream, "unlisted")
        video = page.video(stream)
        assert (video.privacy, video.live_content, video.published_at) == ("unlisted", "live", NOON)

    def test_private_deleted_and_unknown_videos_are_none(self, page, youtube, ada):
        private, deleted = youtube.go_live(ada), youtube.upload(ada, "x")
        youtube.set_privacy(private, "private")
        youtube.delete(deleted)
        assert [page.video(each) for each in (private, deleted, "unknownid00")] == [None] * 3

    def test_what_is_no_video_id_is_not_asked_for(self, page, youtube):
        with pytest.raises(Invalid):
            page.video("a&b=c")
        assert not youtube.asked()

    @pytest.mark.parametrize("kind, value", [("handle", "AdaShow"), ("user", "adauser"), ("custom", "AdaShow")])
    def test_a_channel_is_found_by_name(self, page, ada, kind, value):
        assert page.channel(ChannelReference(kind, value)) == Channel(ada, "Ada's show", "AdaShow", None)

    def test_a_channel_that_is_live_is_found_too(self, page, youtube, ada):
        stream = youtube.go_live(ada)
        for reference in (ChannelReference("id", ada), ChannelReference("video", stream)):
            found = page.channel(reference)
            assert (found.id, found.title) == (ada, "Ada's show")

    def test_a_channel_that_does_not_exist_is_none(self, page):
        assert page.channel(ChannelReference("handle", "nobody")) is None
        assert page.channel(ChannelReference("video", "unknownid00")) is None

    def test_a_name_cannot_leave_its_place_in_the_address(self, page, youtube):
        assert page.channel(ChannelReference("custom", "x/../../watch?v=")) is None
        assert youtube.asked()[0].path == "/c/x/../../watch?v=/live"
        with pytest.raises(Invalid):
            page.channel(ChannelReference("custom", ".."))
