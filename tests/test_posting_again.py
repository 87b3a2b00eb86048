"""A post that is proven absent is sent once more: the same words, once, and what a second doubt means."""

from datetime import timedelta

import pytest

from config import Settings
from extensions import db
from services import podcast_settings
from services.audit import Actor
from tests.desk import blind, lose, unknown

SPAN = timedelta(seconds=90)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"send_deadline_seconds": 2.0})


# Sent once more


@pytest.mark.slow
def test_a_second_unknown_outcome_is_for_a_person(desk, x):
    lose(x, times=2)
    unknown(desk)
    desk.find_out()
    post = desk.find_out(until=120)
    assert (post.status, post.attempts, post.was_reposted) == ("review", 2, True)
    assert [one.outcome for one in desk.attempts(post)] == ["not_accepted", "unknown"]
    desk.find_out(until=60)
    assert x.attempts() == 2


@pytest.mark.slow
def test_a_duplicate_refusal_of_the_second_sending_proves_that_the_first_went_out(desk, x):
    """The timeline lags by hours: three reads prove an absence that is none. X's own filter holds the second back."""
    x.visibility_delay = 7200
    lose(x, stored=True)
    unknown(desk)
    desk.find_out()
    post = desk.find_out(until=200)
    assert (post.status, post.cause, post.remote_id) == ("posted", "x_has_it", None)
    assert [one.outcome for one in desk.attempts(post)] == ["not_accepted", "accepted"]
    assert (x.attempts(), len(desk.texts())) == (2, 1)


@pytest.mark.slow
def test_a_duplicate_refusal_is_proof_also_when_the_timeline_cannot_be_read(desk, x):
    x.visibility_delay = 7200
    lose(x, stored=True)
    unknown(desk)
    while desk.later(5).look_up().status == "unknown":
        pass
    desk.drain()
    blind(x, 500, status=503)
    for _ in range(40):
        desk.look()
        desk.find_out(until=60, every=15)
    post = desk.post()
    assert (post.status, len(desk.texts())) == ("posted", 1)


def test_a_second_sending_that_shows_the_first_takes_its_id(desk, x):
    x.visibility_delay = 100
    lose(x, stored=True)
    unknown(desk)
    post = desk.find_out(until=200)
    assert (post.status, post.remote_id) == ("posted", x.timeline("ada")[0].id)
    assert len(desk.texts()) == 1


def test_a_text_is_the_same_byte_for_byte_also_when_the_host_edits_it_meanwhile(desk, x, cast):
    lose(x)
    text = unknown(desk).text
    while desk.later(5).look_up().status == "unknown":
        pass
    with pytest.raises(Exception, match="word for word"):
        cast.services.tweets.set_tweet(desk.post().config_id, text="Other words", now=desk.at)
    db.session.rollback()
    assert desk.drain().status == "posted"
    assert desk.texts() == [text]


def test_nothing_is_sent_again_for_a_podcast_that_was_archived_meanwhile(desk, x):
    lose(x)
    post = unknown(desk)
    podcast_settings.archive(post.podcast_id, Actor(), desk.at)
    post = desk.find_out(until=200)
    assert (post.status, post.cause, x.attempts()) == ("review", "not_found", 1)
