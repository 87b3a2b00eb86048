"""Statements and units do not grow where they must not: texts for a new episode, and quiet checks."""

import logging
import threading

import pytest
from flask import Flask
from sqlalchemy import func, select

from config import Settings
from extensions import db
from models import EpisodeGuide, EpisodeTweetConfig, PodcastMember, Role, User
from services.registry import get_services
from tests.stage import Stage


def episode_with_members(stage: Stage, number: int) -> EpisodeGuide:
    show = stage.cast.show(f"Show {number}", hosts=())
    users = [User(email=f"m{n}-{number}@example.com", name=f"M {n}") for n in range(number)]
    db.session.add_all(users)
    db.session.flush()
    db.session.add_all(PodcastMember(podcast_id=show.id, user_id=user.id, role=Role.CONTRIBUTOR) for user in users)
    episode = EpisodeGuide(podcast_id=show.id, title="Queues")
    db.session.add(episode)
    db.session.commit()
    return episode


def count_configs(episode_id: int) -> int:
    query = select(func.count()).select_from(EpisodeTweetConfig).where(EpisodeTweetConfig.episode_id == episode_id)
    found = db.session.execute(query).scalar_one()
    db.session.commit()
    return found


def test_the_texts_of_an_episode_take_as_many_statements_for_500_members_as_for_two(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    counts = []
    for number in (2, 50, 500):
        episode = episode_with_members(stage, number)
        with caplog.at_level(logging.DEBUG), stage.statements() as collected:
            assert stage.services.tweets.create_tweet_configs_for_episode(episode) == number
        selects = sum(statement.startswith("SELECT") for statement in collected)
        inserts = sum(statement.startswith("INSERT") for statement in collected)
        assert len(collected) == selects + inserts
        assert selects <= 2
        assert inserts == 1
        counts.append(len(collected))
        assert [record.made for record in caplog.records if hasattr(record, "made")][-1] == number
        assert stage.services.tweets.create_tweet_configs_for_episode(episode) == 0
        assert count_configs(episode.id) == number
    assert len(set(counts)) == 1


def test_several_at_once_make_no_error_and_no_double(stage: Stage, app: Flask) -> None:
    episode_id = episode_with_members(stage, 40).id
    db.session.commit()
    made: list[int | Exception] = []
    together = threading.Barrier(4)

    def make() -> None:
        with app.app_context():
            episode = db.session.get_one(EpisodeGuide, episode_id)
            db.session.commit()
            together.wait()
            try:
                made.append(get_services().tweets.create_tweet_configs_for_episode(episode))
            except Exception as error:  # noqa: BLE001 - what went wrong is what is asserted
                made.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made, key=repr) == [0, 0, 0, 40]
    assert count_configs(episode_id) == 40


def test_a_channel_that_nobody_watches_any_more_costs_the_watch_job_nothing(stage: Stage) -> None:
    show = stage.show(hosts=())
    stage.youtube.upload(show.youtube_channel_id, "Trailer")
    stage.check()
    show.youtube_channel_id = None
    db.session.commit()
    stage.wait(minutes=1)
    with stage.statements() as collected:
        assert stage.watch() == 0
    assert len(collected) == 2  # is anything due; is anything overdue


class TestWithAKey:
    def test_a_quiet_check_of_60_channels_takes_no_more_statements_than_one_of_three(self, stage: Stage) -> None:
        assert quiet_checks(stage, 3, 57) == 0


class TestWithoutAKey:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"youtube_api_key": None})

    def test_a_quiet_check_of_60_channels_takes_no_more_statements_than_one_of_three(self, stage: Stage) -> None:
        assert quiet_checks(stage, 3, 57) == 0


def quiet_checks(stage: Stage, few: int, more: int) -> int:
    """How many statements more a quiet check takes for so many more channels, each after a first check."""
    taken = []
    for number in (few, more):
        stage.quiet_channels(number)
        for _ in range(2):
            stage.wait(seconds=180)
            with stage.statements() as collected:
                summary = stage.check()
        assert summary.failed_looks == 0
        taken.append(len(collected))
    assert taken[0] < 30
    return max(0, taken[1] - taken[0])
