"""The real transitions on a real database, played by a state machine in any order: I1 to I3 hold after every step."""

import os
import sys

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from sandbox.x import X
from tests.cast import Cast
from tests.chaos.machine import Machine
from tests.chaos.world import World

#: `make chaos` plays many more
EXAMPLES = int(os.environ.get("CHAOS_EXAMPLES", "8"))
STEPS = 25

pytestmark = [pytest.mark.slow, pytest.mark.logs_errors, pytest.mark.timeout(0)]


@pytest.fixture
def engine_name() -> str:
    return "sqlite"


def test_whatever_workers_x_time_and_people_do_no_post_is_doubled_lost_or_said_wrongly(
    cast: Cast, x: X, capsys: pytest.CaptureFixture[str]
):
    played = type("Played", (Machine,), {"world": World(cast, x), "made": {}})
    rules = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate] if "CHAOS_NO_SHRINKING" in os.environ else list(Phase),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(played, settings=rules)
    if "CHAOS_EXAMPLES" in os.environ:
        with capsys.disabled():
            sys.stdout.write(f"\n{EXAMPLES} examples: {played.made}\n")
    assert played.made["examples"] >= EXAMPLES
