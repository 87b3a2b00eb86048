"""The units of a day: counted before they are sent, never more than there are, paced by the Pacific clock."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.wrappers import Request

from config import Settings
from extensions import db
from models import QuotaDay
from services import quota
from services.quota import Spent
from services.watch_plan import Demand, Pace, Plan, make_plan
from tests.cast import Cast
from tests.stage import Stage

CHECK = timedelta(seconds=180)
MIDNIGHT = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)  # in Los Angeles
SHORT_DAY = datetime(2026, 3, 8, 8, 0, tzinfo=UTC)
LONG_DAY = datetime(2026, 11, 1, 7, 0, tzinfo=UTC)


def plan_at(now: datetime, channels: int, spent: Spent = Spent(), units: int = 10_000) -> Plan:  # noqa: B008
    return make_plan(now, Demand(channels), spent, units=units, check_every=CHECK)


# The day


@pytest.mark.parametrize("begin, hours", [(MIDNIGHT, 24), (SHORT_DAY, 23), (LONG_DAY, 25)])
def test_the_day_goes_from_midnight_to_midnight_in_los_angeles(begin: datetime, hours: int) -> None:
    end = begin + timedelta(hours=hours)
    for now in (begin, begin + timedelta(hours=12), end - timedelta(microseconds=1)):
        assert quota.day_bounds(now) == (begin, end)
        assert quota.pacific_day(now) == quota.pacific_day(begin)
    assert quota.pacific_day(end) != quota.pacific_day(begin)
    assert quota.pacific_day(begin - timedelta(microseconds=1)) != quota.pacific_day(begin)


# The split


@pytest.mark.parametrize("channels, seconds", [(1, 30), (10, 120), (30, 300)])
def test_the_uploads_lists_are_asked_as_often_as_the_units_allow(channels: int, seconds: int) -> None:
    plan = plan_at(MIDNIGHT + timedelta(hours=3), channels, Spent())
    assert plan.lists_uploads
    assert plan.channel_every == timedelta(seconds=seconds)


def test_beyond_thirty_channels_the_feeds_are_the_rule_and_lists_are_for_repair() -> None:
    plan = plan_at(MIDNIGHT + timedelta(hours=12), 31)
    assert (plan.lists_uploads, plan.channel_every) == (False, CHECK)
    assert 0 < plan.discovery_left <= 3_000
    assert plan_at(MIDNIGHT + timedelta(hours=23), 31, Spent(discovery=3_000)).discovery_left == 0


@pytest.mark.parametrize("channels", [1, 30, 1_000])
def test_a_tenth_is_kept_for_people(channels: int) -> None:
    late = MIDNIGHT + timedelta(hours=23)
    assert plan_at(late, channels, Spent(discovery=3_000, watch=5_999)).watch_left == 1
    assert plan_at(late, channels, Spent(discovery=3_000, watch=6_000)).watch_left == 0


def test_when_the_units_are_gone_nothing_is_planned() -> None:
    for channels in (1, 1_000):
        plan = plan_at(MIDNIGHT + timedelta(hours=12), channels, Spent(exhausted=True))
        assert (plan.discovery_left, plan.watch_left) == (0, 0)


def test_who_spends_ahead_of_the_clock_looks_less_often() -> None:
    noon = MIDNIGHT + timedelta(hours=12)
    stretches = [plan_at(noon, 1, Spent(watch=watch)).stretch for watch in (4_500, 5_500, 6_000, 8_000)]
    assert stretches == sorted(stretches)
    assert (stretches[0], stretches[-1]) == (1.0, 6.0)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 10, 30, 1_000])
@pytest.mark.parametrize("begin, hours", [(MIDNIGHT, 24), (SHORT_DAY, 23), (LONG_DAY, 25)])
def test_a_whole_day_of_looking_leaves_enough_to_judge_and_never_passes_the_units(
    channels: int, begin: datetime, hours: int
) -> None:
    """The planner alone, with the watch job's demand at its worst: a show near its start all day long."""
    now, end = begin, begin + timedelta(hours=hours)
    discovery = watch = 0
    next_list, next_look, refused = begin, begin, 0
    while now < end:
        plan = plan_at(now, channels, Spent(discovery, watch))
        if now >= next_list:
            discovery += min(channels, plan.discovery_left)
            next_list = now + plan.channel_every
        if now >= next_look:
            watch += min(1, plan.watch_left)
            refused += plan.watch_left == 0
            next_look = now + Pace(CHECK, stretch=plan.stretch).step(timedelta(seconds=5))
        assert discovery + watch <= 9_000
        now = min(next_list, next_look)
    assert refused <= 10  # a look every 30 s at such times: five minutes before midnight at most


# The ledger


def test_units_are_counted_before_they_are_sent(stage: Stage) -> None:
    show = stage.show(hosts=())
    stage.youtube.upload(show.youtube_channel_id, "Trailer")
    engine, days = db.engine.execution_options(read_only=True), QuotaDay.__table__
    counted: list[tuple[int, int]] = []

    def look(_: Request) -> None:
        """What another process sees when a question arrives, and what it costs so far."""
        with engine.connect() as connection:
            counted.append(
                (connection.execute(select(days.c.discovery + days.c.watch)).scalar_one(), stage.youtube.units())
            )

    stage.youtube.watchers.append(look)
    stage.check()
    assert counted == [(1, 0), (2, 1)]
    assert stage.units() == (2, 2)


def test_a_new_day_begins_at_midnight_pacific(stage: Stage) -> None:
    show = stage.show(hosts=())
    stage.youtube.upload(show.youtube_channel_id, "Trailer")
    stage.now = SHORT_DAY - timedelta(seconds=1)
    stage.check()
    assert stage.units() == (2, 2)
    stage.now = SHORT_DAY
    assert stage.units() == (0, 0)
    stage.check()
    assert stage.units() == (1, 1)
    stage.now = SHORT_DAY + timedelta(hours=22, minutes=59)
    assert stage.units() == (1, 1)
    stage.now = SHORT_DAY + timedelta(hours=23)
    assert stage.units() == (0, 0)


def test_several_at_once_never_pass_the_units(app: Flask, cast: Cast) -> None:
    now, together, granted = MIDNIGHT, threading.Barrier(4), []

    def spend() -> None:
        with app.app_context():
            together.wait()
            for _ in range(15):
                if quota.spend(db.session(), now, units=100, watch=3):
                    granted.append(3)
                db.session.commit()

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 99
    spent = quota.read_spent(db.session(), now)
    db.session.commit()
    assert spent == Spent(watch=99)


class TestWithFewUnits:
    """A day of hard times: a hundred units, which is the least that may be set."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"youtube_daily_units": 100})

    @pytest.fixture
    def engine_name(self) -> str:
        return "sqlite"

    @pytest.mark.slow
    @pytest.mark.parametrize("channels", [1, 31])
    def test_the_day_is_never_overspent_and_the_next_one_begins_anew(self, stage: Stage, channels: int) -> None:
        ids = stage.quiet_channels(channels)
        stage.youtube.feed_broken.update(ids)
        stage.youtube.playlist_feed_broken.update("UU" + id[2:] for id in ids)
        room = stage.youtube.schedule(ids[0], "All day long", start=stage.ahead(hours=1))
        stage.now = MIDNIGHT
        for _ in range(40):
            stage.wait(minutes=7)
            stage.youtube.reschedule(room, stage.now)
            stage.check()
            stage.watch()
            ours, theirs = stage.units()
            assert ours == theirs <= 90
        stage.now = MIDNIGHT + timedelta(hours=36)
        stage.check()
        stage.check()  # broken feeds are tried again now and then
        ours, theirs = stage.units()
        assert 0 < ours == theirs

    def spend_the_rest(self, stage: Stage) -> None:
        quota.spend(db.session(), stage.now, units=100, watch=90 - stage.units()[0])
        db.session.commit()

    def test_what_cannot_be_asked_about_is_shown_and_asked_again(self, stage: Stage) -> None:
        show = stage.show(hosts=("ada",))
        stage.quiet_channels(60)  # so many that their pages are not asked instead
        room = stage.youtube.schedule(show.youtube_channel_id, "Queues", start=stage.ahead(hours=20))
        stage.check()
        self.spend_the_rest(stage)
        stage.wait(minutes=3)
        stage.check()
        found = stage.broadcast(room)
        assert found is not None
        assert (found.state, found.error_cause) == ("upcoming", "youtube_quota")
        assert found.next_look_at == stage.now + CHECK

    def test_near_its_start_its_page_is_asked_when_there_are_no_units(self, stage: Stage) -> None:
        show = stage.show(hosts=("ada",))
        room = stage.youtube.schedule(show.youtube_channel_id, "Queues", start=stage.ahead(minutes=1))
        stage.check()
        self.spend_the_rest(stage)
        stage.wait(minutes=1)
        stage.youtube.go_live(room)
        begun = stage.now
        stage.run(minutes=2)
        found = stage.broadcast(room)
        assert found is not None
        assert (found.state, found.error_cause) == ("live", None)
        assert found.live_seen_at is not None
        assert found.live_seen_at - begun <= timedelta(seconds=45)
        assert stage.said("ada") == [1]
        assert stage.units()[0] <= 90
