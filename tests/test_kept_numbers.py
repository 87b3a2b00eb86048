"""Kept numbers are those that would be computed at this moment, whatever was done before: for each reader his own."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from benchmarks import equality_once
from benchmarks.equality import DEEDS, Scene, after, anything, differences
from benchmarks.verify import ONCE, STEPS
from extensions import db, reading
from services import kept_numbers
from services.periods import Kind, period
from tests.redis_server import redis_stand_in
from tests.till import statements


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def scene(app):
    return Scene()


@pytest.mark.slow
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    deeds=st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 9)), min_size=4, max_size=8),
    kind=st.sampled_from(Kind),
)
def test_what_was_kept_is_what_would_be_computed_now(scene, deeds, kind):
    assert differences(scene, kind) == []
    for deed, n in deeds:
        deed(scene, n)
        assert differences(scene, kind) == []


@pytest.mark.slow
@pytest.mark.parametrize("deed", dict.fromkeys(DEEDS), ids=lambda deed: deed.__name__)
def test_each_deed_is_seen_at_once(scene, deed):
    """After others, so that there is something to change."""
    for before, n in ((Scene.make, 0), (Scene.make, 1), (Scene.go_out, 0), (Scene.read, 0), (Scene.join_or_leave, 1)):
        before(scene, n)
    assert differences(scene, Kind.ALL) == []
    for n in (1, 2):
        deed(scene, n)
        assert differences(scene, Kind.ALL) == []


@pytest.mark.slow
@pytest.mark.parametrize("stage, deeds, raising", ONCE, ids=lambda given: getattr(given, "__name__", ""))
def test_deeds_that_change_numbers_only_after_others_are_seen_at_once(app, stage, deeds, raising):
    assert equality_once.after_each(stage(), deeds, raising) == []


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_done_in_any_order_each_deed_is_among_it(seed):
    done = anything(STEPS, Random(seed))
    assert (set(done), len(done)) == (set(DEEDS), STEPS)


def test_a_change_that_does_not_raise_the_version_is_found_out(scene):
    before = after(scene, Scene.join_or_leave, 1, Kind.WEEK)
    db.session.execute(text(STUCK))
    db.session.commit()
    assert before == []
    missed = after(scene, Scene.join_or_leave, 0, Kind.WEEK)
    assert [one.partition(" of ")[0] for one in missed] == ["after join_or_leave: hosts"] * 2


STUCK = "CREATE TRIGGER stuck BEFORE UPDATE ON figures_versions BEGIN SELECT RAISE(IGNORE); END"


def test_the_second_time_the_database_is_not_asked(scene):
    found = scene.access(scene.cy)
    span = period(Kind.MONTH, scene.now, found.podcast.timezone).current
    questions: list[Callable[[], object]] = [
        lambda: kept_numbers.overview(found, Kind.MONTH, scene.now),
        lambda: kept_numbers.sparklines(found, scene.now),
        lambda: kept_numbers.latency(found, scene.now),
        lambda: kept_numbers.breakdown(found, span),
        lambda: kept_numbers.by_hour(found, span),
        lambda: kept_numbers.insights(found, kept_numbers.overview(found, Kind.MONTH, scene.now), scene.now),
        lambda: kept_numbers.texts(found, span),
    ]
    for ask in questions:
        first = ask()
        with statements() as asked:
            assert ask() == first
        assert asked == []


def test_who_may_not_see_money_gets_none_whoever_asked_before(scene):
    scene.pay(0)
    admin, host = scene.access(scene.cy), scene.access(scene.hosts["bo"])
    for _ in range(2):
        for found, spend in ((admin, 5_000), (host, 0)):
            assert kept_numbers.overview(found, Kind.ALL, scene.now).current.spend == spend
            rows = kept_numbers.breakdown(found, period(Kind.ALL, scene.now, "UTC").current).rows
            assert sum(row.figures.spend for row in rows) == spend


# Elsewhere


@pytest.fixture
def remote(make_app):
    """A scene whose numbers are kept in Redis; each question to it notes how many connections are in use."""
    in_use = []
    with redis_stand_in() as redis, make_app(redis_url=redis.url).app_context():
        pool = db.engine.pool
        redis.watchers.append(lambda: in_use.append(pool.checkedout()))
        yield Scene(), in_use


def test_a_page_that_only_reads_holds_no_connection_while_redis_is_asked(remote):
    scene, in_use = remote
    db.session.remove()
    reading()
    found = scene.access(scene.cy)
    for _ in range(2):
        kept_numbers.overview(found, Kind.WEEK, scene.now)
        assert found.podcast.name == "Deep Dive"
        assert db.session.connection().get_execution_options().get("read_only")
    assert len(in_use) >= 4
    assert set(in_use) == {0}


def test_a_transaction_that_may_write_is_not_ended_for_redis(remote):
    scene, in_use = remote
    db.session.rollback()
    found = scene.access(scene.cy)
    db.session.execute(db.text("UPDATE podcasts SET name = 'Deeper'"))
    kept_numbers.overview(found, Kind.WEEK, scene.now)
    db.session.rollback()
    assert db.session.execute(db.text("SELECT name FROM podcasts")).scalar_one() == "Deep Dive"
    assert set(in_use) == {1}


def test_numbers_kept_in_redis_are_those_that_would_be_computed(remote):
    scene, _ = remote
    for deed, n in ((Scene.make, 0), (Scene.go_out, 0), (Scene.pay, 1), (Scene.rename, 1)):
        deed(scene, n)
        assert differences(scene, Kind.MONTH) == differences(scene, Kind.MONTH) == []
