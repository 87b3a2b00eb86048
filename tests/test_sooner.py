"""What makes a look sooner: the hub's word, an episode that is due; and what is kept of which look found a start."""

from datetime import datetime, timedelta

import pytest

from config import Settings
from extensions import db
from models import Broadcast, Podcast, YouTubeChannel
from tests.stage import Stage


@pytest.fixture
def engine_name() -> str:
    return "sqlite"


def push(stage: Stage, channel_id: str) -> None:
    """What a notification of the hub leaves behind."""
    row = db.session.get_one(YouTubeChannel, channel_id)
    row.pushed_at = row.next_look_at = stage.now
    db.session.commit()


def quiet_show(stage: Stage, **columns: object) -> tuple[Podcast, str]:
    """A show whose channel is one of so many that feeds are the rule, and was looked at."""
    stage.quiet_channels(31)
    show = stage.show(hosts=("ada",), **columns)
    channel = str(show.youtube_channel_id)
    stage.youtube.upload(channel, "Trailer")
    stage.youtube.feed_staleness = 900
    stage.check()
    stage.wait(seconds=20)
    return show, channel


def found(stage: Stage, video_id: str) -> Broadcast:
    row = stage.broadcast(video_id)
    assert row is not None
    return row


def signal(stage: Stage, video_id: str) -> tuple[str, datetime | None]:
    row = found(stage, video_id)
    return row.live_signal, row.live_signal_at


def test_a_push_has_the_uploads_list_asked_at_once_where_feeds_are_the_rule(stage: Stage) -> None:
    _, channel = quiet_show(stage)
    video = stage.youtube.go_live(channel)
    push(stage, channel)
    pushed_at = stage.now
    stage.wait(seconds=1)
    assert stage.watch() == 1
    assert signal(stage, video) == ("push", pushed_at)
    assert found(stage, video).first_signal == "uploads"


def test_a_push_that_comes_before_the_list_shows_it_has_it_asked_again_in_twenty_seconds(stage: Stage) -> None:
    _, channel = quiet_show(stage)
    push(stage, channel)
    pushed_at = stage.now
    assert stage.watch() == 0
    stage.wait(seconds=5)
    video = stage.youtube.go_live(channel)
    stage.run(seconds=20)
    assert stage.said("ada") == [1]
    assert signal(stage, video) == ("push", pushed_at)


@pytest.mark.slow
def test_a_push_has_a_known_waiting_room_asked_about_at_once_for_it_may_begin_early(stage: Stage) -> None:
    _, channel = quiet_show(stage)
    room = stage.youtube.schedule(channel, "Queues", start=stage.ahead(hours=5))
    stage.run(minutes=20, step=60)
    assert stage.state(room) == ("upcoming", "open")
    stage.wait(seconds=30)
    stage.youtube.go_live(room)
    push(stage, channel)
    assert stage.watch() == 1
    assert signal(stage, room)[0] == "push"


def test_an_episode_that_is_due_has_the_uploads_list_asked_where_its_waiting_room_is_not_known(stage: Stage) -> None:
    show, channel = quiet_show(stage)
    stage.planned(show, at=stage.ahead(minutes=4))
    stage.run(minutes=4)
    begun = stage.now
    video = stage.youtube.go_live(channel, "Queues")
    stage.run(seconds=40)
    live_seen_at = found(stage, video).live_seen_at
    assert live_seen_at is not None
    assert live_seen_at - begun <= timedelta(seconds=20)
    assert signal(stage, video)[0] == "uploads"
    spent = stage.units()[0]
    stage.run(minutes=2)
    assert stage.units()[0] - spent <= 12  # its list is left alone from here on


@pytest.mark.slow
def test_an_episode_that_is_due_costs_nothing_more_where_its_waiting_room_is_known(stage: Stage) -> None:
    show, channel = quiet_show(stage)
    at = stage.ahead(hours=1)
    stage.planned(show, at=at)
    stage.youtube.schedule(channel, "Queues", start=at)
    stage.run(minutes=30, step=60)
    asked = len(stage.youtube.asked("GET", "playlistItems"))
    stage.run(minutes=30, step=30)
    assert len(stage.youtube.asked("GET", "playlistItems")) == asked


def test_a_known_waiting_room_is_found_live_by_the_watch(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    room = stage.youtube.schedule(str(show.youtube_channel_id), "Queues", start=stage.ahead(minutes=30))
    stage.check()
    stage.wait(minutes=30)
    stage.youtube.go_live(room)
    stage.run(seconds=10)
    row = found(stage, room)
    assert (row.live_signal, row.live_signal_at) == ("watch", row.live_seen_at)


@pytest.mark.parametrize("channels, way", [(0, "uploads"), (31, "feed")])
def test_a_start_that_nobody_planned_is_found_by_the_list_that_shows_it(stage: Stage, channels: int, way: str) -> None:
    stage.quiet_channels(channels)
    show = stage.show(hosts=("ada",))
    video = stage.youtube.go_live(str(show.youtube_channel_id))
    stage.check()
    assert signal(stage, video) == (way, stage.now)


class TestWithoutAKey:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"youtube_api_key": None})

    def test_a_start_is_found_by_the_page(self, stage: Stage) -> None:
        show = stage.show(hosts=("ada",))
        video = stage.youtube.go_live(str(show.youtube_channel_id))
        stage.check()
        assert signal(stage, video) == ("page", stage.now)
