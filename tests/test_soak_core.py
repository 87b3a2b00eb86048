"""A short part of the month of simulated troubles: nothing is missed for our own fault, no day passes its units."""

import pytest

from benchmarks.soak_core import lived
from benchmarks.soak_world import UNITS


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_week_of_troubles_misses_no_start_for_our_own_fault_and_passes_no_units(seed: int) -> None:
    week = lived(channels=60, days=7, seed=seed)
    assert int(str(week["starts"])) > 40
    assert week["missed, our fault"] == 0
    assert int(str(week["most units a day"])) <= UNITS
    assert int(str(week["refused days"])) > 0
