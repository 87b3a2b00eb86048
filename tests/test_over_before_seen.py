"""A stream that was over before it was first seen: nothing is sent, and the page says just that."""

import pytest

from extensions import db
from services.vocabulary import SILENT
from tests.cast import Cast
from tests.stage import Stage


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return Stage(cast)


def test_it_is_called_over_and_its_hosts_have_missed_it(stage: Stage) -> None:
    show = stage.show()
    episode = stage.planned(show, at=stage.ago(minutes=20))
    video = stage.youtube.go_live(show.youtube_channel_id, "Queues", at=stage.ago(minutes=20))
    stage.youtube.end(video)
    stage.check()
    assert stage.state(video) == ("ended", "over")
    assert stage.unmatched() == {video: "over"}
    assert "had ended before it was first seen" in SILENT["over"]
    assert [stage.outcome(episode, host) for host in ("ada", "bo")] == [("missed", "stream_over")] * 2
    stage.run(minutes=10, step=60)
    assert stage.state(video) == ("ended", "over")
    assert stage.said("ada", "bo") == [0, 0]


def test_what_was_missed_is_kept_as_it_would_have_been_sent(stage: Stage) -> None:
    show = stage.show()
    episode = stage.planned(show, at=stage.ago(minutes=20), guests=["Dr. Kim"])
    stage.cast.config(episode, "ada").text = "On air with {guest} about {title}: {url}"
    stage.cast.config(episode, "bo").text = "y" * 300
    db.session.commit()
    video = stage.youtube.go_live(show.youtube_channel_id, "Queues", at=stage.ago(minutes=20))
    stage.youtube.end(video)
    stage.check()
    ada, bo = stage.cast.posts(status="missed")
    assert ada.text == f"On air with Dr. Kim about Queues: https://www.youtube.com/watch?v={video}"
    assert (ada.has_link, ada.text_source) == (True, "own")
    assert bo.text.startswith("y" * 300), "too long to be sent, and still what was wanted"


def test_one_that_was_seen_live_for_too_long_stays_too_old_when_it_ends(stage: Stage) -> None:
    show = stage.show()
    video = stage.youtube.go_live(show.youtube_channel_id, "24/7 lofi", at=stage.ago(days=30))
    stage.check()
    stage.youtube.end(video)
    stage.run(minutes=10, step=60)
    assert stage.state(video) == ("ended", "too_old")
