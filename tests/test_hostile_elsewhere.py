"""Hostile text beside the pages' own words: in flash messages, in what our script reads, in calendars and letters."""

import json
from html.parser import HTMLParser

import icalendar
import pytest
from markupsafe import escape
from sqlalchemy import select, update

from extensions import db, limiter
from models import EpisodeGuide, Podcast, User
from services import calendar
from services.registry import get_services
from tests.browser import Browser
from tests.cast import ago
from tests.hostile import PAYLOADS
from tests.test_hostile_text import Dangers
from tests.test_password_links import ada, mailed, postman

__all__ = ["ada", "mailed", "postman"]


@pytest.fixture
def engine_name():
    return "sqlite"


class Editor(HTMLParser):
    """The attributes of the editor's form: what our script reads."""

    def __init__(self, page):
        super().__init__()
        self.read = {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "form" and dict(attributes).get("id") == "editor":
            self.read = dict(attributes)


@pytest.fixture
def show(app, cast):
    """(browser of its admin, podcast id, address of the editor, address of the calendar)"""
    podcast = cast.show(hosts=("ada",), connected=False)
    podcast_id = podcast.id
    episode_id = cast.episode(podcast, at=ago(hours=-5)).id
    feed = f"/calendar/{podcast_id}/{calendar.token_of(db.session.get_one(Podcast, podcast_id), 't' * 40)}.ics"
    browser = Browser(app)
    browser.let_in(db.session.execute(select(User)).scalar_one())
    return browser, podcast_id, f"/podcasts/{podcast_id}/episodes/{episode_id}/tweets", feed


def write(payload):
    db.session.execute(update(Podcast).values(name=payload))
    db.session.execute(update(EpisodeGuide).values(title=payload, notes=payload))
    db.session.execute(update(User).values(default_text=payload))
    db.session.commit()


@pytest.mark.slow
def test_what_the_script_of_the_editor_reads_is_data_to_the_letter(show):
    browser, _, path, _ = show
    for payload in PAYLOADS:
        write(payload)
        page = browser.get(path).text
        read = Editor(page).read
        assert read["data-template"] == payload
        title = json.loads(read["data-values"])["title"]
        assert title.split() == payload.replace("@", "").split()  # on one line, and it mentions nobody
        assert Dangers(page).found == [], payload


def test_a_calendar_has_its_one_event_and_no_line_of_anybody_else(show):
    browser, _, _, feed = show
    names = None
    for payload in PAYLOADS:
        write(f"{payload}\r\nEND:VEVENT\nATTENDEE:mailto:x@example.com")
        limiter.reset()
        answer = browser.get(feed)
        assert answer.mimetype == "text/calendar"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        (event,) = icalendar.Calendar.from_ical(answer.data).walk("VEVENT")
        assert names in (None, set(event)), payload
        names = set(event)
        assert "ATTENDEE" not in names


@pytest.mark.slow
def test_what_is_said_after_a_click_is_text(show):
    browser, podcast_id, _, _ = show
    said = 0
    for payload in PAYLOADS:
        write(payload)
        limiter.reset()
        browser.post(f"/podcasts/{podcast_id}/archive")
        page = browser.get("/profile").text
        assert Dangers(page).found == [], payload
        said += str(escape(f"{payload} is archived.")) in page
        browser.post(f"/podcasts/{podcast_id}/restore")
    assert said == len(PAYLOADS)


@pytest.mark.slow
def test_a_letter_is_plain_text_whatever_stands_in_it(mailed, postman):
    for payload in PAYLOADS:
        assert get_services().mail.send("ada@example.com", f"{payload}\r\nBcc: x@example.com", f"{payload}\n")
    assert len(postman.letters) == len(PAYLOADS)
    for payload, letter in zip(PAYLOADS, postman.letters, strict=True):
        assert (letter.get_content_type(), letter["Bcc"], letter.is_multipart()) == ("text/plain", None, False)
        assert letter.get_content().strip() == payload.strip()
