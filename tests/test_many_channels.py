"""More channels than units: who is asked when, and that what is short is shared."""

from datetime import UTC, datetime, timedelta

import pytest

from config import Settings
from services.quota import Spent
from services.watch_plan import Demand, Pace, at_next_check, make_plan
from tests.stage import Stage

CHECK = timedelta(seconds=180)
MIDNIGHT = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)  # in Los Angeles


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"youtube_daily_units": 2_000})


@pytest.fixture
def engine_name() -> str:
    return "sqlite"


def test_a_waiting_room_that_is_due_does_not_make_every_feed_be_asked(stage: Stage) -> None:
    channels = stage.quiet_channels(31)
    stage.youtube.schedule(channels[0], "Soon", start=stage.ahead(minutes=1))
    stage.check()
    stage.youtube.journal.clear()
    for _ in range(6):
        stage.wait(seconds=5)
        stage.watch()
    assert stage.youtube.asked("GET", "/youtube/v3/videos")
    assert not stage.youtube.asked("GET", "/feeds/")


@pytest.mark.slow
def test_channels_whose_feeds_are_broken_take_turns_with_the_units(stage: Stage) -> None:
    channels = stage.quiet_channels(31)
    stage.youtube.feed_broken.update(channels)
    stage.youtube.playlist_feed_broken.update("UU" + id[2:] for id in channels)
    stage.now = MIDNIGHT + timedelta(hours=1)
    for _ in range(60):
        stage.check()
        stage.wait(minutes=3)
    asked = [entry.query["playlistId"] for entry in stage.youtube.asked("GET", "/playlistItems")]
    assert len(set(asked)) == 31
    assert max(asked.count(each) for each in asked) <= min(asked.count(each) for each in asked) + 2


def test_more_waiting_rooms_than_units_are_asked_about_less_often_and_leave_enough_for_starts() -> None:
    plan = make_plan(MIDNIGHT, Demand(1_000), Spent(), units=10_000, check_every=CHECK)
    few, many = plan.far_every(300), plan.far_every(3_000)
    assert few <= CHECK < many
    assert timedelta(days=1) / many * 60 <= 3_000
    assert at_next_check(MIDNIGHT, Pace(CHECK, far_every=few)) == MIDNIGHT + 1.5 * CHECK
    assert at_next_check(MIDNIGHT, Pace(CHECK, far_every=many)) == MIDNIGHT + many
