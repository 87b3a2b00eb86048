"""Errors: the right status, our own words, the same headers as everywhere, and nothing of what went wrong inside."""

import re
from html.parser import HTMLParser

import pytest
from flask import abort, request
from sqlalchemy import text
from werkzeug.datastructures import MultiDict

from app import create_app
from config import SettingsError
from extensions import db
from routes.headers import POLICY
from services.errors import Conflict, Invalid, NotFound, Refused
from tests.browser import Browser, words

SECRET = "password=hunter2"
INSIDE = re.compile(r"traceback|sqlalchemy|werkzeug|python|gunicorn|\bselect\b|site-packages", re.IGNORECASE)


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def browser(app, cast):
    """Signed in, with an address for every way to fail."""

    @app.get("/fail/<what>")
    def fail(what):
        if what.isdigit():
            abort(int(what), description=SECRET)
        raise {
            "invalid": Invalid("The title is empty."),
            "missing": NotFound("There is no such podcast."),
            "late": Conflict("Somebody was faster."),
            "refused": Refused("YouTube could not be asked.", cause="youtube_unreachable"),
            "surprise": RuntimeError(SECRET),
        }[what]

    browser = Browser(app)
    browser.let_in(cast.user("ada"))
    return browser


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 411, 413, 415, 422, 429, 500, 503])
def test_every_status_has_a_page_in_our_own_words(browser, status):
    answer = browser.get(f"/fail/{status}")
    assert answer.status_code == status
    assert str(status) in words(answer)
    assert "Back to Home" in words(answer)
    assert not re.search(
        r"Traceback|sqlalchemy|werkzeug|python|gunicorn|SELECT|/site-packages", answer.text, re.IGNORECASE
    )
    assert SECRET not in answer.text
    data = browser.get(f"/fail/{status}", headers={"Accept": "application/json"})
    assert (data.status_code, data.json["status"]) == (status, status)
    assert SECRET not in data.text


@pytest.mark.parametrize(
    "what, status, sentence",
    [
        ("invalid", 400, "The title is empty."),
        ("missing", 404, "There is no such podcast."),
        ("late", 409, "Somebody was faster."),
        ("refused", 502, "YouTube could not be asked."),
    ],
)
def test_an_error_of_the_domain_says_its_own_sentence(browser, what, status, sentence):
    page, data = browser.get(f"/fail/{what}"), browser.get(f"/fail/{what}", headers={"Accept": "application/json"})
    assert (page.status_code, data.status_code) == (status, status)
    assert sentence in words(page)
    assert data.json == {"error": sentence, "status": status}


@pytest.mark.logs_errors
def test_a_surprise_is_logged_under_the_number_that_its_page_shows(browser, caplog):
    answer = browser.get("/fail/surprise", headers={"Accept": "application/json"})
    (record,) = [record for record in caplog.records if record.name == "routes.errors"]
    assert answer.status_code == 500
    assert answer.json["id"] == record.error_id
    assert record.exc_info[1].args == (SECRET,)
    assert SECRET not in answer.text


def test_what_an_address_does_take_is_said(browser):
    answer = browser.post("/healthz", form="/")
    assert (answer.status_code, set(answer.headers["Allow"].split(", "))) == (405, {"GET", "HEAD", "OPTIONS"})


def test_a_name_that_is_not_ours_gets_no_page(browser):
    answer = browser.get("/", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.content_type) == (400, "text/plain; charset=utf-8")


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nothing", "/fail/503", "/healthz", "/static/css/x.css"])
def test_every_answer_carries_the_headers_that_protect_it(browser, path):
    headers = browser.get(path).headers
    assert headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


def test_a_public_server_asks_for_https_for_a_year(make_app):
    settings = {"public_url": "https://airhorn.example", "secret_key": "s" * 40}
    answer = Browser(make_app(**settings)).get("/sign-in", base_url="https://airhorn.example")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


@pytest.mark.logs_errors
def test_a_statement_that_fails_is_logged_without_what_it_carried(browser, caplog):
    @browser.client.application.get("/fail/statement")
    def statement():
        db.session.execute(text("SELECT nothing FROM nowhere WHERE a = :a"), {"a": SECRET})

    answer = browser.get("/fail/statement")
    assert answer.status_code == 503
    assert "nowhere" not in answer.text
    assert "nowhere" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("value", ["1", "true"])
def test_the_debugger_cannot_be_switched_on(settings, value, monkeypatch):
    monkeypatch.setenv("FLASK_DEBUG", value)
    with pytest.raises(SettingsError, match="FLASK_DEBUG must be off"):
        create_app(settings)


def test_the_debugger_answers_nobody(app, browser):
    assert not app.debug
    assert not app.testing
    assert browser.get("/console").status_code == 404
    assert "main" in browser.get("/?__debugger__=yes&cmd=resource&f=style.css", follow_redirects=True).text


# What was typed is not lost.

TYPED = 'It\'s "on" <b>&amp; tea</b>\n\nline </textarea><script>x</script> \N{PARTY POPPER} 日本'
OURS = {"Origin": "http://localhost"}


class Fields(HTMLParser):
    """What a browser would send of the only form of a page."""

    def __init__(self, page):
        super().__init__()
        self.sent, self.action, self._area = [], None, None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        about = dict(attributes)
        if tag == "form":
            assert self.action is None
            self.action = about["action"]
        elif tag == "input":
            self.sent.append((about["name"], about["value"]))
        elif tag == "textarea":
            self._area = about["name"]
            self.sent.append((about["name"], ""))

    def handle_data(self, data):
        if self._area:
            self.sent[-1] = (self._area, self.sent[-1][1] + data)

    def handle_endtag(self, tag):
        if tag == "textarea":
            name, value = self.sent[-1]
            self.sent[-1], self._area = (name, value.removeprefix("\n")), None


@pytest.fixture
def editor(browser):
    """A page of ours that keeps what is sent to it."""
    kept = []

    @browser.client.application.post("/fail/<int:n>/text")
    def keep(n):
        kept.append((n, list(request.form.items(multi=True))))
        return "kept"

    browser.kept = kept
    return browser


def test_a_form_that_was_open_too_long_comes_back_with_what_was_typed(editor):
    form = {"csrf_token": "stale", "text": TYPED, "who": ["ada", "bo"], "on": "y", "password": SECRET, "code": "123456"}
    answer = editor.ask("POST", "/fail/7/text?from=list", data=form, headers=OURS)
    assert answer.status_code == 400
    assert "Please save again" in words(answer)
    assert SECRET not in answer.text
    assert "<script>x" not in answer.text
    again = Fields(answer.text)
    assert again.action == "/fail/7/text?from=list"
    done = editor.ask("POST", again.action, data=MultiDict(again.sent), headers=OURS)
    assert (done.status_code, len(editor.kept)) == (200, 1)
    assert [pair for pair in editor.kept[0][1] if pair[0] != "csrf_token"] == [
        *(("text", TYPED), ("who", "ada"), ("who", "bo"), ("on", "y"))
    ]


def test_a_session_that_has_ended_does_not_eat_the_text(editor):
    with editor.client.session_transaction() as session:
        session["csrf_token"] = "a" * 40
    token = re.search(r'name="csrf_token" value="([^"]+)"', editor.get("/").text)[1]
    with editor.client.session_transaction() as session:
        session.pop("token", None)
        session.pop("_user_id", None)
    answer = editor.ask("POST", "/fail/7/text", data={"csrf_token": token, "text": TYPED}, headers=OURS)
    assert answer.status_code == 401
    assert "Sign in in another tab" in words(answer)
    assert dict(Fields(answer.text).sent)["text"] == TYPED
    assert editor.kept == []


@pytest.mark.parametrize(
    "headers, form",
    [
        ({"Origin": "https://evil.example"}, {"text": "planted"}),
        ({"Origin": "null"}, {"text": "planted"}),
        ({"Sec-Fetch-Site": "cross-site"}, {"text": "planted"}),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:5001"}, {"text": "planted"}),
        ({}, {"text": "planted"}),
        (OURS, {f"planted{n}": "planted" for n in range(60)}),
        (OURS, {"planted": "x" * 70_000}),
        (OURS, {"password": "planted", "csrf": "planted", "on": "y"}),
        (OURS | {"Accept": "application/json"}, {"text": "planted"}),
    ],
)
def test_only_our_own_forms_of_usual_size_are_shown_again(editor, headers, form):
    answer = editor.ask("POST", "/fail/7/text", data=form, headers=headers)
    assert answer.status_code == 400
    assert "planted" not in answer.text
    assert "save again" not in answer.text


@pytest.mark.parametrize(
    "headers, is_refused",
    [
        ({}, False),
        ({"Origin": "http://localhost"}, False),
        ({"Origin": "HTTP://LOCALHOST"}, False),
        ({"Origin": "http://127.0.0.1:5000"}, False),  # the public address, when a proxy asks under another name
        ({"Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, False),
        ({"Origin": "null"}, True),
        ({"Origin": "https://localhost"}, True),
        ({"Origin": "http://localhost:5001"}, True),
        ({"Origin": "http://localhost.evil.example"}, True),
        ({"Origin": ""}, True),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site"}, True),
    ],
)
def test_what_another_site_sends_is_refused_though_its_token_is_right(editor, headers, is_refused):
    answer = editor.post("/fail/1/text", {"text": "x"}, form="/", headers=headers)
    assert (answer.status_code, len(editor.kept)) == ((400, 0) if is_refused else (200, 1))
    if is_refused:
        assert "another site" in words(answer)


@pytest.mark.parametrize("kind", ["text/plain", "text/plain; charset=utf-8", "application/xml", "image/svg+xml"])
def test_bodies_that_other_sites_can_send_unasked_are_refused(editor, kind):
    token = re.search(r'name="csrf_token" value="([^"]+)"', editor.get("/").text)[1]
    answer = editor.ask("POST", "/fail/1/text", data='{"text": "x"}', content_type=kind, headers={"X-CSRFToken": token})
    assert (answer.status_code, editor.kept) == (415, [])
