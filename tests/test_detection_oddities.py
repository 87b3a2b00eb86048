"""How broadcasts leave, and starts that are no ordinary ones: gone, premieres, endless streams, several at once."""

from datetime import timedelta

import pytest

from services.youtube_live import YouTubeLiveService
from tests.stage import Stage

# Gone


def test_a_waiting_room_absent_from_two_answers_is_dropped(stage: Stage) -> None:
    show = stage.show()
    room = stage.youtube.schedule(show.youtube_channel_id, "Queues", start=stage.ahead(minutes=1))
    stage.check()
    stage.youtube.delete(room)
    stage.wait(seconds=10)
    stage.watch()
    assert stage.state(room)[0] == "upcoming"
    stage.wait(seconds=5)
    stage.watch()
    found = stage.broadcast(room)
    assert found is not None
    assert (found.state, found.next_look_at) == ("gone", None)


def test_a_waiting_room_that_one_answer_forgot_is_announced_all_the_same(stage: Stage) -> None:
    show = stage.show()
    room = stage.youtube.schedule(show.youtube_channel_id, "Queues", start=stage.ahead(minutes=1))
    stage.check()
    stage.youtube.set_privacy(room, "private")
    stage.wait(seconds=10)
    stage.watch()
    stage.youtube.set_privacy(room, "public")
    stage.youtube.go_live(room)
    stage.wait(seconds=5)
    assert stage.watch() == 2


def test_a_waiting_room_that_was_gone_and_is_listed_again_is_announced(stage: Stage) -> None:
    show = stage.show()
    room = stage.youtube.schedule(show.youtube_channel_id, "Queues", start=stage.ahead(minutes=3))
    stage.check()
    stage.youtube.set_privacy(room, "private")
    stage.run(minutes=3)
    assert stage.state(room)[0] == "gone"
    stage.youtube.set_privacy(room, "public")
    stage.youtube.go_live(room)
    stage.run(seconds=60)
    assert stage.said("ada", "bo") == [1, 1]


def test_a_live_stream_absent_from_two_answers_counts_as_ended(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    stage.cast.user("bo")
    video = stage.youtube.go_live(show.youtube_channel_id, "Queues")
    stage.check()
    stage.youtube.delete(video)
    stage.run(seconds=45)
    found = stage.broadcast(video)
    assert found is not None
    assert found.state == "ended"
    assert found.closed_at is not None


def test_a_stream_that_is_live_and_gone_in_turns_is_one_broadcast_and_announced_once(stage: Stage) -> None:
    show = stage.show()
    video = stage.youtube.go_live(show.youtube_channel_id, "Queues")
    stage.check()
    for _ in range(3):
        stage.youtube.set_privacy(video, "private")
        stage.run(seconds=60, step=10)
        stage.youtube.set_privacy(video, "public")
        stage.run(seconds=60, step=10)
    assert stage.said("ada", "bo") == [1, 1]
    assert stage.episodes(show) == ["Queues"]
    assert stage.unmatched() == {}


# Premieres, endless streams, several at once


@pytest.mark.slow
@pytest.mark.parametrize("announces, said", [(False, [0, 0]), (True, [1, 1])])
def test_a_premiere_is_announced_only_if_the_podcast_says_so(stage: Stage, announces: bool, said: list[int]) -> None:
    show = stage.show(announce_premieres=announces)
    film = stage.youtube.schedule(show.youtube_channel_id, "Film", start=stage.ahead(minutes=1), duration=600)
    stage.check()
    stage.youtube.go_live(film, at=stage.ahead(minutes=1))
    stage.run(minutes=2)
    assert stage.said("ada", "bo") == said
    stage.youtube.end(film)
    stage.run(minutes=4, step=20)
    assert stage.unmatched() == ({} if announces else {film: "premiere"})
    assert stage.episodes(show) == (["Film"] if announces else [])
    assert {post.status for post in stage.cast.posts()} == ({"posted"} if announces else set())


def test_a_stream_that_runs_for_days_is_too_old_and_makes_nothing(stage: Stage) -> None:
    show = stage.show()
    video = stage.youtube.go_live(show.youtube_channel_id, "24/7 lofi", at=stage.ago(days=30))
    stage.check()
    assert stage.state(video) == ("live", "too_old")
    assert stage.unmatched() == {video: "too_old"}
    assert (stage.cast.posts(), stage.episodes(show)) == ([], [])


def test_the_hosts_of_an_episode_whose_stream_was_seen_too_late_have_missed_it(stage: Stage) -> None:
    show = stage.show()
    episode = stage.planned(show, at=stage.ago(minutes=45))
    video = stage.youtube.go_live(show.youtube_channel_id, "Queues", at=stage.ago(minutes=40))
    stage.check()
    assert stage.state(video) == ("live", "too_old")
    assert [stage.outcome(episode, host) for host in ("ada", "bo")] == [("missed", "too_late")] * 2
    assert stage.said("ada", "bo") == [0, 0]


def test_two_streams_at_once_are_each_matched_for_themselves(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    first = stage.planned(show, "Main stage", at=stage.now)
    second = stage.planned(show, "Side stage", at=stage.ahead(minutes=30))
    side = stage.youtube.go_live(show.youtube_channel_id, "Side", at=stage.ahead(seconds=1))
    stage.planned(show, "Later", at=stage.ahead(days=1))
    main = stage.youtube.go_live(show.youtube_channel_id, "Main")
    second.video_id = side
    stage.wait(seconds=5)
    stage.check()
    matched = {video: stage.broadcast(video).episode_id for video in (main, side)}  # type: ignore[union-attr]
    assert matched == {main: first.id, side: second.id}
    assert stage.said("ada") == [2]


def test_check_channel_live_tells_what_is_live_now_and_stores_nothing(stage: Stage) -> None:
    live: YouTubeLiveService = stage.services.live
    channel = stage.youtube.add_channel("Deep Dive")
    stage.youtube.upload(channel, "A film")
    stage.youtube.schedule(channel, "Soon", start=stage.ahead(minutes=5))
    assert live.check_channel_live(channel) == []
    video = stage.youtube.go_live(channel, "Queues")
    assert [found.id for found in live.check_channel_live(channel)] == [video]
    assert stage.broadcast(video) is None


def test_a_start_that_was_announced_is_corrected_by_seconds_and_not_by_years(stage: Stage) -> None:
    show = stage.show()
    video = stage.youtube.go_live(show.youtube_channel_id or "", at=stage.ago(seconds=20))
    stage.check()
    known = stage.ago(seconds=20)
    for said, kept in (
        (known - timedelta(days=700), known),
        (known + timedelta(days=2), known),
        (known - timedelta(seconds=9), known - timedelta(seconds=9)),
    ):
        stage.youtube.correct_start(video, said)
        stage.run(minutes=5)
        found = stage.broadcast(video)
        assert found is not None
        assert found.actual_start_at == kept
