"""What YouTube sends, read: the published answers, and every kind of rubbish. Nothing but Refused ever comes out."""

import copy
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.clients.http import Answer
from services.clients.values import VideoRef
from services.clients.youtube_api import judge, parse_channel, parse_uploads, parse_videos
from services.clients.youtube_feed import parse_feed
from services.clients.youtube_fields import clean_title, instant, picture_url, seconds_of
from services.clients.youtube_page import parse_channel_page, parse_live, parse_watch
from services.clients.youtube_player import video_of
from services.clients.youtube_web import is_consent
from services.errors import Refused

FIXTURES = Path(__file__).parent / "fixtures" / "youtube"
CHANNEL = "UC_x5XG1OV2P6uZZ5FSM9Ttw"
VIDEO = "oPOBYMu2zk8"
MEBIBYTE = 2**20


def published(name):
    return json.loads((FIXTURES / name).read_bytes())


WAITING_ROOM = (FIXTURES / "waiting_room.html").read_text()
FEED = (FIXTURES / "feed.xml").read_bytes()
JSON_PARSERS = {
    "videos.json": parse_videos,
    "playlist_items.json": parse_uploads,
    "channels.json": parse_channel,
}
PAGE_PARSERS = (
    lambda text: parse_live(text, CHANNEL),
    lambda text: parse_watch(text, VIDEO),
    parse_channel_page,
)


def at(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def readable(parse, data):
    """What the parser makes of it; Refused is an answer as well, anything else fails the test."""
    try:
        return parse(data)
    except Refused as refused:
        return refused


class TestPublishedAnswers:
    def test_videos(self):
        videos = parse_videos(published("videos.json"))
        live, premiere, upload = videos.values()
        assert (live.live_content, live.actual_start_at) == ("live", at("2026-04-26T12:00:00+00:00"))
        assert live.scheduled_start_at == live.actual_start_at
        assert (premiere.privacy, premiere.duration_seconds) == ("unlisted", 3723)
        assert premiere.scheduled_start_at == at("2026-05-01T16:00:00+00:00")
        assert (upload.live_content, upload.actual_start_at, upload.duration_seconds) == ("none", None, 93_600)

    def test_uploads_and_channels(self):
        uploads = parse_uploads(published("playlist_items.json"))
        assert uploads == [
            VideoRef("e9V9h3Ur8cA", "What's new in Google Pay | Keynote", at("2021-05-19T17:30:08+00:00"))
        ]
        assert parse_channel(published("channels.json")).id == "UC6nSFpj9HTCZ5t-N3Rm3-HA"

    def test_the_feed(self):
        entry = VideoRef("e9V9h3Ur8cA", "Video title", at("2015-03-06T21:40:57+00:00"))
        assert parse_feed(FEED, CHANNEL) == [entry]
        assert parse_feed(FEED, "UC" + "0" * 22) == []  # somebody else's entries

    def test_a_waiting_room(self):
        video = parse_live(WAITING_ROOM, CHANNEL)
        assert (video.id, video.live_content) == (VIDEO, "upcoming")
        assert (video.scheduled_start_at, video.actual_start_at) == (at("2026-02-17T10:00:00+00:00"), None)

    @pytest.mark.parametrize(
        "name, cause",
        [
            ("quota_403.json", "youtube_quota"),
            ("daily_limit_403.json", "youtube_quota"),
            ("quota_per_day_429.json", "youtube_quota"),
            ("playlist_not_found_404.json", "youtube_no_uploads"),
            ("wrong_key_400.json", "youtube_key"),
        ],
    )
    def test_refusals(self, name, cause):
        status = int(name.split("_")[-1][:3])
        refused = judge(Answer(status, {}, (FIXTURES / name).read_bytes(), "https://x.test/?key=secret"))
        assert (refused.cause, refused.http_status) == (cause, status)
        assert "<" not in str(refused)


class TestThePlayer:
    def player(self, **details):
        return {
            "playabilityStatus": {"status": details.pop("status", "OK"), "reason": details.pop("reason", "")},
            "microformat": {"playerMicroformatRenderer": {"liveBroadcastDetails": details.pop("times", {})}},
            "videoDetails": {"videoId": VIDEO, "channelId": CHANNEL, "title": "T", "lengthSeconds": "0", **details},
        }

    @pytest.mark.parametrize(
        "signs, content, has_start",
        [
            ({"isLive": True, "times": {"isLiveNow": True, "startTimestamp": "2026-02-17T10:00:00Z"}}, "live", True),
            ({"isLive": True, "times": {"startTimestamp": "2026-02-17T10:00:00Z"}}, "live", False),
            ({"times": {"isLiveNow": True, "startTimestamp": "2026-02-17T10:00:00Z"}}, "live", False),
            ({"isLive": True, "times": {"isLiveNow": True}}, "live", False),
            ({"isLive": "true", "times": {"isLiveNow": 1}}, "none", False),
            ({"isLive": True, "isUpcoming": True, "times": {"isLiveNow": True}}, "upcoming", False),
            ({"isLive": True, "isPostLiveDvr": True, "times": {"isLiveNow": True}}, "none", False),
            ({"status": "LIVE_STREAM_OFFLINE", "times": {"startTimestamp": "2026-02-17T10:00:00Z"}}, "none", False),
        ],
    )
    def test_is_live_only_when_all_signs_agree(self, signs, content, has_start):
        video = video_of(self.player(**signs), VIDEO)
        assert (video.live_content, video.actual_start_at is not None) == (content, has_start)

    def test_tells_the_planned_start_by_its_picture_when_nothing_else_does(self):
        player = self.player(isUpcoming=True)
        slate = {"offlineSlate": {"liveStreamOfflineSlateRenderer": {"scheduledStartTime": "1771322400"}}}
        player["playabilityStatus"]["liveStreamability"] = {"liveStreamabilityRenderer": slate}
        assert video_of(player, VIDEO).scheduled_start_at == at("2026-02-17T10:00:00+00:00")

    def test_of_an_age_restricted_video_is_read_and_any_other_login_is_the_robot_check(self):
        page = (
            '<link rel="canonical" href="https://www.youtube.com/watch?v=%s"><script>var ytInitialPlayerResponse = %s;'
        )
        aged = self.player(status="LOGIN_REQUIRED", reason="Sign in to confirm your age")
        assert parse_live(page % (VIDEO, json.dumps(aged)), CHANNEL).id == VIDEO
        robot = self.player(status="LOGIN_REQUIRED", reason="Melde dich an")
        assert readable(PAGE_PARSERS[0], page % (VIDEO, json.dumps(robot))).cause == "youtube_bot_check"

    def test_of_another_video_or_channel_is_an_odd_answer(self):
        for wrong in (WAITING_ROOM.replace("watch?v=oPO", "watch?v=xxx"), WAITING_ROOM.replace("UC_x", "UC_y")):
            assert readable(PAGE_PARSERS[0], wrong).cause == "youtube_odd_answer"

    def test_is_not_asked_on_the_page_of_another_channel(self):
        page = '<link rel="canonical" href="https://www.youtube.com/channel/%s">'
        assert parse_live(page % CHANNEL, CHANNEL) is None
        assert readable(PAGE_PARSERS[0], page % ("UC" + "0" * 22)).cause == "youtube_odd_answer"

    def test_quoted_in_a_string_of_another_script_is_not_believed(self):
        fake = json.dumps(WAITING_ROOM.replace(VIDEO, "x" * 11))
        assert parse_live(f"<script>var other = {fake};</script>{WAITING_ROOM}", CHANNEL).id == VIDEO


class TestMalformedParts:
    def test_one_malformed_item_is_left_out(self):
        data = published("videos.json")
        data["items"][1:1] = [None, 7, [], {}, {"id": "liveVideo02"}, {"id": {"videoId": "liveVideo02"}}]
        assert list(parse_videos(data)) == ["liveVideo01", "premiere-01", "plainUpload"]

    @pytest.mark.parametrize("data", [None, [], {}, "x", {"items": []}, {"kind": "youtube#searchListResponse"}])
    @pytest.mark.parametrize("parse", JSON_PARSERS.values())
    def test_a_wrong_envelope_is_an_odd_answer(self, parse, data):
        assert readable(parse, data).cause == "youtube_odd_answer"

    @pytest.mark.parametrize(
        "text",
        ["", "now", None, 7, "١", "2026-02-17", "2026-02-17T10:00:00", "2026-02-30T10:00:00Z", "2026-02-17T25:00:00Z"],
    )
    def test_a_malformed_time_is_none(self, text):
        assert instant(text) is None

    @pytest.mark.parametrize(
        "text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-02-17T10:00:00+99:99"]
    )
    def test_a_time_nobody_can_hold_is_none(self, text):
        assert instant(text) is None

    @pytest.mark.parametrize("fraction", ["", ".5", ".500000000", ".5" + "0" * 15])
    @pytest.mark.parametrize("zone, hour", [("Z", 10), ("+00:00", 10), ("-08:00", 18)])
    def test_a_time_is_utc_whatever_its_fraction_and_zone(self, fraction, zone, hour):
        expected = datetime(2026, 2, 17, hour, 0, 0, 500_000 if fraction else 0, tzinfo=UTC)
        assert instant(f"2026-02-17T10:00:00{fraction}{zone}") == expected

    @pytest.mark.parametrize("text, seconds", [("P0D", 0), ("PT1M", 60), ("P1W", 604_800), ("P1DT1.5S", 86_401)])
    def test_a_length_is_whole_seconds(self, text, seconds):
        assert seconds_of(text) == seconds
        assert seconds_of(text + "x") == seconds_of(None) == seconds_of("P" + "9" * 5000 + "D") == 0

    def test_a_title_is_one_storable_line_of_at_most_300_characters(self):
        assert clean_title(" a\x00b\n\tc\u2028d\ud800e\u202ef \x1b[31m") == "ab c def [31m"
        assert clean_title("👩‍🚀 שלום") == "👩‍🚀 שלום"
        assert len(clean_title("x" * MEBIBYTE)) == 300
        assert clean_title({"a": 1}) == ""

    def test_only_googles_own_pictures_are_shown(self):
        assert picture_url("https://yt3.ggpht.com/a=s88") == "https://yt3.ggpht.com/a=s88"
        for url in (
            "http://yt3.ggpht.com/a",
            "https://evil.tld/.ggpht.com",
            "https://x.ggpht.com.evil.tld/",
            "https://[",
            7,
        ):
            assert picture_url(url) is None

    def test_a_redirect_that_is_no_address_is_odd(self):
        answer = Answer(302, {"Location": "http://["}, b"", "https://www.youtube.com/")
        assert readable(is_consent, answer).cause == "youtube_odd_answer"


RUBBISH = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


def places(data, path=()):
    """The path of every value inside."""
    yield path
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in inner:
        yield from places(value, (*path, key))


def spoiled(data, path, rubbish):
    if not path:
        return rubbish
    data = copy.deepcopy(data)
    target = data
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = rubbish
    return data


class TestRubbish:
    @pytest.mark.parametrize("name", JSON_PARSERS)
    @given(draw=st.data())
    def test_any_value_anywhere_in_an_answer(self, name, draw):
        path = draw.draw(st.sampled_from(list(places(published(name)))))
        readable(JSON_PARSERS[name], spoiled(published(name), path, draw.draw(RUBBISH)))

    @given(draw=st.data())
    def test_any_value_anywhere_in_a_refusal(self, draw):
        path = draw.draw(st.sampled_from(list(places(published("wrong_key_400.json")))))
        body = json.dumps(spoiled(published("wrong_key_400.json"), path, draw.draw(RUBBISH))).encode()
        status = draw.draw(st.sampled_from([204, 302, 400, 403, 429, 500]))
        assert judge(Answer(status, {}, body, "")).http_status == status

    @given(draw=st.data())
    def test_any_value_anywhere_in_the_player(self, draw):
        start = WAITING_ROOM.index("= {") + 2
        player, end = json.JSONDecoder().raw_decode(WAITING_ROOM, start)
        path = draw.draw(st.sampled_from(list(places(player))))
        text = WAITING_ROOM[:start] + json.dumps(spoiled(player, path, draw.draw(RUBBISH))) + WAITING_ROOM[end:]
        for parse in PAGE_PARSERS:
            readable(parse, text)

    @given(cut=st.integers(0, len(WAITING_ROOM)), middle=st.text(max_size=20))
    def test_a_page_cut_anywhere(self, cut, middle):
        for text in (WAITING_ROOM[:cut], WAITING_ROOM[:cut] + middle + WAITING_ROOM[cut:], WAITING_ROOM[cut:], middle):
            for parse in PAGE_PARSERS:
                readable(parse, text)

    @given(cut=st.integers(0, len(FEED)), middle=st.binary(max_size=20))
    def test_a_feed_cut_anywhere(self, cut, middle):
        for body in (FEED[:cut], FEED[:cut] + middle + FEED[cut:], FEED[cut:], middle):
            readable(lambda body: parse_feed(body, CHANNEL), body)

    @pytest.mark.parametrize(
        "body",
        [
            b'<!DOCTYPE f [<!ENTITY a "x">]><feed xmlns="http://www.w3.org/2005/Atom">&a;</feed>',
            b'<!DOCTYPE f [<!ENTITY a SYSTEM "file:///etc/passwd">]><feed xmlns="http://www.w3.org/2005/Atom">&a;</feed>',
            b'<!DOCTYPE f [<!ENTITY a "ha"><!ENTITY b "%s">]><f>&b;</f>' % (b"&a;" * 1000),
            b'<!DOCTYPE feed SYSTEM "http://127.0.0.1/x.dtd"><feed xmlns="http://www.w3.org/2005/Atom"/>',
            b"<!DOCTYPE html><html><body>",
            b"\xff\xfe<\0f\0",
            b"",
        ],
    )
    def test_entities_and_html_are_no_feed(self, body):
        assert readable(lambda body: parse_feed(body, CHANNEL), body).cause == "youtube_feed"

    def test_elements_in_elements_in_elements(self):
        deep = b"<a>" * 80_000 + b"</a>" * 80_000
        body = b'<feed xmlns="http://www.w3.org/2005/Atom"><entry>%s</entry></feed>' % deep
        assert parse_feed(body, CHANNEL) == []

    @settings(deadline=None, max_examples=12)
    @given(st.sampled_from(["[", '{"a":', '"', "x", "<", "=", "\\", 'rel="canonical"', "ytInitialPlayerResponse={"]))
    def test_two_mebibytes_of_one_thing(self, piece):
        began = datetime.now(UTC)
        head = '<link rel="canonical" href="https://www.youtube.com/watch?v=' + VIDEO + '">'
        for opening in ("", head + "var ytInitialPlayerResponse = ", head + 'var ytInitialPlayerResponse = {"a":'):
            text = opening + piece * (2 * MEBIBYTE // len(piece))
            assert isinstance(readable(PAGE_PARSERS[0], text), Refused)
        assert (datetime.now(UTC) - began).total_seconds() < 5
