"""Two at once, step by step: whoever comes between any two statements of the other, the outcome is one of the two."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import Connection, event, insert, select

from extensions import db
from models import Post, PostStatus, SocialConnection
from sandbox.x import X
from services.errors import Conflict
from services.registry import get_services
from services.vault import Vault
from tests.cast import Cast
from tests.conftest import TOKEN_KEY
from tests.desk import Desk, wrong_in

#: whoever is kept waiting by a lock for so long is let go on waiting
PATIENCE_SECONDS = 0.1
#: more statements than a drain or a change of one host's text has
MANY = 40
NOT_SENT = "Switched off. The post that was waiting is not sent."
TOO_LATE = {
    "This post is already being sent and can no longer be changed.",
    "This post is already out. Change or delete it on X.",
}

pytestmark = pytest.mark.calls_in_transaction

StepIn = Callable[[Connection], None]


@pytest.fixture
def desk(cast: Cast, x: X) -> Desk:
    return Desk(cast, x)


@contextmanager
def before(which: Callable[[int, str], bool], step_in: StepIn) -> Iterator[list[str]]:
    """Steps in once, before the first statement of this thread that `which` (number from 0, SQL) names.

    Yields the statements that came until then and, if it stepped in, the one it stepped in before.
    """
    me, seen, done = threading.get_ident(), [], threading.Event()

    def look(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if threading.get_ident() != me or done.is_set():
            return
        seen.append(statement)
        if which(len(seen) - 1, statement):
            done.set()
            step_in(connection)

    event.listen(db.engine, "before_cursor_execute", look)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", look)


class Other:
    """Somebody else's work in a thread and a context of its own."""

    def __init__(self, app: Flask, work: Callable[[], Any], *, patience: float = PATIENCE_SECONDS) -> None:
        self._app, self._work, self._patience = app, work, patience
        self._thread = threading.Thread(target=self._run)
        self.result: Any = None

    def _run(self) -> None:
        with self._app.app_context():
            try:
                self.result = self._work()
            except Conflict as refused:
                self.result = str(refused)
            finally:
                db.session.remove()

    def step_in(self, _connection: Connection | None = None) -> None:
        """Does it all now, or as much as the other's locks allow."""
        self._thread.start()
        self._thread.join(self._patience)

    def end(self) -> Any:
        if self._thread.ident is None:
            self._thread.start()
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.result


def patience(number: int) -> float:
    """Before the first statement nothing is locked: whoever steps in there is done with everything first."""
    return PATIENCE_SECONDS if number else 20.0


def switching_off(config_id: int, desk: Desk) -> Callable[[], str]:
    return lambda: get_services().tweets.set_tweet(config_id, enabled=False, now=desk.at)


def said_truly(desk: Desk, x: X, post_id: int, answer: str) -> None:
    """What the host read is what became of the post, and nothing in the outbox contradicts it."""
    desk.drain()
    post = db.session.get_one(Post, post_id, populate_existing=True)
    sent = x.attempts(post.text)
    if answer == NOT_SENT:
        assert (post.status, post.cause, sent) == ("cancelled", "switched_off", 0)
    else:
        assert (answer in TOO_LATE, post.status, sent) == (True, "posted", 1)
    assert wrong_in(db.session()) == []
    db.session.commit()


def queued(desk: Desk, number: int) -> tuple[int, int]:
    """A post in the outbox: its id and its config's."""
    desk.on_air(f"host{number}", text=f"Live now, number {number}: {{url}}")
    post = desk.post()
    found = post.id, post.config_id
    assert post.status == PostStatus.QUEUED
    db.session.commit()
    return found


@pytest.mark.slow
def test_f58_a_host_who_switches_off_between_any_two_statements_of_sending_reads_the_truth(
    app: Flask, desk: Desk, x: X
) -> None:
    answers = []
    for number in range(MANY):
        post_id, config_id = queued(desk, number)
        host = Other(app, switching_off(config_id, desk), patience=patience(number))
        with before(lambda n, _, at=number: n == at, host.step_in) as statements:
            desk.cast.services.posting.drain(desk.at)
        answers.append(host.end())
        said_truly(desk, x, post_id, answers[-1])
        if len(statements) <= number:
            break
    assert len(statements) <= number, "there are more statements than were tried"
    assert number >= 9
    assert {NOT_SENT} < set(answers) <= {NOT_SENT, *TOO_LATE}


@pytest.mark.slow
def test_f58_sending_between_any_two_statements_of_switching_off_gives_an_answer_that_is_true(
    app: Flask, desk: Desk, x: X
) -> None:
    answers = []
    for number in range(MANY):
        post_id, config_id = queued(desk, number)
        worker = Other(app, lambda: get_services().posting.drain(desk.at), patience=patience(number))
        with before(lambda n, _, at=number: n == at, worker.step_in) as statements:
            try:
                answers.append(switching_off(config_id, desk)())
            except Conflict as refused:
                answers.append(str(refused))
        worker.end()
        said_truly(desk, x, post_id, answers[-1])
        if len(statements) <= number:
            break
    assert len(statements) <= number, "there are more statements than were tried"
    assert number >= 6
    assert {NOT_SENT} < set(answers) <= {NOT_SENT, *TOO_LATE}


@pytest.mark.slow
def test_s48_a_pair_that_is_renewed_between_any_two_statements_of_sealing_anew_is_kept_and_sealed_anew(
    cast: Cast, x: X, make_app: Callable[..., Flask]
) -> None:
    new = Fernet.generate_key().decode()
    halfway, rotated = (make_app(token_encryption_keys=keys) for keys in ((TOKEN_KEY, new), (new, TOKEN_KEY)))
    for number in range(MANY):
        cast.connect(cast.user(f"host{number}"), now=x.now(), expires_in=60)
        row_id = newest_connection().id
        renewing = Other(halfway, renewing_of(row_id, x), patience=patience(number))
        with rotated.app_context():
            with before(lambda n, _, at=number: n == at, renewing.step_in) as statements:
                assert get_services().tokens.reseal() == number + 1
            renewing.end()
            assert get_services().tokens.reseal() == number + 1
            db.session.remove()
        row, account = newest_connection(), x.account(f"host{number}")
        assert Vault((new,)).unseal(row.access_token, f"x:{account.id}:access") == account.access_token
        assert row.token_version == 2
        if len(statements) <= number:
            break
    assert len(statements) <= number, "there are more statements than were tried"
    assert number >= 4


def newest_connection() -> SocialConnection:
    query = select(SocialConnection).order_by(SocialConnection.id.desc()).limit(1)
    found = db.session.execute(query, execution_options={"populate_existing": True}).scalar_one()
    db.session.expunge(found)
    db.session.commit()
    return found


def renewing_of(connection_id: int, x: X) -> Callable[[], None]:
    return lambda: get_services().tokens.refresh_now([connection_id], x.now)


def test_another_podcast_that_is_a_moment_faster_with_the_same_account_and_video_wins_and_the_loser_says_so(
    cast: Cast, desk: Desk, x: X
) -> None:
    cast.connect(cast.user("ada"), now=desk.at)
    show, rival = (cast.show(name, hosts=("ada",)) for name in ("Deep Dive", "Night Watch"))
    mine = cast.episode(show, at=desk.at)
    theirs = cast.config(cast.episode(rival, at=desk.at), "ada")
    video = cast.go_live(show, at=desk.at - timedelta(seconds=10))
    row = {
        "key": f"live:{video}:{x.account('ada').id}",
        "video_id": video,
        "config_id": theirs.id,
        "podcast_id": rival.id,
        "user_id": theirs.user_id,
        "platform_user_id": x.account("ada").id,
        "status": PostStatus.POSTED,
        "text": "",
        "not_after": desk.at,
    }
    theirs_id = theirs.id
    db.session.commit()

    def be_faster(connection: Connection) -> None:
        # SQLite has one writer: nobody comes between, so what a second one would have done is put there by hand.
        if connection.dialect.name == "sqlite":
            connection.execute(insert(Post), row)
            return
        with db.engine.begin() as own:
            own.execute(insert(Post), row)

    with before(lambda _, sql: sql.startswith("INSERT INTO posts"), be_faster):
        desk.look()
    assert cast.config(mine, "ada").status == "pending"
    (post,) = cast.posts()
    assert post.config_id == theirs_id
    desk.later(5).look()
    post = desk.post()
    assert (cast.config(mine, "ada").status, post.status, post.cause) == ("cancelled", "cancelled", "already_posted")
    assert desk.words(post) == "This X account already posted about this video. It was for Night Watch."


def test_the_first_posts_are_out_while_the_last_are_still_being_written(cast: Cast, x: X) -> None:
    for number in range(3):
        cast.go_live(cast.show(f"Show {number}", hosts=(f"host{number}",)))
    out: list[int] = []
    inserts: list[str] = []

    def third(_number: int, sql: str) -> bool:
        inserts.extend([sql] if sql.startswith("INSERT INTO posts") else [])
        if len(inserts) == 2 and not out:
            out.append(0)
            time.sleep(0.25)  # as long as many shows take
        return len(inserts) == 3

    def wait(_connection: Connection) -> None:
        until = time.monotonic() + 5
        while x.attempts() < 2 and time.monotonic() < until:
            time.sleep(0.01)
        out.append(x.attempts())

    with before(third, wait):
        summary = cast.check()
    assert out[-1] == 2
    assert (summary.queued, summary.posted, x.attempts()) == (3, 3, 3)
