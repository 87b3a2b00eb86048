"""One's own account: what is kept, what is refused, and that nobody touches that of others."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from extensions import db
from models import AuditEvent, User, UserSession
from services.passwords import verify_password
from tests.browser import PASSWORD, Browser, give_password, words

NEW = "zebra mildew anchor forty"
GOOD = {"name": "Ada", "timezone": "Europe/Berlin", "default_text": "On air: {title}", "never_repost": "y"}


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def ada(cast):
    return cast.user("ada")


@pytest.fixture
def browser(app, ada):
    browser = Browser(app)
    give_password(ada)
    browser.let_in(ada, agent="one's own")
    return browser


def fresh(user):
    db.session.rollback()
    return db.session.get_one(User, user.id, populate_existing=True)


def long_ago():
    """The password was given too long ago for a dangerous act."""
    db.session.execute(update(UserSession).values(confirmed_at=datetime.now(UTC) - timedelta(minutes=11)))
    db.session.commit()


def test_the_profile_is_kept(browser, ada):
    assert browser.post("/profile", GOOD).location == "/profile"
    user = fresh(ada)
    assert (user.name, user.timezone, user.default_text) == ("Ada", "Europe/Berlin", "On air: {title}")
    assert user.never_repost
    browser.post("/profile", {**GOOD, "never_repost": ""} | {"default_text": ""})
    assert fresh(ada).default_text == ""


def test_a_usual_text_that_fits_with_its_link_is_kept(browser, ada):
    longest = "x" * 256
    browser.post("/profile", GOOD | {"default_text": longest})
    assert fresh(ada).default_text == longest
    assert "With the link, which X counts as 23, at most 280 characters." in browser.get("/profile").text
    page = browser.get("/profile").text
    assert 'value="Europe/Berlin"' in page
    assert '<option value="Europe/Berlin">' in page


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("name", "", "The name is empty."),
        ("name", "x" * 101, "At most 100 fit."),
        ("name", "A\x07da", "cannot be shown"),
        ("timezone", "", "There is no time zone"),
        ("timezone", "Europe/Berlinn", "Did you mean Europe/Berlin?"),
        ("timezone", "x" * 3000, "There is no time zone"),
        ("default_text", "{titel}", "titel"),
        ("default_text", "x" * 257, "Too long by 1 character: the link is part of it, and X counts it as 23."),
        ("default_text", "$A $B", "cashtag"),
        ("default_text", "a\x07b", "cannot be shown"),
    ],
)
def test_what_will_not_do_is_said_and_kept(browser, ada, field, typed, sentence):
    answer = browser.post("/profile", {**GOOD, field: typed})
    assert answer.status_code == 422
    assert sentence in words(answer)
    others = {name: value for name, value in GOOD.items() if name not in (field, "never_repost")}
    assert all(value in answer.text for value in others.values())
    assert fresh(ada).timezone == "UTC"


def test_fields_that_are_not_on_the_form_are_ignored(browser, ada):
    more = {"is_admin": "y", "id": "7", "email": "x@example.com", "password_hash": "x", "is_active": "", "totp_on": "y"}
    browser.post("/profile", GOOD | more)
    user = fresh(ada)
    assert (user.is_admin, user.email, user.is_active, user.totp_on) == (False, "ada@example.com", True, False)


def test_a_field_given_twice_or_as_a_list_is_no_surprise(browser, ada):
    data = {**GOOD, "name": ["Ada", "Bo"], "timezone[]": "x", "default_text": ["{title}", "x"]}
    assert browser.post("/profile", data).status_code == 302
    assert fresh(ada).name == "Ada"


# Password


def change(browser, current=PASSWORD, new=NEW):
    return browser.post("/profile/password", {"current": current, "new": new})


def test_a_new_password_ends_every_other_session_and_keeps_this_browser(app, browser, ada):
    phone = Browser(app)
    phone.let_in(ada)
    copied = browser.client.get_cookie("airhorn").value
    assert change(browser).location == "/profile"
    assert browser.get("/profile").status_code == 200
    thief = Browser(app)
    thief.client.set_cookie("airhorn", copied)
    assert [one.get("/profile").status_code for one in (phone, thief)] == [302, 302]
    assert verify_password(fresh(ada).password_hash, NEW)
    assert "password_changed" in db.session.execute(select(AuditEvent.kind)).scalars().all()


@pytest.mark.parametrize(
    ("current", "new", "sentence"),
    [
        ("", NEW, "Your password is missing."),
        (PASSWORD, "", "The new password is missing."),
        ("not the password", NEW, "This is not your password."),
        (PASSWORD, "short", "It needs at least 12."),
        (PASSWORD, "x" * 1001, "At most 1000 fit."),
        (PASSWORD, "password1234", "a common password"),
        (PASSWORD, "ada.example.com", "names that belong to you"),
        (PASSWORD, "aaaaaaaaaaaaaa", "it repeats itself"),
    ],
)
def test_a_password_that_will_not_do_is_refused_and_never_shown_again(browser, ada, current, new, sentence):
    answer = change(browser, current, new)
    assert answer.status_code == 422
    assert sentence in words(answer)
    assert not new or f'value="{new}"' not in answer.text
    assert verify_password(fresh(ada).password_hash, PASSWORD)


def test_guessing_from_inside_is_slowed_down_and_does_not_touch_signing_in(app, browser, ada):
    assert [change(browser, f"guess number {n}").status_code for n in range(6)] == [422] * 5 + [429]
    assert Browser(app).sign_in(ada).status_code == 302


# Address


def test_the_address_is_changed_and_links_to_a_new_password_end(browser, ada):
    answer = browser.post("/profile/email", {"email": " Ada@New.example "})
    assert answer.location == "/profile"
    assert fresh(ada).email == "ada@new.example"
    assert db.session.execute(select(AuditEvent.detail).where(AuditEvent.kind == "email_changed")).scalar_one() == {}


@pytest.mark.parametrize(
    ("email", "sentence"),
    [
        ("", "is no e-mail address"),
        ("nobody", "is no e-mail address"),
        ("x" * 300 + "@example.com", "At most 254 fit"),
        ("a@example.com\nBcc: b@example.com", "cannot be shown"),
        ("BO@example.com", "has this address already"),
    ],
)
def test_an_address_that_will_not_do_is_refused(browser, ada, cast, email, sentence):
    cast.user("bo")
    answer = browser.post("/profile/email", {"email": email})
    assert answer.status_code == 422
    assert sentence in words(answer)
    assert fresh(ada).email == "ada@example.com"


# The password again


@pytest.mark.parametrize("path", ["/profile/email", "/profile/delete", "/profile/second-step"])
def test_dangerous_pages_ask_for_the_password_again_and_come_back(browser, ada, path):
    long_ago()
    asked = browser.get(f"{path}?x=y")
    assert asked.status_code == 403
    assert f'name="next" value="{path}?x=y"' in asked.text
    answer = browser.post("/confirm", {"password": PASSWORD, "next": path})
    assert (answer.status_code, answer.location) == (302, path)
    assert browser.get(path).status_code == 200
    assert "confirmed" in db.session.execute(select(AuditEvent.kind)).scalars().all()


def test_a_form_that_was_sent_too_late_comes_back_to_its_page(browser, ada):
    long_ago()
    home = {"Referer": "http://localhost/profile/email?a=b"}
    answer = browser.post("/profile/email", {"email": "x@example.com"}, headers=home)
    assert answer.status_code == 403
    assert 'name="next" value="/profile/email?a=b"' in answer.text
    assert fresh(ada).email == "ada@example.com"


@pytest.mark.parametrize("referrer", ["https://evil.example/profile", "http://localhost//evil.example", "", "x" * 5000])
def test_nobody_is_sent_elsewhere_after_giving_it(browser, ada, referrer):
    long_ago()
    answer = browser.post("/profile/email", {"email": "x"}, headers={"Referer": referrer})
    assert 'name="next" value="/"' in answer.text


@pytest.mark.parametrize("password", ["", "not the password", "x" * 5000, "\x07"])
def test_another_password_confirms_nothing(browser, ada, password):
    long_ago()
    assert browser.post("/confirm", {"password": password}).status_code == 422
    assert browser.get("/profile/email").status_code == 403


def test_guessing_there_is_slowed_down(browser, ada):
    long_ago()
    answers = [browser.post("/confirm", {"password": f"guess {n}"}) for n in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]


# Sessions


def test_people_see_where_they_are_signed_in_and_end_one(app, browser, ada):
    phone = Browser(app)
    phone.let_in(ada)
    page = browser.get("/profile/sessions")
    assert words(page).count("this browser") == 1
    other = db.session.execute(select(UserSession.id).where(UserSession.agent == "a browser")).scalar_one()
    answer = browser.post(f"/profile/sessions/{other}/end")
    assert answer.location == "/profile/sessions"
    assert phone.get("/profile").status_code == 302
    assert browser.post(f"/profile/sessions/{other}/end").status_code == 404


def test_sessions_of_others_are_neither_shown_nor_ended(app, browser, cast):
    bo = Browser(app)
    bo.let_in(cast.user("bo"))
    theirs = db.session.execute(select(UserSession.id).order_by(UserSession.id.desc()).limit(1)).scalar_one()
    assert f"/profile/sessions/{theirs}/end" not in browser.get("/profile/sessions").text
    for session_id in (theirs, 0, 2**31, 10**30):
        assert browser.post(f"/profile/sessions/{session_id}/end").status_code == 404
    assert bo.get("/profile").status_code == 200
