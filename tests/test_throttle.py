"""Guessing at passwords: few tries are compared, whoever makes them, and others are not kept out."""

import logging
import socket
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from extensions import db, limiter
from models import AuditEvent, SignInThrottle
from services import throttle
from services.audit import Actor
from services.errors import Invalid
from services.sign_in import sign_in
from services.throttle import TooManyTries
from tests.browser import PASSWORD, Browser, words
from tests.conftest import NOON
from tests.processes import start

HOME = Actor(None, "192.0.2.7")


def minutes(number):
    return NOON + timedelta(minutes=number)


def try_(key, now):
    try:
        throttle.count([key], now)
    except TooManyTries:
        return False
    return True


def test_five_tries_are_free_and_then_the_waits_double(app):
    key = throttle.of_account("ada@example.com")
    assert [try_(key, NOON) for _ in range(6)] == [True] * 5 + [False]
    at = 0
    for wait in (1, 2, 4, 8, 15, 15):
        assert not try_(key, minutes(at + wait) - timedelta(seconds=1))
        at += wait
        assert try_(key, minutes(at))


def test_waiting_ends_by_itself_and_after_an_hour_it_begins_anew(app):
    key = throttle.of_account("ada@example.com")
    for _ in range(5):
        try_(key, NOON)
    assert [try_(key, minutes(61)) for _ in range(6)] == [True] * 5 + [False]


def test_the_sentence_says_how_long_to_wait(app):
    key = throttle.of_account("ada@example.com")
    for _ in range(5):
        try_(key, NOON)
    with pytest.raises(TooManyTries, match="Wait a minute") as raised:
        throttle.count([key], NOON)
    assert raised.value.seconds == 60
    try_(key, minutes(1))
    with pytest.raises(TooManyTries, match="Wait 2 minutes"):
        throttle.count([key], minutes(1))


def test_what_was_right_takes_the_count_back(app):
    account, network = throttle.of_account("ada@example.com"), throttle.of_network("192.0.2.7")
    for _ in range(4):
        throttle.count([network, account], NOON)
    throttle.take_back([network, account])
    db.session.commit()
    assert [try_(account, NOON) for _ in range(6)] == [True] * 5 + [False]
    found = db.session.get_one(SignInThrottle, network.name)
    assert found.failures == 3


def test_a_network_has_twenty_tries_in_a_quarter_of_an_hour(app):
    key = throttle.of_network("2001:db8:1:2::7")
    assert throttle.of_network("2001:db8:1:2:ffff::1") == key
    assert [try_(key, NOON) for _ in range(21)] == [True] * 20 + [False]
    assert not try_(key, minutes(14))
    assert try_(throttle.of_network("2001:db8:1:3::7"), NOON)
    assert [try_(key, minutes(15)) for _ in range(21)] == [True] * 20 + [False]


def test_a_try_that_is_refused_is_counted_nowhere(app):
    network, account = throttle.of_network("192.0.2.7"), throttle.of_account("ada@example.com")
    for _ in range(5):
        throttle.count([network, account], NOON)
    for _ in range(30):
        with pytest.raises(TooManyTries):
            throttle.count([network, account], NOON)
    assert db.session.get_one(SignInThrottle, network.name).failures == 5


@pytest.mark.parametrize("spelled", ["ADA@example.com", " ada@example.com ", "Ada@Example.COM"])
def test_one_mailbox_is_one_account_however_it_is_spelled(app, spelled):
    assert throttle.of_account(spelled) == throttle.of_account("ada@example.com")


def test_what_is_forgotten_is_taken_away(app):
    try_(throttle.of_account("ada@example.com"), NOON)
    try_(throttle.of_account("bo@example.com"), minutes(50))
    throttle.clean(minutes(61))
    db.session.commit()
    assert db.session.execute(select(func.count()).select_from(SignInThrottle)).scalar_one() == 1


def test_many_failures_of_everybody_are_said_in_the_log_once_and_keep_nobody_out(app, caplog):
    with caplog.at_level(logging.WARNING, "services.throttle"):
        for _ in range(throttle.MANY + 50):
            throttle.count_everybody(NOON)
        db.session.commit()
    assert len([r for r in caplog.records if r.name == "services.throttle"]) == 1
    assert try_(throttle.of_account("ada@example.com"), NOON)


# With passwords


def wrong(email, now, by=HOME):
    with pytest.raises(Invalid) as raised:
        sign_in(email, "not the password", by, now)
    return type(raised.value).__name__


def test_also_the_right_password_waits_and_others_do_not(app, cast):
    ada, bo = cast.user("ada"), cast.user("bo")
    for user in (ada, bo):
        Browser(app).sign_in(user)
    db.session.execute(update(SignInThrottle).values(failures=0, blocked_until=None))
    db.session.commit()
    assert [wrong("ada@example.com", NOON) for _ in range(6)] == ["Invalid"] * 5 + ["TooManyTries"]
    with pytest.raises(TooManyTries):
        sign_in("ada@example.com", PASSWORD, HOME, NOON)
    assert sign_in("bo@example.com", PASSWORD, HOME, NOON).user_id == bo.id
    assert sign_in("ada@example.com", PASSWORD, HOME, minutes(1)).user_id == ada.id
    assert wrong("ada@example.com", minutes(1)) == "Invalid"


def test_each_failure_is_in_the_audit_log_without_what_was_typed(app, cast):
    ada = cast.user("ada")
    wrong("ada@example.com", NOON)
    wrong("nobody@example.com", NOON)
    events = db.session.execute(select(AuditEvent).order_by(AuditEvent.id)).scalars().all()
    assert [(e.kind, e.subject_id, e.address, e.detail) for e in events] == [
        ("sign_in_failed", ada.id, "192.0.2.7", {}),
        ("sign_in_failed", None, "192.0.2.7", {}),
    ]


@pytest.mark.slow
def test_a_hundred_tries_at_once_in_four_processes_compare_five_passwords(settings, cast, tmp_path):
    cast.user("ada")
    log = tmp_path / "guesses.log"
    assert start(settings, "tests.guessing", "ada@example.com", "4", "25", log=log).wait(100) == 0
    answers = log.read_text().rpartition("answers ")[2].split()
    assert len(answers) == 100
    assert answers.count("compared") == 5
    assert answers.count("refused") == 95


# In the browser


def test_the_page_says_when_to_try_again_and_keeps_the_address(browser, cast):
    ada = cast.user("ada")
    form = {"email": ada.email, "password": "guess number 1"}
    assert [browser.post("/sign-in", form).status_code for _ in range(5)] == [422] * 5
    answer = browser.post("/sign-in", form)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert "Wait a minute" in words(answer)
    assert 'value="ada@example.com"' in answer.text


def test_nobody_and_somebody_switched_off_are_answered_alike(browser, cast):
    Browser(browser.client.application).sign_in(cast.user("ada"))
    off = cast.user("di")
    Browser(browser.client.application).sign_in(off)
    off.is_active = False
    db.session.commit()
    tried = [("ada@example.com", "not this one, no"), ("nobody@example.com", PASSWORD), ("di@example.com", PASSWORD)]
    answers = [browser.post("/sign-in", {"email": email, "password": password}) for email, password in tried]
    assert {answer.status_code for answer in answers} == {422}
    assert len({words(answer) for answer in answers}) == 1


# Without the shared store of limits


@pytest.fixture
def without_redis(browser, make_app):
    """A browser at an application while nothing answers where Redis should be."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    browser.client = make_app(redis_url=f"redis://127.0.0.1:{port}/0").test_client()
    yield browser
    limiter._storage_dead = False  # it is one for all applications of this process


def test_pages_stay_up_and_signing_in_is_throttled_while_redis_is_down(without_redis, cast):
    ada, browser = cast.user("ada"), without_redis
    assert browser.get("/sign-in").status_code == 200
    assert browser.sign_in(ada).status_code == 302
    assert browser.get("/profile").status_code == 200
    browser.post("/sign-out")
    form = {"email": "ada@example.com", "password": "guess number 1"}
    assert [browser.post("/sign-in", form).status_code for _ in range(6)] == [422] * 5 + [429]


def test_other_limits_count_in_each_process_while_redis_is_down(without_redis, cast):
    browser = without_redis
    browser.sign_in(cast.user("ada"))
    answers = [browser.post("/profile/email", {"email": "x"}).status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]
