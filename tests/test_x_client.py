"""XClient against the X stand-in, and against servers that lie."""

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.standin import Fault
from sandbox.x import X
from services.clients.http import Http
from services.clients.x import XClient
from services.errors import Outcome, Refused, Unknown
from tests.raw_server import drip, hang, raw_server, reset

LINK = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def server():
    with X().serving() as x:
        yield x


@pytest.fixture
def x(server):
    server.reset()
    return server


@pytest.fixture
def ada(x):
    return x.add_account("ada", name="Ada")


def client_of(url, x=None, **more):
    app = {"client_id": x.client_id, "client_secret": x.client_secret} if x else {"client_id": "app"}
    return XClient(Http(connect_timeout=1), url, **{**app, **more})


@pytest.fixture
def client(x):
    return client_of(x.url, x, authorize_url=x.url + "/i/oauth2/authorize")


def post(client, account, text="We are live", **more):
    return client.post(account.access_token, text, **{"deadline": 5, **more})


def failed(ask, *args, **more):
    with pytest.raises(Outcome) as caught:
        ask(*args, **more)
    return type(caught.value), caught.value.cause


def an_hour_ago(x):
    return x.now() - HOUR


def test_a_post_is_out_and_its_id_is_known(x, client, ada):
    accepted = post(client, ada, f"Live & well {LINK}")
    (stored,) = x.timeline("ada")
    assert (accepted.id, stored.text) == (stored.id, f"Live & well {LINK}")
    assert "https://t.co/" in accepted.text
    assert "&amp;" not in accepted.text


def test_the_body_holds_the_text_and_nothing_else(x, client, ada):
    post(client, ada, "Ünïcode 🎙")
    (entry,) = x.asked("POST")
    assert entry.json() == {"text": "Ünïcode 🎙"}
    assert entry.headers["Connection"] == "close"


def test_the_same_text_again_is_a_duplicate(x, client, ada):
    post(client, ada)
    assert failed(post, client, ada) == (Refused, "x_duplicate")
    assert len(x.timeline("ada")) == 1


def test_a_text_that_x_refuses_says_why(x, client, ada):
    with pytest.raises(Refused, match=r"X says: .*too long") as caught:
        post(client, ada, "x" * 300)
    assert (caught.value.cause, caught.value.permanent) == ("x_text_refused", True)
    x.overlong_status = 403
    assert failed(post, client, ada, "x" * 300) == (Refused, "x_text_refused")


def test_what_is_wrong_with_the_account_or_the_app_has_its_own_cause(x, client, ada):
    x.expire_token(ada)
    assert failed(post, client, ada) == (Refused, "x_auth")
    bo, cy, di = x.add_account("bo"), x.add_account("cy"), x.add_account("di")
    x.strip_scope(bo, "tweet.write")
    assert failed(post, client, bo) == (Refused, "x_scope")
    x.lock_account(cy)
    assert failed(post, client, cy) == (Refused, "x_locked")
    x.credits_usd = 0
    assert failed(post, client, di) == (Refused, "x_credits")
    x.usage_cap = True
    assert failed(post, client, di) == (Refused, "x_credits")


def test_a_used_up_limit_says_when_to_come_back(x, client, ada):
    for number in range(100):
        post(client, ada, f"Live {number}")
    with pytest.raises(Refused) as caught:
        post(client, ada, "One more")
    assert caught.value.cause == "x_rate"
    left = caught.value.retry_at - datetime.now(UTC)
    assert timedelta(minutes=10) < left <= timedelta(minutes=15, seconds=1)


def test_a_token_that_cannot_be_a_token_is_not_sent(x, client, ada):
    for token in ("a\r\nX-Evil: 1", "ключ"):
        ada.access_token = token
        assert failed(post, client, ada) == (Refused, "x_unreachable")
    assert x.attempts() == 0


def test_nobody_there_is_not_sent(x, client, ada):
    with X().serving() as gone:
        url = gone.url
    assert failed(post, client_of(url), ada) == (Refused, "x_unreachable")


@pytest.mark.parametrize(
    "fault, cause, stored",
    [
        (Fault(status=503, body="<html>"), "x_server_error", False),
        (Fault(status=503, body="<html>", stored=True), "x_server_error", True),
        (Fault(status=502), "x_server_error", False),
        (Fault(status=409, stored=True), "x_server_error", True),
        (Fault(status=200, body="<html>", stored=True), "x_odd_answer", True),
        (Fault(status=201, body="", stored=True), "x_odd_answer", True),
        (Fault(status=201, body="null", stored=True), "x_odd_answer", True),
        (Fault(status=201, body='{"data":{"id":"abc"}}', stored=True), "x_odd_answer", True),
        (Fault(status=201, body=b"x" * 70_000, stored=True), "x_no_answer", True),
        (Fault(status=302, headers={"Location": "/elsewhere"}), "x_redirect", False),
        (Fault(status=307, headers={"Location": "/2/tweets"}), "x_redirect", False),
        (Fault(hang_up="before"), "x_no_answer", False),
        (Fault(hang_up="before", reset=True), "x_no_answer", False),
        (Fault(hang_up="after"), "x_no_answer", True),
        (Fault(hang_up="after", reset=True), "x_no_answer", True),
        (Fault(hold=8.0), "x_no_answer", True),
        (Fault(cut=10), "x_no_answer", True),
        (Fault(drip=0.2), "x_no_answer", True),
    ],
)
def test_no_readable_answer_is_unknown_and_sent_only_once(x, client, ada, fault, cause, stored):
    x.faults = [fault]
    assert failed(post, client, ada, deadline=2.0) == (Unknown, cause)
    assert x.attempts() == 1
    assert len(x.asked()) == 1
    assert len(x.timeline("ada")) == stored


@pytest.mark.parametrize("act", [reset, hang, drip(b"HTTP/1.1 201 Created\r\n"), b"", b"\x00" * 100])
def test_a_server_that_is_no_server_leaves_it_unknown(act):
    with raw_server(act) as server:
        assert failed(client_of(server.url).post, "token", "hi", deadline=1.5) == (Unknown, "x_no_answer")
        assert (len(server.seen), server.connections) == (1, 1)


def test_a_second_answer_on_the_connection_is_nobodys(ada):
    """What comes after the answer to the only request belongs to nothing."""
    both = b"".join(answer_201(id) for id in ("17", "18"))
    with raw_server(both) as server:
        client = client_of(server.url)
        assert [post(client, ada).id for _ in range(2)] == ["17", "17"]
    assert server.connections == 2


def answer_201(id):
    body = json.dumps({"data": {"id": id, "text": "We are live"}}).encode()
    return b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def test_ten_posts_are_ten_connections():
    body = b'{"data":{"id":"1","text":"hi"}}'

    def stay_open(connection, request):
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with raw_server(stay_open) as server:
        client = client_of(server.url)
        for _ in range(10):
            assert client.post("token", "hi", deadline=2).id == "1"
        assert (len(server.seen), server.connections) == (10, 10)
        assert server.seen[0].startswith(b"POST /2/tweets HTTP/1.1\r\nHost: 127.0.0.1:")


def test_who_a_token_belongs_to(x, client, ada):
    who = client.me(ada.access_token)
    assert (who.id, who.username, who.name) == (ada.id, "ada", "Ada")
    assert who.avatar_url.startswith("https://")
    x.revoke(ada)
    assert failed(client.me, ada.access_token) == (Refused, "x_auth")


def test_the_timeline_is_read_to_its_end(x, client, ada):
    for number in range(230):
        x.post_by_hand(ada, f"Post {number} <b> {LINK}")
    timeline = client.timeline(ada.access_token, ada.id, start_time=an_hour_ago(x))
    assert timeline.complete
    assert [post.text for post in timeline.posts] == [f"Post {n} <b> {LINK}" for n in range(229, -1, -1)]
    assert timeline.posts[0].urls == (LINK,)
    assert len(x.asked("GET")) == 3


def test_an_empty_timeline_is_complete(x, client, ada):
    x.post_by_hand(ada, "Before")
    timeline = client.timeline(ada.access_token, ada.id, start_time=x.now() + timedelta(seconds=2))
    assert (timeline.posts, timeline.complete) == ((), True)


def test_a_timeline_under_the_new_names_reads_the_same(x, client, ada):
    x.new_field_names = True
    stored = x.post_by_hand(ada, LINK)
    (post,) = client.timeline(ada.access_token, ada.id, start_time=an_hour_ago(x)).posts
    assert (post.id, post.text, post.edit_ids) == (stored.id, LINK, (stored.id,))
    assert abs(post.created_at - stored.created_at) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "fault, cause",
    [
        (Fault(status=200, body="<html>"), "x_odd_answer"),
        (Fault(status=200, body="{}"), "x_odd_answer"),
        (Fault(status=200, body='{"data":[],"meta":{"result_count":1}}'), "x_odd_answer"),
        (Fault(status=204), "x_server_error"),
        (Fault(status=302, headers={"Location": "/2/users/1/tweets"}), "x_server_error"),
        (Fault(status=503), "x_server_error"),
        (Fault(status=429), "x_rate"),
        (Fault(cut=5), "x_no_answer"),
        (Fault(hang_up="before"), "x_no_answer"),
        (Fault(status=200, body=b" " * 3_000_000), "x_odd_answer"),
    ],
)
def test_a_timeline_that_proves_nothing_is_refused(x, client, ada, fault, cause):
    x.post_by_hand(ada, "Hello")
    x.faults = [fault, fault]
    assert failed(client.timeline, ada.access_token, ada.id, start_time=an_hour_ago(x)) == (Refused, cause)


def test_a_fault_on_the_second_page_spoils_the_whole_read(x, client, ada):
    for number in range(120):
        x.post_by_hand(ada, f"Post {number}")
    x.watchers.append(
        lambda request: x.faults.append(Fault(status=500)) if "pagination_token" in request.args else None
    )
    ask = client.timeline
    assert failed(ask, ada.access_token, ada.id, start_time=an_hour_ago(x)) == (Refused, "x_server_error")
    x.watchers.clear()


def test_pages_without_end_are_given_up_as_incomplete():
    page = b'{"meta":{"result_count":0,"next_token":"again"}}'
    with raw_server(
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page)
    ) as server:
        timeline = client_of(server.url).timeline("token", "1", start_time=datetime.now(UTC))
    assert (timeline.complete, len(server.seen)) == (False, 10)


def test_an_unknown_user_is_no_information(x, client, ada):
    for id in ("999", "../me", "1/../../x"):
        kind, _ = failed(client.timeline, ada.access_token, id, start_time=an_hour_ago(x))
        assert kind is Refused


# Clock and secrets


def test_the_skew_between_the_clocks_is_known_after_an_answer(x, ada):
    client = client_of(x.url, clock=lambda: datetime.now(UTC) + 2 * HOUR)
    assert client.clock_skew is None
    post(client, ada)
    assert abs(client.clock_skew + 2 * HOUR) <= timedelta(seconds=2)


def test_no_log_and_no_failure_holds_a_token_even_at_debug(x, client, ada, caplog):
    for name in (None, "tweepy.client", "urllib3.connectionpool"):
        caplog.set_level(logging.DEBUG, logger=name)
    token, refresh = ada.access_token, ada.refresh_token
    caught = []
    for fault in (None, Fault(status=401), Fault(hang_up="after"), Fault(status=201, body="")):
        x.faults = [fault] if fault else []
        for ask in (lambda: post(client, ada), lambda: client.me(token), lambda: client.refresh(refresh)):
            try:
                ask()
            except Outcome as outcome:
                caught.append(repr(outcome) + str(outcome.__dict__))
    assert len(caught) == 6
    assert "'Authorization': [hidden]" in caplog.text
    said = caplog.text + "".join(caught)
    assert not any(secret in said for secret in (token, refresh, x.client_secret))
