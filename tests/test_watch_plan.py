"""The watch planner: closest around planned starts while the units allow, those that go first first, never too many."""

from datetime import UTC, datetime, timedelta

import pytest

from services.quota import Spent, day_bounds
from services.watch_needs import Needs, Start, foresee, spans, units_for
from services.watch_plan import (
    PAGE_EVERY,
    Close,
    Demand,
    Pace,
    Plan,
    before_due,
    hot_step,
    make_plan,
    next_channel_look,
    next_upcoming_look,
)

CHECK = timedelta(seconds=180)
MIDNIGHT = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)  # in Los Angeles
NOON = MIDNIGHT + timedelta(hours=12)
ENDS = day_bounds(NOON)[1]
SECOND = timedelta(seconds=1)


def plan_at(now: datetime, channels: int, starts: list[Start], spent: Spent | None = None) -> Plan:
    demand = Demand(channels, len(starts), foresee(starts, now, ENDS))
    return make_plan(now, demand, spent or Spent(), units=10_000, check_every=CHECK)


def same_hour(number: int, *, first: int = 0, at: datetime = NOON) -> list[Start]:
    """So many starts, spread over one hour in steps of five minutes."""
    return [Start(at + timedelta(minutes=5 * (n % 12)), n < first) for n in range(number)]


# What known starts need


def test_the_windows_around_a_start_do_not_overlap_and_leave_no_gap() -> None:
    for close in (False, True):
        found = spans(close=close)
        assert [a[1] for a in found[:-1]] == [b[0] for b in found[1:]]
    assert (timedelta(minutes=-1), timedelta(minutes=5), 2 * SECOND) in spans(close=True)


def test_fifty_starts_of_the_same_time_need_what_one_needs() -> None:
    one, fifty, fifty_one = (foresee([Start(NOON)] * n, MIDNIGHT, ENDS) for n in (1, 50, 51))
    assert one == fifty
    assert fifty_one.usual == 2 * one.usual
    assert 200 < one.usual < one.close < 400


def test_only_what_is_to_come_is_needed() -> None:
    half = foresee([Start(NOON)], NOON + timedelta(minutes=2), ENDS)
    assert half.close < foresee([Start(NOON)], MIDNIGHT, ENDS).close
    assert foresee([Start(NOON)], NOON + timedelta(hours=2), ENDS) == Needs()
    assert units_for([Start(ENDS + timedelta(hours=1))], NOON, ENDS, close=True) == 0


# Two seconds


def test_around_a_planned_start_it_is_asked_every_two_seconds_while_units_allow() -> None:
    plan = plan_at(NOON, 1, [Start(NOON)])
    pace = plan.pace(CHECK, 1)
    assert plan.close == Close.ALL
    for distance in (-60, 0, 60, 299):
        now = NOON + distance * SECOND
        look = next_upcoming_look(NOON, now, pace)
        assert look is not None
        assert timedelta(0) < look - now <= 2.6 * SECOND
    for distance in (-110, 301, 590):
        now = NOON + distance * SECOND
        look = next_upcoming_look(NOON, now, pace)
        assert look is not None
        assert 1.5 * SECOND <= look - now <= 6.5 * SECOND


def test_no_look_reaches_past_the_beginning_of_the_two_seconds() -> None:
    pace = Pace(CHECK, close=Close.ALL, stretch=36.0)
    assert next_upcoming_look(NOON, NOON - 61 * SECOND, pace) == NOON - 60 * SECOND


@pytest.mark.parametrize("channels, starts", [(1, 1), (30, 12), (100, 100), (200, 100)])
def test_a_full_hour_of_starts_is_watched_every_two_seconds_on_a_fresh_day(channels: int, starts: int) -> None:
    assert plan_at(NOON - timedelta(hours=3), channels, same_hour(starts)).close == Close.ALL


def test_when_units_are_short_those_that_go_first_keep_the_full_pace_and_others_wait_longer() -> None:
    starts = same_hour(100, first=2)
    plan = plan_at(NOON - timedelta(minutes=10), 100, starts, Spent(watch=7_600))
    assert (plan.close, plan.first_stretch) == (Close.FIRST, 1.0)
    assert plan.stretch > 1.0
    pace = plan.pace(CHECK, 100)
    assert 2 * SECOND in [every for _, _, every in pace.windows(is_first=True)]
    assert 2 * SECOND not in [every for _, _, every in pace.windows(is_first=False)]
    assert pace.step(5 * SECOND, is_first=True) == 5 * SECOND
    assert pace.step(5 * SECOND) == 5 * SECOND * plan.stretch


def test_the_less_is_left_the_longer_are_the_steps() -> None:
    starts = same_hour(100)
    plans = [plan_at(NOON, 100, starts, Spent(watch=watch)) for watch in range(0, 9_001, 500)]
    assert [plan.stretch for plan in plans] == sorted(plan.stretch for plan in plans)
    assert all(plan.close != Close.ALL for plan in plans if plan.stretch > 1)
    assert (plans[0].close, plans[-1].close) == (Close.ALL, Close.NOBODY)


def test_a_morning_full_of_starts_is_not_slowed_by_a_quiet_rest_of_the_day() -> None:
    """Spending ahead of the clock is fine where nothing is planned later."""
    at = MIDNIGHT + timedelta(hours=2)
    assert plan_at(at, 30, same_hour(4, at=at), Spent(watch=2_500)).stretch == 1.0


def test_without_units_it_is_as_without_a_key() -> None:
    plan = plan_at(NOON, 10, [Start(NOON)], Spent(watch=9_000))
    assert plan.is_blind
    assert plan.pace(CHECK, 10).at_least == PAGE_EVERY
    assert next_channel_look(NOON, plan, 10, CHECK, hot=None) == NOON + PAGE_EVERY
    assert next_channel_look(NOON, plan, 100, CHECK, hot=None) is None


@pytest.mark.slow
@pytest.mark.parametrize("hour, first", [(1, 5), (12, 100), (22, 0)])
def test_a_day_with_a_hundred_starts_in_one_hour_never_passes_the_units_and_watches_all(first: int, hour: int) -> None:
    """The planner alone. Every stream is an hour late, which is the dearest that can be."""
    at = MIDNIGHT + timedelta(hours=hour)
    starts = same_hour(100, first=first, at=at)
    spent, due = 0, [(MIDNIGHT, start) for start in starts]
    now, worst, foreseen = MIDNIGHT, timedelta(0), Demand()
    next_check = MIDNIGHT
    while now < ENDS:
        if now >= next_check:
            foreseen, next_check = Demand(100, 100, foresee(starts, now, ENDS)), now + 3 * CHECK
        asked = [start for look, start in due if look <= now]
        plan = make_plan(now, foreseen, Spent(watch=spent), units=10_000, check_every=CHECK)
        calls = min(-(-len(asked) // 50), plan.watch_left)
        assert calls or not asked, "nothing is left to ask with"
        spent += calls
        pace = plan.pace(CHECK, 100)
        again = []
        for look, start in due:
            if look > now:
                again.append((look, start))
                continue
            next_look = next_upcoming_look(start.at, now, pace, is_first=start.is_first) or ENDS
            if start.at <= now < start.at + timedelta(minutes=5):
                worst = max(worst, next_look - now)
            again.append((next_look, start))
        due = again
        now = max(now + SECOND, min(look for look, _ in due))
    assert spent <= 9_000
    assert worst <= 8 * SECOND


# Channels


def test_a_channel_whose_hub_spoke_is_asked_often_for_two_minutes() -> None:
    assert hot_step(NOON, NOON, None) == 20 * SECOND
    assert hot_step(NOON, NOON - 119 * SECOND, None) == 20 * SECOND
    assert hot_step(NOON, NOON - 120 * SECOND, None) is None
    assert hot_step(NOON, NOON + 10 * SECOND, None) is None  # a clock that was set


@pytest.mark.parametrize("minutes, seconds", [(-3, None), (-2, 15), (9, 15), (10, 60), (59, 60), (60, None)])
def test_a_channel_whose_episode_is_due_without_a_waiting_room_is_asked_more_often(
    minutes: int, seconds: int | None
) -> None:
    step = hot_step(NOON + timedelta(minutes=minutes), None, NOON)
    assert step == (seconds * SECOND if seconds else None)


def test_a_due_channel_costs_no_units_that_are_not_there() -> None:
    none_left = Plan(False, CHECK, 1.0, 0, 100, 100, CHECK)
    some_left = Plan(False, CHECK, 1.0, 10, 100, 100, CHECK)
    assert next_channel_look(NOON, none_left, 100, CHECK, hot=15 * SECOND) is None
    assert next_channel_look(NOON, some_left, 100, CHECK, hot=15 * SECOND) == NOON + 15 * SECOND
    assert next_channel_look(NOON, some_left, 100, CHECK, hot=None) is None
    assert next_channel_look(NOON, None, 100, CHECK, hot=15 * SECOND) == NOON + PAGE_EVERY


def test_no_channel_sleeps_past_the_time_from_which_its_episode_is_due() -> None:
    hot_from = NOON - timedelta(minutes=2)
    assert before_due(NOON - timedelta(minutes=4), NOON, None) == hot_from
    assert before_due(NOON - timedelta(minutes=4), NOON, NOON) == hot_from
    assert before_due(NOON - timedelta(minutes=4), NOON, NOON - timedelta(minutes=3)) == NOON - timedelta(minutes=3)
    assert before_due(NOON, NOON, None) is None
