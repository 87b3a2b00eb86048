"""A short part of the kill matrix: a worker dies at a few of its points, another takes over, nothing is wrong after."""

import itertools
from collections.abc import Iterator

import pytest

from tests.chaos.aftermath import MOST, joined
from tests.chaos.bed import Bed, bed
from tests.chaos.forker import Forker
from tests.chaos.kill_matrix import cases, play, row_of, warm
from tests.chaos.plans import PLANS
from tests.chaos.run import Case

SHORT_PART = (
    "before the reaper's commit",
    "while the timeline is read",
    "when the new tokens arrive",
    "after the second intent",
)

pytestmark = [pytest.mark.slow, pytest.mark.logs_errors]


@pytest.fixture(scope="module")
def made() -> Iterator[Bed]:
    with bed(("sqlite",)) as one:
        yield one


def test_workers_killed_at_odd_points_double_lose_and_mistake_nothing(made: Bed):
    plans = [plan for plan in PLANS if plan.name in SHORT_PART]
    wanted = [Case(plan, "sqlite", n % 2 == 0 or plan.again, seed=n) for n, plan in enumerate(plans)]
    with Forker() as forker:
        warm(made, forker, ("sqlite",))
        outcomes = list(play(wanted, made, forker, lanes=len(wanted)))
    assert [found for one in outcomes for found in one.found] == []
    row = row_of("all", outcomes)
    assert (row["double"], row["lost"], row["wrong"], row["no result"]) == (0, 0, 0, 0)
    assert (row["runs"], row["posts"]) == (len(SHORT_PART), 6 * len(SHORT_PART))
    assert row["kills"] >= len(SHORT_PART)
    after = joined(one.after for one in outcomes)
    assert after
    assert set(after) <= set(MOST)


def test_every_point_is_run_on_both_databases_at_both_kinds_of_x():
    every = cases(2, ("sqlite", "postgresql"), seed=0)
    combined = {(case.plan.name, case.engine, case.refuses) for case in every}
    names = [plan.name for plan in PLANS]
    assert len(names) == len(set(names)) >= 15
    for plan, engine in itertools.product(PLANS, ("sqlite", "postgresql")):
        assert (plan.name, engine, True) in combined
        assert ((plan.name, engine, False) in combined) != plan.again
