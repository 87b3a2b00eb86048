"""Trying at once what waits: by the host whose post it is, by who runs the server; and when it is tried by itself."""

import contextlib
import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from extensions import db
from models import AuditEvent, EpisodeGuide, Podcast, PodcastMember, Post, PostStatus, Role, SendGate, User, Voice
from services import trying
from services.audit import NOBODY
from services.errors import Conflict, NotFound
from services.own_tweet import Mine
from services.registry import get_services
from tests.browser import Browser, words
from tests.desk import Desk

#: several posts at once: one is settled in a short transaction while others are on the wire
pytestmark = pytest.mark.calls_in_transaction


@pytest.fixture
def paused(desk: Desk) -> Desk:
    """Ada and Bo are on air, both posts wait for credits, and X was asked a minute ago."""
    desk.x.credits_usd = 0
    desk.on_air("ada", "bo")
    desk.drain()
    assert [desk.post(host).cause for host in ("ada", "bo")] == ["x_credits"] * 2
    desk.later(60)
    return desk


def mine(name: str) -> Mine:
    episode = db.session.execute(select(EpisodeGuide)).scalar_one()
    who = db.session.execute(select(User).filter_by(email=f"{name}@example.com")).scalar_one()
    return Mine(db.session.get_one(Podcast, episode.podcast_id), episode, who)


def press(desk: Desk, name: str = "ada") -> str:
    return trying.try_now(mine(name), desk.post(name).id, NOBODY, desk.at)


def waits_for(cause: str, desk: Desk, name: str = "ada") -> None:
    """As it is when X refused for another reason."""
    values = {"cause": cause, "not_before": desk.at + timedelta(seconds=50)}
    db.session.execute(update(Post).where(Post.id == desk.post(name).id).values(**values))
    db.session.execute(SendGate.__table__.delete())
    db.session.commit()


def test_with_credits_again_one_post_finds_out_and_the_others_follow(paused, x):
    x.credits_usd = None
    keys = {post.key for post in paused.cast.posts()}
    sent = x.attempts()
    trying.try_all(NOBODY, paused.at)
    paused.drain()
    assert [paused.post(host).status for host in ("ada", "bo")] == ["posted"] * 2
    assert x.attempts() == sent + 2
    assert {post.key for post in paused.cast.posts()} == keys


def test_without_credits_one_post_alone_has_asked_and_nobody_asks_again_at_once(paused, x):
    sent = x.attempts()
    trying.try_all(NOBODY, paused.at)
    paused.drain()
    assert x.attempts() == sent + 1
    for again in (lambda: trying.try_all(NOBODY, paused.at), lambda: press(paused)):
        with pytest.raises(Conflict, match="tried a moment ago"):
            again()
    paused.later(5).drain()
    assert x.attempts() == sent + 1
    assert [paused.post(host).status for host in ("ada", "bo")] == ["queued"] * 2


def test_a_host_has_the_own_post_tried_and_it_stays_the_same_post(paused, x):
    x.credits_usd = None
    before = paused.post("ada")
    assert "tried now" in press(paused)
    paused.drain()
    after = paused.post("ada")
    assert (after.id, after.key, after.status) == (before.id, before.key, "posted")
    assert len(paused.texts("ada")) == 1


@pytest.mark.parametrize("cause", ["x_unreachable", "x_client"])
def test_what_waits_for_its_next_try_is_tried_at_once(paused, x, cause):
    x.credits_usd = None
    waits_for(cause, paused)
    paused.drain()
    assert paused.post("ada").status == "queued"
    press(paused)
    paused.drain()
    assert paused.post("ada").status == "posted"


def test_who_mended_the_servers_credentials_has_all_tried(paused, x):
    x.credits_usd = None
    for name in ("ada", "bo"):
        waits_for("x_client", paused, name)
    trying.try_all(NOBODY, paused.at)
    paused.drain()
    assert [paused.post(host).status for host in ("ada", "bo")] == ["posted"] * 2


@pytest.mark.parametrize("cause", ["x_rate", "x_auth", "no_connection", "youtube_silent"])
def test_what_trying_does_not_mend_is_not_tried(paused, cause):
    waits_for(cause, paused)
    before = paused.post("ada").not_before
    with pytest.raises(Conflict, match="does not wait any more"):
        press(paused)
    assert paused.post("ada").not_before == before


def test_an_admin_of_the_podcast_tries_the_post_of_a_host(paused, x, app):
    x.credits_usd = None
    db.session.execute(update(PodcastMember).where(PodcastMember.user_id == mine("bo").user.id).values(role=Role.ADMIN))
    db.session.commit()
    there, browser = mine("bo"), Browser(app)
    browser.let_in(there.user)
    assert "/try" in browser.get(f"/podcasts/{there.podcast.id}/attention").text
    db.session.rollback()
    assert trying.try_now(there, paused.post("ada").id, NOBODY, paused.at, is_admin=True).startswith("It is tried now.")
    paused.drain()
    assert paused.post("ada").status == "posted"
    subjects = select(AuditEvent.subject_id).where(AuditEvent.kind == "tried_now")
    assert mine("ada").user.id in db.session.execute(subjects).scalars().all()


def test_what_a_host_wants_to_approve_is_left_to_that_host(paused, x):
    x.credits_usd = None
    db.session.add(Voice(user_id=mine("ada").user.id, needs_approval=True))
    db.session.commit()
    before = paused.post("ada").not_before
    with pytest.raises(Conflict, match="Ada approves what is sent, so only Ada can try it"):
        trying.try_now(mine("bo"), paused.post("ada").id, NOBODY, paused.at, is_admin=True)
    assert paused.post("ada").not_before == before
    assert trying.try_now(mine("ada"), paused.post("ada").id, NOBODY, paused.at, is_admin=True)


def test_what_is_out_is_not_tried_and_nobody_tries_for_somebody_else(paused, x):
    x.credits_usd = None
    with pytest.raises(NotFound):
        trying.try_now(mine("bo"), paused.post("ada").id, NOBODY, paused.at)
    press(paused)
    paused.drain()
    with pytest.raises(Conflict, match="does not wait any more"):
        press(paused)
    paused.drain()
    assert len(paused.texts("ada")) == 1


@pytest.mark.slow
def test_however_often_it_is_pressed_it_goes_on_waiting_for_credits(paused):
    for _ in range(14):
        press(paused)
        paused.drain()
        paused.later(31).look()
    assert paused.post("ada").status == "queued"


def test_two_who_press_at_once_while_two_send_make_one_post_each(paused, x, make_app):
    x.credits_usd = None
    posts = {name: paused.post(name).id for name in ("ada", "bo")}
    barrier, at = threading.Barrier(2), paused.at

    def work(app: Flask, name: str) -> None:
        with app.app_context():
            barrier.wait(timeout=60)
            for _ in range(3):
                with contextlib.suppress(Conflict):
                    trying.try_now(mine(name), posts[name], NOBODY, at)
                get_services().posting.drain(at)

    threads = [threading.Thread(target=work, args=(make_app(), name)) for name in ("ada", "bo")]
    db.session.rollback()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    paused.drain()
    assert [len(paused.texts(name)) for name in ("ada", "bo")] == [1, 1]


# On the pages


class TestPages:
    @pytest.fixture
    def engine_name(self):
        return "sqlite"

    @pytest.fixture
    def ada(self, app, paused):
        """A host in Berlin, of a show in Sydney."""
        values = {"timezone": "Europe/Berlin", "is_admin": True}
        db.session.execute(update(User).where(User.email == "ada@example.com").values(**values))
        db.session.execute(update(Podcast).values(timezone="Australia/Sydney"))
        # The pages have the wall's clock: seen from there, X was asked a minute ago.
        until = db.session.execute(select(SendGate.until)).scalar_one() - timedelta(seconds=60)
        db.session.execute(update(SendGate).values(until=until))
        db.session.execute(update(Post).values(not_before=until))
        db.session.commit()
        self.podcast, self.episode = mine("ada").podcast.id, mine("ada").episode.id
        self.page = f"/podcasts/{self.podcast}/episodes/{self.episode}/tweets"
        self.path = f"{self.page}/{paused.post('ada').id}/try"
        browser = Browser(app)
        browser.let_in(mine("ada").user)
        return browser

    def test_every_page_says_when_a_paused_post_is_tried_next_in_both_zones(self, ada, paused):
        minute = f"{paused.post('ada').not_before:%M}"
        for path in ("/", f"/podcasts/{self.podcast}", self.page):
            seen = words(ada.get(path))
            assert f":{minute} Sydney · " in seen.split("Next try at ")[1][:20], path
            assert "yours . It can still go out until" in seen.split("Next try at ")[1], path
        assert "UTC" not in words(ada.get(self.page))

    def test_the_button_is_on_home_and_on_the_page_of_the_episode_and_works_from_there(self, ada, paused, x):
        x.credits_usd = None
        for path in ("/", self.page):
            assert f'action="{self.path}"' in ada.get(path).text
        answer = ada.post(self.path, follow_redirects=True)
        assert "It is tried now." in words(answer)
        paused.drain()
        assert f'action="{self.path}"' not in ada.get(self.page).text
        answer = ada.post(self.path, follow_redirects=True)
        assert "This post does not wait any more." in words(answer)

    def test_who_runs_the_server_tries_for_a_host_without_being_one(self, app, ada, paused):
        root = Browser(app)
        root.let_in(paused.cast.user("root", is_admin=True))
        assert root.post(f"{self.page}/{paused.post('ada').id + 99}/try").status_code == 404
        assert "It is tried now." in words(root.post(self.path, follow_redirects=True))

    def test_a_press_is_written_down_with_who_it_was(self, ada):
        ada.post(self.path)
        db.session.execute(SendGate.__table__.delete())
        db.session.commit()
        ada.post("/admin/system/try-now")
        lines = db.session.execute(select(AuditEvent).filter_by(kind="tried_now")).scalars().all()
        assert [(line.actor_id is not None, line.podcast_id) for line in lines] == [(True, self.podcast), (True, None)]

    def test_the_operator_is_asked_only_where_it_helps(self, ada, x):
        assert "Credits are there, try now" in words(ada.get("/admin/system"))
        db.session.execute(update(SendGate).values(cause="x_rate", key="x:1"))
        db.session.commit()
        assert "try now" not in words(ada.get("/admin/system"))
        db.session.execute(update(Post).values(cause="x_client"))
        db.session.commit()
        assert "It is mended, try now" in words(ada.get("/admin/system"))

    def test_who_is_no_admin_tries_for_no_other_host(self, app, ada, paused):
        contributes = {"role": Role.CONTRIBUTOR}
        db.session.execute(
            update(PodcastMember).where(PodcastMember.user_id == mine("bo").user.id).values(**contributes)
        )
        db.session.commit()
        bo = Browser(app)
        bo.let_in(mine("bo").user)
        assert bo.post(self.path).status_code == 404
        assert f'action="{self.path}"' not in bo.get(self.page).text
        assert paused.post("ada").status == PostStatus.QUEUED
