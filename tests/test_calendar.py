"""The calendar file: who gets it, what is in it, and that titles cannot smuggle anything into it."""

from datetime import UTC, datetime, timedelta

import icalendar
import pytest
from sqlalchemy import select

from extensions import db
from models import EpisodeGuide, Podcast, User
from services import calendar
from tests.browser import Browser, words
from tests.cast import ago


@pytest.fixture
def engine_name():
    return "sqlite"


def user(name):
    return db.session.execute(select(User).filter_by(email=f"{name}@example.com")).scalar_one()


def path_of(show, key="t" * 40):
    return f"/calendar/{show.id}/{calendar.token_of(show, key)}.ics"


def events(answer):
    assert answer.status_code == 200
    return icalendar.Calendar.from_ical(answer.data).walk("VEVENT")


def test_the_settings_show_a_link_that_needs_no_sign_in(cast, app, browser):
    show = cast.show(hosts=("ada",), connected=False)
    browser.let_in(user("ada"))
    page = browser.get(f"/podcasts/{show.id}/settings")
    path = path_of(show)
    assert path in page.text
    stranger = Browser(app)
    answer = stranger.get(path)
    assert answer.status_code == 200
    assert answer.content_type == "text/calendar; charset=utf-8"
    assert answer.headers["Cache-Control"].startswith("private")
    assert "Set-Cookie" not in answer.headers


def test_planned_episodes_are_events_in_utc_of_an_hour(cast, browser):
    show = cast.show(hosts=("ada",), connected=False, timezone="Australia/Sydney")
    at = datetime(2030, 1, 31, 9, 0, tzinfo=UTC)
    episode = cast.episode(show, "Queues", at=at, number=112, guests=["Grace", "Zoë"])
    cast.episode(show, "Some day")
    cast.episode(show, "Long ago", at=ago(days=200))
    (event,) = events(browser.get(path_of(show)))
    assert str(event["summary"]) == "Deep Dive: Ep 112 · Queues"
    assert event["dtstart"].to_ical() == b"20300131T090000Z"
    assert event["duration"].dt == timedelta(hours=1)
    assert str(event["url"]) == f"http://127.0.0.1:5000/podcasts/{show.id}/episodes/{episode.id}/tweets"
    assert str(event["description"]) == "With Grace, Zoë"


def test_an_event_keeps_its_id_and_counts_its_changes(cast, browser):
    show = cast.show(hosts=("ada",), connected=False)
    episode = cast.episode(show, at=ago(days=-1))
    before = browser.get(path_of(show))
    assert browser.get(path_of(show)).data == before.data
    episode.title, episode.version = "Stacks", 1
    db.session.commit()
    (was,), (now,) = events(before), events(browser.get(path_of(show)))
    assert was["uid"] == now["uid"]
    assert (int(was["sequence"]), int(now["sequence"])) == (0, 1)


@pytest.mark.parametrize(
    "title",
    [
        "One\r\nBEGIN:VALARM\r\nTRIGGER:-PT1H\r\nEND:VALARM",
        "One\nEND:VEVENT\nBEGIN:VEVENT\nSUMMARY:Two",
        'a;b,c\\n\\,:"^n',
        "\x0b\x0c\x1c\u2028\u2029\x85ATTACH:file:///etc/passwd",
        "=1+1",
        "漢" * 190,
    ],
)
def test_a_title_stays_a_title(cast, browser, title):
    show = cast.show(hosts=("ada",), connected=False)
    db.session.add(EpisodeGuide(podcast_id=show.id, title=title, scheduled_at=ago(days=-1), guests=[title]))
    db.session.commit()
    answer = browser.get(path_of(show))
    (event,) = events(answer)
    assert str(event["summary"]) == f"Deep Dive: {calendar._line(title)}"
    assert [component.name for component in icalendar.Calendar.from_ical(answer.data).walk()] == ["VCALENDAR", "VEVENT"]
    assert all(len(line) <= 75 for line in answer.data.split(b"\r\n"))


def test_a_link_that_is_wrong_leads_nowhere(cast, browser):
    show, other = cast.show(hosts=("ada",), connected=False), cast.show("Other", hosts=("bo",), connected=False)
    right = calendar.token_of(show, "t" * 40)
    wrong = ["x", right[:-1], right + "A", right.swapcase(), calendar.token_of(other, "t" * 40), "é" * 43, "%00"]
    for token in wrong:
        assert browser.get(f"/calendar/{show.id}/{token}.ics").status_code == 404
    for podcast_id in (0, 2**31, 2**70):
        assert browser.get(f"/calendar/{podcast_id}/{right}.ics").status_code == 404
    assert browser.get(path_of(show, "another key")).status_code == 404


def test_a_new_link_ends_the_old_one(cast, browser):
    show = cast.show(hosts=("ada",), connected=False)
    browser.let_in(user("ada"))
    old, page = path_of(show), f"/podcasts/{show.id}/settings"
    answer = browser.post(f"/podcasts/{show.id}/calendar", form=page, follow_redirects=True)
    assert "The calendar has a new link." in words(answer)
    assert browser.get(old).status_code == 404
    db.session.expire_all()
    assert browser.get(path_of(db.session.get_one(Podcast, show.id))).status_code == 200


def test_an_archived_podcast_has_no_calendar(cast, browser):
    show = cast.show(hosts=("ada",), connected=False, is_active=False)
    assert browser.get(path_of(show)).status_code == 404


def test_a_link_made_under_an_earlier_key_still_works(cast, app, browser):
    show = cast.show(hosts=("ada",), connected=False)
    app.config["SECRET_KEY_FALLBACKS"] = ["an earlier key"]
    assert browser.get(path_of(show, "an earlier key")).status_code == 200


def test_calendar_programs_are_slowed_down_by_network(cast, app, browser):
    show = cast.show(hosts=("ada",), connected=False)
    path = path_of(show)
    statuses = [browser.get(path).status_code for _ in range(62)]
    assert statuses[0] == 200
    assert statuses[-1] == 429
