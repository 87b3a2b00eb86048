"""Secrets in logs: whoever reads the log, even at DEBUG, gets in nowhere; nor does it show in later pages."""

import logging
import re

import pytest
from sqlalchemy import select

from extensions import db
from models import AuditEvent
from tests.browser import PASSWORD, Browser
from tests.deeds import HERE, House
from tests.processes import eventually
from tests.test_password_links import LINK, ada, mailed, postman

LOUD = ("sqlalchemy.engine", "werkzeug", "flask-limiter", "urllib3", "flask_wtf.csrf")
#: the mail server of the test talks about its letters
NOT_OURS = ("mail", "asyncio")
FRESH = "an altogether different one"
__all__ = ["ada", "mailed", "postman"]


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def said(caplog):
    """Everything that was logged so far and is in the audit log, as one text."""
    for name in (None, *LOUD):
        caplog.set_level(logging.DEBUG, logger=name)

    def text():
        lines = [caplog.handler.format(r) for r in caplog.records if not r.name.startswith(NOT_OURS)]
        audit = [f"{line.kind} {line.detail}" for line in db.session.execute(select(AuditEvent)).scalars()]
        db.session.rollback()
        assert any("sqlalchemy.engine" in line for line in lines)  # it is loud
        return "\n".join([*lines, *audit])

    return text


def shown_in(text, secrets):
    assert all(len(secret) >= 8 for secret in secrets)
    return [secret for secret in secrets if secret in text]


def test_links_that_let_in_and_passwords_are_in_no_log(app, cast, said):
    house = House(app, cast)
    house.invitation()
    handed_over = re.search(rf'value="{HERE}(/password/[\w-]{{43}})"', house.post("/admin/people/{bo}/link").text)[1]
    guest = Browser(app)
    assert guest.post(handed_over, {"password": "short"}, form=handed_over).status_code == 422
    assert guest.post(handed_over, {"password": FRESH}, form=handed_over).status_code == 302
    assert guest.get(handed_over).status_code == 404
    house.accept()
    guest.get(f"/sign-in?next={house.invited}")
    house.nobody_left()
    house.first_account()
    tokens = {path.rpartition("/")[2] for path in (handed_over, house.invited, house.setup)}
    assert len(tokens) == 3
    assert shown_in(said(), {*tokens, FRESH, PASSWORD}) == []


def test_a_link_that_is_mailed_is_in_no_log(mailed, postman, said):
    mailed.post("/password/forgot", {"email": "ada@example.com"}, form="/password/forgot")
    [letter] = eventually(lambda: postman.letters)
    path = LINK.search(letter.get_content())[1]
    assert mailed.post(path, {"password": FRESH}, form=path).status_code == 302
    assert shown_in(said(), {path.rpartition("/")[2], FRESH}) == []


def test_a_letter_that_does_not_get_through_is_in_no_log(mailed, postman, said):
    postman.refuse = "451 later"
    mailed.post("/password/forgot", {"email": "ada@example.com"}, form="/password/forgot")
    mailed.client.application.extensions["airhorn"].mail.close()
    assert re.findall(r"/password/[\w-]{43}", said()) == []


def test_the_second_step_is_in_no_log(app, cast, said):
    house = House(app, cast)
    house.half_way()
    assert house.give_code("a-wrong-code").status_code == 422
    house.give_code(house.codes[0])
    house.post("/profile/second-step/off")
    secrets = {house.key, "a-wrong-code", *house.codes, *(code.replace("-", "") for code in house.codes)}
    assert len(secrets) == 18
    assert shown_in(said(), secrets) == []
