"""Links to a new password: asked for by mail, made by those who run the server, used once."""

import http.client
import logging
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from extensions import db
from models import AuditEvent, OneTimeLink, User, UserSession
from services import password_links
from services.audit import NOBODY
from services.errors import Conflict
from services.passwords import verify_password
from services.registry import get_services
from services.users import deactivate_user
from tests.browser import PASSWORD, Browser, words
from tests.post_office import Postman, post_office
from tests.processes import end, eventually, free_port, start

FRESH = "an altogether different one"
LINK = re.compile(r"https://airhorn\.example\.com(/password/[\w-]{43})")


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def ada(cast):
    return cast.user("ada")


@pytest.fixture
def postman():
    with post_office(Postman()) as postman:
        yield postman


@pytest.fixture
def mailed(make_app, app, ada, postman):
    """A browser at a server that mails, and that people reach under another name than the one in their requests."""
    smtp = {"smtp_host": "127.0.0.1", "smtp_port": postman.port, "smtp_from": "air@example.com"}
    db.session.rollback()
    other = make_app(**smtp, smtp_security="none", public_url="https://airhorn.example.com")
    with other.app_context():
        browser = Browser(other)
        browser.client.environ_base["wsgi.url_scheme"] = "https"
        browser.client.environ_base["HTTP_REFERER"] = "https://localhost/"
        yield browser
        get_services().mail.close()


def now():
    return datetime.now(UTC)


def make(user, at=None):
    return password_links.make_for(user, NOBODY, at or now()).removeprefix("http://127.0.0.1:5000")


def is_now(user, password):
    found = db.session.get_one(User, user.id, populate_existing=True)
    db.session.rollback()
    return verify_password(found.password_hash, password)


def test_it_sets_a_new_password_once_and_ends_every_session(app, browser, ada):
    browser.sign_in(ada)
    guest, path = Browser(app), make(ada)
    assert "For ada@example.com" in words(guest.get(path))
    done = guest.post(path, {"password": FRESH}, form=path)
    assert (done.status_code, done.location) == (302, "/sign-in")
    assert "Your new password is set" in words(guest.get("/sign-in"))
    assert is_now(ada, FRESH)
    assert browser.get("/").status_code == 302
    for again in (guest.get(path), guest.post(path, {"password": PASSWORD})):
        assert again.status_code == 404
        assert "Ask for a new link" in words(again)
    assert guest.sign_in(db.session.get_one(User, ada.id), FRESH).status_code == 302


def test_whoever_uses_it_while_signed_in_as_somebody_else_is_signed_out_there(app, cast, browser, ada):
    bo, elsewhere, path = cast.user("bo"), Browser(app), make(ada)
    browser.let_in(bo)
    elsewhere.let_in(bo)
    assert "You are signed in as bo@example.com here." in words(browser.get(path))
    assert browser.post(path, {"password": FRESH}, form=path).location == "/sign-in"
    assert browser.get("/").status_code == 302
    assert elsewhere.get("/").status_code == 200
    left = select(func.count()).select_from(UserSession).filter_by(user_id=bo.id)
    assert db.session.execute(left).scalar_one() == 1
    written = select(AuditEvent.kind, AuditEvent.actor_id).order_by(AuditEvent.id.desc()).limit(2)
    assert [tuple(row) for row in db.session.execute(written)] == [("signed_out", bo.id), ("password_changed", ada.id)]


def test_a_second_link_is_dead_once_the_first_was_used(browser, ada):
    first, second = make(ada), make(ada)
    browser.post(first, {"password": FRESH}, form=first)
    assert browser.get(second).status_code == 404


def test_every_other_way_to_a_new_password_ends_the_links_too(browser, ada, runner):
    path = make(ada)
    runner.invoke(args=["users", "set", "ada@example.com", "--password-stdin"], input=f"{FRESH}\n")
    assert is_now(ada, FRESH)
    assert browser.get(path).status_code == 404


def test_after_an_hour_it_has_ended(browser, ada):
    path = make(ada, now() - timedelta(minutes=59))
    assert browser.get(path).status_code == 200
    path = make(ada, now() - timedelta(minutes=61))
    assert browser.get(path).status_code == 404
    assert browser.post(path, {"password": FRESH}).status_code == 404


def test_it_is_of_no_use_to_an_account_that_is_switched_off(browser, ada):
    path = make(ada)
    deactivate_user("ada@example.com")
    assert browser.get(path).status_code == 404
    with pytest.raises(Conflict, match="is switched off"):
        password_links.make_for(db.session.get_one(User, ada.id), NOBODY, now())


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("", "Choose a password"),
        ("short", "at least 12"),
        ("x" * 1001, "At most 1000"),
        ("ada@example.com", "easy to guess"),
    ],
)
def test_what_cannot_be_a_password_is_said_and_the_link_still_works(browser, ada, password, sentence):
    path = make(ada)
    answer = browser.post(path, {"password": password}, form=path)
    assert answer.status_code == 422
    assert sentence in words(answer)
    assert browser.get(path).status_code == 200


def test_nobody_comes_in_past_the_second_step_by_a_new_password(browser, ada):
    ada.totp_secret, ada.totp_on = b"sealed", True
    db.session.commit()
    path = make(ada)
    browser.post(path, {"password": FRESH}, form=path)
    found = db.session.get_one(User, ada.id, populate_existing=True)
    assert (found.totp_on, found.totp_secret) == (True, b"sealed")
    assert browser.get("/").status_code == 302


@pytest.mark.parametrize("token", ["x", "x" * 3000, "forgotten", "%F0%9F%98%80", "' or 1=1 --"])
def test_a_token_that_is_none_leads_to_the_page_that_says_what_to_do(browser, token):
    answer = browser.get(f"/password/{token}")
    assert answer.status_code == 404
    assert "Ask for a new link" in words(answer)


@pytest.mark.parametrize("where", ["setup", "invitations"])
def test_a_link_is_of_no_use_for_another_purpose(browser, ada, where):
    token = make(ada).rpartition("/")[2]
    assert browser.get(f"/{where}/{token}").status_code == 404


# Asking for one


def test_a_letter_brings_the_link_under_the_name_of_the_settings(mailed, postman):
    answer = mailed.post("/password/forgot", {"email": "ADA@example.com"}, form="/password/forgot")
    assert answer.status_code == 302
    [letter] = eventually(lambda: postman.letters)
    assert letter["To"] == "ada@example.com"
    path = LINK.search(letter.get_content())[1]
    assert mailed.get(path).status_code == 200
    assert mailed.post(path, {"password": FRESH}, form=path).status_code == 302
    assert mailed.get(path).status_code == 404


def test_the_answer_is_the_same_for_everybody(mailed, postman, cast):
    cast.user("bo", is_active=False)
    pages = set()
    for email in ("ada@example.com", "bo@example.com", "nobody@example.com", "no address at all"):
        answer = mailed.post("/password/forgot", {"email": email}, form="/password/forgot")
        pages.add((answer.status_code, answer.location, words(mailed.get(answer.location))))
    assert len(pages) == 1
    assert "If there is an account with this address" in pages.pop()[2]
    eventually(lambda: postman.letters)
    assert [letter["To"] for letter in postman.letters] == ["ada@example.com"]


def test_nobody_is_flooded_with_letters(mailed, postman):
    for _ in range(5):
        mailed.post("/password/forgot", {"email": "ada@example.com"}, form="/password/forgot")
    eventually(lambda: len(postman.letters) >= 3)
    mailed.client.application.extensions["airhorn"].mail.close()
    assert len(postman.letters) == 3


def test_a_mail_server_that_is_away_is_nothing_the_asker_learns(mailed, postman):
    postman.refuse = "451 later"
    answer = mailed.post("/password/forgot", {"email": "ada@example.com"}, form="/password/forgot")
    assert answer.status_code == 302
    mailed.client.application.extensions["airhorn"].mail.close()


def test_without_mail_the_page_says_who_helps(browser, ada):
    for answer in (browser.get("/password/forgot"), browser.post("/password/forgot", {"email": "ada@example.com"})):
        assert answer.status_code == 200
        assert "The person who runs it makes a link for you" in words(answer)
    assert db.session.execute(select(OneTimeLink)).first() is None


def test_an_empty_address_is_said(mailed):
    answer = mailed.post("/password/forgot", {"email": ""}, form="/password/forgot")
    assert answer.status_code == 422
    assert "address is missing" in words(answer)


# Commands, logs, audit


def test_the_command_prints_a_link(runner, browser, ada):
    done = runner.invoke(args=["users", "link", "ADA@example.com", "--json"])
    assert '"email": "ada@example.com"' in done.stdout
    path = re.search(r"/password/[\w-]{43}", done.stdout)[0]
    assert browser.get(path).status_code == 200
    assert "Nobody here has the address" in runner.invoke(args=["users", "link", "no@example.com"]).stderr


def test_what_happened_is_written_down(browser, ada):
    path = make(ada)
    browser.post(path, {"password": FRESH}, form=path)
    rows = db.session.execute(select(AuditEvent).order_by(AuditEvent.id)).scalars().all()
    made, changed = rows[-2:]
    assert (made.kind, made.subject_id, made.detail) == ("password_link_made", ada.id, {})
    assert (changed.kind, changed.actor_id, changed.detail) == ("password_changed", ada.id, {"with_link": True})


@pytest.mark.slow
def test_no_log_of_ours_has_a_token(settings, cast, browser, caplog, tmp_path):
    said, port = tmp_path / "said.txt", free_port()
    secret = "s3cret-" + "t" * 36
    serving = ("gunicorn", "app:create_app()", "--no-control-socket", "--access-logfile", "-", "--bind")
    process = start(settings, *serving, f"127.0.0.1:{port}", log=said, LOG_LEVEL="DEBUG")
    try:
        eventually(lambda: "Booting worker" in said.read_text())
        asked = [f"/{path}/{secret}" for path in ("setup", "invitations", "password")]
        for path in [*asked, f"/sign-in?next=%2Finvitations%2F{secret}", f"/sign-in?next=/password/{secret}"]:
            eventually(lambda path=path: fetch(port, path))
        eventually(lambda: said.read_text().count('"GET ') >= 5)
    finally:
        end(process)
    assert "[hidden]" in said.read_text()
    assert secret not in said.read_text()
    with caplog.at_level(logging.DEBUG):
        browser.get(f"/password/{secret}")
    assert secret not in caplog.text


def fetch(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers={"Referer": f"http://127.0.0.1:{port}{path}"})
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()
