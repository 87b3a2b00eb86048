"""XClient's OAuth 2.0 against the X stand-in."""

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sandbox.standin import Fault
from sandbox.x import X
from services.clients.http import Http
from services.clients.x import SCOPES, XClient
from services.errors import Outcome, Refused, Unknown

BACK = "http://127.0.0.1:5000/connections/x/callback"


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


def failed(ask, *args, **more):
    with pytest.raises(Outcome) as caught:
        ask(*args, **more)
    return type(caught.value), caught.value.cause


def consent(x, client, **more):
    verifier = "v" * 64
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    url = client.authorize_url("the-state", challenge, BACK)
    answer = requests.get(url, allow_redirects=False, timeout=60)
    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert back["state"] == ["the-state"]
    return back["code"][0], verifier


def test_a_person_agrees_and_the_code_becomes_tokens(x, client, ada):
    code, verifier = consent(x, client)
    tokens = client.exchange(code, verifier, BACK)
    assert tokens.scopes == set(SCOPES.split())
    assert tokens.expires_in == 7200
    assert client.me(tokens.access_token).id == ada.id
    assert failed(client.exchange, code, verifier, BACK) == (Refused, "x_token_refused")


def test_a_public_app_names_itself_in_the_form(x, ada):
    x.client_secret = None
    client = client_of(x.url, x)
    assert client.refresh(ada.refresh_token).refresh_token == ada.refresh_token
    assert x.asked("POST")[0].form()["client_id"] == x.client_id


def test_a_refresh_token_works_once(x, client, ada):
    spent = ada.refresh_token
    pair = client.refresh(spent)
    assert (pair.access_token, pair.refresh_token) == (ada.access_token, ada.refresh_token)
    with pytest.raises(Refused) as caught:
        client.refresh(spent)
    assert (caught.value.cause, caught.value.permanent) == ("x_token_refused", True)


def test_a_wrong_secret_is_not_the_persons_fault(x, ada):
    client = client_of(x.url, client_id=x.client_id, client_secret="wrong")
    with pytest.raises(Refused) as caught:
        client.refresh(ada.refresh_token)
    assert (caught.value.cause, caught.value.permanent) == ("x_client", False)
    assert failed(client_of(x.url, client_id=None).refresh, "token") == (Refused, "x_client")


@pytest.mark.parametrize(
    "fault, cause",
    [
        (Fault(hang_up="after"), "x_no_answer"),
        (Fault(hang_up="before", reset=True), "x_no_answer"),
        (Fault(cut=20), "x_no_answer"),
        (Fault(status=503, body="<html>"), "x_server_error"),
        (Fault(status=500, stored=True), "x_server_error"),
        (Fault(status=200, body="<html>", stored=True), "x_odd_answer"),
        (Fault(status=200, body="{}"), "x_odd_answer"),
        (Fault(status=400, body="<html>"), "x_odd_answer"),
        (Fault(status=302, headers={"Location": "/"}), "x_redirect"),
    ],
)
def test_a_refresh_without_a_readable_answer_is_unknown(x, client, ada, fault, cause):
    x.faults = [fault]
    assert failed(client.refresh, ada.refresh_token) == (Unknown, cause)
    assert len(x.asked("POST")) == 1


def test_a_refresh_that_was_never_sent_is_refused(x, ada):
    with X().serving() as gone:
        url = gone.url
    assert failed(client_of(url).refresh, "token") == (Refused, "x_unreachable")


def test_a_revoked_token_is_dead(x, client, ada):
    client.revoke(ada.access_token)
    assert failed(client.me, ada.access_token) == (Refused, "x_auth")
