"""Everybody who has an account: seen and changed by those who run the server, who cannot lock themselves out."""

import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from extensions import db
from models import AuditEvent, User, UserSession
from services import people
from services.audit import Actor
from services.errors import AirhornError, Conflict
from tests.browser import Browser, words
from tests.conftest import ENGINES

ACTS = ("off", "on", "give-admin", "take-admin", "link")


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def eve(app, cast):
    """Who runs the server, in a browser."""
    browser = Browser(app)
    browser.let_in(cast.user("eve", is_admin=True))
    return browser


def now():
    return datetime.now(UTC)


def get(name):
    query = select(User).where(User.email == f"{name}@example.com")
    return db.session.execute(query, execution_options={"populate_existing": True}).scalar_one()


def act(browser, name, what):
    return browser.post(f"/admin/people/{get(name).id}/{what}")


def said(browser, answer):
    assert answer.location == "/admin/people"
    return words(browser.get(answer.location))


def test_everybody_is_listed_with_podcasts_and_sign_in_state(eve, app, cast):
    cast.show(hosts=("ada",))
    Browser(app).sign_in(get("ada"))
    cast.user("bo", is_active=False)
    text = words(eve.get("/admin/people"))
    assert "Ada ada@example.com Deep Dive (admin) Password set · no second step · seen just now" in text
    assert re.search(
        r"Bo bo@example.com switched off On no podcast. No password yet · no second step · not signed in", text
    )
    assert "Eve eve@example.com runs the server" in text


def test_a_part_of_the_name_or_address_finds_somebody(eve, cast):
    for name in ("ada", "bo"):
        cast.user(name)
    assert "bo@example.com" not in words(eve.get("/admin/people?q=ADA@ex"))
    assert "bo@example.com" in words(eve.get("/admin/people?q=Bo"))
    for odd in ("%25", "_", "'--", "x" * 5000):
        page = eve.get(f"/admin/people?q={odd}")
        assert page.status_code == 200, odd
        assert "Nobody here has" in words(page)


def test_long_lists_have_pages(eve, cast):
    db.session.add_all(User(email=f"p{n}@example.com", name=f"P{n:03}") for n in range(60))
    db.session.commit()
    first, second = words(eve.get("/admin/people")), words(eve.get("/admin/people?page=2"))
    assert "P048" in first
    assert "P049" not in first
    assert "P049" in second
    for odd in ("0", "-1", "x", "99999999999999999999999", "1e9"):
        assert eve.get(f"/admin/people?page={odd}").status_code == 200


def test_who_is_switched_off_is_out_at_once_and_can_be_let_in_again(eve, app, cast):
    ada = Browser(app)
    ada.let_in(cast.user("ada"))
    assert "Ada is signed out and switched off" in said(eve, act(eve, "ada", "off"))
    assert ada.get("/").status_code == 302
    assert "Ada may sign in again" in said(eve, act(eve, "ada", "on"))
    kinds = [row.kind for row in db.session.execute(select(AuditEvent).filter_by(subject_id=get("ada").id)).scalars()]
    assert kinds == ["user_off", "user_on"]


def test_another_may_run_the_server_and_loses_it_at_once(eve, app, cast):
    ada = Browser(app)
    ada.let_in(cast.user("ada"))
    assert ada.get("/admin/people").status_code == 403
    assert "Ada runs this server now, too" in said(eve, act(eve, "ada", "give-admin"))
    assert ada.get("/admin/people").status_code == 200
    assert "Ada no longer runs this server" in said(eve, act(eve, "ada", "take-admin"))
    assert ada.get("/admin/people").status_code == 403


@pytest.mark.parametrize("what", ["off", "take-admin"])
def test_nobody_does_it_to_himself(eve, what):
    assert "You cannot do this to yourself" in said(eve, act(eve, "eve", what))
    assert (get("eve").is_active, get("eve").is_admin) == (True, True)


@pytest.mark.parametrize("what", [people.switch_off, people.take_admin])
def test_the_last_who_runs_the_server_stays(cast, what):
    eve = cast.user("eve", is_admin=True)
    cast.user("ada", is_admin=True, is_active=False)
    with pytest.raises(Conflict, match="Eve is the only one who runs this server"):
        what(eve.id, Actor(), now())
    assert (get("eve").is_active, get("eve").is_admin) == (True, True)


@pytest.mark.parametrize("engine_name", ENGINES)
def test_of_many_who_take_it_from_each_other_at_once_one_stays(app, cast):
    ids = [cast.user(name, is_admin=True).id for name in ("ada", "bo", "cy")]
    db.session.rollback()
    barrier, got = threading.Barrier(12), []

    def take(number):
        with app.app_context():
            barrier.wait()
            try:
                what = people.switch_off if number % 2 else people.take_admin
                got.append(what(ids[number % 3], Actor(ids[(number + 1) % 3]), now()).name)
            except AirhornError as error:
                got.append(error)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(got) == 12
    left = db.session.execute(select(User).where(User.is_admin, User.is_active)).scalars().all()
    assert len(left) == 1


def test_a_link_to_a_new_password_is_shown_once(eve, app, cast):
    cast.user("ada")
    answer = act(eve, "ada", "link")
    path = re.search(r'value="http://127\.0\.0\.1:5000(/password/[\w-]{43})"', answer.text)[1]
    assert "A link for ada@example.com" in words(answer)
    assert path not in eve.get("/admin/people").text
    assert Browser(app).get(path).status_code == 200
    act(eve, "ada", "off")
    assert "is switched off" in said(eve, act(eve, "ada", "link"))


@pytest.mark.parametrize("what", ACTS)
def test_without_a_password_given_lately_nothing_happens(eve, cast, what):
    cast.user("ada")
    db.session.execute(update(UserSession).values(confirmed_at=now() - timedelta(minutes=11)))
    db.session.commit()
    answer = act(eve, "ada", what)
    assert answer.status_code == 403
    assert 'name="password"' in answer.text
    assert (get("ada").is_active, get("ada").is_admin) == (True, False)


@pytest.mark.parametrize("what", ACTS)
def test_admins_of_podcasts_cannot(app, cast, what):
    cast.show(hosts=("ada", "bo"))
    ada = Browser(app)
    ada.let_in(get("ada"))
    assert act(ada, "bo", what).status_code == 403
    assert (get("bo").is_active, get("bo").is_admin) == (True, False)


@pytest.mark.parametrize("what", ACTS)
@pytest.mark.parametrize("user_id", ["0", "999", "2147483648", "9" * 30])
def test_an_account_that_does_not_exist_is_not_found(eve, user_id, what):
    assert eve.post(f"/admin/people/{user_id}/{what}").status_code == 404
