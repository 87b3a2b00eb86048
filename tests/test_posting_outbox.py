"""The outbox and its drain: what it costs, what is fixed when, and a database that goes away in the middle."""

import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from sqlalchemy import event, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from extensions import db
from models import Post, PostStatus, SocialConnection
from sandbox.standin import Fault
from sandbox.x import X
from services import outbox, wallet
from services.audit import NOBODY
from services.claiming import LIVE_FOR
from services.errors import Conflict
from services.wallet import Whose
from tests.cast import Cast
from tests.conftest import ENGINES
from tests.desk import Desk, checked_at_every_commit

CROWD = [f"host{n}" for n in range(50)]


@pytest.fixture
def unchecked(cast: Cast, x: X) -> Desk:
    """Without the check at every commit, which itself asks the database."""
    return Desk(cast, x)


@pytest.fixture
def desk(unchecked: Desk):
    with checked_at_every_commit():
        yield unchecked


# What it costs


@contextmanager
def counted():
    """Counts the statements and commits of the block."""
    counts: Counter[str] = Counter()

    def statement(_connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        counts["statements"] += not sql.startswith("BEGIN")

    def commit(_connection: Any) -> None:
        counts["commits"] += 1

    event.listen(db.engine, "before_cursor_execute", statement)
    event.listen(db.engine, "commit", commit)
    try:
        yield counts
    finally:
        event.remove(db.engine, "before_cursor_execute", statement)
        event.remove(db.engine, "commit", commit)


@pytest.mark.calls_in_transaction
def test_a_post_alone_takes_nine_statements_and_nine_for_what_it_costs(unchecked):
    """Beside the look that finds no more, and the one that says that the podcast's numbers are others now."""
    unchecked.cast.services.posting.drain(unchecked.at)  # what a process asks once
    unchecked.on_air("ada")
    podcast = Whose(unchecked.post().podcast_id or 0)
    wallet.top_up(podcast, 1_000_000, key="outbox: once", by=NOBODY, now=unchecked.at)
    with counted() as spent:
        unchecked.cast.services.posting.drain(unchecked.at)
    with counted() as idle:
        unchecked.cast.services.posting.drain(unchecked.at)
    assert unchecked.post().status == "posted"
    assert idle["statements"] <= 2
    assert spent["statements"] - idle["statements"] <= 9 + 9 + 1
    assert spent["commits"] <= 3


@pytest.mark.slow
@pytest.mark.calls_in_transaction
def test_fifty_hosts_are_claimed_and_settled_in_bulk(unchecked, x):
    unchecked.on_air(*CROWD)
    everybody = threading.Barrier(len(CROWD))
    x.watchers.append(lambda _: everybody.wait(15))
    with counted() as spent:
        drained = unchecked.cast.services.posting.drain(unchecked.at)
    assert (drained.posted, x.attempts()) == (50, 50)
    # One claim and the look that finds no more; outcomes are settled as they come in, several at a time.
    settles = spent["commits"] - 2
    assert settles <= 25
    assert spent["statements"] <= 7 + 9 + 8 * settles


@pytest.mark.slow
def test_the_intent_for_fifty_hosts_is_one_transaction(unchecked, cast):
    unchecked.on_air(*CROWD)
    from_outbox = select(Post.id, Post.attempts).where(Post.status == PostStatus.QUEUED)
    posts = db.session.execute(from_outbox).all()
    db.session.commit()
    moves = [
        outbox.Move(
            post_id=post.id,
            expected=PostStatus.QUEUED,
            to=PostStatus.SENDING,
            values={"attempt_token": outbox.new_token(), "lease_until": unchecked.at, "attempts": 1},
        )
        for post in posts
    ]
    with counted() as spent:
        outbox.begin_attempts(db.session(), moves, {post.id: 1 for post in posts}, unchecked.at)
        db.session.commit()
    assert spent["commits"] == 1
    assert spent["statements"] <= 3


# Steps


def test_a_step_that_is_not_allowed_is_a_mistake_in_the_program(desk):
    desk.on_air("ada")
    back = outbox.Move(post_id=desk.post().id, expected=PostStatus.SENDING, to=PostStatus.CANCELLED)
    with pytest.raises(ValueError, match="never goes from sending to cancelled"):
        outbox.apply(db.session(), [back], desk.at)


@pytest.mark.parametrize("to", [s for s in PostStatus if s != PostStatus.POSTED])
def test_nothing_leads_out_of_posted(to):
    assert PostStatus.POSTED not in outbox.ALLOWED[to]


def test_a_step_from_another_state_than_the_expected_changes_nothing(desk):
    desk.on_air("ada")
    post = desk.drain()
    history = desk.history(post)
    cancel = outbox.Move(post_id=post.id, expected=PostStatus.QUEUED, to=PostStatus.CANCELLED, cause="too_late")
    assert outbox.apply(db.session(), [cancel], desk.at) == set()
    db.session.commit()
    assert (desk.post().status, desk.history(post)) == ("posted", history)


def test_a_second_post_with_the_same_key_is_no_post_and_no_error(desk):
    desk.on_air("ada")
    post = desk.post()
    row = {c.name: getattr(post, c.name) for c in Post.__table__.columns if c.name != "id"}
    assert outbox.add_posts(db.session(), [row], desk.at) == {}
    db.session.commit()
    assert len(desk.cast.posts()) == 1


# The text


def test_a_text_is_fixed_when_queued_and_rewritten_only_while_it_waits(desk, cast):
    desk.on_air("ada", text="First words {url}")
    queued = desk.post()
    assert queued.text.startswith("First words https://www.youtube.com/watch?v=")
    answer = cast.services.tweets.set_tweet(queued.config_id, text="Second words {url}", now=desk.at)
    assert answer == "Saved. The post that was waiting has the new text."
    sent = desk.drain().text
    assert sent.startswith("Second words https://")
    assert desk.texts() == [sent]
    with pytest.raises(Conflict, match="already out"):
        cast.services.tweets.set_tweet(queued.config_id, text="Third words", now=desk.at)
    assert (desk.post().text, desk.config(queued).text) == (sent, "Second words {url}")


def test_whether_a_post_has_a_link_stands_with_it_whenever_its_text_changes(desk, cast):
    desk.on_air("ada", text="First words {url}")
    queued = desk.post()
    assert queued.has_link
    for text, include_link in (("No words", False), ("Over at example.com", False), ("None", False), ("{url}", True)):
        cast.services.tweets.set_tweet(queued.config_id, text=text, include_link=include_link, now=desk.at)
        assert desk.post().has_link == (text not in ("No words", "None"))


@pytest.mark.parametrize("engine_name", ENGINES[:1], indirect=True)
@pytest.mark.parametrize("state", ["sending", "unknown", "review"])
def test_a_text_that_may_be_out_can_no_longer_be_changed(unchecked, cast, state):
    unchecked.on_air("ada")
    post = unchecked.post()
    unchecked.change(post, status=state)
    with pytest.raises(Conflict, match="already being sent and can no longer be changed"):
        cast.services.tweets.set_tweet(post.config_id, text="Other words", now=unchecked.at)
    assert unchecked.post().text == post.text


def test_off_while_it_waits_cancels_and_on_again_is_ready_again(desk, cast, x):
    desk.on_air("ada")
    post = desk.post()
    assert "is not sent" in cast.services.tweets.set_tweet(post.config_id, enabled=False, now=desk.at)
    assert (desk.post().status, desk.config(post).status) == ("cancelled", "cancelled")
    cast.services.tweets.set_tweet(post.config_id, enabled=True, now=desk.at)
    assert desk.config(post).status == "pending"
    desk.later(10).look()
    desk.drain()
    assert (len(desk.texts()), x.attempts()) == (1, 1)


def test_a_post_that_nobody_could_send_in_time_is_missed(desk, x):
    desk.on_air("ada")
    assert desk.later(1800).drain().status == "missed"
    assert x.attempts() == 0


def test_a_first_attempt_does_not_wait_for_another_look_at_the_stream(desk):
    desk.on_air("ada")
    assert desk.later(LIVE_FOR.total_seconds() + 60).drain().status == "posted"


# E16, E17: the database goes away


class Storage:
    """The PostgreSQL database of a test, which can be made unreachable."""

    def __init__(self, url: str) -> None:
        parts = make_url(url.replace("+psycopg2", ""))
        self._name = parts.database
        self._server = parts.set(database="postgres").render_as_string(hide_password=False)

    def _run(self, statement: str) -> None:
        connection = psycopg2.connect(self._server)
        connection.autocommit = True
        connection.cursor().execute(statement)
        connection.close()

    def go(self) -> None:
        self._run(f"ALTER DATABASE {self._name} WITH ALLOW_CONNECTIONS false")
        self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'")

    def come_back(self) -> None:
        self._run(f"ALTER DATABASE {self._name} WITH ALLOW_CONNECTIONS true")


@pytest.fixture
def storage(database_url: str) -> Storage:
    return Storage(database_url)


ON_POSTGRES = pytest.mark.parametrize("engine_name", ENGINES[1:], indirect=True)


@ON_POSTGRES
def test_e16_without_a_database_nothing_is_sent_and_it_goes_on_when_it_is_back(unchecked, x, storage):
    unchecked.on_air("ada")
    storage.go()
    with pytest.raises(OperationalError):
        unchecked.cast.services.posting.drain(unchecked.at)
    db.session.rollback()
    assert x.attempts() == 0
    storage.come_back()
    assert unchecked.drain().status == "posted"
    assert x.attempts() == 1


@pytest.mark.slow
@ON_POSTGRES
@pytest.mark.logs_errors
def test_e17_an_outcome_is_kept_until_the_database_takes_it(unchecked, x, storage):
    unchecked.on_air("ada")
    x.faults.append(Fault(method="POST", path="^/2/tweets$", delay=0.3))
    x.watchers.append(lambda request: storage.go() if request.path == "/2/tweets" else None)
    back = threading.Timer(1.5, storage.come_back)
    back.start()
    began = time.monotonic()
    post = unchecked.drain()
    back.join()
    assert time.monotonic() - began > 1.0
    assert (post.status, x.attempts()) == ("posted", 1)


@pytest.mark.parametrize("engine_name", ENGINES[:1], indirect=True)
def test_an_id_that_another_post_has_already_is_an_odd_answer_and_spoils_no_other(unchecked, x):
    unchecked.on_air("ada")
    taken = unchecked.drain().remote_id
    x.faults.append(Fault(method="POST", path="^/2/tweets$", status=201, body=f'{{"data":{{"id":"{taken}"}}}}'))
    unchecked.on_air("bo")
    unchecked.cast.services.posting.drain(unchecked.at)
    post = unchecked.post("bo")
    assert (post.status, post.cause) == ("unknown", "x_odd_answer")


@pytest.mark.calls_in_transaction
def test_more_posts_than_hands_are_all_sent_in_one_drain(unchecked, x):
    unchecked.on_air("ada")
    unchecked.drain()
    connection = unchecked.connection()
    post = unchecked.post()
    row = {"podcast_id": post.podcast_id, "user_id": post.user_id, "connection_id": connection.id, "trigger": "now"}
    row |= {"platform_user_id": connection.platform_user_id, "not_after": unchecked.at + timedelta(minutes=30)}
    rows = [row | {"key": f"now:1:{n}", "text": f"Number {n}", "not_before": unchecked.at} for n in range(90)]
    db.session.execute(insert(Post), rows)
    db.session.commit()
    assert unchecked.cast.services.posting.drain(unchecked.at).posted == 90
    assert len(x.timeline("ada")) == 91
    assert db.session.execute(select(SocialConnection.id)).all()
    db.session.commit()
