"""A new server and its first people: what they are told before there is anything to see."""

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from extensions import db
from models import User
from services import first_admin
from tests.browser import PASSWORD, Browser, words


@pytest.fixture
def engine_name():
    return "sqlite"


def setup_path():
    return first_admin.offer(datetime.now(UTC)).removeprefix("http://127.0.0.1:5000")


def user(name):
    return db.session.execute(select(User).filter_by(email=f"{name}@example.com")).scalar_one()


def test_who_runs_a_new_server_sees_all_there_is_to_do_before_there_is_a_podcast(cast, browser):
    cast.user("ada", is_admin=True)
    browser.let_in(user("ada"))
    page = browser.get("/")
    seen = words(page)
    assert "Get your first show ready 0 of 6 To do Podcast made" in seen
    assert "Rehearsal passed" in seen
    assert 'href="/podcasts/new">Podcast made</a>' in page.text
    assert "admin of yours" not in seen


def test_somebody_without_a_podcast_is_told_who_can_help_and_has_no_list(cast, browser):
    cast.user("bo")
    browser.let_in(user("bo"))
    seen = words(browser.get("/"))
    assert "ask the admin of yours to invite you" in seen
    assert "To do" not in seen


@pytest.mark.parametrize("client_id", ["some-app", None])
def test_connecting_takes_two_clicks_only_where_the_server_has_an_x_app(make_app, client_id):
    app = make_app(x_client_id=client_id)
    with app.app_context():
        db.session.add(User(email="ada@example.com", name="Ada", is_admin=True))
        db.session.commit()
        visitor = Browser(app)
        visitor.let_in(user("ada"))
        seen = words(visitor.get("/"))
    assert ("in two clicks" in seen) == bool(client_id)
    assert ("X_CLIENT_ID and X_CLIENT_SECRET" in seen) == (client_id is None)


def test_the_sign_in_page_of_a_new_server_says_where_the_first_link_is(app, browser):
    seen = words(browser.get("/sign-in"))
    assert "This server has no account yet." in seen
    assert "An admin of your podcast invites you" not in seen
    (command,) = re.findall(r"run flask ([a-z -]+) there", seen)
    printed = app.test_cli_runner().invoke(args=command.split())
    assert printed.exit_code == 0
    assert "/setup/" in printed.output


def test_once_there_is_an_account_the_sign_in_page_tells_nobody_of_a_link(cast, browser):
    cast.user("ada")
    seen = words(browser.get("/sign-in"))
    assert "no account yet" not in seen
    assert "An admin of your podcast invites you." in seen


def test_a_wrong_password_on_a_new_server_is_answered_with_the_same_help(browser):
    answer = browser.post("/sign-in", {"email": "ada@example.com", "password": "guessed"}, form="/sign-in")
    assert answer.status_code == 422
    assert "flask users first-link" in words(answer)


def test_the_first_account_chooses_its_time_zone_and_utc_stands_there_before_a_browser_says_better(browser):
    page = browser.get(setup_path()).text
    assert "Your time zone" in page
    (field,) = re.findall(r"<input[^>]* data-guess-zone[^>]*>", page)
    assert 'value="UTC"' in field
    assert 'list="zones"' in field
    assert '<option value="Australia/Sydney">' in page


def test_a_zone_that_does_not_exist_is_asked_for_again_and_what_was_typed_stays(browser):
    path = setup_path()
    typed = {"name": "Ada", "email": "ada@example.com", "password": PASSWORD}
    answer = browser.post(path, {**typed, "timezone": "Nowhere/At all"}, form=path)
    assert answer.status_code == 422
    assert 'value="ada@example.com"' in answer.text
    assert "data-guess-zone" not in answer.text
    assert browser.post(path, {**typed, "timezone": "Australia/Sydney"}, form=path).status_code == 302
    assert user("ada").timezone == "Australia/Sydney"


def test_without_a_zone_the_first_account_has_utc(browser):
    path = setup_path()
    browser.post(path, {"name": "Ada", "email": "ada@example.com", "password": PASSWORD}, form=path)
    assert user("ada").timezone == "UTC"
