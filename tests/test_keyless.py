"""Without an API key: the channel's live page, asked seldom and read with care, says what is on."""

import time

import pytest
from werkzeug.wrappers import Request

from config import Settings
from sandbox.standin import Fault
from tests.stage import Stage

LIVE_PAGE = "/live$"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"youtube_api_key": None})


@pytest.fixture
def engine_name() -> str:
    """The other way of looking is what differs, not the database."""
    return "sqlite"


def test_an_unscheduled_start_is_seen_by_the_live_page_without_a_unit(stage: Stage) -> None:
    show = stage.show()
    stage.check()
    stage.youtube.go_live(show.youtube_channel_id, "Surprise", at=stage.ahead(seconds=10))
    stage.run(seconds=60)
    assert stage.said("ada", "bo") == [1, 1]
    assert not stage.youtube.asked("GET", "/youtube/v3/")
    assert stage.units() == (0, 0)


def test_a_waiting_room_is_followed_by_its_page_every_thirty_seconds_at_most(stage: Stage) -> None:
    show = stage.show()
    episode = stage.planned(show, at=stage.ahead(minutes=4))
    room = stage.youtube.schedule(show.youtube_channel_id, "Queues", start=stage.ahead(minutes=4))
    stage.check()
    assert stage.state(room) == ("upcoming", "open")
    stage.youtube.go_live(room, at=stage.ahead(minutes=4))
    stage.run(minutes=5)
    assert stage.outcome(episode, "ada") == ("posted", None)
    for path in (f"/channel/{show.youtube_channel_id}/live", "/watch"):
        asked = [entry.at for entry in stage.youtube.asked("GET", path)]
        assert len(asked) <= 11, path


def test_a_host_may_connect_late_and_the_end_is_the_end(stage: Stage) -> None:
    show = stage.cast.show(hosts=("ada", "bo"), connected=False)
    stage.connect("ada")
    video = stage.youtube.go_live(show.youtube_channel_id, "Queues")
    stage.check()
    assert stage.said("ada", "bo") == [1, 0]
    stage.connect("bo")
    stage.run(seconds=60)
    assert stage.said("ada", "bo") == [1, 1]
    stage.youtube.end(video)
    stage.run(minutes=4, step=20)
    assert stage.state(video) == ("ended", "announced")


@pytest.mark.parametrize("announces", [False, True])
def test_a_premiere_is_announced_only_if_the_podcast_says_so(stage: Stage, announces: bool) -> None:
    show = stage.show(hosts=("ada",), announce_premieres=announces)
    film = stage.youtube.schedule(show.youtube_channel_id, "Film", start=stage.now, duration=600)
    stage.check()
    assert stage.said("ada") == [0]  # at its time a waiting premiere calls itself live
    stage.youtube.go_live(film)
    stage.run(seconds=60)
    assert stage.said("ada") == [int(announces)]


def test_members_only_endless_and_ended_streams_are_not_announced(stage: Stage) -> None:
    members, endless, ended = (stage.show(name, hosts=("ada",)) for name in ("Members", "Endless", "Ended"))
    video = stage.youtube.go_live(members.youtube_channel_id, "For friends")
    stage.youtube.set_privacy(video, "members")
    stage.youtube.go_live(endless.youtube_channel_id, "24/7", at=stage.ago(days=9))
    stage.youtube.linger = 900.0
    over = stage.youtube.go_live(ended.youtube_channel_id, "Over", at=stage.ago(minutes=40))
    stage.youtube.end(over, at=stage.ago(minutes=1))
    stage.check()
    assert set(stage.unmatched().values()) == {"not_public", "too_old", "over"}
    assert stage.said("ada") == [0]


def test_somebody_elses_stream_in_the_margin_of_the_page_fools_nobody(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    stage.youtube.upload(show.youtube_channel_id, "A film")
    stage.check()
    assert (stage.cast.posts(), stage.unmatched()) == ([], {})


def test_one_sign_alone_is_not_announced(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    video = stage.youtube.go_live(show.youtube_channel_id, "Queues")
    stage.youtube.interrupted.add(video)
    stage.check()
    assert stage.said("ada") == [0]
    stage.youtube.interrupted.clear()
    stage.run(seconds=40)
    assert stage.said("ada") == [1]


# Failed looks


def spoil(stage: Stage, how: str) -> None:
    bodies = {"html": b"<html>Sorry</html>", "empty": b"", "huge": b"x" * 3_000_000, "cut": b"<html><script>var ytIni"}
    if how in ("consent", "bot_check", "too_many_requests", "canonical_undefined"):
        setattr(stage.youtube, how, True)
        # The real consent wall does not care for the cookie of somebody it does not know.
        if how == "consent":
            stage.youtube.consent = False
            target = {"Location": "https://consent.youtube.com/m?continue=x"}
            stage.youtube.faults = [Fault(path=LIVE_PAGE, status=302, headers=target)]
    elif how in bodies:
        stage.youtube.faults = [Fault(path=LIVE_PAGE, status=200, body=bodies[how])]
    elif how == "sorry":
        stage.youtube.faults = [Fault(path=LIVE_PAGE, status=302, headers={"Location": "/sorry/index?q=1"})]
    elif how == "hang_up":
        stage.youtube.faults = [Fault(path=LIVE_PAGE, hang_up="before")]
    else:
        stage.youtube.faults = [Fault(path=LIVE_PAGE, status=int(how))]


CAUSES = {
    "consent": "youtube_consent",
    "bot_check": "youtube_bot_check",
    "sorry": "youtube_bot_check",
    "too_many_requests": "youtube_rate",
    "canonical_undefined": "youtube_odd_answer",
    "html": "youtube_odd_answer",
    "empty": "youtube_odd_answer",
    "huge": "youtube_odd_answer",
    "cut": "youtube_odd_answer",
    "hang_up": "youtube_unreachable",
    "500": "youtube_error",
    "503": "youtube_error",
    "409": "youtube_error",
    "404": "youtube_refused",
    "403": "youtube_refused",
}


@pytest.mark.slow
def test_a_page_that_cannot_be_read_is_a_failed_look_that_starts_and_ends_nothing(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    channel_id = str(show.youtube_channel_id)
    for number, (how, cause) in enumerate(CAUSES.items()):
        stage.wait(hours=4)
        video = stage.youtube.go_live(channel_id, f"Number {number}")
        spoil(stage, how)
        assert stage.check().failed_looks == 1, how
        channel = stage.channel(channel_id)
        assert (channel.error_cause, channel.failures) == (cause, 1), how
        assert stage.said("ada") == [number], how
        stage.youtube.bot_check = stage.youtube.too_many_requests = stage.youtube.canonical_undefined = False
        stage.wait(seconds=180)
        stage.check()
        assert stage.said("ada") == [number + 1], how
        assert stage.channel(channel_id).error_cause is None
        stage.youtube.end(video)
        stage.wait(seconds=180)
        stage.check()
        assert stage.state(video)[0] == "ended"


def test_a_wall_in_front_of_every_page_ends_no_stream(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    video = stage.youtube.go_live(show.youtube_channel_id, "Queues")
    stage.check()
    stage.youtube.bot_check = True
    stage.run(minutes=7, step=20)
    found = stage.broadcast(video)
    assert found is not None
    assert (found.state, found.error_cause, found.closed_at) == ("live", "youtube_bot_check", None)
    stage.youtube.bot_check = False
    stage.run(minutes=4, step=20)
    found = stage.broadcast(video)
    assert found is not None
    assert (found.state, found.error_cause) == ("live", None)


@pytest.mark.slow
def test_a_waiting_room_whose_page_hangs_does_not_hold_the_live_show_of_others(stage: Stage) -> None:
    slow, live = stage.show("Slow", hosts=("ada",)), stage.show("Live", hosts=("bo",))
    channel = str(slow.youtube_channel_id)
    room = stage.youtube.schedule(channel, "Soon", start=stage.ahead(hours=1))
    stage.check()
    stage.youtube.go_live(live.youtube_channel_id, "Queues", at=stage.ahead(seconds=100))
    arrived: list[float] = []

    def hang(request: Request) -> None:
        if room in request.args.get("v", "") or channel in request.path:
            time.sleep(2.5)

    stage.youtube.watchers.append(hang)
    stage.x.watchers.append(lambda _: arrived.append(time.monotonic()))
    stage.wait(seconds=180)
    started = time.monotonic()
    stage.check()
    assert arrived[0] - started < 1.5


def test_a_stream_for_members_only_is_not_announced_and_its_page_says_why(stage: Stage) -> None:
    show = stage.show()
    video = stage.youtube.go_live(show.youtube_channel_id, "For members", at=stage.ago(seconds=10))
    stage.youtube.set_privacy(video, "members")
    stage.check()
    assert (stage.cast.posts(), stage.episodes(show)) == ([], [])
    assert stage.unmatched() == {video: "not_public"}
