"""A clock that is set: it is noticed, what was missed is one run, and nothing sleeps until the old time comes again."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from extensions import db
from models import JobRun, Post, SendGate, YouTubeChannel
from services.clock_steps import Every, Steps, mend
from services.lookup import read_from
from tests.desk import Desk
from tests.stage import Stage

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_ten_missed_years_are_one_run():
    every = Every(1.0)
    late = NOON + timedelta(days=3652)
    assert every.get_next_fire_time(None, NOON) == NOON
    assert every.get_next_fire_time(NOON, NOON) == NOON + timedelta(seconds=1)
    assert every.get_next_fire_time(NOON, late) == late + timedelta(seconds=1)


@pytest.mark.parametrize("moved, is_step", [(0.0, False), (0.9, False), (3600.0, True), (-2.0, True)])
def test_a_step_is_noticed_once_and_keeping_time_is_none(moved: float, is_step: bool):
    wall = [1000.0]
    steps = Steps(lambda: wall[0], lambda: 10.0)
    wall[0] += moved
    assert (steps.taken(), steps.taken()) == (is_step, False)


def test_where_the_clock_was_set_back_the_timeline_is_read_from_a_day_before():
    zero = timedelta(0)
    assert read_from(NOON, zero, known_at=NOON + HOUR) == NOON - timedelta(minutes=10)
    assert read_from(NOON + HOUR, zero, known_at=NOON) == NOON - timedelta(hours=24)


@pytest.mark.parametrize("ahead, is_due", [(timedelta(seconds=30), False), (HOUR, True)])
def test_a_channel_that_was_looked_at_later_than_now_is_due(stage: Stage, ahead: timedelta, is_due: bool):
    (channel,) = stage.quiet_channels(1)
    later = stage.now + ahead
    db.session.add(YouTubeChannel(id=channel, last_look_at=later, next_look_at=later + timedelta(minutes=2)))
    db.session.flush()
    mend(db.session(), stage.now)
    db.session.commit()
    assert (stage.channel(channel).next_look_at == stage.now) is is_due


@pytest.mark.parametrize(
    "cause, wait, is_due",
    [
        (None, HOUR, True),
        (None, HOUR / 60, False),
        ("x_credits", HOUR / 12, False),
        ("x_credits", HOUR, True),
        ("x_rate", HOUR, False),
    ],
)
def test_a_post_waits_no_longer_than_it_would_by_itself(desk: Desk, cause, wait, is_due):
    desk.on_air("ada")
    now = datetime.now(UTC)
    waits = update(Post).values(cause=cause, not_before=now + wait, not_after=now + 3 * HOUR)
    db.session.execute(waits, execution_options={"synchronize_session": False})
    mend(db.session(), now)
    db.session.commit()
    due = db.session.execute(select(Post.id).where(Post.not_before <= now)).all()
    db.session.commit()
    assert bool(due) is is_due


def test_a_gate_without_credits_and_a_heartbeat_of_later_than_now_go(app):
    db.session.add(SendGate(key="x", until=NOON + HOUR, cause="x_credits"))
    db.session.add(JobRun(process="gone", job="check", started_at=NOON + HOUR, seen_at=NOON + HOUR))
    db.session.flush()
    mend(db.session(), NOON)
    db.session.commit()
    assert db.session.execute(select(SendGate.until)).scalar_one() == NOON
    assert db.session.execute(select(JobRun.process)).all() == []
    db.session.commit()
