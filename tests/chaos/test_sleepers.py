"""A worker sleeps with an answer in its hand while its post is looked for and sent again: it wakes, nothing changes."""

from collections.abc import Iterator

import pytest

from models import Post
from sandbox.x import X
from tests.cast import Cast
from tests.chaos.world import World
from tests.desk import Desk

pytestmark = pytest.mark.calls_in_transaction


@pytest.fixture
def world(cast: Cast, x: X) -> Iterator[World]:
    made = World(cast, x)
    made.desk = Desk(cast, x)
    yield made
    for work in made.held:
        made.end_delivery(work)


def sent_again(world: World, spoiled: str) -> Post:
    """Two workers hold what X said to the first sending and to the second; neither has written it down."""
    world.desk.on_air("ada")
    world.spoil(spoiled)
    world.held.append(world.begin_delivery())
    world.desk.later(46)
    world.reap()
    for _ in range(30):
        world.desk.later(5)
        world.look_up()
    assert world.desk.post().status == "queued"
    world.held.append(world.begin_delivery())
    return world.desk.post()


@pytest.mark.parametrize("spoiled", ["400", "401", "402", "429", "503, not stored", "403 locked"])
def test_an_old_answer_never_settles_the_sending_that_followed(world: World, spoiled: str):
    post = sent_again(world, spoiled)
    assert (post.status, len(world.stored(post))) == ("sending", 1)
    world.end_delivery(world.held.pop(0))
    post = world.desk.post()
    assert post.status == "sending"
    world.end_delivery(world.held.pop(0))
    post = world.desk.post()
    assert (post.status, [post.remote_id]) == ("posted", world.stored(post))
    assert world.wrong() == []


def test_an_old_answer_changes_nothing_after_a_person_has_decided(world: World):
    world.desk.on_air("ada", strict=True)
    world.spoil("400")
    world.held.append(world.begin_delivery())
    world.desk.later(46)
    world.reap()
    for _ in range(30):
        world.desk.later(5)
        world.look_up()
    post = world.desk.post()
    assert post.status == "review"
    world.decide(post, "leave")
    world.end_delivery(world.held.pop(0))
    post = world.desk.post()
    assert (post.status, post.cause) == ("cancelled", "left_alone")
    assert world.wrong() == []
