"""When YouTube says that the units are gone: believed when our count agrees, tried again soon when it does not."""

import itertools
from datetime import timedelta

import pytest

from extensions import db
from models import QuotaDay
from services import quota
from services.quota import Spent
from tests.stage import Stage

API = "/youtube/v3/"


@pytest.fixture
def engine_name() -> str:
    return "sqlite"


def asked(stage: Stage) -> int:
    return len(stage.youtube.asked("GET", API))


def refuse_everything(stage: Stage) -> None:
    stage.youtube.quota = 0


def day(stage: Stage) -> QuotaDay:
    row = db.session.get_one(QuotaDay, quota.pacific_day(stage.now), populate_existing=True)
    db.session.expunge(row)
    db.session.commit()
    return row


@pytest.mark.slow
def test_a_refusal_that_our_count_does_not_explain_is_tried_again_after_15_30_and_60_minutes(stage: Stage) -> None:
    show = stage.show(hosts=())
    stage.youtube.upload(show.youtube_channel_id, "Trailer")
    refuse_everything(stage)
    begun, tries = stage.now, []
    stage.check()
    for _ in range(4 * 60):
        before = asked(stage)
        stage.wait(minutes=1)
        stage.check()
        if asked(stage) > before:
            tries.append(round((stage.now - begun).total_seconds() / 60))
    assert tries == [15, 45, 105, 165, 225]
    assert (day(stage).exhausted_at, day(stage).refusals) == (None, 6)


def test_each_try_is_one_question_a_way_however_many_channels_wait(stage: Stage) -> None:
    stage.quiet_channels(20)
    refuse_everything(stage)
    stage.check()
    before = asked(stage)
    stage.wait(minutes=15)
    stage.check()
    assert asked(stage) - before == 1


def test_looking_goes_on_as_before_once_youtube_takes_questions_again(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    stage.youtube.upload(show.youtube_channel_id, "Trailer")
    stage.youtube.quota = 0
    stage.check()
    stage.youtube.quota = 10_000
    stage.wait(minutes=16)
    stage.check()
    assert day(stage).retry_at is None
    assert day(stage).refusals == 1
    stage.youtube.go_live(show.youtube_channel_id)
    stage.run(minutes=1)
    assert stage.said("ada") == [1]


def test_meanwhile_a_start_is_seen_by_its_page(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    room = stage.youtube.schedule(show.youtube_channel_id, "Queues", start=stage.ahead(minutes=5))
    stage.check()
    stage.youtube.quota = 0
    stage.wait(minutes=3)
    stage.check()
    stage.wait(minutes=2)
    begun = stage.now
    stage.youtube.go_live(room)
    stage.run(minutes=2)
    found = stage.broadcast(room)
    assert found is not None
    assert found.live_seen_at is not None
    assert found.live_seen_at - begun <= timedelta(seconds=40)
    assert stage.said("ada") == [1]


def test_when_the_pages_do_not_answer_either_it_is_tried_again_in_five_minutes(stage: Stage) -> None:
    show = stage.show(hosts=("ada",))
    stage.youtube.schedule(str(show.youtube_channel_id), "Queues", start=stage.ahead(minutes=5))
    stage.check()
    stage.youtube.quota = 0
    stage.youtube.bot_check = True
    stage.wait(minutes=3)
    stage.check()
    tries, begun = [], stage.now
    for _ in range(20):
        before = asked(stage)
        stage.wait(minutes=1)
        stage.watch()
        if asked(stage) > before:
            tries.append(round((stage.now - begun).total_seconds() / 60))
    assert tries
    assert tries[0] <= 8
    assert all(later - sooner <= 9 for sooner, later in itertools.pairwise(tries))
    assert all(later - sooner >= 5 for sooner, later in itertools.pairwise(tries))


def test_when_our_count_agrees_nothing_is_asked_until_midnight_pacific(stage: Stage) -> None:
    stage.show(hosts=())
    quota.spend(db.session(), stage.now, units=10_000, people=9_500)
    quota.refuse(db.session(), stage.now, units=10_000)
    db.session.commit()
    assert day(stage).exhausted_at == stage.now
    ends = quota.day_bounds(stage.now)[1]
    for at in (stage.now, stage.ahead(hours=2), ends - timedelta(seconds=1)):
        assert quota.read_spent(db.session(), at).exhausted
        assert not quota.spend(db.session(), at, units=10_000, watch=1)
    assert quota.read_spent(db.session(), ends) == Spent()
    assert quota.spend(db.session(), ends, units=10_000, watch=1)
    db.session.rollback()


def test_refusals_of_one_round_count_as_one(stage: Stage) -> None:
    for _ in range(5):
        quota.refuse(db.session(), stage.now, units=10_000)
    db.session.commit()
    assert day(stage).refusals == 1
    assert day(stage).retry_at == stage.ahead(minutes=15)
    assert not quota.spend(db.session(), stage.ahead(minutes=14), units=10_000, watch=1)
    assert quota.spend(db.session(), stage.ahead(minutes=15), units=10_000, watch=1)
    db.session.commit()


def test_people_are_told_when_it_is_asked_again(stage: Stage) -> None:
    quota.refuse(db.session(), stage.now, units=10_000)
    spent = quota.read_spent(db.session(), stage.now)
    assert (spent.exhausted, spent.retry_at, spent.is_probe) == (True, stage.ahead(minutes=15), False)
    later = quota.read_spent(db.session(), stage.ahead(minutes=15))
    assert (later.exhausted, later.retry_at, later.is_probe) == (False, None, True)
    db.session.rollback()
