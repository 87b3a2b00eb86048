"""Somebody with a browser: requests as they come from outside, each in a context of its own."""

import contextvars
import re
import secrets
from datetime import UTC, datetime
from html import unescape
from typing import Any

from flask import Flask, has_app_context
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from extensions import db, limiter
from models import User
from services import sessions
from services.passwords import hash_password

PASSWORD = "correct horse battery"
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
_SHOWN: dict[str, str] = {}


def give_password(user: User) -> None:
    """PASSWORD, unless the user has one. Hashed once in a process: it takes a tenth of a second."""
    if user.password_hash is None:
        if PASSWORD not in _SHOWN:
            _SHOWN[PASSWORD] = hash_password(PASSWORD)
        user.password_hash = _SHOWN[PASSWORD]
        db.session.commit()


class Browser:
    """`app` must be the one whose context the test has pushed. Limits begin anew with every browser, unless kept."""

    def __init__(self, app: Flask, *, keep_limits: bool = False) -> None:
        self.client = app.test_client()
        if not keep_limits:
            limiter.reset()

    def get(self, path: str, **options: Any) -> TestResponse:
        return self._ask("GET", path, **options)

    def post(self, path: str, data: dict[str, Any] | None = None, *, form: str = "", **options: Any) -> Any:
        """Sends a form with the token that forms of this session carry, after a look at the page `form`, if named."""
        token = self.token(form) if form else self._issued()
        return self._ask("POST", path, data={"csrf_token": token, **(data or {})}, **options)

    def token(self, form: str = "/sign-in") -> str:
        """What a form of ours on the page carries; empty when there is none."""
        found = _TOKEN.search(self.get(form, follow_redirects=True).text)
        return found[1] if found else ""

    def _issued(self) -> str:
        """What every page of this session carries: asking for one takes longer than most of what is sent."""
        with self.client.session_transaction() as session:
            kept = session.setdefault("csrf_token", secrets.token_hex(20))
        return str(URLSafeTimedSerializer(self.client.application.secret_key, salt="wtf-csrf-token").dumps(kept))

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        return self._ask(method, path, **options)

    def sign_in(self, user: User, password: str = PASSWORD, **form: str) -> TestResponse:
        """Gives the user a password if he has none, and uses the page."""
        give_password(user)
        return self.post("/sign-in", {"email": user.email, "password": password, **form})

    def let_in(self, user: User, *, agent: str = "a browser") -> None:
        """Signs the user in without the page, which takes a tenth of a second for the password."""
        token = sessions.begin(user.id, datetime.now(UTC), agent=agent, address="127.0.0.1")
        db.session.commit()
        with self.client.session_transaction() as session:
            session["token"], session.permanent = token, True

    def _ask(self, method: str, path: str, **options: Any) -> TestResponse:
        # The test's own transaction would keep the request waiting, and its context would become the request's.
        if has_app_context():
            db.session.rollback()
        return contextvars.Context().run(lambda: self.client.open(path, method=method, buffered=True, **options))


def words(answer: TestResponse) -> str:
    """What a person reads of a page: no tags, no runs of spaces."""
    body = re.sub(r"(?s)^.*<main", "<main", answer.text)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())
