"""The way to X and back: one session, one use, and nothing is connected when anything is odd."""

import base64
import hashlib
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from sqlalchemy import select, update

from extensions import db
from models import AuditEvent, OAuthFlow, SocialConnection, User, UserSession
from sandbox.standin import Fault
from services.oauth import DENIED, LACKING, LIFE, NO_APP, STALE, TROUBLE
from services.sessions import CONFIRMED_FOR, hashed
from tests.browser import Browser, words


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture(autouse=True)
def x_of_ada(x):
    x.add_account("ada", name="Ada")


@pytest.fixture
def settings(settings, x):
    return settings.model_copy(update={"x_authorize_url": f"{x.url}/i/oauth2/authorize"})


@pytest.fixture
def ada(app, cast):
    return signed_in(app, cast.user("ada"))


def signed_in(app, user):
    browser = Browser(app)
    browser.let_in(user)
    return browser


def leave(browser):
    """Presses the button and answers the address at X."""
    answer = browser.post("/connections/x/connect", form="/connections")
    assert answer.status_code == 200, words(answer)
    page = answer.text.replace("&amp;", "&")
    return page.split('http-equiv="refresh" content="0; url=')[1].split('"')[0]


def agree(url, **chosen):
    """At X; answers the path and query that the browser is sent back to."""
    answer = requests.get(url, params=chosen, allow_redirects=False, timeout=60)
    assert answer.status_code == 302, answer.text
    back = urlsplit(answer.headers["Location"])
    return f"{back.path}?{back.query}"


def come_back(browser, path):
    """Follows to the page; answers what it says."""
    answer = browser.get(path)
    assert (answer.status_code, answer.location) == (303, "/connections")
    return words(browser.get("/connections"))


def connections():
    found = list(db.session.execute(select(SocialConnection).where(SocialConnection.is_active)).scalars())
    db.session.rollback()
    return found


def refusals():
    query = select(AuditEvent).where(AuditEvent.kind == "x_refused").order_by(AuditEvent.id)
    found = [line.detail["cause"] for line in db.session.execute(query).scalars()]
    db.session.rollback()
    return found


def test_two_clicks_connect(ada, x):
    page = come_back(ada, agree(leave(ada), **{"as": "ada"}))
    assert "X is connected: you post as @ada." in page
    assert "post for you" in page
    (connection,) = connections()
    assert connection.scopes == "offline.access tweet.read tweet.write users.read"
    line = db.session.execute(select(AuditEvent).where(AuditEvent.kind == "x_connected")).scalar_one()
    assert (line.actor_id, line.address, line.detail) == (
        connection.user_id,
        "127.0.0.1",
        {"connection": connection.id},
    )


def test_x_is_asked_for_exactly_the_scopes_with_a_proof_that_stays_here(ada, x):
    url = leave(ada)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert url.startswith(f"{x.url}/i/oauth2/authorize?")
    assert asked["scope"] == "tweet.read tweet.write users.read offline.access"
    assert asked["redirect_uri"] == "http://127.0.0.1:5000/connections/x/callback"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert len(asked["state"]) >= 43
    come_back(ada, agree(url))
    form = x.asked("POST", "/2/oauth2/token")[0].form()
    digest = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
    assert digest.rstrip("=") == asked["code_challenge"]
    assert form["redirect_uri"] == asked["redirect_uri"]


def test_nothing_of_the_way_can_be_read_in_the_database(ada, x):
    state = parse_qs(urlsplit(leave(ada)).query)["state"][0]
    flow = db.session.execute(select(OAuthFlow)).scalar_one()
    assert flow.state_hash == hashed(state)
    assert state.encode() not in flow.verifier


def test_the_callback_is_the_address_that_x_was_told(app):
    with app.test_request_context():
        assert app.url_for("connections.callback") == "/connections/x/callback"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?state=&code=",
        "?code=abc",
        "?state=unknown&code=abc",
        "?state=a&state=b&code=c&code=d",
        "?state=%ff&code=%fe",
    ],
)
def test_a_state_that_nobody_was_given_changes_nothing(ada, x, query):
    before = len(x.journal)
    assert STALE in come_back(ada, f"/connections/x/callback{query}")
    assert (connections(), refusals(), len(x.journal)) == ([], [], before)


def test_a_way_back_works_once(ada, x):
    back = agree(leave(ada))
    come_back(ada, back)
    exchanges = len(x.asked("POST", "/2/oauth2/token"))
    assert STALE in come_back(ada, back)
    assert len(x.asked("POST", "/2/oauth2/token")) == exchanges
    assert len(connections()) == 1


def test_a_way_back_that_took_too_long_is_over(ada):
    back = agree(leave(ada))
    flow = db.session.execute(select(OAuthFlow)).scalar_one()
    flow.created_at -= LIFE
    db.session.commit()
    assert STALE in come_back(ada, back)
    assert connections() == []


def test_what_is_left_of_old_ways_is_taken_away_by_the_next(ada):
    leave(ada)
    flow = db.session.execute(select(OAuthFlow)).scalar_one()
    flow.created_at -= LIFE + timedelta(seconds=1)
    db.session.commit()
    leave(ada)
    assert len(db.session.execute(select(OAuthFlow)).all()) == 1


def test_another_person_cannot_finish_it_and_its_owner_still_can(app, cast, ada, x):
    back = agree(leave(ada))
    bo = signed_in(app, cast.user("bo"))
    assert STALE in come_back(bo, back)
    assert connections() == []
    assert "you post as @ada" in come_back(ada, back)


def test_another_session_of_the_same_person_cannot_finish_it(app, ada):
    back = agree(leave(ada))
    other = signed_in(app, db.session.execute(select(User)).scalar_one())
    assert STALE in come_back(other, back)
    assert connections() == []


def test_a_session_that_was_ended_takes_its_way_with_it(ada):
    back = agree(leave(ada))
    ada.post("/sign-out", form="/connections")
    assert db.session.execute(select(OAuthFlow)).all() == []
    answer = ada.get(back)
    assert (answer.status_code, answer.location) == (302, "/sign-in?next=/connections")


def test_the_address_that_a_stranger_is_sent_to_holds_no_code(app):
    answer = Browser(app).get("/connections/x/callback?state=s3cret&code=c0de")
    assert "s3cret" not in answer.location
    assert "c0de" not in answer.location


def test_who_says_no_at_x_is_told_so(ada):
    assert DENIED in come_back(ada, agree(leave(ada), deny="1"))
    assert (connections(), refusals()) == ([], ["denied"])


def test_an_error_that_x_reports_is_not_repeated_on_the_page(ada):
    state = parse_qs(urlsplit(leave(ada)).query)["state"][0]
    page = come_back(ada, f"/connections/x/callback?state={state}&error=<b>odd</b>&error_description=evil")
    assert TROUBLE in page
    assert "evil" not in page
    assert refusals() == ["x_odd_answer"]


def test_a_code_of_somebody_elses_way_does_not_fit_the_proof(app, cast, ada, x):
    """Login CSRF: the attacker's code with the victim's state."""
    bo = signed_in(app, cast.user("bo"))
    attackers = parse_qs(urlsplit(agree(leave(bo))).query)["code"][0]
    state = parse_qs(urlsplit(leave(ada)).query)["state"][0]
    page = come_back(ada, f"/connections/x/callback?state={state}&code={attackers}")
    assert "X did not accept the sign-in" in page
    assert (connections(), refusals()) == ([], ["x_token_refused"])


@pytest.mark.parametrize("verifier", [b"", b"not sealed by us"])
def test_without_its_proof_nothing_is_asked_of_x(ada, x, verifier):
    back = agree(leave(ada))
    db.session.execute(update(OAuthFlow).values(verifier=verifier))
    db.session.commit()
    assert STALE in come_back(ada, back)
    assert (connections(), x.asked("POST", "/2/oauth2/token")) == ([], [])


def test_a_way_to_another_network_does_not_end_at_x(ada):
    back = agree(leave(ada))
    db.session.execute(update(OAuthFlow).values(platform="other"))
    db.session.commit()
    assert STALE in come_back(ada, back)
    assert connections() == []


@pytest.mark.parametrize("missing", ["tweet.write", "tweet.read", "users.read", "offline.access"])
def test_less_than_what_is_needed_is_refused(ada, missing):
    url = leave(ada)
    scopes = parse_qs(urlsplit(url).query)["scope"][0]
    granted = " ".join(scope for scope in scopes.split() if scope != missing)
    base, _, query = url.partition("?")
    changed = {name: values[0] for name, values in parse_qs(query).items()} | {"scope": granted}
    assert LACKING in come_back(ada, agree(base, **changed))
    assert (connections(), refusals()) == ([], ["x_scope"])


def test_scopes_that_x_leaves_out_are_those_that_were_asked_for(ada, x):
    account = x.account("ada")
    answer = f'{{"access_token": "{account.access_token}", "refresh_token": "{account.refresh_token}"}}'
    x.faults = [Fault(path="oauth2/token", status=200, body=answer)]
    assert "post for you" in come_back(ada, agree(leave(ada)))


def test_an_account_of_somebody_else_here_is_refused_and_that_is_written_down(app, cast, ada, x):
    come_back(ada, agree(leave(ada)))
    bo = signed_in(app, cast.user("bo"))
    page = come_back(bo, agree(leave(bo), **{"as": "ada"}))
    assert "@ada is already connected by somebody else here." in page
    assert "Not connected" in page
    assert (len(connections()), refusals()) == (1, ["taken"])


BAD_TOKENS = [
    Fault(path="oauth2/token", status=503, body="<html>"),
    Fault(path="oauth2/token", status=200, body="{}"),
    Fault(path="oauth2/token", status=200, body='{"access_token": ["a"]}'),
    Fault(path="oauth2/token", hang_up="after"),
    Fault(path="oauth2/token", status=302, headers={"Location": "https://evil.example/"}),
]
BAD_ME = [
    Fault(path="users/me", status=401, body="{}"),
    Fault(path="users/me", status=500),
    Fault(path="users/me", status=200, body='{"data": {"id": "1; DROP", "username": 5}}'),
    Fault(path="users/me", cut=10),
]


@pytest.mark.parametrize("fault", BAD_TOKENS + BAD_ME, ids=str)
def test_an_x_that_is_down_or_lies_connects_nobody(ada, x, fault):
    url = leave(ada)
    back = agree(url)
    x.faults = [fault]
    assert TROUBLE in come_back(ada, back)
    assert connections() == []
    assert len(refusals()) == 1


def test_a_code_that_waited_too_long_says_what_to_do(ada, x):
    back = agree(leave(ada))
    later = x.now() + timedelta(seconds=31)
    x.now = lambda: later
    assert "it took too long" in come_back(ada, back)
    assert connections() == []


def test_a_server_that_x_does_not_know_says_so(make_app, app, cast):
    user = cast.user("ada", is_admin=True)
    browser = Browser(make_app(x_client_id=None))
    browser.let_in(user)
    page = browser.get("/connections")
    assert "This server has no X app yet" in words(page)
    assert "http://127.0.0.1:5000/connections/x/callback" in page.text
    answer = browser.post("/connections/x/connect", form="/connections")
    assert (answer.status_code, NO_APP in words(answer)) == (409, True)


@pytest.mark.parametrize("path", ["/connections/x/connect", "/connections/x/disconnect"])
def test_a_password_that_was_given_long_ago_is_asked_for_again(ada, path):
    given = db.session.execute(select(UserSession)).scalar_one()
    given.confirmed_at -= CONFIRMED_FOR
    db.session.commit()
    answer = ada.post(path, form="/connections")
    assert answer.status_code == 403
    assert "give your password again" in words(answer)
    assert db.session.execute(select(OAuthFlow)).all() == []
