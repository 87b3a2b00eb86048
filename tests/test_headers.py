"""What every answer says to browsers, whatever the answer is."""

import pytest
from flask import abort

from routes import headers
from tests.browser import Browser

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PUBLIC = {"public_url": "https://airhorn.example", "secret_key": "s" * 40}
#: method, path, status: one of each kind
ANSWERS = (
    ("GET", "/sign-in", 200),
    ("GET", "/", 302),
    ("GET", "/nothing", 404),
    ("POST", "/sign-in", 400),
    ("POST", "/healthz", 405),
    ("GET", "/healthz", 200),
    ("GET", "/broken", 500),
    ("GET", "/away", 503),
    ("OPTIONS", "/sign-in", 200),
)


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def public(make_app):
    """A public server with pages that fail."""
    app = make_app(**PUBLIC)
    app.add_url_rule("/away", view_func=lambda: abort(503), endpoint="health.away")
    app.add_url_rule("/broken", view_func=lambda: 1 / 0, endpoint="health.broken")
    app.before_request_funcs[None] = [f for f in app.before_request_funcs[None] if f.__name__ != "require_sign_in"]
    return app


def ask(app, method, path, **options):
    return Browser(app).ask(method, path, base_url="https://airhorn.example", **options)


@pytest.mark.logs_errors
@pytest.mark.parametrize("method, path, status", [a for a in ANSWERS if a[1] != "/"])
def test_every_answer_carries_all_of_them(public, method, path, status):
    answer = ask(public, method, path)
    assert answer.status_code == status
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Cookie" in answer.headers["Vary"]


def test_a_redirect_carries_them_too(make_app):
    answer = ask(make_app(**PUBLIC), "GET", "/")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (302, "no-store")
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert "Strict-Transport-Security" in answer.headers


def test_a_name_that_is_not_ours_gets_them_too(app):
    answer = Browser(app).get("/", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["Content-Security-Policy"]) == (400, POLICY)


def test_without_https_nobody_is_sent_there(app):
    assert "Strict-Transport-Security" not in Browser(app).get("/sign-in").headers


def test_no_other_site_may_read_anything(app):
    for method, path, _status in ANSWERS[:6]:
        answer = Browser(app).ask(
            method, path, headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        )
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")]


def test_one_page_may_send_its_form_to_one_other_origin(app):
    app.add_url_rule("/x", view_func=lambda: headers.allow_form_to("https://x.com") or "ok", endpoint="health.x")
    app.view_functions["auth.sign_in"] = app.view_functions["health.x"]
    policy = Browser(app).get("/sign-in").headers["Content-Security-Policy"]
    assert policy == POLICY.replace("form-action 'self'", "form-action 'self' https://x.com")
    assert Browser(app).get("/healthz").headers["Content-Security-Policy"] == POLICY


def test_a_page_with_a_secret_in_its_address_does_not_tell_its_path(app):
    app.view_functions["auth.sign_in"] = lambda: headers.hide_address() or "ok"
    assert Browser(app).get("/sign-in").headers["Referrer-Policy"] == "strict-origin"
    assert Browser(app).get("/healthz").headers["Referrer-Policy"] == "same-origin"
