"""What X's answers mean, for every answer there may be: a row of the error table each, and the rest by hypothesis."""

import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from services.clients.json_body import parse_json
from services.clients.x_answers import ID, parse_created, parse_me, parse_tokens, rate_reset
from services.clients.x_posts import parse_page, shown_text
from services.errors import Outcome, Refused, Unknown

NOW = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
DUPLICATE = {"detail": "You are not allowed to create a Tweet with duplicate content.", "title": "Forbidden"}
CAPPED = {"title": "UsageCapExceeded", "type": "https://api.twitter.com/2/problems/usage-capped"}


def judge(status, body, headers=None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(Outcome) as caught:
        parse_created(status, CaseInsensitiveDict(headers or {}), raw, now=NOW)
    return caught.value


def test_a_201_with_an_id_is_accepted():
    accepted = parse_created(201, {}, b'{"data":{"id":"1234567890123456789","text":"a &amp; b"}}', now=NOW)
    assert (accepted.id, accepted.text) == ("1234567890123456789", "a & b")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"[]", b"<html>", b"{", b'"1"', b"[" * 100_000, b"\xff\xfe", b'{"data":NaN}'),
        *({}, {"data": {}}, {"data": []}, {"data": None}, {"errors": [{"message": "x"}]}),
        *({"data": {"id": id}} for id in (None, 12, True, "abc", "", "1" * 20, "١٢", "12\n", "-1", ["1"])),
    ],
)
def test_a_2xx_without_a_readable_id_is_unknown(body):
    for status in (200, 201):
        outcome = judge(status, body)
        assert (type(outcome), outcome.cause) == (Unknown, "x_odd_answer")


@pytest.mark.parametrize(
    "statuses, cause",
    [
        ((202, 204, 226), "x_odd_answer"),
        ((300, 301, 302, 303, 304, 307, 308), "x_redirect"),
        ((500, 501, 502, 503, 504, 520, 525, 599, 999, 408, 409, 425, 499), "x_server_error"),
        ((101, 102, 103), "x_no_answer"),
    ],
)
def test_what_says_neither_yes_nor_no_is_unknown(statuses, cause):
    for status in statuses:
        outcome = judge(status, {"data": {"id": "1"}})
        assert (type(outcome), outcome.cause, outcome.http_status) == (Unknown, cause, status)


@pytest.mark.parametrize(
    "status, body, cause, permanent",
    [
        (400, {"errors": [{"message": "bad text"}]}, "x_text_refused", True),
        (413, b"", "x_text_refused", True),
        (422, {}, "x_text_refused", True),
        (401, {"title": "Unauthorized", "status": 401}, "x_auth", False),
        (402, {"title": "CreditsDepleted"}, "x_credits", False),
        (429, CAPPED, "x_credits", False),
        (403, DUPLICATE, "x_duplicate", True),
        (403, {"errors": [{"code": 187, "message": "Status is a duplicate."}]}, "x_duplicate", True),
        (403, {"detail": "Your account is temporarily locked."}, "x_locked", False),
        (403, {"detail": "Your account is suspended and may not do this."}, "x_locked", False),
        (403, {"errors": [{"code": 326, "message": "x"}]}, "x_locked", False),
        (403, {"detail": "You are not permitted to perform this action."}, "x_scope", False),
        (403, {"type": "https://api.x.com/2/problems/oauth1-permissions"}, "x_scope", False),
        (403, {"detail": "Your post is too long or so."}, "x_text_refused", True),
        (403, {"detail": "You have been blocked from here."}, "x_forbidden", True),
        (403, {"type": "https://api.twitter.com/2/problems/client-forbidden"}, "x_forbidden", True),
        (403, b"[1]", "x_forbidden", True),
        (403, {"errors": None}, "x_forbidden", True),
        (404, b"<html>", "x_forbidden", True),
        (410, {}, "x_forbidden", True),
        (451, {}, "x_forbidden", True),
        (418, {}, "x_forbidden", True),
    ],
)
def test_what_says_no_is_refused_with_its_cause(status, body, cause, permanent):
    outcome = judge(status, body)
    assert (type(outcome), outcome.cause, outcome.permanent, outcome.http_status) == (Refused, cause, permanent, status)
    assert outcome.retry_at is None


def test_the_words_of_x_are_passed_on_tamed():
    token = "Abc123" * 12
    outcome = judge(
        400, {"detail": "general", "errors": [{"message": f"No\n\x1b[31m\u202e {token} here." + " x" * 500}]}
    )
    assert str(outcome).startswith("X says: No [31m … here. x x")
    assert len(str(outcome)) <= 300
    assert str(outcome).isprintable()
    assert str(judge(400, {})) == "X answered 400 without a reason."


IN_30 = str(int(NOW.timestamp()) + 30)
LATER = str(int(NOW.timestamp()) + 3600)


@pytest.mark.parametrize(
    "headers, seconds",
    [
        ({"x-rate-limit-reset": IN_30}, 30),
        ({"X-Rate-Limit-Reset": f" {IN_30} "}, 30),
        ({}, 900),
        *(({"x-rate-limit-reset": odd}, 900) for odd in ("soon", "", "-5", "1e9", "9" * 40, "1", "99999999999", "١٢")),
        ({"x-rate-limit-reset": IN_30, "x-user-limit-24hour-remaining": "0", "x-user-limit-24hour-reset": LATER}, 3600),
        ({"x-rate-limit-reset": IN_30, "x-user-limit-24hour-remaining": "5", "x-user-limit-24hour-reset": LATER}, 30),
        ({"x-rate-limit-reset": IN_30, "Date": "Sat, 21 Nov 2026 13:59:50 GMT"}, 40),
        ({"x-rate-limit-reset": IN_30, "Date": "Sat, 21 Nov 2026 14:10:00 GMT"}, 30),
        ({"x-rate-limit-reset": IN_30, "Date": "yesterday"}, 30),
        # asked in one window, answered in the next: what is used up is full again
        *(({"x-rate-limit-reset": str(int(NOW.timestamp()) - over)}, 5) for over in (1, 60)),
        ({"x-rate-limit-reset": str(int(NOW.timestamp()) - 61)}, 900),
        ({"x-rate-limit-reset": IN_30, "Date": "Sat, 21 Nov 2026 14:00:32 GMT"}, 5),
    ],
)
def test_a_429_says_when_to_come_back_and_nonsense_means_15_minutes(headers, seconds):
    outcome = judge(429, {"title": "Too Many Requests"}, headers)
    assert (type(outcome), outcome.cause, outcome.permanent) == (Refused, "x_rate", False)
    assert outcome.retry_at == NOW + timedelta(seconds=seconds)


TOKENS = {"token_type": "bearer", "expires_in": 7200, "access_token": "a", "refresh_token": "r", "scope": "b a"}


def tokens(status, body):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_tokens(status, {}, raw, now=NOW)


def test_a_token_answer_is_read():
    pair = tokens(200, TOKENS)
    assert (pair.access_token, pair.refresh_token, pair.expires_in) == ("a", "r", 7200)
    assert pair.scopes == {"a", "b"}
    assert "a" not in repr(pair).replace("Tokens", "").split("object")[0].rsplit(".", 1)[-1]
    assert tokens(200, {"access_token": "a", "expires_in": "soon"}).expires_in == 7200


@pytest.mark.parametrize(
    "status, body, kind, cause",
    [
        (400, {"error": "invalid_request", "error_description": "Value passed ..."}, Refused, "x_token_refused"),
        (400, {"error": "invalid_grant"}, Refused, "x_token_refused"),
        (400, {"error": "invalid_client"}, Refused, "x_client"),
        (401, {"error": "unauthorized_client"}, Refused, "x_client"),
        (401, b"<html>", Refused, "x_client"),
        (429, {}, Refused, "x_rate"),
        (400, b"<html>", Unknown, "x_odd_answer"),
        (400, {"error": ["invalid_grant"]}, Unknown, "x_odd_answer"),
        (403, b"<html>", Unknown, "x_odd_answer"),
        (503, {"error": "invalid_request"}, Unknown, "x_server_error"),
        (302, b"", Unknown, "x_redirect"),
        (200, b"", Unknown, "x_odd_answer"),
        (200, {"access_token": ""}, Unknown, "x_odd_answer"),
        (200, {"access_token": "a\nb"}, Unknown, "x_odd_answer"),
        (200, TOKENS | {"refresh_token": 5}, Unknown, "x_odd_answer"),
    ],
)
def test_a_token_answer_that_is_not_plainly_no_is_unknown(status, body, kind, cause):
    with pytest.raises(Outcome) as caught:
        tokens(status, body)
    assert (type(caught.value), caught.value.cause) == (kind, cause)
    assert getattr(caught.value, "permanent", False) == (cause == "x_token_refused")


POST = {"id": "7", "text": "hi", "created_at": "2026-11-21T13:59:00.000Z", "edit_history_tweet_ids": ["5", "7"]}


def test_a_post_is_shown_as_it_was_typed():
    link = {
        "url": "https://t.co/a1",
        "expanded_url": "https://y.example/?v=1&copy=2",
        "unwound_url": "https://z.example",
    }
    longer = {"url": "https://t.co/a12", "expanded_url": "https://long.example"}
    text = "a &lt;b&gt; &amp;amp; https://t.co/a12 https://t.co/a1"
    item = POST | {"text": text, "entities": {"urls": [link, longer]}}
    (post,) = parse_page({"data": [item], "meta": {"result_count": 1}}).posts
    assert post.text == "a <b> &amp; https://long.example https://y.example/?v=1&copy=2"
    assert post.urls == ("https://y.example/?v=1&copy=2", "https://z.example", "https://long.example")
    assert post.edit_ids == ("5", "7")
    assert post.created_at == datetime(2026, 11, 21, 13, 59, tzinfo=UTC)


@pytest.mark.parametrize("word", ["tweet", "post"])
def test_a_long_post_is_read_whole_under_either_name(word):
    urls = [{"url": "https://t.co/b", "expanded_url": "https://b.example"}]
    note = {"text": "long https://t.co/b", "entities": {"urls": urls}}
    item = {**POST, f"note_{word}": note, f"edit_history_{word}_ids": ["3"]}
    assert shown_text(item) == "long https://b.example"


@pytest.mark.parametrize(
    "page",
    [
        *(None, [], {}, {"data": [POST]}, {"data": [POST], "meta": {}}, {"data": [], "meta": {"result_count": 1}}),
        *({"data": None, "meta": {"result_count": 0}}, {"meta": {"result_count": False}}),
        {"data": [POST], "meta": {"result_count": True}},
        {"meta": {"result_count": 0}, "errors": [{"title": "Not Found Error"}]},
        {"meta": {"result_count": 0, "next_token": 5}},
        {"data": [5], "meta": {"result_count": 1}},
        *(
            {"data": [POST | odd], "meta": {"result_count": 1}}
            for odd in ({"id": 7}, {"text": None}, {"created_at": None}, {"created_at": "2026-11-21T13:59:00"})
        ),
    ],
)
def test_a_page_that_proves_nothing_is_refused(page):
    with pytest.raises(Refused) as caught:
        parse_page(page)
    assert caught.value.cause == "x_odd_answer"


# Anything at all

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["1", "invalid_grant"])
WORDS = (
    "data id text meta errors message detail title type code result_count next_token entities urls url expanded_url "
    "note_tweet edit_history_tweet_ids created_at access_token refresh_token expires_in scope error username"
)
KEYS = st.sampled_from(WORDS.split())
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner), max_leaves=15)
BODIES = st.binary(max_size=300) | TREES.map(lambda tree: json.dumps(tree).encode())
NAMES = st.sampled_from(["x-rate-limit-reset", "x-rate-limit-remaining", "Date", "x-user-limit-24hour-reset"])
HEADERS = st.dictionaries(NAMES, st.text(max_size=30) | st.integers().map(str) | st.just("0"))
STATUSES = st.integers(100, 999) | st.sampled_from([200, 201, 400, 401, 403, 429])
many = settings(max_examples=150, deadline=None)


@many
@given(STATUSES, HEADERS, BODIES)
def test_any_answer_to_a_post_is_accepted_with_an_id_or_refused_or_unknown(status, headers, body):
    try:
        accepted = parse_created(status, CaseInsensitiveDict(headers), body, now=NOW)
    except (Refused, Unknown) as outcome:
        assert len(str(outcome)) <= 300  # noqa: PT017
    else:
        assert ID.fullmatch(accepted.id)
        assert status in (200, 201)


@many
@given(STATUSES, HEADERS, BODIES)
def test_any_token_answer_is_a_pair_or_refused_or_unknown(status, headers, body):
    with contextlib.suppress(Refused, Unknown):
        assert parse_tokens(status, CaseInsensitiveDict(headers), body, now=NOW).access_token


@pytest.mark.slow
@many
@given(TREES | st.fixed_dictionaries({"data": st.lists(TREES), "meta": TREES}), BODIES)
def test_any_page_and_any_person_is_read_or_refused(page, body):
    for read in (lambda: parse_page(page), lambda: parse_me(body)):
        with contextlib.suppress(Refused):
            read()


@pytest.mark.slow
@many
@given(st.fixed_dictionaries(dict.fromkeys(("id", "text", "created_at", "entities", "note_tweet"), TREES)))
def test_any_post_is_read_or_refused(post):
    good = {key: value for key, value in POST.items() if key in ("id", "created_at")}
    with contextlib.suppress(Refused):
        parse_page({"data": [post | good], "meta": {"result_count": 1}})


@many
@given(HEADERS)
def test_any_rate_header_means_a_wait_of_at_most_a_day(headers):
    assert NOW <= rate_reset(CaseInsensitiveDict(headers), now=NOW) <= NOW + timedelta(days=1)


@many
@given(BODIES)
def test_any_body_is_json_that_can_be_stored_or_a_value_error(body):
    try:
        data = parse_json(body)
    except ValueError:
        return
    stored = json.dumps(data, ensure_ascii=False).encode()
    assert b"\\u0000" not in stored
