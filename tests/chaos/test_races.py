"""A short part of the races between processes; ten thousand of each by `make chaos`."""

from collections.abc import Iterator

import pytest

from tests.chaos.arena import Arena, arena
from tests.chaos.bed import bed
from tests.chaos.forker import Forker
from tests.chaos.races import RACES, hold

INTERLEAVINGS = 20

pytestmark = [pytest.mark.slow, pytest.mark.logs_errors]


@pytest.fixture(scope="module")
def ground() -> Iterator[Arena]:
    with bed(("postgresql",), is_empty=True) as made, Forker() as forker, arena(made, forker, "postgresql", 1) as one:
        yield one


@pytest.mark.parametrize("name", RACES)
def test_whoever_is_faster_the_end_is_right(ground: Arena, name: str):
    counts = hold(name, ground, INTERLEAVINGS)
    assert counts["wrong"] == 0
    assert counts.total() >= INTERLEAVINGS
