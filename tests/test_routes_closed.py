"""Every route, tried as nobody and as a stranger: closed unless it is in the list of open ones."""

import pytest
from sqlalchemy import select

from extensions import Base, csrf, db
from routes import OPEN
from tests.browser import Browser


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def browser(app):
    return Browser(app)


@pytest.fixture
def episode(cast):
    return cast.episode(cast.show(hosts=("ada",)))


def rules(app):
    """(endpoint, method, path) of everything the application answers to, with ids that exist."""
    with app.test_request_context():
        adapter = app.url_map.bind("localhost")
        for rule in app.url_map.iter_rules():
            values = {name: "x.css" if name == "filename" else 1 for name in rule.arguments}
            for method in sorted(rule.methods - {"OPTIONS"}):
                yield rule.endpoint, method, adapter.build(rule.endpoint, values, method=method)


def test_nobody_gets_in_anywhere_but_through_the_open_doors(app, browser, episode):
    tried = 0
    for endpoint, method, path in rules(app):
        if endpoint in OPEN:
            continue
        answer = browser.ask(method, path)
        if method in ("GET", "HEAD"):
            assert answer.status_code == 302, (method, path)
            assert answer.location.startswith("/sign-in?"), (method, path)
        else:
            assert answer.status_code in (400, 401), (method, path)
        tried += 1
    assert tried >= 5


def test_every_open_door_is_a_route_that_exists(app):
    assert {endpoint for endpoint, _, _ in rules(app)} >= OPEN


def test_a_stranger_finds_no_podcast_that_is_not_his(app, browser, cast, episode):
    browser.let_in(cast.user("cy"))
    tried = 0
    for _, method, path in rules(app):
        if path.startswith("/podcasts/"):
            assert browser.ask(method, path).status_code == (404 if method in ("GET", "HEAD") else 400), (method, path)
            tried += 1
    assert tried >= 4


def test_what_changes_something_needs_the_token_of_a_form_of_ours(app, browser, cast):
    browser.let_in(cast.user("ada"))
    for _endpoint, method, path in rules(app):
        if method not in ("GET", "HEAD"):
            assert browser.ask(method, path, data={"csrf_token": "forged"}).status_code == 400, (method, path)
    assert not csrf._exempt_views
    assert not csrf._exempt_blueprints


def test_reading_changes_nothing(app, browser, cast, episode):
    browser.let_in(cast.user("di", is_admin=True))
    before = everything()
    for _endpoint, method, path in rules(app):
        if method in ("GET", "HEAD"):
            assert browser.ask(method, path).status_code in (200, 302, 404, 503), path
    assert everything() == before


def everything():
    """All rows of all tables."""
    rows = {table.name: db.session.execute(select(table)).all() for table in Base.metadata.sorted_tables}
    db.session.rollback()
    return rows
