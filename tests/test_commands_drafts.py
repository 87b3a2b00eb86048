"""`flask drafts make`: what it prints, and one line for what cannot be."""

import json

import pytest
from flask import current_app

from tests.study import a_study


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def study(make_app, ai, youtube, x):
    yield from a_study(make_app, ai, youtube, x)


def run(*arguments):
    return current_app.test_cli_runner().invoke(args=["drafts", "make", "deep-dive", *map(str, arguments)])


def test_every_host_gets_a_draft(study):
    result = run(study.episode, "--json")
    assert result.exit_code == 0, result.output
    made = json.loads(result.stdout)["drafts"]
    assert [one["host"] for one in made] == ["ada@example.com", "bo@example.com"]
    assert [one["writer"] for one in made] == ["openai:gpt-5-mini"] * 2
    assert study.config("bo").draft == made[1]["text"]


def test_one_host_may_be_named_and_the_others_get_none(study):
    assert run(study.episode, "--host", "bo@example.com").exit_code == 0
    assert (study.config("ada").draft, bool(study.config("bo").draft)) == ("", True)


def test_who_is_no_host_and_what_is_no_episode_is_one_line(study):
    study.cast.user("new")
    for arguments in ((study.episode, "--host", "new@example.com"), (999,)):
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert len(result.stderr.splitlines()) == 1
