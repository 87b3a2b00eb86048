"""Spoiled inputs for every parser: 20,000 here, a million by `make fuzz`. Only documented errors come out."""

import pytest

from services.errors import Refused
from tests.chaos.fuzz.parsers import PARSERS, Parser
from tests.chaos.fuzz.runner import fingerprint, fuzz

IN_ALL = 20_000
SEED = 7


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_nothing_unforeseen_comes_of_a_spoiled_input(parser: Parser):
    row = fuzz(parser, -(-IN_ALL // len(PARSERS)), SEED)
    assert row.examples == []
    assert row.unhandled == 0
    assert row.read + row.refused == row.inputs
    assert row.memory_kib < 64 * 1024


def test_some_inputs_are_still_read_and_some_are_refused_or_spoiling_would_prove_nothing():
    (post,) = [parser for parser in PARSERS if parser.name == "X post"]
    row = fuzz(post, 500, SEED)
    assert row.read > 50
    assert row.refused > 50


def test_the_same_seed_gives_the_same_inputs_and_another_one_others():
    templates, post = (next(p for p in PARSERS if p.name == name) for name in ("templates", "X post"))
    rows = [fingerprint([fuzz(templates, 60, seed), fuzz(post, 200, seed)]) for seed in (1, 1, 2)]
    assert rows[0] == rows[1]
    assert rows[1] != rows[2]


def test_an_error_that_nobody_documented_is_counted_and_shown():
    def stumble(body: bytes) -> None:
        if len(body) % 2:
            raise Refused("Not readable.", cause="x_odd_answer")
        body.decode("ascii")[100_000]

    row = fuzz(Parser("stumbling", lambda m: m.bytes(b"abc"), stumble, (Refused,)), 50, SEED)
    assert row.unhandled + row.refused == 50
    assert row.unhandled > 0
    assert row.examples[0].startswith(f"seed {SEED}, input ")
