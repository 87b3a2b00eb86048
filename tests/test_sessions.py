"""Sessions are kept on the server: a cookie is worth what its row is worth."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from extensions import db
from models import User, UserSession
from services import sessions
from services.accounts import browser_name
from services.users import deactivate_user, set_user
from tests.browser import PASSWORD, Browser, give_password
from tests.conftest import NOON, TOKEN_KEY


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def ada(cast, browser):
    ada = cast.user("ada")
    give_password(ada)
    browser.let_in(ada)
    return ada


def is_in(browser):
    return browser.get("/profile").status_code == 200


def cookie_of(browser):
    return browser.client.get_cookie(browser.client.application.config["SESSION_COOKIE_NAME"]).value


def with_cookie(app, value):
    other = Browser(app)
    other.client.set_cookie("airhorn", value)
    return other


def count():
    found = db.session.execute(select(func.count()).select_from(UserSession)).scalar_one()
    db.session.rollback()
    return found


def test_over_https_the_cookie_is_for_this_host_only(make_app, browser, ada):
    public = make_app(public_url="https://airhorn.example.com", secret_key="s" * 40)
    email = ada.email
    client = public.test_client()
    page = client.get("/sign-in", base_url="https://airhorn.example.com").text
    token = page.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    db.session.rollback()
    answer = client.post(
        "/sign-in",
        data={"csrf_token": token, "email": email, "password": PASSWORD},
        base_url="https://airhorn.example.com",
        headers={"Referer": "https://airhorn.example.com/sign-in"},
    )
    assert answer.status_code == 302
    name, *flags = answer.headers["Set-Cookie"].split("; ")
    assert name.startswith("__Host-airhorn=")
    assert {flag for flag in flags if not flag.startswith("Expires=")} == {
        "Secure",
        "HttpOnly",
        "SameSite=Lax",
        "Path=/",
    }


def test_each_sign_in_has_a_token_of_its_own_and_the_one_before_is_dead(app, browser, ada):
    before = cookie_of(browser)
    with browser.client.session_transaction() as session:
        first = session["token"]
    browser.post("/sign-in", {"email": ada.email, "password": PASSWORD}, form="/profile")
    with browser.client.session_transaction() as session:
        assert session["token"] != first
    assert is_in(browser)
    assert not is_in(with_cookie(app, before))
    assert count() == 1


def test_a_cookie_that_somebody_laid_there_before_is_replaced(app, cast):
    browser = Browser(app)
    with browser.client.session_transaction() as session:
        session["token"], session["planted"] = "chosen by somebody else", True
    browser.sign_in(cast.user("ada"))
    with browser.client.session_transaction() as session:
        assert session["token"] != "chosen by somebody else"
        assert "planted" not in session
    assert not is_in(with_cookie(app, "chosen by somebody else"))


@pytest.mark.parametrize("path", ["/sign-out", "/profile/sessions/end-all"])
def test_signing_out_ends_it_on_the_server(app, browser, ada, path):
    copied = with_cookie(app, cookie_of(browser))
    assert browser.post(path, form="/profile").status_code == 302
    assert not is_in(copied)
    assert count() == 0


def test_signing_out_everywhere_reaches_other_browsers(app, browser, ada):
    phone = Browser(app)
    phone.let_in(ada)
    browser.post("/profile/sessions/end-all", form="/profile")
    assert not is_in(phone)


@pytest.mark.parametrize(
    "act",
    [
        lambda: set_user("ada@example.com", password="another good password"),
        lambda: deactivate_user("ada@example.com"),
        lambda: sessions.end_all(db.session.execute(select(User.id)).scalar_one()) or db.session.commit(),
    ],
    ids=["a new password", "switched off", "all ended"],
)
def test_a_copied_cookie_dies_with_its_session(app, browser, ada, act):
    copied = with_cookie(app, cookie_of(browser))
    assert is_in(copied)
    act()
    assert not is_in(copied)
    assert not is_in(browser)


def test_who_is_no_admin_any_more_is_none_at_once(browser, ada):
    ada.is_admin = True
    db.session.commit()
    assert browser.get("/admin/people").status_code == 200
    ada.is_admin = False
    db.session.commit()
    assert browser.get("/admin/people").status_code == 403


@pytest.mark.parametrize(("hours", "lasts"), [(7.9, True), (8.1, False)])
def test_who_was_away_for_eight_hours_signs_in_again(browser, ada, hours, lasts):
    past = datetime.now(UTC) - timedelta(hours=hours)
    db.session.execute(update(UserSession).values(seen_at=past))
    db.session.commit()
    assert is_in(browser) is lasts


@pytest.mark.parametrize(("days", "lasts"), [(29.9, True), (30.1, False)])
def test_a_session_ends_after_thirty_days_however_busy(browser, ada, days, lasts):
    past = datetime.now(UTC) - timedelta(days=days)
    db.session.execute(update(UserSession).values(created_at=past))
    db.session.commit()
    assert is_in(browser) is lasts


def test_time_decides_to_the_second(app, cast):
    user_id = cast.user("ada").id
    token = sessions.begin(user_id, NOON)
    db.session.commit()
    eight_hours = timedelta(hours=8)
    assert sessions.find(token, NOON + eight_hours)
    # That look was a sign of life: the eight hours begin anew.
    assert sessions.find(token, NOON + 2 * eight_hours)
    assert sessions.find(token, NOON + 3 * eight_hours + timedelta(seconds=1)) is None


def test_what_has_ended_is_taken_away(app, cast):
    user_id = cast.user("ada").id
    sessions.begin(user_id, NOON)
    sessions.begin(user_id, NOON + timedelta(hours=5))
    sessions.clean(NOON + timedelta(hours=9))
    db.session.commit()
    assert count() == 1


def broken(cookie):
    """The cookie as others may send it."""
    return {
        "tampered": cookie[:10] + ("A" if cookie[10] != "A" else "B") + cookie[11:],
        "cut": cookie[: len(cookie) // 2],
        "longer": cookie + "x",
        "huge": "x" * 10_000,
        "empty": "",
        "dots": "...",
        "not base64": "%%%%.%%%%.%%%%",
    }


@pytest.mark.parametrize("how", broken("x" * 20))
def test_a_cookie_that_is_not_ours_is_nobodys(app, browser, ada, how):
    cookie = broken(cookie_of(browser))[how]
    answer = Browser(app).get("/profile", headers={"Cookie": f"airhorn={cookie}"})
    assert (answer.status_code, answer.location) == (302, "/sign-in?next=/profile")


def test_a_cookie_signed_with_another_key_is_nobodys(browser, ada, make_app):
    stranger = with_cookie(make_app(secret_key="u" * 40), cookie_of(browser))
    assert not is_in(stranger)


def test_a_new_key_keeps_sessions_as_long_as_the_old_one_is_named(browser, ada, make_app):
    rotated = with_cookie(make_app(secret_key="u" * 40, secret_key_fallbacks=("t" * 40,)), cookie_of(browser))
    assert is_in(rotated)


def test_the_database_holds_no_token(browser, ada):
    with browser.client.session_transaction() as session:
        token = session["token"]
    row = db.session.execute(select(UserSession)).scalar_one()
    assert token not in {row.token_hash, row.agent, row.address}
    assert TOKEN_KEY not in cookie_of(browser)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18 Mobile Safari/604",
            "Safari on iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537 Chrome/130 Mobile Safari/537", "Chrome on Android"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/130 Safari/537 Edg/130", "Edge on Windows"),
        ("curl/8.0", "A browser"),
        ("", "A browser"),
    ],
)
def test_people_know_their_browsers(agent, name):
    assert browser_name(agent) == name
