"""The YouTube stand-in: the feed and the pages, on good days and bad."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from defusedxml import ElementTree

from sandbox.youtube import YouTube
from tests.youtube_visitor import MEDIA, NAMES, NOON, Clock, Visitor


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


def test_the_feed_has_the_shape_of_the_real_one(youtube, visitor, channel):
    video_id = youtube.schedule(channel, "Q & <A>", start=NOON)
    answer = visitor.feed(channel_id=channel)
    root = ElementTree.fromstring(answer.content)
    entry = root.find("a:entry", NAMES)
    assert answer.headers["Content-Type"] == "text/xml; charset=UTF-8"
    assert root.findtext("yt:channelId", namespaces=NAMES) == channel[2:]
    assert root.findtext("a:id", namespaces=NAMES) == f"yt:channel:{channel[2:]}"
    assert entry.findtext("yt:channelId", namespaces=NAMES) == channel
    assert entry.findtext("a:id", namespaces=NAMES) == f"yt:video:{video_id}"
    assert entry.findtext("a:title", namespaces=NAMES) == "Q & <A>"
    assert entry.findtext("a:published", namespaces=NAMES) == "2026-04-26T12:00:00+00:00"
    assert entry.find("a:link", NAMES).get("href") == f"https://www.youtube.com/watch?v={video_id}"
    assert entry.find(f".//{MEDIA}statistics").get("views") == "0"
    assert "live" not in answer.text.lower().replace(video_id.lower(), "").replace(channel.lower(), "")


def test_the_feed_ends_after_fifteen_entries_and_hides_what_is_not_public(youtube, visitor, channel):
    ids = [youtube.upload(channel, f"Film {n}") for n in range(18)]
    youtube.set_privacy(ids[17], "unlisted")
    youtube.delete(ids[16])
    assert visitor.entries(channel_id=channel) == ids[15:0:-1]
    assert visitor.entries(user="oldname") == ids[15:0:-1]


def test_the_feeds_own_channel_may_be_empty(youtube, visitor, channel):
    youtube.feed_without_channel = True
    root = ElementTree.fromstring(visitor.feed(channel_id=channel).content)
    assert root.findtext("yt:channelId", namespaces=NAMES) == ""


def test_sibling_lists_show_their_kind_only(youtube, visitor, channel):
    stream, film = youtube.go_live(channel), youtube.upload(channel, "Film")
    premiere = youtube.schedule(channel, "Premiere", start=NOON, duration=60)
    short = youtube.upload(channel, "Short", short=True)
    members = youtube.upload(channel, "Members")
    youtube.set_privacy(members, "members")
    lists = {p: visitor.entries(playlist_id=p + channel[2:]) for p in ("UU", "UULV", "UULF", "UUSH", "UUMO")}
    assert lists.pop("UU") == [members, short, premiere, film, stream]
    assert lists == {"UULV": [stream], "UULF": [members, premiere, film], "UUSH": [short], "UUMO": [members]}
    assert f"https://www.youtube.com/shorts/{short}" in visitor.feed(channel_id=channel).text


def test_a_stale_feed_is_served_until_it_is_old_enough(youtube, visitor, channel, clock):
    youtube.feed_staleness = 900
    assert visitor.entries(channel_id=channel) == []
    video_id = youtube.go_live(channel)
    clock.forward(seconds=899)
    assert visitor.entries(channel_id=channel, nocache="1") == []
    assert visitor.entries(playlist_id="UU" + channel[2:]) == [video_id]
    clock.forward(seconds=1)
    assert visitor.entries(channel_id=channel) == [video_id]


def test_the_feeds_of_a_valid_channel_break_independently(youtube, visitor, channel):
    uploads = "UU" + channel[2:]
    youtube.feed_broken.add(channel)
    broken = visitor.feed(channel_id=channel)
    assert (broken.status_code, "Error 404 (Not Found)!!1" in broken.text) == (404, True)
    assert visitor.feed(playlist_id=uploads).status_code == 200
    youtube.playlist_feed_broken.add(uploads)
    assert visitor.feed(playlist_id=uploads).status_code == 404
    youtube.feed_broken.clear()
    youtube.feed_failing.add(channel)
    assert visitor.feed(channel_id=channel).status_code == 500


def test_a_flaky_feed_mixes_its_answers(youtube, visitor, channel):
    youtube.feed_flakiness = 0.6
    assert {visitor.feed(channel_id=channel).status_code for _ in range(40)} == {200, 404, 500}


def test_an_unknown_channel_has_no_feed(youtube, visitor):
    assert visitor.feed(channel_id="UC" + "0" * 22).status_code == 404
    assert visitor.feed().status_code == 400


def test_the_feed_may_ask_for_consent(youtube, visitor, channel):
    youtube.feed_consent = True
    assert visitor.feed(channel_id=channel).status_code == 302


def test_the_live_page_of_a_running_stream_is_its_watch_page(youtube, visitor, channel):
    video_id = youtube.go_live(channel, "{now};</script>")
    for path in (f"/channel/{channel}/live", "/@UESHOW/live", "/user/oldname/live", "/c/ueshow/live"):
        assert visitor.canonical(path) == f"https://www.youtube.com/watch?v={video_id}"
    player = visitor.player(f"/channel/{channel}/live")
    assert player["playabilityStatus"]["status"] == "OK"
    details = player["videoDetails"]
    assert (details["videoId"], details["channelId"], details["title"]) == (video_id, channel, "{now};</script>")
    assert (details["isLive"], details["isLiveContent"]) == (True, True)
    live = player["microformat"]["playerMicroformatRenderer"]["liveBroadcastDetails"]
    assert live == {"isLiveNow": True, "startTimestamp": "2026-04-26T12:00:00+00:00"}


def test_the_live_page_of_a_planned_stream_is_its_waiting_room(youtube, visitor, channel):
    youtube.schedule(channel, "Forgotten", start=NOON - timedelta(days=30))
    youtube.schedule(channel, "Later", start=NOON + timedelta(days=3))
    video_id = youtube.schedule(channel, "Soon", start=NOON + timedelta(days=2))
    player = visitor.player(f"/channel/{channel}/live")
    playability, details = player["playabilityStatus"], player["videoDetails"]
    room = playability["liveStreamability"]["liveStreamabilityRenderer"]
    assert playability["status"] == "LIVE_STREAM_OFFLINE"
    assert playability["reason"] == "This live event will begin in 2 days."
    assert room["videoId"] == video_id
    start = int((NOON + timedelta(days=2)).timestamp())
    assert room["offlineSlate"]["liveStreamOfflineSlateRenderer"] == {"scheduledStartTime": str(start)}
    assert (details["isUpcoming"], details["lengthSeconds"], "isLive" in details) == (True, "0", False)


def test_a_premiere_at_its_time_says_live_before_it_is(youtube, visitor, channel):
    youtube.schedule(channel, "Film night", start=NOON, duration=600)
    player = visitor.player(f"/channel/{channel}/live")
    assert player["playabilityStatus"]["reason"] == "Premieres shortly"
    assert (player["videoDetails"]["isUpcoming"], player["videoDetails"]["isLive"]) == (True, True)
    assert player["videoDetails"]["lengthSeconds"] == "600"


def test_the_live_page_of_a_quiet_channel_is_the_channel_page(youtube, visitor, channel):
    youtube.set_privacy(youtube.go_live(channel), "unlisted")
    page = visitor.page("/@ueshow/live").text
    assert visitor.canonical("/@ueshow/live") == f"https://www.youtube.com/channel/{channel}"
    assert f'"externalId": "{channel}"' in page
    assert "ytInitialPlayerResponse" not in page
    assert '"isLive": true' in page  # somebody else's


def test_an_ended_stream_lingers_on_the_live_page_if_told_so(youtube, visitor, channel, clock):
    video_id = youtube.go_live(channel)
    clock.forward(hours=1)
    youtube.end(video_id)
    youtube.linger = 60
    player = visitor.player(f"/channel/{channel}/live")
    live = player["microformat"]["playerMicroformatRenderer"]["liveBroadcastDetails"]
    assert "isLive" not in player["videoDetails"]
    assert (live["isLiveNow"], live["endTimestamp"]) == (False, "2026-04-26T13:00:00+00:00")
    clock.forward(seconds=60)
    assert visitor.canonical(f"/channel/{channel}/live") == f"https://www.youtube.com/channel/{channel}"


def test_of_two_streams_the_newest_is_on_the_live_page(youtube, visitor, channel, clock):
    first = youtube.go_live(channel)
    clock.forward(minutes=1)
    second = youtube.go_live(channel)
    assert visitor.player(f"/channel/{channel}/live")["videoDetails"]["videoId"] == second
    assert visitor.player(f"/watch?v={first}")["videoDetails"]["isLive"] is True


def test_an_interrupted_stream_is_offline_without_being_upcoming(youtube, visitor, channel):
    video_id = youtube.go_live(channel)
    youtube.interrupted.add(video_id)
    player = visitor.player(f"/watch?v={video_id}")
    assert player["playabilityStatus"]["status"] == "LIVE_STREAM_OFFLINE"
    assert not {"isUpcoming", "isLive"} & player["videoDetails"].keys()


@pytest.mark.parametrize(
    ("privacy", "status", "has_details"),
    [("members", "UNPLAYABLE", True), ("private", "LOGIN_REQUIRED", False), ("unlisted", "OK", True)],
)
def test_a_video_out_of_reach_says_why(youtube, visitor, channel, privacy, status, has_details):
    video_id = youtube.go_live(channel)
    youtube.set_privacy(video_id, privacy)
    player = visitor.player(f"/watch?v={video_id}")
    assert player["playabilityStatus"]["status"] == status
    assert ("videoDetails" in player) is has_details
    assert visitor.player("/watch?v=unknown-000")["playabilityStatus"]["status"] == "ERROR"


def test_the_bot_check_the_undefined_canonical_and_the_refusal_of_robots(youtube, visitor, channel):
    youtube.go_live(channel)
    youtube.bot_check = youtube.canonical_undefined = True
    player = visitor.player(f"/channel/{channel}/live")
    assert player["playabilityStatus"]["status"] == "LOGIN_REQUIRED"
    assert "videoDetails" not in player
    assert visitor.canonical(f"/channel/{channel}/live") == "undefined"
    youtube.too_many_requests = True
    assert visitor.page(f"/channel/{channel}/live").status_code == 429


def test_consent_is_asked_for_until_the_cookie_says_yes(youtube, visitor, channel):
    youtube.consent = True
    path = f"/channel/{channel}/live"
    asked = visitor.page(path)
    assert asked.status_code == 302
    assert asked.headers["Location"].startswith(f"{youtube.url}/consent?continue=")
    assert visitor.page(path, headers={"Cookie": "SOCS=CAA"}).status_code == 302
    assert visitor.page(path, headers={"Cookie": "SOCS=CAI"}).status_code == 200
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', visitor.http.get(asked.headers["Location"]).text))
    assert visitor.http.post(f"{youtube.url}/consent/save", data=form).status_code == 200
    assert visitor.page(path).status_code == 200


def test_a_handle_may_be_changed_and_hold_other_letters(youtube, visitor):
    channel_id = youtube.add_channel("Шоу", handle="Шоу")
    assert visitor.canonical("/@%D1%88%D0%BE%D1%83") == f"https://www.youtube.com/channel/{channel_id}"
    youtube.change_handle(channel_id, "@new.name")
    assert visitor.canonical("/@New.Name/streams") == visitor.canonical("/@шоу")
    assert visitor.page("/@nobody/live").status_code == 404
