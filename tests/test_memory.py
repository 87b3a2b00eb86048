"""What a server keeps is set apart, and what it does not need any more is still given back."""

import gc
import subprocess
import sys
import weakref

import pytest

from config import ROOT
from services import memory
from tests.processes import environment


class Ring:
    """Something that only a look through memory finds to be unused."""

    def __init__(self):
        self.itself = self


@pytest.fixture
def settle():
    """Nothing is set apart by itself any more once the test is over."""
    yield memory.settle
    memory._warming.left = 0
    gc.callbacks.remove(memory._warming)


def is_looked_at(thing):
    return any(one is thing for one in gc.get_objects())


def test_what_is_there_at_the_start_is_looked_through_no_more(settle):
    loaded = Ring()
    settle()
    assert not is_looked_at(loaded)


def test_what_the_first_pages_load_is_set_apart_once_it_has_stayed(settle):
    settle()
    for _ in range(memory.WARMING):
        loaded = Ring()
        assert is_looked_at(loaded)
        gc.collect()
        assert not is_looked_at(loaded)


def test_later_on_all_that_is_made_is_looked_through(settle):
    settle()
    for _ in range(memory.WARMING):
        gc.collect()
    made = Ring()
    gc.collect()
    assert is_looked_at(made)


def test_small_looks_set_nothing_apart(settle):
    settle()
    made = Ring()
    gc.collect(1)
    assert is_looked_at(made)


def test_what_nothing_uses_is_given_back(settle):
    settle()
    unused = weakref.ref(Ring())
    gc.collect()
    assert unused() is None


def test_to_settle_twice_is_to_settle_anew(settle):
    settle()
    settle()
    assert gc.callbacks.count(memory._warming) == 1


@pytest.mark.slow
@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(("serves", "settings_of"), [(True, ""), (False, "config.Settings.load()")])
@pytest.mark.usefixtures("app")
def test_a_process_that_serves_settles_before_it_answers(settings, serves, settings_of):
    program = f"import gc, app, config; app.create_app({settings_of}); print(gc.get_freeze_count() > 50_000)"
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment(settings), cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ended.stdout.splitlines()[-1:] == [str(serves)], ended.stderr
