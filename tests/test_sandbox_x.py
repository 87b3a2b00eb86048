"""The X stand-in behaves as X does: every line of what is known about X's API, asked over real HTTP."""

import base64
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sandbox.standin import Fault
from sandbox.x import X
from sandbox.x_limits import QUARTER, Limit
from sandbox.x_values import Account, snowflake

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LINK = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"
CALLBACK = "http://127.0.0.1:5000/connections/x/callback"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def x(clock: Clock) -> Iterator[X]:
    stand_in = X(now=clock)
    with stand_in.serving():
        yield stand_in


@pytest.fixture
def ada(x: X) -> Account:
    return x.add_account("ada", name="Ada")


def call(x: X, method: str, path: str, token: str, **more: object) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.request(method, x.url + path, headers=headers, timeout=60, allow_redirects=False, **more)


def send(x: X, account: Account, text: str, **more: object) -> requests.Response:
    return call(x, "POST", "/2/tweets", account.access_token, json={"text": text, **more})


def read(x: X, account: Account, **params: object) -> dict:
    answer = call(x, "GET", f"/2/users/{account.id}/tweets", account.access_token, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


# Posting


def test_a_post_is_stored_once_and_answered_with_its_id(x, ada):
    answer = send(x, ada, "Hello")
    assert answer.status_code == 201
    assert answer.json()["data"]["text"] == "Hello"
    assert [post.id for post in x.timeline("ada")] == [answer.json()["data"]["id"]]


def test_ids_are_snowflakes_of_the_clock_and_never_given_twice(x, ada):
    ids = [int(send(x, ada, f"Post {n}").json()["data"]["id"]) for n in range(3)]
    assert ids == [snowflake(NOON), snowflake(NOON) + 1, snowflake(NOON) + 2]


def test_links_are_stored_as_tco_and_explained_in_entities(x, ada):
    text = send(x, ada, f"Live: {LINK} & youtu.be/abc").json()["data"]["text"]
    assert "youtube" not in text
    assert "&amp;" in text
    post = read(x, ada, **{"tweet.fields": "entities"})["data"][0]
    assert [url["expanded_url"] for url in post["entities"]["urls"]] == [LINK, "http://youtu.be/abc"]
    first = post["entities"]["urls"][0]
    assert x.timeline("ada")[0].stored[first["start"] : first["end"]] == first["url"]


def test_the_same_text_twice_is_refused_for_one_account_and_taken_from_another(x, ada):
    bo = x.add_account("bo")
    assert send(x, ada, "Hello").status_code == 201
    again = send(x, ada, "Hello")
    assert again.status_code == 403
    assert again.json()["detail"] == "You are not allowed to create a Tweet with duplicate content."
    assert send(x, bo, "Hello").status_code == 201


def test_a_deleted_post_and_a_switched_off_filter_allow_the_text_again(x, ada):
    send(x, ada, "Hello")
    x.delete_by_hand(x.timeline("ada")[0])
    assert send(x, ada, "Hello").status_code == 201
    x.duplicate_filter = False
    assert send(x, ada, "Hello").status_code == 201


def test_the_same_words_around_another_link_are_another_post(x, ada):
    assert send(x, ada, f"Live {LINK}").status_code == 201
    assert send(x, ada, "Live https://www.youtube.com/watch?v=xxxxxxxxxxx").status_code == 201


@pytest.mark.parametrize(
    "text, status",
    [
        ("a" * 280, 201),
        ("a" * 281, 400),
        ("あ" * 140, 201),
        ("あ" * 141, 400),
        (f"{'a' * 256} {LINK}", 201),
        (" ", 400),
    ],
)
def test_the_length_is_the_weighted_one(x, ada, text, status):
    assert send(x, ada, text).status_code == status


def test_an_overlong_text_may_be_answered_with_403_as_well(x, ada):
    x.overlong_status = 403
    assert send(x, ada, "a" * 281).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"text": "x", "idempotency_key": "1"},
        {"text": 5},
        {"text": None},
        {},
        {"text": "x", "reply": {"in_reply_to_tweet_id": "abc"}},
        {"text": "x", "reply": {}},
        {"text": "x", "poll": {"options": ["a"], "duration_minutes": 5}},
        {"text": "x", "reply_settings": "everyone"},
        {"text": "x", "media": {"media_ids": ["1"]}},
        {"text": "x", "media": {"media_ids": []}},
        [],
    ],
)
def test_a_body_outside_the_schema_is_refused_with_400_and_posts_nothing(x, ada, body):
    answer = call(x, "POST", "/2/tweets", ada.access_token, json=body)
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("/invalid-request")
    assert x.timeline("ada") == []


def test_two_cashtags_are_refused_and_one_is_taken(x, ada):
    assert send(x, ada, "Buy $ABC").status_code == 201
    assert send(x, ada, "Buy $ABC and $DEF").status_code == 403


def test_replies_go_to_oneself_or_to_who_mentioned_one_and_quotes_to_nobody(x, ada):
    bo = x.add_account("bo")
    mine = x.post_by_hand(ada, "Mine")
    his, asking = x.post_by_hand(bo, "His"), x.post_by_hand(bo, "What do you say, @Ada?")
    to = [send(x, ada, f"Re {p.id}", reply={"in_reply_to_tweet_id": p.id}) for p in (mine, his, asking)]
    assert [answer.status_code for answer in to] == [201, 403, 201]
    assert "have not been mentioned" in to[1].json()["detail"]
    assert send(x, ada, "Look", quote_tweet_id=his.id).status_code == 403


# Who may


def test_an_expired_a_revoked_and_an_unknown_token_get_the_same_401(x, ada, clock):
    bo = x.add_account("bo")
    clock.advance(7199)
    assert send(x, bo, "Still good").status_code == 201
    x.revoke(bo)
    clock.advance(1)
    answers = [send(x, ada, "Old"), send(x, bo, "Revoked"), call(x, "POST", "/2/tweets", "nobody", json={})]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert answers[0].json() == {
        "title": "Unauthorized",
        "type": "about:blank",
        "status": 401,
        "detail": "Unauthorized",
    }


def test_an_app_only_token_reads_but_does_not_post(x, ada):
    refused = call(x, "POST", "/2/tweets", x.app_token, json={"text": "Hello"})
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (403, "unsupported-authentication")
    assert call(x, "GET", "/2/users/me", x.app_token).status_code == 403
    assert call(x, "GET", f"/2/users/{ada.id}/tweets", x.app_token).status_code == 200


def test_a_missing_scope_and_a_locked_account_are_403(x, ada):
    bo = x.add_account("bo")
    x.strip_scope(ada, "tweet.write")
    x.lock_account(bo)
    assert send(x, ada, "Hello").json()["detail"] == "You are not permitted to perform this action."
    assert "temporarily locked" in send(x, bo, "Hello").json()["detail"]
    x.lock_account(bo, locked=False)
    assert send(x, bo, "Hello").status_code == 201


# Money and limits


def test_prices_are_charged_for_what_was_posted_and_not_for_refusals(x, ada):
    send(x, ada, "No link")
    send(x, ada, f"Link {LINK}")
    send(x, ada, "No link")
    assert x.spent_micros == 15_000 + 200_000
    read(x, ada)
    read(x, ada)
    assert x.spent_on("read") == 2 * 5_000


def test_an_empty_wallet_refuses_everything_with_402_until_it_is_filled(x, ada):
    x.credits_usd = 0.10
    assert send(x, ada, f"Slightly below zero {LINK}").status_code == 201
    assert x.credits_usd == pytest.approx(-0.10)
    refused = send(x, ada, "Hello")
    assert (refused.status_code, refused.json()["title"]) == (402, "CreditsDepleted")
    assert call(x, "GET", "/2/users/me", ada.access_token).status_code == 402
    x.credits_usd = None
    assert send(x, ada, "Hello").status_code == 201


def test_a_reached_usage_cap_is_429_without_an_end_in_sight(x, ada):
    x.usage_cap = True
    answer = send(x, ada, "Hello")
    assert (answer.status_code, answer.json()["title"]) == (429, "UsageCapExceeded")
    assert int(answer.headers["x-rate-limit-remaining"]) > 0


def test_rate_headers_count_down_and_the_window_opens_again(x, ada, clock):
    x.rate_limits["POST /2/tweets"] = Limit(user=(2, QUARTER))
    answers = [send(x, ada, f"Post {n}") for n in range(3)]
    assert [a.status_code for a in answers] == [201, 201, 429]
    assert [a.headers["x-rate-limit-remaining"] for a in answers] == ["1", "0", "0"]
    assert int(answers[2].headers["x-rate-limit-reset"]) == int((NOON + QUARTER).timestamp())
    clock.advance(15 * 60)
    assert send(x, ada, "Post 2").status_code == 201


def test_limits_are_those_of_self_serve_and_stand_on_refusals_too(x, ada):
    assert send(x, ada, "").headers["x-rate-limit-limit"] == "100"
    assert call(x, "GET", "/2/users/me", ada.access_token).headers["x-rate-limit-limit"] == "75"
    assert call(x, "POST", "/2/tweets", "nobody").headers["x-rate-limit-limit"] == "10000"
    assert "x-user-limit-24hour-limit" not in send(x, ada, "Hello").headers


def test_the_limit_of_the_app_stops_every_user(x, ada):
    x.rate_limits["POST /2/tweets"] = Limit(user=(100, QUARTER), app=(1, timedelta(hours=24)))
    send(x, ada, "Hello")
    refused = send(x, x.add_account("bo"), "Hello")
    assert (refused.status_code, refused.headers["x-rate-limit-limit"]) == (429, "1")


def test_the_old_daily_counter_refuses_while_the_short_window_still_has_room(x, ada):
    x.legacy_24h_headers = True
    answers = [send(x, ada, f"Post {n}") for n in range(26)]
    assert [a.status_code for a in answers] == [201] * 25 + [429]
    assert answers[-1].headers["x-user-limit-24hour-remaining"] == "0"
    assert int(answers[-1].headers["x-rate-limit-remaining"]) == 75


# Reading back


def test_a_timeline_is_newest_first_in_pages_without_gaps(x, ada, clock):
    for n in range(12):
        send(x, ada, f"Post {n}")
        clock.advance(1)
    first = read(x, ada, max_results=5)
    second = read(x, ada, max_results=5, pagination_token=first["meta"]["next_token"])
    third = read(x, ada, max_results=5, pagination_token=second["meta"]["next_token"])
    texts = [post["text"] for page in (first, second, third) for post in page["data"]]
    assert texts == [f"Post {n}" for n in reversed(range(12))]
    assert "next_token" not in third["meta"]


def test_an_empty_timeline_has_no_data_key(x, ada):
    assert read(x, ada) == {"meta": {"result_count": 0}}


def test_a_timeline_is_cut_by_id_and_by_time(x, ada, clock):
    ids = []
    for n in range(4):
        ids.append(send(x, ada, f"Post {n}").json()["data"]["id"])
        clock.advance(10)
    assert [p["text"] for p in read(x, ada, since_id=ids[2])["data"]] == ["Post 3"]
    assert [p["text"] for p in read(x, ada, until_id=ids[1])["data"]] == ["Post 0"]
    late = read(x, ada, start_time="2026-11-24T12:00:20Z", end_time="2026-11-24T12:00:30Z")
    assert [p["text"] for p in late["data"]] == ["Post 2"]


@pytest.mark.parametrize("wrong", [{"max_results": 4}, {"max_results": 101}, {"start_time": "noon"}, {"surprise": 1}])
def test_wrong_parameters_of_a_timeline_are_400(x, ada, wrong):
    assert call(x, "GET", f"/2/users/{ada.id}/tweets", ada.access_token, params=wrong).status_code == 400


def test_a_new_post_shows_up_after_the_visibility_delay(x, ada, clock):
    x.visibility_delay = 30
    send(x, ada, "Hello")
    assert read(x, ada)["meta"]["result_count"] == 0
    assert len(x.timeline("ada")) == 1
    clock.advance(30)
    assert read(x, ada)["meta"]["result_count"] == 1


def test_posts_are_read_by_id_with_an_error_beside_for_each_that_is_missing(x, ada):
    id = send(x, ada, "Hello").json()["data"]["id"]
    params = {"ids": f"{id},99", "tweet.fields": "public_metrics,created_at,author_id"}
    answer = call(x, "GET", "/2/tweets", ada.access_token, params=params)
    assert answer.status_code == 200
    assert answer.json()["data"][0]["public_metrics"]["retweet_count"] == 0
    assert answer.json()["data"][0]["created_at"] == "2026-11-24T12:00:00.000Z"
    assert [error["resource_id"] for error in answer.json()["errors"]] == ["99"]


def test_the_new_names_replace_the_old_ones_when_switched_on(x, ada):
    x.new_field_names = True
    id = send(x, ada, "Hello").json()["data"]["id"]
    post = read(x, ada, **{"post.fields": "public_metrics"})["data"][0]
    assert post["edit_history_post_ids"] == [id]
    assert "edit_history_tweet_ids" not in post
    assert "repost_count" in post["public_metrics"]


def test_only_the_author_deletes_a_post(x, ada):
    id = send(x, ada, "Hello").json()["data"]["id"]
    bo = x.add_account("bo")
    assert call(x, "DELETE", f"/2/tweets/{id}", bo.access_token).status_code == 403
    answer = call(x, "DELETE", f"/2/tweets/{id}", ada.access_token)
    assert (answer.status_code, answer.json()) == (200, {"data": {"deleted": True}})
    assert x.timeline("ada") == []


def test_me_is_the_owner_of_the_token(x, ada):
    data = call(x, "GET", "/2/users/me", ada.access_token, params={"user.fields": "profile_image_url"}).json()["data"]
    assert (data["id"], data["username"], data["name"]) == (ada.id, "ada", "Ada")
    assert data["profile_image_url"].startswith("https://")


# Media


def test_an_image_is_uploaded_in_one_shot_and_posted(x, ada):
    body = {"media": base64.b64encode(b"png").decode(), "media_category": "tweet_image"}
    media = call(x, "POST", "/2/media/upload", ada.access_token, json=body).json()["data"]
    assert media["size"] == 3
    assert send(x, ada, "Picture", media={"media_ids": [media["id"]]}).status_code == 201


def test_a_video_comes_in_pieces_and_is_worked_on_before_it_can_be_posted(x, ada):
    def ask(path: str, **more: object) -> dict:
        return call(x, "POST", f"/2/media/upload/{path}", ada.access_token, **more).json()["data"]

    start = {"media_type": "video/mp4", "total_bytes": 6, "media_category": "tweet_video"}
    id = ask("initialize", json=start)["id"]
    for index, piece in enumerate((b"abc", b"def")):
        ask(f"{id}/append", data={"segment_index": index}, files={"media": piece})
    assert ask(f"{id}/finalize")["processing_info"]["state"] == "in_progress"
    assert send(x, ada, "Too soon", media={"media_ids": [id]}).status_code == 400
    params = {"command": "STATUS", "media_id": id}
    status = call(x, "GET", "/2/media/upload", ada.access_token, params=params).json()["data"]
    assert status["processing_info"]["state"] == "succeeded"
    assert send(x, ada, "Video", media={"media_ids": [id]}).status_code == 201


# Signing in


def authorize(x: X, **other: str) -> requests.Response:
    asked = {
        "response_type": "code",
        "client_id": x.client_id,
        "redirect_uri": CALLBACK,
        "scope": "tweet.read tweet.write users.read offline.access",
        "state": "s&1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return requests.get(f"{x.url}/i/oauth2/authorize", params=asked | other, allow_redirects=False, timeout=60)


def sent_back(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(CALLBACK + "?")
    return {key: values[0] for key, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def ask_token(x: X, basic: tuple[str, str] | None = ("sandbox-client", "sandbox-secret"), **form: str):
    return requests.post(f"{x.url}/2/oauth2/token", data=form, auth=basic, timeout=60)


def exchange(x: X, code: str, **other: str) -> requests.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    return ask_token(x, **(form | other))


def refresh(x: X, token: str) -> requests.Response:
    return ask_token(x, grant_type="refresh_token", refresh_token=token)


def test_the_whole_way_from_the_consent_to_a_post(x, ada):
    back = sent_back(authorize(x))
    assert back["state"] == "s&1"
    tokens = exchange(x, back["code"]).json()
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 7200)
    assert set(tokens["scope"].split()) == {"tweet.read", "tweet.write", "users.read", "offline.access"}
    assert call(x, "POST", "/2/tweets", tokens["access_token"], json={"text": "Hello"}).status_code == 201
    assert len(x.timeline(ada.id)) == 1


def test_a_denial_goes_back_with_access_denied_and_the_state(x, ada):
    x.consent = "deny"
    assert sent_back(authorize(x)) == {"error": "access_denied", "state": "s&1"}


def test_when_asked_the_page_offers_every_account_and_a_way_out(x, ada):
    x.add_account("bo")
    x.consent = "ask"
    page = authorize(x)
    assert page.status_code == 200
    assert all(words in page.text for words in ("@ada", "@bo", "Cancel"))
    assert "code" in sent_back(authorize(x, **{"as": "ada"}))
    assert sent_back(authorize(x, deny="1"))["error"] == "access_denied"


@pytest.mark.parametrize("wrong", [{"client_id": "other"}, {"redirect_uri": CALLBACK + "/"}, {"state": "s" * 501}])
def test_a_wrong_request_for_consent_never_leaves_x(x, ada, wrong):
    x.redirect_uris = {CALLBACK}
    assert authorize(x, **wrong).status_code == 400


def test_a_code_works_once_for_thirty_seconds_with_its_own_address_and_proof(x, ada, clock):
    def code() -> str:
        return sent_back(authorize(x))["code"]

    used = code()
    tokens = exchange(x, used).json()
    assert exchange(x, used).status_code == 400
    assert refresh(x, tokens["refresh_token"]).status_code == 400
    assert exchange(x, code(), redirect_uri=CALLBACK + "/").status_code == 400
    assert exchange(x, code(), code_verifier="w" * 64).status_code == 400
    old = code()
    clock.advance(31)
    assert exchange(x, old).json()["error_description"].endswith("authorization code was invalid.")


def test_the_client_signs_in_with_basic_and_a_public_one_with_its_id(x, ada):
    form = {"grant_type": "refresh_token", "refresh_token": ada.refresh_token}
    assert ask_token(x, basic=None, client_id=x.client_id, **form).status_code == 401
    assert ask_token(x, basic=("sandbox-client", "wrong"), **form).status_code == 401
    x.client_secret = None
    assert ask_token(x, basic=None, **form).status_code == 400
    assert ask_token(x, basic=None, client_id=x.client_id, **form).status_code == 200


def test_without_offline_access_there_is_no_refresh_token(x, ada):
    code = sent_back(authorize(x, scope="tweet.read users.read"))["code"]
    assert "refresh_token" not in exchange(x, code).json()


def test_a_refresh_token_is_used_up_by_one_refresh(x, ada):
    first = ada.refresh_token
    pair = refresh(x, first).json()
    again = refresh(x, first)
    assert again.status_code == 400
    assert again.json() == {
        "error": "invalid_request",
        "error_description": "Value passed for the token was invalid.",
    }
    assert (ada.access_token, ada.refresh_token) == (pair["access_token"], pair["refresh_token"])
    assert refresh(x, pair["refresh_token"]).status_code == 200


def test_reuse_kills_the_whole_family_when_switched_on(x, ada):
    x.reuse_revokes_family = True
    first = ada.refresh_token
    pair = refresh(x, first).json()
    refresh(x, first)
    assert refresh(x, pair["refresh_token"]).status_code == 400
    assert send(x, ada, "Hello").status_code == 401


def test_a_refresh_whose_answer_was_lost_has_rotated_all_the_same(x, ada):
    first = ada.refresh_token
    x.faults.append(Fault(method="POST", path="/oauth2/token", hang_up="after"))
    with pytest.raises(requests.ConnectionError):
        refresh(x, first)
    assert ada.refresh_token != first
    assert refresh(x, first).status_code == 400


def test_revoking_the_refresh_token_ends_the_grant(x, ada):
    form, basic = {"token": ada.refresh_token}, ("sandbox-client", "sandbox-secret")
    answer = requests.post(f"{x.url}/2/oauth2/revoke", data=form, auth=basic, timeout=60)
    assert answer.json() == {"revoked": True}
    assert send(x, ada, "Hello").status_code == 401
    assert refresh(x, ada.refresh_token).status_code == 400


def test_an_expired_token_is_replaced_by_a_refresh(x, ada):
    x.expire_token(ada)
    assert send(x, ada, "Hello").status_code == 401
    refresh(x, ada.refresh_token)
    assert send(x, ada, "Hello").status_code == 201


# Faults


@pytest.mark.parametrize(
    "fault, status, stored",
    [
        (Fault(method="POST", path="/2/tweets", status=503, stored=True), 503, 1),
        (Fault(method="POST", path="/2/tweets", status=503), 503, 0),
        (Fault(method="POST", path="/2/tweets", status=200, body="<html>", stored=True), 200, 1),
        (Fault(method="POST", path="/2/tweets", status=302, headers={"Location": "https://example.com/"}), 302, 0),
        (Fault(method="POST", path="/2/tweets", status=429, body=json.dumps({"title": "Too Many Requests"})), 429, 0),
    ],
)
def test_an_answer_can_lie_about_what_was_done(x, ada, fault, status, stored):
    x.faults.append(fault)
    answer = send(x, ada, "Hello")
    assert answer.status_code == status
    assert "x-rate-limit-reset" not in answer.headers
    assert len(x.timeline("ada")) == stored


@pytest.mark.parametrize(
    "fault, stored",
    [
        (Fault(path="/2/tweets", hang_up="after"), 1),
        (Fault(path="/2/tweets", hang_up="after", reset=True), 1),
        (Fault(path="/2/tweets", hang_up="before"), 0),
        (Fault(path="/2/tweets", cut=10), 1),
    ],
)
def test_a_connection_can_be_dropped_before_and_after_the_work(x, ada, fault, stored):
    x.faults.append(fault)
    with pytest.raises(requests.RequestException):
        send(x, ada, "Hello")
    assert len(x.timeline("ada")) == stored
    assert x.attempts("Hello") == 1


def test_a_slow_x_stores_after_the_client_gave_up(x, ada):
    x.faults.append(Fault(path="/2/tweets", hold=0.5))
    with pytest.raises(requests.Timeout):
        requests.post(
            f"{x.url}/2/tweets",
            json={"text": "Hello"},
            headers={"Authorization": f"Bearer {ada.access_token}"},
            timeout=0.2,
        )
    assert len(x.posts_containing("Hello")) == 1


def test_a_zombie_request_is_stored_at_its_own_time(x, ada, clock):
    x.faults.append(Fault(path="/2/tweets", zombie=60))
    with pytest.raises(requests.ConnectionError):
        send(x, ada, "Hello")
    clock.advance(59)
    assert x.timeline("ada") == []
    clock.advance(100)
    assert [post.created_at for post in x.timeline("ada")] == [NOON + timedelta(seconds=60)]
    assert x.attempts("Hello") == 1


def test_a_zombie_meets_the_duplicate_filter_like_everybody(x, ada, clock):
    x.faults.append(Fault(path="/2/tweets", zombie=60))
    with pytest.raises(requests.ConnectionError):
        send(x, ada, "Hello")
    assert send(x, ada, "Hello").status_code == 201
    clock.advance(60)
    assert len(x.timeline("ada")) == 1


def test_fifty_posts_at_once_are_fifty_posts(x, ada):
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda n: send(x, ada, f"Post {n}").status_code, range(50)))
    assert answers == [201] * 50
    assert len({post.id for post in x.timeline("ada")}) == 50


def test_a_reset_forgets_everybody_and_every_switch(x, ada):
    x.usage_cap, x.credits_usd = True, 0
    x.reset()
    assert x.accounts == []
    assert (x.usage_cap, x.credits_usd, x.spent_micros) == (False, None, 0)
