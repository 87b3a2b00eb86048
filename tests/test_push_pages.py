"""What people read of push: whether the hub tells, until when, since when not, and why."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from extensions import db
from models import User
from tests.browser import Browser, words
from tests.push_stage import *  # noqa: F403 - its fixtures


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def tab(app, push):
    """Reads the YouTube tab of the only podcast, as its admin."""

    def read(app=app):
        browser = Browser(app)
        browser.let_in(db.session.execute(select(User).filter_by(email="ada@example.com")).scalar_one())
        return words(browser.get("/podcasts/1/settings/youtube"))

    return read


@pytest.fixture
def system(app, push):
    def read(app=app):
        browser = Browser(app)
        user = db.session.execute(select(User).filter_by(email="eve@example.com")).scalar_one_or_none()
        browser.let_in(user or push.cast.user("eve", is_admin=True))
        return words(browser.get("/admin/tonight"))

    return read


def test_before_the_hub_was_asked_it_is_said_that_it_will_be(push, tab):
    push.show()
    assert "Told by YouTube at once Not yet The hub is asked within a minute." in tab()
    push.hub.silent = True
    push.ask()
    assert "Told by YouTube at once Asked The hub has the request" in tab()


def test_an_active_subscription_says_until_when_and_what_was_told_last(push, tab, system):
    channel = push.subscribed()
    seen = tab()
    assert "Told by YouTube at once On Granted until " in seen
    assert "Nothing was told yet." in seen
    push.send(channel)
    assert "Last told " in tab()
    assert "Subscriptions at the hub On 1 of 1 channel; last told " in system()


@pytest.mark.parametrize(
    "changes, said",
    [
        (
            {"state": "wanted", "error_cause": "hub_busy", "error": "It said 503: “<b>”."},
            "Not on YouTube's hub takes",
        ),
        ({"state": "wanted", "error_cause": "hub_lease_over"}, "Not on The subscription at YouTube's hub ran out."),
        ({"state": "denied", "error_cause": "hub_denied"}, "Denied YouTube's hub ended the subscription."),
        ({"error_cause": "hub_unreachable"}, "On YouTube's hub could not be reached."),
        ({"lease_until": datetime(2020, 1, 1, tzinfo=UTC)}, "Asked"),
    ],
    ids=str,
)
def test_trouble_is_said_with_its_reason_and_the_next_try(push, tab, system, changes, said):
    channel = push.subscribed()
    push.change(channel, next_ask_at=datetime.now(UTC) + timedelta(minutes=5), **changes)
    seen = tab()
    assert f"Told by YouTube at once {said}" in seen
    if "error_cause" in changes:
        assert "Next try" in seen
        assert said.partition(" YouTube's")[2] in system()
    if "error" in changes:
        assert "It said 503: “<b>”." in seen


def test_where_the_hub_cannot_come_back_that_is_said_with_what_to_do(push, tab, system, make_app):
    push.show()
    off = make_app(websub_hub_url="https://hub.example.com/")
    for read in (tab, system):
        assert "Off YouTube's hub cannot reach this server, so it tells nothing." in read(off)
        assert "The operator sets PUBLIC_URL" in read(off)


def test_without_a_channel_there_is_nothing_to_tell(push, tab, system):
    push.cast.show(hosts=("ada",), youtube_channel_id=None)
    assert "Told by YouTube" not in tab()
    assert "Subscriptions at the hub Nothing to tell No podcast watches a channel yet." in system()


def test_no_page_shows_a_callback_or_a_secret(push, tab, system):
    channel = push.subscribed()
    held = push.held(channel)
    for read in (tab, system):
        assert held.callback.rpartition("/")[2] not in read()
        assert held.secret not in read()
