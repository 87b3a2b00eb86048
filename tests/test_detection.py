"""What the real job makes of waiting rooms and starts, and what it never announces."""

from datetime import timedelta

import pytest

from tests.stage import Stage


def judged_at(stage: Stage) -> list[float]:
    """When videos.list was asked, in seconds before (-) and after now."""
    return [(entry.at - stage.now).total_seconds() for entry in stage.youtube.asked("GET", "/youtube/v3/videos")]


# Waiting rooms


@pytest.mark.slow
def test_a_waiting_room_is_watched_closer_and_closer_and_its_start_is_out_within_seconds(stage: Stage) -> None:
    show = stage.show()
    room = stage.youtube.schedule(show.youtube_channel_id, "Queues", start=stage.ahead(minutes=13))
    stage.check()
    assert stage.state(room) == ("upcoming", "open")
    stage.run(minutes=13)
    asked = judged_at(stage)
    near, around = [t for t in asked if -600 <= t < -120], [t for t in asked if -120 <= t <= 0]
    assert 14 <= len(near) <= 20  # 8 minutes, every 30 s
    assert 20 <= len(around) <= 28  # 2 minutes, every 5 s
    assert len([t for t in asked if t < -600]) <= 3  # left to the check
    stage.youtube.go_live(room, at=stage.ahead(seconds=12))
    stage.run(seconds=30)
    assert stage.said("ada", "bo") == [1, 1]
    accepted = min(post.created_at for post in stage.x.timeline("ada"))
    assert timedelta(0) <= accepted - stage.ago(seconds=18) <= timedelta(seconds=11)


def test_a_waiting_room_of_weeks_is_left_to_the_check_and_dropped_a_day_after_its_time(stage: Stage) -> None:
    show = stage.show()
    room = stage.youtube.schedule(show.youtube_channel_id, "Free chat", start=stage.ahead(days=20))
    stage.check()
    stage.wait(minutes=2)
    assert stage.watch() == 0
    assert len(stage.youtube.asked("GET", "/youtube/v3/videos")) == 1
    stage.wait(days=20, hours=20)
    stage.check()
    found = stage.broadcast(room)
    assert found is not None
    assert found.next_look_at is not None
    stage.wait(hours=5)
    stage.check()
    found = stage.broadcast(room)
    assert found is not None
    assert (found.state, found.next_look_at) == ("upcoming", None)
    asked = len(stage.youtube.asked("GET", "/youtube/v3/videos"))
    stage.wait(minutes=10)
    stage.check()
    assert len(stage.youtube.asked("GET", "/youtube/v3/videos")) == asked


def test_an_early_start_is_seen_by_the_next_check(stage: Stage) -> None:
    show = stage.show()
    episode = stage.planned(show, "Queues", at=stage.ahead(hours=5))
    room = stage.youtube.schedule(show.youtube_channel_id, "Queues", start=stage.ahead(hours=5))
    stage.check()
    stage.youtube.go_live(room, at=stage.ahead(seconds=60))
    stage.wait(seconds=180)
    stage.check()
    assert stage.said("ada", "bo") == [1, 1]
    assert stage.outcome(episode, "ada") == ("posted", None)


def test_a_new_planned_time_moves_the_looks_with_it(stage: Stage) -> None:
    show = stage.show()
    room = stage.youtube.schedule(show.youtube_channel_id, "Queues", start=stage.ahead(hours=9))
    stage.check()
    stage.youtube.reschedule(room, stage.ahead(minutes=4))
    stage.wait(seconds=180)
    stage.check()
    found = stage.broadcast(room)
    assert found is not None
    assert found.scheduled_start_at == stage.ahead(minutes=1)
    assert found.next_look_at is not None
    assert found.next_look_at <= stage.ahead(seconds=10)


# Unscheduled starts


def test_an_unscheduled_start_is_seen_by_the_uploads_list_long_before_the_next_check(stage: Stage) -> None:
    show = stage.show()
    stage.youtube.upload(show.youtube_channel_id, "Trailer")
    stage.check()
    stage.youtube.go_live(show.youtube_channel_id, "Surprise", at=stage.ahead(seconds=10))
    stage.run(seconds=60)
    assert stage.said("ada", "bo") == [1, 1]
    assert not stage.youtube.asked("GET", "/feeds/")


def test_among_more_channels_than_units_can_list_it_is_seen_by_the_feed(stage: Stage) -> None:
    stage.quiet_channels(31)
    show = stage.show()
    stage.check()
    video = stage.youtube.go_live(show.youtube_channel_id, "Surprise", at=stage.ahead(seconds=10))
    stage.run(seconds=180, step=60)
    found = stage.broadcast(video)
    assert found is not None
    assert (found.first_signal, stage.said("ada", "bo")) == ("feed", [1, 1])
    assert not stage.youtube.asked("GET", "/playlistItems")


def test_nobody_ever_searches(stage: Stage) -> None:
    show = stage.show()
    stage.youtube.go_live(show.youtube_channel_id, "Surprise")
    stage.check()
    stage.run(minutes=4, step=30)
    assert not stage.youtube.asked("GET", "/search")


def test_only_one_of_two_signs_is_asked_again_in_five_seconds_and_not_announced(stage: Stage) -> None:
    show = stage.show()
    video = stage.youtube.go_live(show.youtube_channel_id, "Queues")
    stage.youtube.half_live.add(video)
    stage.check()
    assert stage.state(video) == ("upcoming", "open")
    assert stage.said("ada", "bo") == [0, 0]
    stage.youtube.half_live.clear()
    stage.wait(seconds=5)
    assert stage.watch() == 2


# What is never announced


def test_what_is_over_is_not_announced_and_the_hosts_of_its_episode_are_told(stage: Stage) -> None:
    show = stage.show()
    episode = stage.planned(show, at=stage.ago(hours=2))
    video = stage.youtube.go_live(show.youtube_channel_id, "Queues", at=stage.ago(hours=2))
    stage.youtube.end(video, at=stage.ago(hours=1))
    stage.check()
    assert stage.state(video)[0] == "ended"
    assert stage.outcome(episode, "ada") == ("missed", "stream_over")
    assert stage.said("ada", "bo") == [0, 0]


def test_old_recordings_of_a_channel_that_is_new_here_make_nothing(stage: Stage) -> None:
    show = stage.show()
    video = stage.youtube.go_live(show.youtube_channel_id, "Long ago", at=stage.ago(days=3))
    stage.youtube.end(video, at=stage.ago(days=3, hours=-1))
    stage.check()
    assert (stage.cast.posts(), stage.episodes(show), stage.unmatched()) == ([], [], {})


def test_an_upload_is_not_announced_and_never_asked_about_again(stage: Stage) -> None:
    show = stage.show()
    video = stage.youtube.upload(show.youtube_channel_id, "A film")
    stage.check()
    assert stage.state(video) == ("vod", "open")
    stage.run(minutes=7, step=60)
    assert len(stage.youtube.asked("GET", "/youtube/v3/videos")) == 1
    assert (stage.cast.posts(), stage.episodes(show)) == ([], [])


@pytest.mark.parametrize("privacy", ["private", "unlisted"])
def test_a_stream_that_not_everybody_may_watch_is_not_announced(stage: Stage, privacy: str) -> None:
    show = stage.show()
    room = stage.youtube.schedule(show.youtube_channel_id, "Queues", start=stage.ahead(minutes=1))
    stage.check()
    stage.youtube.set_privacy(room, privacy)
    stage.youtube.go_live(room, at=stage.ahead(seconds=30))
    stage.run(minutes=4, step=10)
    stage.youtube.end(room)
    stage.run(minutes=4, step=10)
    assert (stage.cast.posts(), stage.episodes(show)) == ([], [])
    assert stage.unmatched() == ({} if privacy == "private" else {room: "not_public"})


def test_an_unlisted_stream_that_an_episode_names_is_shown_with_the_reason(stage: Stage) -> None:
    show = stage.show()
    room = stage.youtube.schedule(show.youtube_channel_id, "Secret", start=stage.ahead(minutes=5), privacy="unlisted")
    episode = stage.planned(show, "Secret", video=room)
    stage.youtube.go_live(room)
    stage.check()
    assert stage.unmatched() == {room: "not_public"}
    found = stage.broadcast(room)
    assert found is not None
    assert (found.podcast_id, found.episode_id, found.channel_id) == (show.id, episode.id, show.youtube_channel_id)
    assert stage.outcome(episode, "ada") == ("pending", None)


def test_a_stream_that_is_private_until_it_starts_is_announced_when_an_episode_names_it(stage: Stage) -> None:
    show = stage.show()
    room = stage.youtube.schedule(show.youtube_channel_id, "Secret", start=stage.ahead(minutes=5), privacy="private")
    episode = stage.planned(show, "Secret", video=room, at=stage.ahead(minutes=5))
    stage.check()
    stage.run(minutes=4, step=10)
    stage.youtube.set_privacy(room, "public")
    stage.youtube.go_live(room)
    stage.run(minutes=4, step=10)
    assert stage.outcome(episode, "ada") == ("posted", None)
