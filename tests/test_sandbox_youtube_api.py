"""The YouTube stand-in: keys, quota, refusals, and the lists of the Data API."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from sandbox.youtube import API_TROUBLE, FEED_TROUBLE, YouTube
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


def test_a_call_needs_a_known_key(youtube, visitor):
    assert error_of(visitor.api("videos", part="id", id="x", key=None)) == (403, "forbidden", "global")
    wrong = visitor.api("videos", part="id", id="x", key="other")
    assert error_of(wrong) == (400, "badRequest", "global")
    assert wrong.json()["error"]["message"] == "API key not valid. Please pass a valid API key."
    assert wrong.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"
    assert youtube.units() == 0


def test_the_key_may_come_in_a_header(youtube, visitor):
    answer = visitor.api("videos", part="id", id="x", key=None, headers={"X-Goog-Api-Key": "test-key"})
    assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize(
    ("trouble", "reason"), [("disabled", "SERVICE_DISABLED"), ("ip", "API_KEY_IP_ADDRESS_BLOCKED")]
)
def test_a_key_may_be_of_no_use(youtube, visitor, trouble, reason):
    youtube.key_trouble = trouble
    answer = visitor.api("videos", part="id", id="x")
    assert answer.status_code == 403
    assert answer.json()["error"]["details"][0]["reason"] == reason


def test_every_call_costs_a_unit_of_its_bucket_also_a_wrong_one(youtube, visitor, channel):
    youtube.upload(channel, "Film")
    assert visitor.api("videos", part="id").status_code == 400
    etag = visitor.api("channels", part="id", id=channel).headers["ETag"]
    assert visitor.api("channels", part="id", id=channel, headers={"If-None-Match": etag}).status_code == 304
    visitor.uploads(channel)
    visitor.api("search", part="snippet", channelId=channel)
    visitor.api("videos:batchGetStats", part="id", id="x")
    visitor.feed(channel_id=channel)
    assert (youtube.units(), youtube.units("search"), youtube.units("stats")) == (4, 1, 1)


def test_a_spent_quota_refuses_until_midnight_in_california(youtube, visitor, clock):
    youtube.quota = 2
    for _ in range(2):
        assert visitor.api("videos", part="id", id="x").status_code == 200
    gone = visitor.api("videos", part="id", id="x")
    assert error_of(gone) == (403, "quotaExceeded", "youtube.quota")
    assert '<a href="/youtube/v3/getting-started#quota">quota</a>' in gone.json()["error"]["message"]
    assert visitor.api("videos:batchGetStats", part="id", id="x").status_code == 200
    clock.at = datetime(2026, 4, 27, 6, 59, 59, tzinfo=UTC)
    assert visitor.api("videos", part="id", id="x").status_code == 403
    clock.forward(seconds=1)
    assert visitor.api("videos", part="id", id="x").status_code == 200
    assert youtube.spent["2026-04-26", "general"] == 2


def test_searches_are_a_hundred_a_day(youtube, visitor, channel):
    youtube.spent[youtube.pacific_date(), "search"] = 99
    assert visitor.api("search", part="snippet", channelId=channel).status_code == 200
    assert error_of(visitor.api("search", part="snippet", channelId=channel))[1] == "quotaExceeded"
    assert visitor.api("videos", part="id", id="x").status_code == 200


def test_the_older_form_of_a_spent_quota_can_be_had(youtube, visitor):
    youtube.quota, youtube.quota_form = 0, "old"
    assert error_of(visitor.api("videos", part="id", id="x")) == (403, "dailyLimitExceeded", "usageLimits")


def test_too_many_calls_a_minute_are_refused_in_the_new_or_the_old_way(youtube, visitor, clock):
    youtube.rate_limit = 1
    assert visitor.api("videos", part="id", id="x").status_code == 200
    error = visitor.api("videos", part="id", id="x").json()["error"]
    assert (error["code"], error["status"], "errors" in error) == (429, "RESOURCE_EXHAUSTED", False)
    assert error["details"][0]["reason"] == "RATE_LIMIT_EXCEEDED"
    youtube.rate_form = "old"
    assert error_of(visitor.api("videos", part="id", id="x")) == (403, "rateLimitExceeded", "usageLimits")
    clock.forward(minutes=1)
    assert visitor.api("videos", part="id", id="x").status_code == 200


@pytest.mark.parametrize(
    ("method", "query", "reason"),
    [
        ("videos", {"id": "x"}, "missingRequiredParameter"),
        ("videos", {"part": "id"}, "missingRequiredParameter"),
        ("videos", {"part": "id,wrong", "id": "x"}, "invalidParameter"),
        ("videos", {"part": "id", "id": "x", "maxResults": "5"}, "incompatibleParameters"),
        ("videos", {"part": "id", "id": "x", "wrong": "1"}, "unexpectedParameter"),
        ("videos", {"part": "id", "id": "x", "fields": "items(id"}, "invalidParameter"),
        ("channels", {"part": "id"}, "missingRequiredParameter"),
        ("channels", {"part": "id", "id": "x", "forHandle": "x"}, "incompatibleParameters"),
        ("playlistItems", {"part": "id"}, "missingRequiredParameter"),
        ("playlistItems", {"part": "id", "playlistId": "UU", "maxResults": "51"}, "invalidParameter"),
        ("playlistItems", {"part": "id", "playlistId": "UU", "pageToken": "ü"}, "invalidPageToken"),
        ("search", {"part": "id", "eventType": "live"}, "incompatibleParameters"),
    ],
)
def test_a_wrong_request_is_refused_with_its_reason(youtube, visitor, method, query, reason):
    assert error_of(visitor.api(method, **query))[:2] == (400, reason)


def test_fields_prune_the_answer(youtube, visitor, channel):
    video_id = youtube.upload(channel, "Film")
    answer = visitor.api("videos", part="snippet", id=video_id, fields="items(id,snippet/title),pageInfo/*")
    assert answer.json() == {
        "items": [{"id": video_id, "snippet": {"title": "Film"}}],
        "pageInfo": {"totalResults": 1, "resultsPerPage": 1},
    }


def test_bursts_of_server_trouble_look_like_the_real_ones_and_cost_a_unit(youtube, visitor):
    youtube.faults = list(API_TROUBLE)
    answers = [visitor.api("videos", part="id", id="x") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [500, 503, 409, 200]
    assert [error_of(answer)[1] for answer in answers[:3]] == ["backendError", "backendError", "SERVICE_UNAVAILABLE"]
    assert youtube.units() == 4


def test_seeded_mishaps_spoil_a_part_of_the_calls(youtube, visitor, channel):
    youtube.mishaps, youtube.chance = [*API_TROUBLE, *FEED_TROUBLE], 0.5
    statuses = {visitor.api("videos", part="id", id="x").status_code for _ in range(60)}
    statuses |= {visitor.feed(channel_id=channel).status_code for _ in range(40)}
    assert statuses == {200, 404, 409, 500, 503}


def test_the_uploads_list_is_newest_first_in_pages(youtube, visitor, channel, clock):
    ids = []
    for n in range(7):
        clock.forward(seconds=n % 2)
        ids.append(youtube.upload(channel, f"Film {n}"))
    query = {"part": "snippet", "playlistId": "UU" + channel[2:], "maxResults": "3"}
    pages = [visitor.api("playlistItems", **query).json()]
    while token := pages[-1].get("nextPageToken"):
        pages.append(visitor.api("playlistItems", **query, pageToken=token).json())
    snippets = [item["snippet"] for page in pages for item in page["items"]]
    assert [snippet["resourceId"]["videoId"] for snippet in snippets] == ids[::-1]
    assert [snippet["position"] for snippet in snippets] == list(range(7))
    assert pages[0]["pageInfo"]["totalResults"] == 7
    assert youtube.units() == 3


def test_waiting_rooms_and_streams_are_in_the_uploads_unlisted_and_private_ones_are_not(youtube, visitor, channel):
    shown = [youtube.schedule(channel, "Soon", start=None), youtube.go_live(channel, "Now")]
    youtube.schedule(channel, "Hidden", start=NOON, privacy="unlisted")
    youtube.set_privacy(youtube.go_live(channel), "private")
    glitched = youtube.go_live(channel, "Glitched")
    youtube.omitted.add(glitched)
    assert visitor.uploads(channel) == shown[::-1]


def test_dead_videos_may_stay_in_the_list_by_a_placeholder(youtube, visitor, channel):
    youtube.placeholders = True
    youtube.upload(channel, "Alive")
    youtube.delete(youtube.upload(channel, "Old"))
    youtube.set_privacy(youtube.upload(channel, "Secret"), "private")
    answer = visitor.api("playlistItems", part="snippet", playlistId="UU" + channel[2:]).json()
    assert [item["snippet"]["title"] for item in answer["items"]] == ["Private video", "Deleted video", "Alive"]


@pytest.mark.parametrize("prefix", ["UU", "UULV", "PL"])
def test_an_unknown_or_empty_list_is_not_found(youtube, visitor, channel, prefix):
    answer = visitor.api("playlistItems", part="snippet", playlistId=prefix + channel[2:])
    message = "The playlist identified with the request's <code>playlistId</code> parameter cannot be found."
    entry = {"domain": "youtube.playlistItem", "reason": "playlistNotFound"}
    entry |= {"message": message, "location": "playlistId", "locationType": "parameter"}
    assert answer.status_code == 404
    assert answer.json() == {"error": {"code": 404, "message": message, "errors": [entry]}}


def test_a_channel_is_found_by_id_handle_or_user_name_in_any_case(youtube, visitor, channel):
    for query in ({"id": channel}, {"forHandle": "@ueshow"}, {"forHandle": "UESHOW"}, {"forUsername": "OldName"}):
        item = visitor.api("channels", part="snippet,contentDetails", **query).json()["items"][0]
        assert item["id"] == channel
        assert item["snippet"]["customUrl"] == "@ueshow"
        assert item["contentDetails"]["relatedPlaylists"]["uploads"] == "UU" + channel[2:]


def test_a_channel_that_is_not_found_is_an_answer_without_items(youtube, visitor):
    answer = visitor.api("channels", part="id", forHandle="@nobody")
    assert answer.status_code == 200
    assert "items" not in answer.json()
    assert answer.json()["pageInfo"]["totalResults"] == 0


def test_the_search_index_is_late_both_ways(youtube, visitor, channel, clock):
    query = {"part": "snippet", "channelId": channel, "eventType": "live", "type": "video"}
    video_id = youtube.go_live(channel)
    assert visitor.api("search", **query).json()["items"] == []
    clock.forward(minutes=10)
    youtube.end(video_id)
    hit = visitor.api("search", **query).json()["items"][0]
    clock.forward(minutes=10)
    assert hit["id"] == {"kind": "youtube#video", "videoId": video_id}
    assert hit["snippet"]["liveBroadcastContent"] == "live"
    assert visitor.api("search", **query).json()["items"] == []
    assert len(visitor.api("search", **{**query, "eventType": "completed"}).json()["items"]) == 1


def test_a_search_is_refused_now_and_then(youtube, visitor, channel):
    youtube.search_refusals = 0.5
    answers = [visitor.api("search", part="snippet", channelId=channel) for _ in range(20)]
    refused = [answer for answer in answers if answer.status_code == 403]
    assert 0 < len(refused) < 20
    assert error_of(refused[0])[1] == "accountDelegationForbidden"


def test_batch_stats_tell_a_length_and_nothing_about_live(youtube, visitor, channel):
    video_id = youtube.go_live(channel)
    answer = visitor.api("videos:batchGetStats", part="id,snippet,statistics,contentDetails", id=video_id).json()
    item = answer["items"][0]
    assert item["kind"] == "youtube#videoStats"
    assert item["contentDetails"] == {"duration": "P0D"}
    assert item["snippet"] == {"publishTime": "2026-04-26T12:00:00Z"}
    assert item["statistics"].keys() == {"viewCount", "likeCount", "commentCount"}
