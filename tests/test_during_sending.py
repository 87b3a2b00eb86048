"""What people and YouTube do while X works on posts: the outcome is recorded all the same, nothing is sent twice."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.wrappers import Request

from extensions import db
from models import EpisodeGuide, Post
from sandbox.x import X
from services import episodes, members, podcast_settings, users
from services.audit import Actor
from services.errors import Conflict
from services.registry import get_services
from tests.desk import Desk, lose, unknown

BY = Actor(None, "192.0.2.1")


@dataclass(frozen=True)
class Sent:
    """Bo's post, which is on its way, and where it belongs."""

    desk: Desk
    video: str
    id: int
    podcast_id: int
    user_id: int


@pytest.fixture
def engine_name() -> str:
    return "sqlite"


@pytest.fixture
def sent(app: Flask, desk: Desk, x: X) -> Callable[[Callable[[Sent], Any]], Sent]:
    """Has posts of Ada and Bo sent, and something done when X was asked for the first, before it answers."""

    def send(deed: Callable[[Sent], Any]) -> Sent:
        video, post = desk.on_air("ada", "bo"), desk.post("bo")
        found = Sent(desk, video, post.id, int(post.podcast_id or 0), int(post.user_id or 0))

        def watch(request: Request) -> None:
            if (request.method, request.path) == ("POST", "/2/tweets"):
                x.watchers.remove(watch)
                with app.app_context():
                    deed(found)

        x.watchers.append(watch)
        desk.cast.services.posting.drain(desk.at)
        assert watch not in x.watchers
        return found

    return send


def end_the_stream(one: Sent) -> None:
    one.desk.cast.youtube.end(one.video, at=one.desk.at)
    one.desk.look()


DEEDS: dict[str, Callable[[Sent], Any]] = {
    "the host is taken off": lambda one: members.remove(one.podcast_id, one.user_id, BY, one.desk.at),
    "the host is switched off": lambda one: users.deactivate_user("bo@example.com", now=one.desk.at),
    "the podcast is archived": lambda one: podcast_settings.archive(one.podcast_id, BY, one.desk.at),
    "the podcast is deleted": lambda one: podcast_settings.delete_podcast(one.podcast_id, BY, one.desk.at),
    "the stream is over": end_the_stream,
}


@pytest.mark.parametrize("name", DEEDS)
def test_what_is_done_to_a_host_or_a_show_meanwhile_changes_nothing_of_the_outcome(sent, x, name):
    one = sent(DEEDS[name])
    one.desk.later(60).look_up()
    post = db.session.get_one(Post, one.id, populate_existing=True)
    assert (post.status, post.remote_id) == ("posted", x.timeline("bo")[0].id)
    assert (len(one.desk.texts("ada")), len(one.desk.texts("bo")), x.attempts()) == (1, 1, 2)


def test_who_disconnects_meanwhile_reads_what_x_made_of_it(sent, x):
    """His token ends at X in that moment: it took his post before, or refused it."""
    one = sent(lambda one: get_services().connections.disconnect(one.user_id, BY, one.desk.at))
    one.desk.later(60).look_up()
    post = db.session.get_one(Post, one.id, populate_existing=True)
    stored = [tweet.id for tweet in x.timeline("bo")]
    assert (post.status, post.remote_id, len(stored)) in (("posted", stored and stored[0], 1), ("queued", None, 0))
    assert (len(one.desk.texts("ada")), x.attempts()) == (1, 2)


def test_an_episode_whose_post_is_on_its_way_is_not_deleted(sent, x):
    def delete(one: Sent) -> None:
        with pytest.raises(Conflict, match="on its way right now"):
            episodes.delete_episode(db.session.execute(select(EpisodeGuide)).scalar_one(), BY, one.desk.at)

    one = sent(delete)
    assert (one.desk.post("bo").status, x.attempts()) == ("posted", 2)


# The host deletes it on X, within seconds, before anybody could look it up


def deleted_by_hand(desk: Desk, x: X, *, strict: bool) -> Post:
    lose(x, stored=True)
    unknown(desk, strict=strict)
    x.delete_by_hand(x.timeline("ada")[0])
    return desk.find_out(until=200)


def test_strict_what_its_host_deleted_at_once_is_for_him_to_decide_and_never_sent_again(desk, x):
    post = deleted_by_hand(desk, x, strict=True)
    assert (post.status, post.cause, x.attempts(), desk.texts()) == ("review", "not_found", 1, [])


def test_in_default_mode_what_its_host_deleted_at_once_comes_back_once_at_most(desk, x):
    """The known risk: for Airhorn it was never there. It says so in the history, and goes no further."""
    post = deleted_by_hand(desk, x, strict=False)
    assert (post.status, post.was_reposted, x.attempts(), len(desk.texts())) == ("posted", True, 2, 1)
    x.delete_by_hand(x.timeline("ada")[0])
    assert (desk.find_out(until=200).status, x.attempts()) == ("posted", 2)
