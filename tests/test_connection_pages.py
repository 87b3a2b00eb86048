"""One's own login at X: what the page says of it, how it ends, and that its tokens are nowhere to be read."""

import ast
import logging
from datetime import UTC, datetime, timedelta

import pytest
import requests
from sqlalchemy import select, update
from sqlalchemy.engine import make_url

from config import ROOT
from extensions import db
from models import PodcastMember, RefreshState, SocialConnection, User
from sandbox.standin import Fault
from tests.browser import PASSWORD, Browser, words
from tests.cast import ago

CONNECT = "/connections/x/connect"


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def settings(settings, x):
    return settings.model_copy(update={"x_authorize_url": f"{x.url}/i/oauth2/authorize"})


@pytest.fixture
def ada(app, cast):
    """Ada's browser; she is connected."""
    user = cast.user("ada", timezone="Europe/Berlin")
    cast.connect(user)
    browser = Browser(app)
    browser.let_in(user)
    return browser


def read(browser):
    return words(browser.get("/connections"))


def change(**columns):
    db.session.execute(update(SocialConnection).values(**columns))
    db.session.commit()


def plan(cast, hours):
    show = cast.show(hosts=(), timezone="Australia/Sydney")
    user = db.session.execute(select(User)).scalar_one()
    db.session.add(PodcastMember(podcast_id=show.id, user_id=user.id, role="contributor"))
    cast.episode(show, "Queues", at=datetime.now(UTC) + timedelta(hours=hours))
    db.session.commit()


def test_who_is_not_connected_finds_the_one_button(app, cast):
    browser = Browser(app)
    browser.let_in(cast.user("ada"))
    page = browser.get("/connections")
    assert "Not connected No X account is connected." in words(page)
    assert "Disconnect" not in words(page)
    assert "Callback URL" not in page.text


def test_a_login_that_renews_itself_covers_what_comes(ada, cast):
    plan(cast, 48)
    page = read(ada)
    assert "@ada Good It is renewed by itself whenever it is used." in page
    assert "Berlin" in page
    assert "Sydney" in page
    assert "The login lasts until then." in page
    assert "Allowed to post for you; read your posts, to see that they are out; see whose account it is;" in page


@pytest.mark.parametrize("hours, lasts", [(1, "lasts"), (30, "does not last")])
def test_a_login_without_renewal_says_until_when_and_what_that_covers(ada, cast, hours, lasts):
    plan(cast, hours)
    change(refresh_token=None, expires_at=datetime.now(UTC) + timedelta(hours=24))
    page = read(ada)
    assert "Good until" in page
    assert f"The login {lasts} until then." in page


@pytest.mark.parametrize(
    "columns, says",
    [
        ({"refresh_state": RefreshState.REVOKED, "trouble": "x_token_refused"}, "X did not renew the connection."),
        ({"trouble": "x_scope"}, "Connect X again and allow posting."),
        ({"refresh_state": RefreshState.DOUBT, "trouble": "refresh_in_doubt"}, "Connect X again to be sure."),
        ({"refresh_token": None, "expires_at": ago(hours=1)}, "The login has ended and cannot be renewed."),
    ],
)
def test_what_is_wrong_is_said_with_the_button_that_mends_it(ada, columns, says):
    change(**columns)
    page = ada.get("/connections")
    assert says in words(page)
    assert '<button class="button primary">Connect X again</button>' in page.text


def test_the_callback_is_shown_to_those_who_run_the_server(app, cast):
    browser = Browser(app)
    browser.let_in(cast.user("ada", is_admin=True))
    assert 'value="http://127.0.0.1:5000/connections/x/callback"' in browser.get("/connections").text


def test_disconnecting_is_said_and_ends_the_login_at_x(ada, x):
    answer = ada.post("/connections/x/disconnect")
    assert (answer.status_code, answer.location) == (303, "/connections")
    assert "X is disconnected. Nothing is posted for you until you connect again." in read(ada)
    assert len(x.asked("POST", "/2/oauth2/revoke")) == 2


def test_disconnecting_works_while_x_is_down(ada, x):
    x.faults = [Fault(path="revoke", status=503)]
    ada.post("/connections/x/disconnect")
    assert "Not connected" in read(ada)


def test_looking_at_the_page_changes_nothing(ada):
    before = db.session.execute(select(SocialConnection.token_version)).scalar_one()
    read(ada)
    assert db.session.execute(select(SocialConnection.token_version)).scalar_one() == before


@pytest.mark.parametrize("path", [CONNECT, "/connections/x/disconnect"])
def test_only_a_form_of_ours_connects_or_disconnects(ada, path):
    assert ada.get(path).status_code == 405
    assert ada.ask("POST", path).status_code == 400


# Secrets


def go_to_x(browser):
    page = browser.post(CONNECT).text.replace("&amp;", "&")
    url = page.split('content="0; url=')[1].split('"')[0]
    return (
        requests.get(url, allow_redirects=False, timeout=60).headers["Location"].removeprefix("http://127.0.0.1:5000")
    )


def dumped(url):
    """Everything the database has on disk, or as a dump."""
    database = make_url(url)
    if database.get_backend_name() == "sqlite":
        db.session.remove()
        folder = ROOT / str(database.database)
        return b"".join(path.read_bytes() for path in folder.parent.glob(f"{folder.name}*"))
    rows = []
    for table in db.metadata.sorted_tables:
        rows += [repr(tuple(row)).encode() for row in db.session.execute(select(table))]
    db.session.rollback()
    return b"\n".join(rows)


def secrets_of(x):
    """Every token, code, verifier and state that X has seen or given."""
    forms = [entry.form() for entry in x.asked("POST") if entry.path.startswith("/2/oauth2/")]
    names = ("code", "code_verifier", "refresh_token", "token")
    asked = [entry.query.get("state", "") for entry in x.asked("GET", "/i/oauth2/authorize")]
    found = {*x.access, *x.refresh, *asked, *(form[name] for form in forms for name in names if name in form)}
    return {secret for secret in found if secret}


@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
def test_no_token_can_be_read_in_the_database_at_any_time(app, cast, x, settings):
    browser = Browser(app)
    x.add_account("ada")
    browser.let_in(cast.user("ada"))
    back = go_to_x(browser)
    found = [dumped(settings.database_url)]
    browser.get(back)
    found.append(dumped(settings.database_url))
    connection_id = db.session.execute(select(SocialConnection.id)).scalar_one()
    db.session.commit()
    later = datetime.now(UTC) + timedelta(hours=3)
    cast.services.tokens.refresh_now([connection_id], lambda: later)
    found.append(dumped(settings.database_url))
    x.faults = [Fault(path="revoke", status=503)]
    browser.post("/connections/x/disconnect")
    found.append(dumped(settings.database_url))
    secrets = secrets_of(x)
    assert len(secrets) >= 7
    assert all(b"ada" in dump for dump in found)
    assert [secret for secret in secrets for dump in found if secret.encode() in dump] == []


@pytest.mark.slow
@pytest.mark.logs_errors
def test_no_secret_is_in_logs_or_pages_not_even_at_debug(app, cast, x, caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "tweepy", "requests_oauthlib", "oauthlib", "werkzeug", "sqlalchemy.engine"):
        caplog.set_level(logging.DEBUG, logger=name)
    pages = []
    browser = Browser(app)
    user = cast.user("ada", is_admin=True)
    x.add_account("ada")
    pages.append(browser.sign_in(user).text)
    pages.append(browser.sign_in(user, "a wrong canary password").text)
    x.faults = [Fault(path="oauth2/token", status=503)]
    pages.append(browser.get(go_to_x(browser)).text)
    pages.append(browser.get(go_to_x(browser)).text)
    show = cast.show(hosts=("ada",), connected=False)
    connection = db.session.execute(select(SocialConnection)).scalar_one()
    connection.expires_at = ago(hours=1)
    db.session.commit()
    cast.go_live(show)
    x.faults = [Fault(path="oauth2/token", status=500, body="<html>"), Fault(path="/2/tweets", status=500)]
    cast.check()
    cast.check(datetime.now(UTC) + timedelta(seconds=40))
    browser.post("/connections/x/disconnect")
    pages += [browser.get(path).text for path in ("/", "/connections", "/admin/system", "/admin/audit")]
    said = "\n".join([*pages, *(caplog.handler.format(record) for record in caplog.records)])
    secrets = secrets_of(x) | {PASSWORD, "a wrong canary password", str(x.client_secret)}
    assert len(secrets) >= 8
    assert all(words in said for words in ("X refused a sign-in", "a token refresh failed"))
    assert [secret for secret in secrets if secret in said] == []


# Comparing

SECRET_NAMES = ("token", "secret", "signature", "code_hash", "digest", "verifier", "password", "state_hash")


def compared(path):
    """Comparisons with == or != of names that sound like a secret, outside of SQL expressions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
            sides = [node.left, *node.comparators]
            if any(map(is_secret, sides)) and not any(map(is_column, sides)):
                yield path.name, ast.unparse(node)


def is_secret(side):
    name = side.id if isinstance(side, ast.Name) else side.attr if isinstance(side, ast.Attribute) else ""
    return any(secret in name.lower() for secret in SECRET_NAMES) and not name.endswith("_version")


def is_column(side):
    return isinstance(side, ast.Attribute) and isinstance(side.value, ast.Name) and side.value.id[:1].isupper()


@pytest.mark.slow
def test_secrets_are_compared_in_constant_time():
    ours = [path for folder in ("routes", "services", "models") for path in (ROOT / folder).rglob("*.py")]
    assert [found for path in ours for found in compared(path)] == []


def test_the_look_for_comparisons_finds_one(tmp_path):
    (tmp_path / "bad.py").write_text("if given.signature == signature: pass")
    assert list(compared(tmp_path / "bad.py")) != []
