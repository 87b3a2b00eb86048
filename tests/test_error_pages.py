"""Errors: the right status, our own words, the same headers as everywhere, and nothing of what went wrong inside."""

import pytest
from flask import abort

from routes.headers import POLICY
from services.errors import Conflict, Invalid, NotFound, Refused
from tests.browser import Browser, words

SECRET = "password=hunter2"


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


@pytest.mark.parametrize("status", [400, 403, 404, 405, 413, 429, 500, 503])
def test_every_status_has_a_page_in_our_own_words(browser, status):
    answer = browser.get(f"/fail/{status}")
    assert answer.status_code == status
    assert str(status) in words(answer)
    assert "Back to the first page" in words(answer)
    assert SECRET not in answer.text


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


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nothing", "/fail/503", "/healthz", "/static/css/airhorn.css"])
def test_every_answer_carries_the_headers_that_protect_it(browser, path):
    headers = browser.get(path).headers
    assert headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    if not path.startswith("/static"):
        assert headers["Cache-Control"] == "no-store"


def test_a_public_server_asks_for_https_for_a_year(make_app):
    settings = {"public_url": "https://airhorn.example", "secret_key": "s" * 40}
    answer = Browser(make_app(**settings)).get("/sign-in", base_url="https://airhorn.example")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
