"""Signing in and forgetting tell nobody who has an account: the answer is the same, and so is the work behind it."""

import sys
import threading
from collections import Counter
from contextlib import contextmanager

import pytest
from argon2 import PasswordHasher, low_level
from sqlalchemy import event

from extensions import db
from models import User
from services.users import deactivate_user
from tests import once
from tests.browser import Browser, words
from tests.test_password_links import mailed, postman  # noqa: F401 - a server that mails

#: comparing a password with its hash, and making a hash: what takes long
COSTLY = {low_level.verify_secret.__code__: "verified", low_level.hash_secret.__code__: "hashed"}


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture(autouse=True)
def real_work(monkeypatch):
    """Elsewhere each password is hashed and compared once in a test process; here it is the work that counts."""
    monkeypatch.setattr(PasswordHasher, "hash", once.hash_anew)
    monkeypatch.setattr(PasswordHasher, "verify", once.verify_anew)


@pytest.fixture
def ada(cast):
    return cast.user("ada")


@pytest.fixture
def askers(cast, ada):
    """Addresses of every kind: with an account, switched off, without a password yet, of nobody, of nothing."""
    cast.user("bo")
    deactivate_user("bo@example.com")
    db.session.add(User(email="cy@example.com", name="Cy"))
    db.session.commit()
    return ("ada@example.com", "bo@example.com", "cy@example.com", "nobody@example.com", "no address")


@contextmanager
def work():
    """Counts what this thread does: passwords compared, hashes made, statements sent."""
    done: Counter[str] = Counter()
    here = threading.get_ident()

    def called(frame, what, _argument):
        if what == "call" and frame.f_code in COSTLY:
            done[COSTLY[frame.f_code]] += 1

    def sent(*_):
        done["statements"] += threading.get_ident() == here

    event.listen(db.engine, "before_cursor_execute", sent)
    sys.setprofile(called)
    yield done
    sys.setprofile(None)
    event.remove(db.engine, "before_cursor_execute", sent)


@pytest.mark.slow
def test_signing_in_compares_one_password_whoever_it_is(app, askers):
    seen = []
    for email in askers:
        browser = Browser(app)
        page = browser.get("/sign-in")
        assert page.status_code == 200
        with work() as done:
            answer = browser.post("/sign-in", {"email": email, "password": "not the right one at all"})
        seen.append((answer.status_code, done["verified"], done["hashed"], words(answer)))
    assert {one[:3] for one in seen} == {(422, 1, 0)}
    assert len({one[3] for one in seen}) == 1


def test_forgetting_does_the_same_for_everybody_before_it_answers(mailed, postman, askers):  # noqa: F811
    seen = set()
    mailed.get("/password/forgot")
    for email in askers[:4]:
        with work() as done:
            answer = mailed.post("/password/forgot", {"email": email})
        seen.add((answer.status_code, answer.location, done["verified"], done["hashed"], done["statements"]))
    assert len(seen) == 1, seen
