"""The pure rules of looking: what an answer makes of a broadcast, and when it is asked about next."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from models import BroadcastState
from services.clients.values import Video
from services.live_rules import NAMED_BY_HUB, Decision, Known, decide
from services.watch_plan import Pace, next_upcoming_look

NOW = datetime(2026, 3, 4, 18, 0, tzinfo=UTC)
CHECK = timedelta(seconds=180)
NEW, UPCOMING, LIVE, ENDED, VOD, GONE = BroadcastState
KNOWN = Known(
    id=1,
    video_id="video-00001",
    state=NEW,
    first_seen_at=NOW,
    scheduled_start_at=None,
    actual_start_at=None,
    live_seen_at=None,
    closed_at=None,
    absences=0,
)
FULL = Pace()
VIDEO = Video(
    id="video-00001",
    channel_id="UC" + "c" * 22,
    title="Queues",
    live_content="none",
    privacy="public",
    published_at=NOW,
    scheduled_start_at=None,
    actual_start_at=None,
    actual_end_at=None,
    duration_seconds=0,
)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def wait_at(distance: timedelta, pace: Pace = FULL) -> timedelta | None:
    """How long until the next look at a waiting room whose planned start is `distance` in the past."""
    look = next_upcoming_look(NOW - distance, NOW, pace)
    return look - NOW if look else None


def look(known: Known = KNOWN, *, pace: Pace = FULL, now: datetime = NOW, **answer: object) -> Decision:
    return decide(known, replace(VIDEO, **answer), now, pace)


@pytest.mark.parametrize(
    "distance, every",
    [
        (minutes(-2), 5),
        (minutes(0), 5),
        (minutes(9.9), 5),
        (minutes(-9.9), 30),
        (minutes(-3), 30),
        (minutes(10), 30),
        (minutes(59), 30),
        (minutes(60), 120),
        (minutes(359), 120),
    ],
)
def test_a_waiting_room_is_asked_about_by_its_distance_to_the_planned_start(distance: timedelta, every: int) -> None:
    wait = wait_at(distance)
    # On a common grid: from a third of the step to one and a third of it, on average one step.
    assert wait is not None
    assert timedelta(seconds=0.3 * every) <= wait <= timedelta(seconds=1.3 * every)


@pytest.mark.parametrize("distance", [minutes(-60 * 24 * 30), minutes(-90), minutes(360), minutes(24 * 60)])
def test_far_from_its_start_a_waiting_room_is_left_to_the_check(distance: timedelta) -> None:
    wait = wait_at(distance)
    assert wait is not None
    assert wait > CHECK


def test_a_waiting_room_is_dropped_a_day_after_its_planned_start() -> None:
    assert wait_at(timedelta(hours=24)) is not None
    assert wait_at(timedelta(hours=24, seconds=1)) is None


def test_a_waiting_room_without_a_time_is_left_to_the_check() -> None:
    assert next_upcoming_look(None, NOW, Pace()) == NOW + 1.5 * CHECK


@pytest.mark.parametrize("border, ahead", [(-10, 1), (-2, 0.2)])
def test_no_look_reaches_past_the_beginning_of_a_closer_window(border: float, ahead: float) -> None:
    assert wait_at(minutes(border - ahead)) == minutes(ahead)


def test_broadcasts_with_the_same_pace_share_a_look() -> None:
    looks = {next_upcoming_look(NOW - minutes(1 + n / 60), NOW + timedelta(seconds=n / 4), Pace()) for n in range(4)}
    assert len(looks) == 1


@pytest.mark.parametrize("distance", [minutes(0), minutes(30), minutes(120)])
def test_when_units_run_short_the_steps_grow_but_never_past_the_check(distance: timedelta) -> None:
    relaxed, short = wait_at(distance), wait_at(distance, Pace(stretch=6.0))
    assert relaxed is not None
    assert short is not None
    assert short >= relaxed
    assert short <= 1.3 * CHECK


def test_without_a_key_no_page_is_asked_more_often_than_every_thirty_seconds() -> None:
    pace = Pace(at_least=timedelta(seconds=30))
    assert pace.step(timedelta(seconds=5)) == timedelta(seconds=30)
    assert pace.step(timedelta(seconds=120)) == timedelta(seconds=120)


# What an answer means


def test_live_needs_the_word_the_start_and_no_end() -> None:
    decision = look(live_content="live", actual_start_at=NOW)
    assert (decision.state, decision.is_news) == (LIVE, True)
    again = look(replace(KNOWN, state=LIVE, live_seen_at=NOW), live_content="live", actual_start_at=NOW)
    assert (again.state, again.is_news) == (LIVE, False)


@pytest.mark.parametrize("content", ["live", "none", "upcoming"])
@pytest.mark.parametrize("state", [NEW, UPCOMING, LIVE])
def test_an_end_is_an_end_whatever_else_is_said(content: str, state: BroadcastState) -> None:
    decision = look(replace(KNOWN, state=state), live_content=content, actual_start_at=NOW, actual_end_at=NOW)
    assert decision == Decision(ENDED, None)


@pytest.mark.parametrize(
    "answer", [{"live_content": "live"}, {"actual_start_at": NOW}, {"live_content": "upcoming", "actual_start_at": NOW}]
)
@pytest.mark.parametrize("state, stays", [(NEW, UPCOMING), (UPCOMING, UPCOMING), (LIVE, LIVE)])
def test_one_sign_alone_is_asked_again_in_five_seconds_and_changes_nothing(
    answer: dict[str, object], state: BroadcastState, stays: BroadcastState
) -> None:
    assert look(replace(KNOWN, state=state), **answer) == Decision(stays, NOW + timedelta(seconds=5))


def test_one_sign_alone_for_long_is_asked_about_seldom_and_dropped_after_a_day() -> None:
    later = look(now=NOW + minutes(11), actual_start_at=NOW)
    assert later.next_look_at == NOW + minutes(13)
    assert look(now=NOW + timedelta(hours=25), actual_start_at=NOW) == Decision(VOD, None)
    was_live = look(replace(KNOWN, state=LIVE), now=NOW + timedelta(hours=25), actual_start_at=NOW)
    assert was_live == Decision(ENDED, None)


def test_an_upload_is_never_asked_about_again() -> None:
    assert look(duration_seconds=600) == Decision(VOD, None)


def test_what_was_live_and_shows_no_sign_any_more_has_ended() -> None:
    assert look(replace(KNOWN, state=LIVE)) == Decision(ENDED, None)


@pytest.mark.parametrize("state, end", [(NEW, GONE), (UPCOMING, GONE), (LIVE, ENDED)])
def test_absent_once_is_asked_again_soon_and_absent_twice_is_the_end(
    state: BroadcastState, end: BroadcastState
) -> None:
    once = decide(replace(KNOWN, state=state), None, NOW, Pace())
    assert once == Decision(state, NOW + timedelta(seconds=5), absences=1)
    twice = decide(replace(KNOWN, state=state, absences=1), None, NOW, Pace())
    assert (twice.state, twice.next_look_at) == (end, None)


def asked_until_given_up(known: Known, pace: Pace = FULL) -> list[float]:
    """Seconds from the first answer that does not have it to each further one."""
    now, looks = NOW, []
    while (decision := decide(known, None, now, pace)).next_look_at is not None:
        now, known = decision.next_look_at, replace(known, absences=decision.absences, state=decision.state)
        looks.append((now - NOW).total_seconds())
    assert decision.state == GONE
    return looks


@pytest.mark.parametrize("check", [30, 180, 3600])
def test_what_only_the_hub_knows_may_be_absent_for_ten_minutes(check: float) -> None:
    named = replace(KNOWN, first_signal=NAMED_BY_HUB, channel_id=VIDEO.channel_id)
    looks = asked_until_given_up(named, Pace(timedelta(seconds=check)))
    assert looks == [5, 15, 35, 75, 155, 315, 635]
    assert decide(replace(named, absences=7), VIDEO, NOW, FULL).state == VOD


@pytest.mark.parametrize("changed", [{"first_signal": "uploads"}, {"first_signal": NAMED_BY_HUB, "state": UPCOMING}])
def test_what_something_else_knows_too_is_given_up_as_ever(changed: dict[str, object]) -> None:
    assert asked_until_given_up(replace(KNOWN, **changed)) == [5]


def test_absences_count_in_a_row_only() -> None:
    assert look(replace(KNOWN, state=UPCOMING, absences=1), live_content="upcoming").absences == 0


def test_while_hosts_may_still_join_a_live_broadcast_is_asked_about_every_thirty_seconds() -> None:
    answer = {"live_content": "live", "actual_start_at": NOW}
    open_look, closed_look = look(**answer).next_look_at, look(replace(KNOWN, closed_at=NOW), **answer).next_look_at
    assert open_look is not None
    assert NOW < open_look <= NOW + timedelta(seconds=40)
    assert closed_look == NOW + 1.5 * CHECK
