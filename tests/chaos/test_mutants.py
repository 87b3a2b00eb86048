"""The seven mistakes of `make mutants` still have their places in the code. Two of them are tried in tests/kill."""

import pytest

from tests.chaos.mutants import MUTANTS, NOTICED, ROOT, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_patch_fits_the_code_in_one_place(mutant: Mutant):
    for change in mutant.changes:
        assert (ROOT / change.file).read_text().count(change.old) == 1, change
        assert change.new != change.old


def test_seven_mistakes_are_made():
    assert len({mutant.name for mutant in MUTANTS}) == 7


@pytest.mark.parametrize(
    "line, is_noticed",
    [
        ("  I1: live:v:1 is at X 2 times", True),
        ("switch-off against send, wrong      3        ≤ 0     NO", True),
        ("switch-off against send, wrong      0        ≤ 0     yes", False),
        ("E       AssertionError: assert 'failed' == 'sending'", True),
        ("ModuleNotFoundError: No module named 'x'", False),
        ("no result: Traceback", False),
    ],
)
def test_only_what_was_found_wrong_counts_as_noticed(line: str, is_noticed: bool):
    assert bool(NOTICED.search(line)) == is_noticed
