"""An episode that is over is not ahead any more, however late its planned time; a lost waiting room ends nothing."""

from datetime import UTC, datetime

import icalendar
import pytest
from sqlalchemy import select

from extensions import db
from models import Broadcast, User
from services import calendar, members
from tests.browser import Browser, words
from tests.cast import ago


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def show(cast):
    return cast.show(hosts=("ada",))


@pytest.fixture
def browser(app, show):
    browser = Browser(app)
    browser.let_in(db.session.execute(select(User)).scalar_one())
    return browser


def early(cast, show, state):
    """An episode planned for later, and what became of its stream meanwhile."""
    episode = cast.episode(show, "Queues", at=ago(hours=-3))
    seen = {"first_seen_at": ago(hours=1), "last_look_at": ago(minutes=5), "verdict": "announced"}
    db.session.add(Broadcast(video_id="dQw4w9WgXcQ", state=state, episode_id=episode.id, **seen))
    db.session.commit()
    return episode.id


def planned_in(browser, show):
    feed = browser.get(f"/calendar/{show.id}/{calendar.token_of(show, 't' * 40)}.ics")
    return [str(event["summary"]) for event in icalendar.Calendar.from_ical(feed.data).walk("VEVENT")]


def pages(browser, show, episode_id):
    """What says that something is ahead: the list of podcasts, the connection, the history of the episode."""
    podcasts, connection = words(browser.get("/podcasts")), words(browser.get("/connections"))
    history = words(browser.get(f"/podcasts/{show.id}/episodes/{episode_id}/tweets"))
    return "in 2 h" in podcasts or "in 3 h" in podcasts, "Queues" in connection, "Planned for" in history


@pytest.mark.parametrize("state", ["ended", "vod"])
def test_what_is_over_is_next_nowhere_before_its_planned_time(cast, show, browser, state):
    episode_id = early(cast, show, state)
    assert not any(pages(browser, show, episode_id))
    assert members.next_episode_id(show.id, datetime.now(UTC)) is None
    assert planned_in(browser, show) == []


@pytest.mark.parametrize("state", ["live", "ended"])
def test_a_story_that_began_early_begins_with_what_was_planned(cast, show, browser, state):
    episode_id = early(cast, show, state)
    stream = db.session.execute(select(Broadcast)).scalar_one()
    stream.actual_start_at = stream.live_seen_at = ago(minutes=30)
    db.session.commit()
    history = words(browser.get(f"/podcasts/{show.id}/episodes/{episode_id}/tweets")).split("What happened")[1]
    story = [history.index(word) for word in ("planned", "Was planned for", "Stream started", "Seen live")]
    assert story == sorted(story)
    assert "ahead" not in history


def test_what_is_on_air_before_its_time_is_next_nowhere(cast, show, browser):
    episode_id = early(cast, show, "live")
    assert not any(pages(browser, show, episode_id))


@pytest.mark.parametrize("state", ["upcoming", "gone"])
def test_a_waiting_room_leaves_it_ahead_also_when_it_is_taken_down(cast, show, browser, state):
    episode_id = early(cast, show, state)
    assert all(pages(browser, show, episode_id))
    assert members.next_episode_id(show.id, datetime.now(UTC)) == episode_id
    assert planned_in(browser, show) == ["Deep Dive: Queues"]


def test_the_calendar_keeps_what_ended_after_its_planned_time(cast, show, browser):
    episode = cast.episode(show, "Queues", at=ago(hours=3))
    columns = {"first_seen_at": ago(hours=3), "actual_end_at": ago(hours=2), "episode_id": episode.id}
    db.session.add(Broadcast(video_id="dQw4w9WgXcQ", state="ended", **columns))
    db.session.commit()
    assert planned_in(browser, show) == ["Deep Dive: Queues"]
