"""PostgreSQL is torn down at any point of a post's way, its wire breaks around a COMMIT, PgBouncer stands before it.

Ada is in default mode: what is proven absent is sent once more. Bo is in strict mode: then a person decides.
"""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from benchmarks.scratch import execute
from extensions import db
from models import Post, PostAttempt, PostEvent, SocialConnection
from sandbox.x import X
from tests.kill import cluster as clusters
from tests.kill.cluster import Cluster
from tests.kill.conftest import SHORT, Held, Stage
from tests.kill.proxy import Proxy

pytestmark = [pytest.mark.slow, pytest.mark.calls_in_transaction]

POSTED = ("posted", 1)


@pytest.fixture(scope="module")
def cluster(postgres: str) -> Iterator[Cluster]:
    made = Cluster(postgres)
    yield made
    made.remove()


@pytest.fixture
def engine_name() -> str:
    return "postgresql"


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    """A database on a server that only these tests use."""
    cluster.start()
    name = f"t{uuid.uuid4().hex}"
    execute(cluster.url(), f"CREATE DATABASE {name} TEMPLATE template_airhorn STRATEGY file_copy")
    yield cluster.url(name)
    execute(cluster.url(), f"DROP DATABASE {name} WITH (FORCE)")
    cluster.stop()


def outcomes() -> list[Any]:
    """Of all attempts, in the order of the alphabet."""
    found = sorted(str(outcome) for outcome in db.session.execute(select(PostAttempt.outcome)).scalars())
    db.session.commit()
    return found


def causes() -> set[str | None]:
    """What the histories say beside queued, sending and posted."""
    found = set(db.session.execute(select(PostEvent.cause).where(PostEvent.cause.is_not(None))).scalars())
    db.session.commit()
    return found


def all_posted(stage: Stage, x: X) -> None:
    """Both are out, each was sent once, and nothing contradicts."""
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (POSTED, POSTED, 2)


# The server is torn down

POINTS = [f"{what}:{when}" for what in ("intent", "outcome") for when in ("begin", "before_commit", "after_commit")]


@pytest.mark.parametrize("point", POINTS)
def test_a_server_that_is_torn_down_at_any_point_costs_no_post_and_doubles_none(
    stage: Stage, x: X, cluster: Cluster, point: str
):
    stage.queue(ada=False, bo=True)
    stage.start(tear_down_at=point, pid_file=str(cluster.pid_file))
    stage.until(lambda: not cluster.pid_file.exists(), "the end of the server")
    time.sleep(0.2)
    cluster.start()
    stage.settle()
    all_posted(stage, x)


def stop_while_x_works(cluster: Cluster, held: Held) -> None:
    held.wait()
    cluster.stop()
    held.release()


def test_what_x_said_while_the_server_was_away_is_kept_in_memory_and_recorded(
    stage: Stage, x: X, cluster: Cluster, held: Held
):
    stage.take_time()
    stage.queue(ada=False, bo=True)
    stage.start()
    stop_while_x_works(cluster, held)
    time.sleep(1.2)
    cluster.start()
    stage.settle()
    all_posted(stage, x)
    assert (outcomes(), causes()) == (["accepted", "accepted"], set())
    assert not x.asked("GET", "/tweets")


def test_a_server_that_stays_away_longer_than_the_leases_costs_at_most_a_look(
    stage: Stage, x: X, cluster: Cluster, held: Held
):
    stage.queue(ada=False, bo=True)
    stage.start()
    stop_while_x_works(cluster, held)
    time.sleep(SHORT["send_lease_seconds"])
    cluster.start()
    stage.settle()
    all_posted(stage, x)


def test_what_x_said_to_a_worker_that_died_without_its_database_is_found(
    stage: Stage, x: X, cluster: Cluster, held: Held
):
    stage.queue(ada=False, bo=True)
    worker = stage.start()
    stop_while_x_works(cluster, held)
    time.sleep(0.2)
    stage.kill(worker)
    cluster.start()
    stage.start()
    stage.settle()
    all_posted(stage, x)
    assert "x_interrupted" in causes()


def test_renewed_tokens_and_what_x_said_of_other_posts_outlive_the_server(stage: Stage, x: X, cluster: Cluster):
    """Ada's tokens are renewed while Bo's post is at X: the server is gone when the new pair is to be stored."""
    x.reuse_revokes_family = True
    x.latency = 0.4
    stage.take_time()
    stage.queue(ada=False, bo=True)
    of_ada = SocialConnection.platform_user_id == x.account("ada").id
    db.session.execute(update(SocialConnection).where(of_ada).values(expires_at=x.now() + timedelta(minutes=5)))
    db.session.commit()
    stage.start(tear_down_at="pair:begin", pid_file=str(cluster.pid_file))
    stage.until(lambda: not cluster.pid_file.exists(), "the end of the server")
    time.sleep(0.2)
    cluster.start()
    stage.settle()
    all_posted(stage, x)
    assert (outcomes(), len(x.asked("POST", "/2/oauth2/token"))) == (["accepted", "accepted"], 1)


# The wire breaks around the COMMIT of an intent


@pytest.fixture
def behind(stage: Stage, cluster: Cluster, database_url: str) -> Callable[[int], dict[str, Any]]:
    """Settings of a worker that reaches the database at another port."""
    name = database_url.rpartition("/")[2]
    return lambda port: stage.settings_with(database_url=cluster.url(name, port=port))


#: what the wire loses → what the worker then says of an attempt that was kept
LOST = {"answer": ["not_accepted", "not_accepted"], "question": []}


@pytest.mark.parametrize("loses", LOST)
def test_an_intent_of_which_nobody_heard_whether_it_is_kept_is_never_sent_and_made_anew(
    stage: Stage, x: X, cluster: Cluster, behind: Any, loses: str
):
    """Kept or not, the worker knows that it sent nothing: Bo's post needs no person."""
    stage.queue(ada=False, bo=True)
    proxy = Proxy(cluster.port, loses)
    stage.start(settings=behind(proxy.port))
    stage.settle()
    all_posted(stage, x)
    assert (proxy.cuts, outcomes()) == (1, ["accepted", "accepted", *LOST[loses]])
    proxy.close()


# PgBouncer


@pytest.fixture
def pooled(cluster: Cluster) -> Iterator[int]:
    """The port of PgBouncer before the server, with two connections for everybody."""
    if clusters.PGBOUNCER is None:
        if os.environ.get("CI"):
            pytest.fail("CI tries PgBouncer: Debian's pgbouncer is missing")
        pytest.skip("PgBouncer was not tried: install Debian's pgbouncer to run this")
    with clusters.pooled(cluster) as port:
        yield port


def test_a_show_goes_out_through_pgbouncer_in_transaction_mode(stage: Stage, x: X, behind: Any, pooled: int):
    """Two workers share two connections, so that no session belongs to anybody."""
    stage.take_time()
    names = [f"host{n}" for n in range(8)]
    stage.queue(**dict.fromkeys(names, True))
    for _ in range(2):
        stage.start(settings=behind(pooled))
    stage.settle()
    assert stage.violations() == []
    assert ([stage.state(name) for name in names], x.attempts()) == ([POSTED] * 8, 8)
    assert db.session.execute(select(Post.attempts).distinct()).scalars().all() == [1]
    db.session.commit()


def test_an_upgrade_through_pgbouncer_leaves_nothing_behind_that_the_next_would_wait_for(
    stage: Stage, behind: Any, pooled: int
):
    """What a session keeps would stay with a connection that is anybody's."""
    assert stage.wait(stage.start(settings=behind(pooled), migrates=True), 60) == 0
    kept = db.session.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")).scalar_one()
    db.session.commit()
    assert kept == 0
