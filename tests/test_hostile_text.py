"""Text of people, of YouTube and of X is shown, never run: every page, with hostile text in every column."""

from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from markupsafe import escape
from sqlalchemy import select

from extensions import db
from models import Broadcast, Post, User
from tests.browser import Browser
from tests.hostile import PAYLOADS, poison
from tests.test_hardening import built, routes

STRANGE = ("base", "embed", "frame", "iframe", "isindex", "keygen", "marquee", "math", "object", "style", "template")
ADDRESSES = ("action", "data", "formaction", "href", "poster", "src")


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def show(cast):
    """A show that is on air with a post of every kind, one that is planned, and a stream that belongs nowhere."""
    podcast = cast.show(hosts=("ada", "bo"))
    podcast_id, channel = podcast.id, podcast.youtube_channel_id
    episode = cast.episode(podcast)
    episode_id = episode.id
    cast.go_live(podcast)
    cast.check()
    now = datetime.now(UTC)
    config = cast.config(db.session.merge(episode), "bo")
    posts = (("review", "not_found"), ("failed", "x_forbidden"), ("queued", "x_server_error"))
    for status, cause in posts:
        db.session.add(
            Post(
                key=f"{status}:1",
                config_id=config.id,
                podcast_id=podcast_id,
                episode_id=episode_id,
                user_id=config.user_id,
                text="We are live",
                status=status,
                cause=cause,
                not_before=now,
                not_after=now,
                unknown_since=now,
            )
        )
    db.session.add(Broadcast(video_id="0" * 11, channel_id=channel, verdict="unmatched", podcast_id=podcast_id))
    db.session.commit()
    return {"podcast_id": podcast_id, "episode_id": episode_id}


@pytest.fixture
def browser(app, cast, show):
    user = db.session.execute(select(User).filter_by(email="ada@example.com")).scalar_one()
    user.is_admin = True
    db.session.commit()
    browser = Browser(app)
    browser.let_in(user)
    return browser


class Dangers(HTMLParser):
    """What of a page a browser would run or load from elsewhere."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        if tag in STRANGE or (tag == "script" and not dict(attributes).get("src", "").startswith("/static/")):
            self.found.append(tag)
        for name, value in attributes:
            address = (value or "").strip().lower()
            is_ours = not address.startswith(("javascript:", "data:", "vbscript:", "//"))
            if name.startswith("on") or name in ("srcdoc", "style") or (name in ADDRESSES and not is_ours):
                self.found.append(f"{tag} {name}={value}")


def test_there_are_enough_of_them():
    assert len(set(PAYLOADS)) >= 60


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(6))
def test_no_page_runs_what_people_wrote(app, browser, show, turn):
    assert poison(turn) >= 12
    seen = set()
    for rule in routes(app):
        if "GET" not in rule.methods or rule.endpoint == "static":
            continue
        path = built(app, rule, show)
        answer = browser.get(path)
        assert answer.status_code < 500 or path == "/readyz", path
        if answer.mimetype == "text/html":
            assert Dangers(answer.text).found == [], path
            seen |= {path for payload in PAYLOADS if str(escape(payload)) in answer.text}
    assert len(seen) >= 3  # it did get there


@pytest.mark.slow
def test_errors_say_nothing_of_what_was_asked(browser):
    for payload in PAYLOADS[::3]:
        for path in (f"/nothing/{payload}", f"/sign-in?next={payload}", f"/?q={payload}"):
            answer = browser.get(path)
            assert answer.mimetype != "text/html" or Dangers(answer.text).found == [], path


def test_the_search_for_dangers_finds_them():
    for page in ("<script>x</script>", "<a href=javascript:x>", "<img onerror=x>", "<base href=x>", "<p style=x>"):
        assert Dangers(page).found
