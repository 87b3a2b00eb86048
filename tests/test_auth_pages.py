"""Signing in and out, as people and as others try it."""

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from extensions import db
from models import User, UserSession
from services import sign_in
from services.audit import Actor
from services.errors import Invalid
from services.users import deactivate_user, set_user
from tests.browser import PASSWORD, Browser, words


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def ada(cast):
    return cast.user("ada")


def is_in(browser):
    return browser.get("/").status_code == 200


def test_who_signs_in_comes_to_the_page_he_wanted(browser, ada):
    asked = browser.get("/podcasts/1?x=y")
    assert asked.location == "/sign-in?next=/podcasts/1?x%3Dy"
    answer = browser.sign_in(ada, next="/podcasts/1?x=y")
    assert (answer.status_code, answer.location) == (302, "/podcasts/1?x=y")
    assert is_in(browser)


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "https:evil",
        "javascript:alert(1)",
        "/\t/evil",
        "/\n/evil.example",
        "%2f%2fevil.example",
        "/%2fevil.example",
        "/%5cevil.example",
        "/%0d%0aSet-Cookie:%20a=b",
        "//ada@evil.example",
        "https://127.0.0.1@evil.example",
        "/" * 3000,
        "@x",
    ],
)
def test_nobody_is_sent_to_another_site(browser, ada, elsewhere):
    assert browser.sign_in(ada, next=elsewhere).location == "/"


@pytest.mark.parametrize(
    "email, password", [("ada@example.com", "wrong password here"), ("nobody@example.com", PASSWORD), ("no", "x")]
)
def test_what_was_wrong_is_not_told(browser, ada, email, password):
    browser.sign_in(ada)
    stranger = Browser(browser.client.application)
    answer = stranger.post("/sign-in", {"email": email, "password": password})
    assert answer.status_code == 422
    assert "do not match" in words(answer)
    assert not is_in(stranger)


def test_what_was_typed_is_kept_but_for_the_password(browser, ada):
    answer = browser.post("/sign-in", {"email": "ada@example.com", "password": "wrong password here"})
    assert 'value="ada@example.com"' in answer.text
    assert "wrong password here" not in answer.text
    focused = [field for field in re.findall("<input[^>]*>", answer.text) if "autofocus" in field]
    assert len(focused) == 1
    assert 'name="password"' in focused[0]


def test_signing_out_ends_the_session_also_for_a_copied_cookie(browser, ada):
    browser.sign_in(ada)
    cookie = browser.client.get_cookie("airhorn").value
    assert browser.post("/sign-out", form="/").status_code == 302
    thief = Browser(browser.client.application)
    thief.client.set_cookie("airhorn", cookie)
    assert not is_in(browser)
    assert not is_in(thief)


def test_who_is_switched_off_is_out_at_once_and_cannot_come_back(browser, ada):
    browser.sign_in(ada)
    deactivate_user("ada@example.com")
    assert not is_in(browser)
    assert browser.sign_in(db.session.get_one(User, ada.id)).status_code == 422


def test_a_password_changed_since_it_was_compared_lets_nobody_in(browser, ada):
    assert browser.sign_in(ada).status_code == 302
    by, email = Actor(None, "192.0.2.7"), "ada@example.com"
    known = sign_in.sign_in(email, PASSWORD, by, datetime.now(UTC))
    set_user(email, password="seven purple lamps in rivers")
    with pytest.raises(Invalid):
        sign_in.begin_known(known, by, datetime.now(UTC), agent="")
    assert db.session.execute(select(UserSession)).first() is None


@pytest.mark.parametrize("token", ["", ":", "1", 1, None, ["x"], "x" * 5000, "\ud800"])
def test_a_session_that_is_not_ours_is_nobodys(browser, ada, token):
    with browser.client.session_transaction() as session:
        session["token"] = token
    assert not is_in(browser)


def test_the_choice_of_light_or_dark_is_kept(browser):
    browser.post("/appearance", {"theme": "dark"})
    assert 'data-theme="dark"' in browser.get("/sign-in").text
    browser.post("/appearance", {"theme": '"><script>'})
    assert 'data-theme="dark"' in browser.get("/sign-in").text
