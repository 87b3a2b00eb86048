"""Deleting an account: nothing personal stays, what happened does, and no show is left without an admin."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from extensions import Base, db
from models import (
    AuditEvent,
    EpisodeTweetConfig,
    PodcastMember,
    Post,
    PostEvent,
    PostStatus,
    Rehearsal,
    Role,
    TokenRevocation,
    User,
)
from services import leaving
from services.audit import Actor
from services.errors import Conflict, Invalid
from tests.browser import Browser, words
from tests.conftest import NOON


@pytest.fixture
def show(cast):
    return cast.show(hosts=("ada", "bo"))


@pytest.fixture
def ada(cast, show):
    return db.session.execute(select(User).where(User.email == "ada@example.com")).scalar_one()


def post(user, status, key, **columns):
    row = Post(
        key=key,
        user_id=user.id,
        host_name="Ada",
        username="ada",
        platform_user_id="4711",
        text="Ada says hello",
        status=status,
        not_after=NOON + timedelta(hours=1),
        detail="X says: @ada",
        **columns,
    )
    db.session.add(row)
    db.session.commit()
    return row.id


def delete(user, typed=None):
    leaving.delete_account(user.id, typed or user.email, Actor(user.id, "192.0.2.7"), NOON)


def everything():
    """All of the database as one text."""
    tables = Base.metadata.sorted_tables
    rows = [tuple(str(value) for value in row) for table in tables for row in db.session.execute(select(table))]
    db.session.rollback()
    return json.dumps(rows)


def test_nothing_personal_stays(cast, show, ada):
    episode = cast.episode(show)
    config = cast.config(episode, "ada")
    config.text = "Ada says hello"
    db.session.add(Rehearsal(podcast_id=show.id, episode_id=episode.id, at=NOON, results=found(ada)))
    post(ada, PostStatus.POSTED, "live:abc:4711", remote_id="990011", podcast_id=show.id)
    ada.name = "Ada Unmistakable"
    db.session.commit()
    delete(ada)
    left = everything()
    for trace in ("ada@example.com", "Ada Unmistakable", "Ada says", "990011", "4711", "@ada"):
        assert trace not in left, trace


def found(ada):
    mine = {"user_id": ada.id, "name": "Ada Unmistakable", "passed": True, "said": "Ready as @ada"}
    return [mine, {"user_id": ada.id + 10, "name": "Bo", "passed": True, "said": "Ready as @bo"}]


def test_what_happened_stays_without_a_name(cast, show, ada):
    post_id = post(ada, PostStatus.POSTED, "live:abc:4711", podcast_id=show.id, posted_at=NOON)
    user_id = ada.id
    delete(ada)
    kept = db.session.get_one(Post, post_id, populate_existing=True)
    assert (kept.status, kept.host_name, kept.posted_at, kept.user_id) == ("posted", "a former host", NOON, None)
    event = db.session.execute(select(AuditEvent).where(AuditEvent.kind == "user_deleted")).scalar_one()
    assert event.actor_id == user_id


def test_what_waits_is_cancelled(cast, show, ada):
    ids = [post(ada, status, f"k{status}") for status in (PostStatus.QUEUED, PostStatus.REVIEW)]
    delete(ada)
    states = [db.session.get_one(Post, post_id, populate_existing=True).status for post_id in ids]
    assert states == ["cancelled", "cancelled"]
    assert db.session.execute(select(PostEvent.status)).scalars().all() == ["cancelled", "cancelled"]


@pytest.mark.parametrize("status", [PostStatus.SENDING, PostStatus.UNKNOWN])
def test_nobody_leaves_while_a_post_is_on_its_way(cast, show, ada, status):
    post(ada, status, "k")
    with pytest.raises(Conflict, match="on its way"):
        delete(ada)
    assert db.session.get(User, ada.id)


def test_tokens_wait_to_be_ended_at_x(cast, show, ada):
    delete(ada)
    waiting = db.session.execute(select(TokenRevocation)).scalars().all()
    assert sorted(row.owner.rpartition(":")[2] for row in waiting) == ["access", "refresh"]
    for row in waiting:
        assert cast.services.vault.unseal(row.token, row.owner)
    assert {row.next_try_at for row in waiting} == {NOON}


def test_the_only_admin_of_a_show_stays(cast, show, ada):
    others = update(PodcastMember).where(PodcastMember.user_id != ada.id)
    db.session.execute(others.values(role=Role.CONTRIBUTOR))
    db.session.commit()
    with pytest.raises(Conflict, match="the only admin of Deep Dive"):
        delete(ada)
    assert db.session.execute(select(EpisodeTweetConfig)).scalars().all() == []
    assert db.session.get(User, ada.id)


def test_an_admin_who_is_switched_off_is_no_other_admin(cast, show, ada):
    bo = db.session.execute(select(User).where(User.email == "bo@example.com")).scalar_one()
    bo.is_active = False
    db.session.commit()
    with pytest.raises(Conflict, match="the only admin"):
        delete(ada)


def test_the_last_who_runs_the_server_stays(cast):
    di = cast.user("di", is_admin=True)
    di_id = di.id
    with pytest.raises(Conflict, match="runs this server"):
        delete(di)
    cast.user("eve", is_admin=True)
    delete(di)
    assert db.session.get(User, di_id) is None


@pytest.mark.parametrize("typed", ["bo@example.com", "ada", "x" * 5000])
def test_the_own_address_has_to_be_typed(cast, show, ada, typed):
    with pytest.raises(Invalid, match="Type ada@"):
        delete(ada, typed)


def test_it_is_done_on_the_page(app, cast, show, ada):
    browser = Browser(app)
    browser.sign_in(ada)
    refused = browser.post("/profile/delete", {"typed": ""}, form="/profile/delete")
    assert refused.status_code == 422
    assert "Type ada@example.com" in words(refused)
    answer = browser.post("/profile/delete", {"typed": " ADA@example.com "}, form="/profile/delete")
    assert answer.location == "/sign-in"
    assert "Your account is deleted." in words(browser.get("/sign-in"))
    assert browser.get("/profile").status_code == 302
