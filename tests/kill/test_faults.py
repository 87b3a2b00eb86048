"""X misbehaves towards real workers: refuses connections, stores and hangs up, hangs, stores and answers 503."""

import random
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from extensions import db
from models import EpisodeTweetConfig, Podcast, Post, PostAttempt, SocialConnection
from sandbox.x import X
from sandbox.x_limits import Limit
from services import outbox
from services.errors import Conflict
from tests.kill.conftest import Stage

pytestmark = [pytest.mark.slow, pytest.mark.calls_in_transaction]

POSTED, ASKED = ("posted", 1), ("review", 0)

STORED = {
    "f20 reset after storing": {"hang_up": "after", "reset": True},
    "f21 silence after storing": {"hold": 3.0},
    "f24 503 after storing": {"status": 503, "stored": True},
}
NOT_STORED = {
    "f19 reset before reading": {"hang_up": "before", "reset": True},
    "f23 500 without storing": {"status": 500},
}


@pytest.mark.parametrize("name", STORED)
def test_what_x_has_stored_is_found_and_not_sent_again(stage: Stage, x: X, fault: Any, name: str):
    stage.queue(ada=False, bo=True)
    fault(**STORED[name])
    stage.start()
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (POSTED, POSTED, 2)


@pytest.mark.parametrize("name", NOT_STORED)
def test_what_x_has_not_stored_is_sent_once_more_or_asked_about(stage: Stage, x: X, fault: Any, name: str):
    stage.queue(ada=False, bo=True)
    fault(**NOT_STORED[name])
    stage.start()
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (POSTED, ASKED, 3)


def test_f17_an_x_that_refuses_connections_gets_the_posts_when_it_is_back(stage: Stage, x: X):
    port = int(x.url.rsplit(":", 1)[1])
    stage.queue(ada=False, bo=True)
    x.stop()
    stage.start()
    stage.until(lambda: all(post.attempts > 1 for post in stage.posts()), "the second attempt")
    x.start(port)
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (POSTED, POSTED, 2)
    query = select(PostAttempt.outcome).where(PostAttempt.outcome != "not_accepted")
    assert list(db.session.execute(query).scalars()) == ["accepted", "accepted"]
    db.session.commit()


def test_f35_a_401_costs_one_refresh_and_posts_once_though_two_workers_run(stage: Stage, x: X):
    x.reuse_revokes_family = True
    stage.take_time()
    stage.queue(ada=False, bo=True)
    for name in ("ada", "bo"):
        x.expire_token(x.account(name))
    stage.start()
    stage.start()
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo")) == (POSTED, POSTED)
    assert len(x.asked("POST", "/2/oauth2/token")) == 2


def test_f37_sixteen_threads_in_two_processes_renew_a_token_once(stage: Stage, x: X):
    x.reuse_revokes_family = True
    stage.take_time()
    stage.queue(ada=False)
    due = db.session.execute(select(SocialConnection)).scalar_one()
    due.expires_at = x.now() + timedelta(minutes=5)
    db.session.commit()
    at = time.time() + 1.0
    for pid in [stage.start(threads=8, at=at) for _ in range(2)]:
        assert stage.wait(pid) == 0
    assert stage.violations() == []
    assert stage.state("ada") == POSTED
    assert len(x.asked("POST", "/2/oauth2/token")) == 1
    connection = db.session.execute(select(SocialConnection)).scalar_one()
    assert (connection.trouble, connection.refresh_state) == (None, "idle")
    db.session.commit()


def test_f15_twenty_threads_and_three_processes_send_one_post_once(stage: Stage, x: X):
    stage.take_time()
    stage.queue(bo=True)
    at = time.time() + 1.0
    for pid in [stage.start(threads=threads, at=at) for threads in (20, 1, 1, 1)]:
        assert stage.wait(pid) == 0
    assert (stage.state("bo"), x.attempts()) == (POSTED, 1)
    assert stage.violations() == []


@pytest.mark.parametrize("count", [1000])
def test_f14_three_workers_send_a_thousand_posts_a_thousand_times(stage: Stage, x: X, count: int):
    x.rate_limits["POST /2/tweets"] = Limit()
    stage.take_time()
    show = stage.cast.show("Many", hosts=("ada", "bo"))
    for connection in list(db.session.execute(select(SocialConnection)).scalars()):
        outbox.add_posts(db.session(), many(show, connection, x.now(), count // 2), x.now())
    db.session.commit()
    for _ in range(3):
        stage.start()
    stage.settle()
    assert x.attempts() == count
    assert len({entry.body for entry in x.asked("POST", "/2/tweets")}) == count
    assert stage.violations() == []


def many(show: Podcast, connection: SocialConnection, now: Any, count: int) -> list[dict[str, Any]]:
    """Posts that people asked for, all due, each with words of its own."""
    row = {
        "podcast_id": show.id,
        "user_id": connection.user_id,
        "connection_id": connection.id,
        "platform_user_id": connection.platform_user_id,
        "trigger": "now",
        "status": "queued",
        "not_before": now,
        "not_after": now + timedelta(minutes=30),
    }
    return [row | {"key": f"now:{connection.id}:{n}", "text": f"Post {connection.id} {n}"} for n in range(count)]


def test_f58_switching_off_at_any_moment_means_nothing_is_sent_or_says_that_it_is_too_late(stage: Stage, x: X):
    """Each host switches off at a random moment around the sending: the answer he gets is the truth."""
    dice = random.Random(58)
    names = [f"host{n}" for n in range(24)]
    x.latency = 0.02
    stage.queue(**dict.fromkeys(names, False))
    configs = list(db.session.execute(select(EpisodeTweetConfig.id).order_by(EpisodeTweetConfig.id)).scalars())
    db.session.commit()
    stage.start()
    # Some before anything is sent, the others around the first attempts.
    answers = {}
    dice.shuffle(configs)
    for n, config_id in enumerate(configs):
        if n == len(configs) // 3:
            stage.until(lambda: x.attempts() > 0 or not waiting(), "the first attempt", 10)
        answers[config_id] = switch_off(stage, config_id)
    stage.settle()
    assert stage.violations() == []
    for post in stage.posts():
        sent = x.attempts(post.text)
        if answers[post.config_id].startswith("Switched off. The post that was waiting is not sent"):
            assert (post.status, post.cause, sent) == ("cancelled", "switched_off", 0)
        else:
            assert answers[post.config_id] in TOO_LATE
            assert (post.status, sent) == ("posted", 1)


TOO_LATE = {
    "This post is already being sent and can no longer be changed.",
    "This post is already out. Change or delete it on X.",
}


def waiting() -> int:
    found = len(db.session.execute(select(Post.id).where(Post.status == "queued")).all())
    db.session.commit()
    return found


def switch_off(stage: Stage, config_id: int) -> str:
    try:
        return stage.cast.services.tweets.set_tweet(config_id, enabled=False, now=stage.x.now())
    except Conflict as refused:
        return str(refused)
