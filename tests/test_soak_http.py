"""Some minutes of the simulated month over real HTTP, with faults: what is counted, and that the count notices."""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import EnvironBuilder

from benchmarks.soak_life import Door, Life
from benchmarks.soak_month import Month
from benchmarks.soak_spoils import KINDS, Spoiler
from benchmarks.soak_stage import Commands, Stage
from benchmarks.soak_tally import OURS, count, units_counted
from benchmarks.soak_world import BEGIN, HOUR, MINUTE, Show
from config import Settings
from extensions import db
from models import PushSubscription

CHANNELS, HOSTS = 11, 3


class Near(Stage):
    """The stand-ins in this process."""

    def __init__(self) -> None:
        self.commands = Commands()

    def _ask(self, what: str, **values: Any) -> Any:
        return getattr(self.commands, what)(**values)


@pytest.fixture
def month() -> Month:
    """One show soon after the beginning; X is down when it starts."""
    made = Month(channels=CHANNELS, hours=1, seed=3)
    planned = BEGIN + 5 * MINUTE
    started = planned + timedelta(seconds=5)
    made.shows = {"v0000000001": Show("v0000000001", 4, BEGIN, planned, started, BEGIN + 2 * HOUR)}
    made.x_down = [(planned, planned + MINUTE)]
    made.end = planned + 5 * MINUTE
    return made


@pytest.fixture
def near(month: Month) -> Iterator[Near]:
    stage = Near()
    stage.urls = stage.commands.begin(month, HOSTS)
    yield stage
    stage.commands.close()


@pytest.fixture
def door() -> Iterator[Door]:
    with Door() as made:
        yield made


@pytest.fixture
def settings(settings: Settings, near: Near, door: Door) -> Settings:
    near.commands.x.client_id, near.commands.x.client_secret = settings.x_client_id, settings.x_client_secret
    return settings.model_copy(
        update={
            "youtube_api_url": f"{near.urls['youtube']}/youtube/v3",
            "youtube_web_url": near.urls["youtube"],
            "x_api_url": near.urls["x"],
            "websub_hub_url": near.urls["hub"],
            "public_url": door.url,
        }
    )


@pytest.mark.slow
@pytest.mark.logs_errors
@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_a_start_among_faults_is_posted_once_for_each_host_and_a_wrong_count_would_be_noticed(
    app: Flask, month: Month, near: Near, door: Door
):
    random.seed(3)
    life = Life(month, near, door, HOSTS)
    life.run()
    seen = near.seen()
    tally = count(life, seen, HOSTS)
    assert (tally.wanted, tally.double, tally.missing[OURS], tally.wrong) == (HOSTS, 0, 0, [])
    assert tally.posted + sum(tally.missing.values()) == HOSTS
    assert tally.posted > 0
    assert all(units <= units_counted()[day] for day, units in seen["units"].items())
    assert seen["spoiled"]["post"] > 0
    held = select(func.count()).where(PushSubscription.state == "active")
    assert db.session.execute(held).scalar_one() > 0
    doubled = count(life, {**seen, "posts": [*seen["posts"], seen["posts"][0]]}, HOSTS)
    assert doubled.double == 1
    lost = count(life, {**seen, "posts": []}, HOSTS)
    assert lost.missing[OURS] > 0
    assert lost.wrong


def test_the_same_question_at_the_same_time_is_spoiled_alike_whatever_was_asked_before(month: Month):
    def asked(paths: list[str]) -> dict[str, Any]:
        spoiler = Spoiler(month)
        spoiler.move(BEGIN)
        return {path: spoiler(EnvironBuilder(path).get_request()) for path in paths}

    paths = [f"/youtube/v3/videos?id={n}" for n in range(300)]
    first = asked(paths)
    assert first == asked(paths[::-1])
    faults = [fault for fault in first.values() if fault is not None]
    assert faults
    assert all(fault in KINDS["api"] for fault in faults)
