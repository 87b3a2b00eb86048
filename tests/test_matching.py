"""Which podcast and which episode a start belongs to, decided by the real job on both databases."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from models import Podcast
from tests.stage import Stage


def live(stage: Stage, show: Podcast, title: str = "Queues", **delta: float) -> str:
    """A stream of this show's channel that began so long ago, seen by a check."""
    video = stage.youtube.go_live(show.youtube_channel_id, title, at=stage.ago(**delta) if delta else stage.now)
    stage.check()
    return video


def episode_of(stage: Stage, video: str) -> int | None:
    found = stage.broadcast(video)
    assert found is not None
    return found.episode_id


# One channel, several podcasts


def split(stage: Stage, *filters: str | None) -> list[Podcast]:
    """Podcasts on one new channel, each with its own host and its title filter, or None."""
    channel, hosts = stage.youtube.add_channel("Network"), ("ada", "bo", "cy")
    return [
        stage.show(
            f"Show {len(stage.youtube.channels)} {n}",
            hosts=(hosts[n],),
            youtube_channel_id=channel,
            title_filter=words or "",
            title_filter_on=words is not None,
        )
        for n, words in enumerate(filters)
    ]


def test_the_title_decides_whose_video_it_is(stage: Stage) -> None:
    cases: list[tuple[tuple[str | None, ...], str, list[int]]] = [
        (("Deep", "Wide"), "DEEP dive 12", [1, 0, 0]),
        (("Deep", "Wide"), "A wide view", [0, 1, 0]),
        (("Deep", "Deep Dive"), "deep dive 12", [0, 1, 0]),
        (("Deep", None), "deep dive 12", [1, 0, 0]),
        (("Deep", None), "Something else", [0, 1, 0]),
        (("STRASSE", None), "Auf der Straße", [1, 0, 0]),
    ]
    for filters, title, expected in cases:
        before = stage.said("ada", "bo", "cy")
        live(stage, split(stage, *filters)[0], title)
        after = stage.said("ada", "bo", "cy")
        assert [now - was for now, was in zip(after, before, strict=True)] == expected, (filters, title)


def test_what_the_title_does_not_decide_is_announced_by_nobody_and_shown(stage: Stage) -> None:
    cases: list[tuple[tuple[str | None, ...], str]] = [
        ((None, None), "Anything"),
        (("Deep", "Dive"), "Deep Dive"),
        (("Deep", "Wide"), "Something else"),
        ((None, None, "Deep"), "Something else"),
    ]
    videos = [live(stage, split(stage, *filters)[0], title) for filters, title in cases]
    assert stage.unmatched() == dict.fromkeys(videos, "unmatched")
    assert stage.cast.posts() == []


def test_a_filter_that_is_switched_off_fits_every_title(stage: Stage) -> None:
    show = stage.show(hosts=("ada",), title_filter="Deep", title_filter_on=False)
    live(stage, show, "Something else")
    assert stage.said("ada") == [1]


def test_the_title_at_the_start_counts_not_the_one_of_the_waiting_room(stage: Stage) -> None:
    shows = split(stage, "Deep", "Wide")
    room = stage.youtube.schedule(shows[0].youtube_channel_id, "Deep dive", start=stage.ahead(minutes=1))
    stage.check()
    stage.youtube.go_live(room, "A wide view")
    stage.wait(seconds=10)
    stage.check()
    assert stage.said("ada", "bo") == [0, 1]


def test_an_episode_that_names_the_video_decides_whose_it_is(stage: Stage) -> None:
    shows = split(stage, "Deep", "Wide")
    room = stage.youtube.schedule(shows[0].youtube_channel_id, "Deep dive", start=stage.now)
    named = stage.planned(shows[1], video=room)
    stage.youtube.go_live(room)
    stage.check()
    assert (stage.said("ada", "bo"), episode_of(stage, room)) == ([0, 1], named.id)


def test_a_podcast_that_is_switched_off_has_no_say(stage: Stage) -> None:
    shows = split(stage, "Deep", None)
    shows[0].is_active = False
    live(stage, shows[0], "Deep dive")
    assert stage.said("ada", "bo") == [0, 1]


def test_a_video_on_a_strange_channel_is_announced_when_an_episode_names_it(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    stranger = stage.youtube.add_channel("A friend")
    room = stage.youtube.schedule(stranger, "Guest evening", start=stage.now)
    stage.planned(show, video=f"https://youtu.be/{room}")
    stage.youtube.go_live(room)
    stage.check()
    assert stage.said("ada") == [1]


# Which episode


def test_the_episode_that_names_the_video_wins_over_a_nearer_one(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    room = stage.youtube.schedule(show.youtube_channel_id, "Queues", start=stage.now)
    near, named = stage.planned(show, "Near", at=stage.now), stage.planned(show, "Named", video=room)
    stage.youtube.go_live(room)
    stage.check()
    assert (stage.outcome(near, "ada")[0], stage.outcome(named, "ada")[0]) == ("pending", "posted")


def test_the_nearest_open_episode_wins_and_one_that_is_taken_is_not_open(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    hours = {delta: stage.planned(show, f"{delta}", at=stage.ahead(hours=delta)) for delta in (-2.5, 1, 5.5)}
    video = live(stage, show, seconds=20)
    assert episode_of(stage, video) == hours[1].id
    stage.youtube.end(video)
    stage.wait(hours=4)
    video = live(stage, show, "Again")
    assert episode_of(stage, video) == hours[5.5].id


def test_an_episode_fits_from_three_hours_before_to_six_hours_after_the_start(stage: Stage) -> None:
    for early, fits in ((-3.01, False), (-2.99, True), (5.99, True), (6.01, False)):
        show = stage.show(f"Show {int(early * 100) + 999}", hosts=("ada",), auto_create_episodes=False)
        episode = stage.planned(show, at=stage.ahead(hours=early))
        video = live(stage, show)
        assert episode_of(stage, video) == (episode.id if fits else None), early
        assert (video in stage.unmatched()) is not fits


def test_an_episode_without_a_time_is_matched_by_its_video_only(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    stage.planned(show, "Some day")
    live(stage, show, "Today")
    assert stage.episodes(show) == ["Some day", "Today"]


def test_an_episode_that_names_another_video_is_not_taken_for_this_one(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    other = stage.youtube.schedule(show.youtube_channel_id, "Tomorrow", start=stage.ahead(days=1))
    stage.planned(show, "Tomorrow", video=other, at=stage.ahead(minutes=5))
    live(stage, show, "Today")
    assert stage.episodes(show) == ["Tomorrow", "Today"]


@pytest.mark.parametrize("allowed", [True, False])
def test_without_a_fitting_episode_one_is_made_if_the_podcast_allows(stage: Stage, allowed: bool) -> None:
    show = stage.show(hosts=("ada",), auto_create_episodes=allowed)
    video = live(stage, show, "A surprise")
    assert stage.episodes(show) == (["A surprise"] if allowed else [])
    assert stage.unmatched() == ({} if allowed else {video: "unmatched"})
    assert stage.said("ada") == [int(allowed)]


def test_an_unmatched_stream_is_announced_when_an_episode_is_planned_while_it_is_on(stage: Stage) -> None:
    show = stage.show(hosts=("ada",), auto_create_episodes=False)
    live(stage, show)
    stage.wait(minutes=2)
    stage.planned(show, at=stage.now)
    stage.run(seconds=60)
    assert (stage.said("ada"), stage.unmatched()) == ([1], {})


# The same show again


def test_a_stream_restarted_under_a_new_id_is_not_announced_again_but_shown(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    first = live(stage, show)
    stage.youtube.end(first)
    stage.wait(minutes=10)
    second = live(stage, show, "Queues, part two")
    assert (stage.said("ada"), stage.unmatched()) == ([1], {second: "same_show"})
    stage.youtube.end(second)
    stage.wait(hours=3)
    live(stage, show, "The night show")
    assert stage.said("ada") == [2]


@pytest.mark.parametrize("ahead, verdict", [(30, "announced"), (120, "same_show")])
def test_a_second_stream_soon_after_the_first_needs_an_episode_of_its_own_time(
    stage: Stage, ahead: int, verdict: str
) -> None:
    show = stage.show(hosts=("ada",))
    stage.planned(show, "First", at=stage.now)
    first = live(stage, show)
    stage.youtube.end(first)
    stage.wait(minutes=40)
    stage.planned(show, "Second", at=stage.ahead(minutes=ahead))
    assert stage.state(live(stage, show, "Second"))[1] == verdict


def test_a_second_stream_that_an_episode_names_is_announced(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    live(stage, show)
    room = stage.youtube.schedule(show.youtube_channel_id, "After-show", start=stage.ahead(minutes=10))
    stage.planned(show, "After-show", video=room)
    stage.wait(minutes=10)
    stage.youtube.go_live(room)
    stage.check()
    assert stage.said("ada") == [2]


# Instants, not dates

WALLS = [
    ("Australia/Sydney", datetime(2026, 3, 5, 7, 30)),
    ("America/Los_Angeles", datetime(2026, 3, 4, 21, 0)),
    # Nights in which the clocks change
    ("America/New_York", datetime(2026, 3, 8, 3, 30)),
    ("Europe/London", datetime(2026, 3, 29, 2, 30)),
    ("Australia/Lord_Howe", datetime(2026, 4, 5, 1, 45)),
    ("Europe/Berlin", datetime(2026, 10, 25, 2, 30)),
    ("America/St_Johns", datetime(2026, 11, 1, 0, 30)),
    ("America/New_York", datetime(2026, 11, 1, 1, 30)),
]


@pytest.mark.slow
def test_an_episode_is_matched_by_its_instant_in_every_zone_and_when_clocks_change(stage: Stage) -> None:
    for number, (zone, wall) in enumerate(WALLS):
        host = f"host{number}"
        stage.now = wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        show = stage.show(f"Show {number}", hosts=(host,), timezone=zone)
        planned = {
            # The same time by the clock on the wall, a day before and after; the one of this night is right.
            days: stage.planned(show, f"Day {days}", at=(wall + timedelta(days=days)).replace(tzinfo=ZoneInfo(zone)))
            for days in (-1, 0, 1)
        }
        video = live(stage, show, minutes=1)
        assert episode_of(stage, video) == planned[0].id, zone
        assert [stage.outcome(planned[days], host)[0] for days in (-1, 0, 1)] == ["pending", "posted", "pending"]
        stage.youtube.end(video)


@pytest.mark.parametrize("fold, fits", [(0, False), (1, True)])
def test_the_doubled_hour_of_an_autumn_night_is_two_instants(stage: Stage, fold: int, fits: bool) -> None:
    at = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/New_York"), fold=fold)
    stage.now = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)  # two and a half hours after the second of the two
    show = stage.show(hosts=("ada",), auto_create_episodes=False)
    episode = stage.planned(show, at=at)
    assert (episode_of(stage, live(stage, show)) == episode.id) is fits
