"""Who is on a podcast: seen by its people, changed by its admins, and never left without one."""

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from extensions import db
from models import AuditEvent, PodcastMember, Post, Role, User
from services import members
from services.audit import NOBODY, Actor
from services.errors import AirhornError, Conflict
from tests.browser import Browser, words
from tests.cast import ago
from tests.conftest import ENGINES


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def show(cast):
    """Ada is its admin; Bo, Cy and Di are hosts."""
    show = cast.show(hosts=("ada", "bo", "cy"))
    cast.user("di")
    for name in ("bo", "cy"):
        members.set_role(show.id, id_of(name), "contributor", NOBODY, now())
    members.add(show.id, id_of("di"), Role.CONTRIBUTOR)
    db.session.commit()
    return show


@pytest.fixture
def ada(app, show):
    return enter(app, "ada")


def enter(app, name):
    browser = Browser(app)
    browser.let_in(user(name))
    return browser


def now():
    return datetime.now(UTC)


def user(name):
    return db.session.execute(select(User).where(User.email == f"{name}@example.com")).scalar_one()


def id_of(name):
    return user(name).id


def roles(show):
    query = select(User.email, PodcastMember.role).join(User, User.id == PodcastMember.user_id)
    found = {email.partition("@")[0]: role for email, role in db.session.execute(query.filter_by(podcast_id=show.id))}
    db.session.rollback()
    return found


def act(browser, show, name, what, **form):
    return browser.post(f"/podcasts/{show.id}/hosts/{id_of(name)}/{what}", form)


def test_everybody_on_it_sees_the_hosts_and_only_admins_the_addresses_and_buttons(app, ada, show):
    page = ada.get(f"/podcasts/{show.id}/hosts")
    for text in ("Ada", "@ada", "bo@example.com", "Make an admin", "Invite somebody", "Stand by"):
        assert text in words(page)
    page = enter(app, "bo").get(f"/podcasts/{show.id}/hosts")
    assert "Cy" in words(page)
    for text in ("ada@example.com", "Make an admin", "Invite somebody", "Remove"):
        assert text not in words(page)


def test_a_host_becomes_an_admin_and_loses_it_again_at_once(app, ada, show):
    assert act(ada, show, "bo", "role", role="admin").status_code == 302
    bo = enter(app, "bo")
    invite = f"/podcasts/{show.id}/invitations"
    assert bo.post(invite, {"email": "x@example.com", "role": "admin"}).status_code == 200
    act(enter(app, "ada"), show, "bo", "role", role="contributor")
    assert bo.post(invite, {"email": "y@example.com", "role": "admin"}).status_code == 403
    rows = db.session.execute(select(AuditEvent).filter_by(kind="role_changed", subject_id=id_of("bo"))).scalars()
    assert [row.detail for row in rows][-2:] == [{"role": "admin"}, {"role": "contributor"}]


def test_who_is_removed_is_out_at_once_and_what_waits_is_not_posted(app, cast, ada, show, desk_post):
    bo = enter(app, "bo")
    post_id = desk_post(show, "bo")
    assert "Bo is off this podcast" in words(follow(ada, act(ada, show, "bo", "remove")))
    assert bo.get(f"/podcasts/{show.id}").status_code == 404
    post = db.session.get_one(Post, post_id, populate_existing=True)
    assert (post.status, post.cause) == ("cancelled", "member_gone")


@pytest.fixture
def desk_post(cast, services):
    """Lets a show go live without sending anything; answers the id of one host's post."""

    def queue(show, host):
        cast.episode(show, at=ago(minutes=1))
        cast.go_live(show)
        for looked in services.live.check(now()):
            services.tweets.announce(looked.broadcast_ids, now())
        query = select(Post.id).join(User, User.id == Post.user_id).where(User.email == f"{host}@example.com")
        return db.session.execute(query).scalar_one()

    return queue


def follow(browser, answer):
    return browser.get(answer.location)


@pytest.mark.parametrize("what", [("role", {"role": "contributor"}), ("remove", {})])
def test_the_last_admin_stays(ada, show, what):
    answer = act(ada, show, "ada", what[0], **what[1])
    assert "is the only admin" in words(follow(ada, answer))
    assert roles(show)["ada"] == "admin"


def test_an_admin_who_cannot_sign_in_does_not_count(ada, show):
    act(ada, show, "bo", "role", role="admin")
    user("bo").is_active = False
    db.session.commit()
    assert "is the only admin" in words(follow(ada, act(ada, show, "ada", "remove")))


def test_a_host_may_leave_and_the_last_admin_may_not(app, ada, show):
    bo = enter(app, "bo")
    answer = bo.post(f"/podcasts/{show.id}/leave")
    assert answer.location == "/"
    assert "You are off Deep Dive" in words(bo.get("/"))
    assert "bo" not in roles(show)
    stays = ada.post(f"/podcasts/{show.id}/leave")
    assert "is the only admin" in words(follow(ada, stays))


def test_a_site_admin_who_is_not_on_it_manages_it_and_cannot_leave_it(app, cast, show):
    cast.user("eve", is_admin=True)
    eve = enter(app, "eve")
    act(eve, show, "bo", "role", role="admin")
    assert roles(show)["bo"] == "admin"
    assert eve.post(f"/podcasts/{show.id}/leave").status_code == 404


@pytest.mark.parametrize("what", ["role", "remove"])
def test_only_admins_of_this_podcast_change_who_is_on_it(app, cast, show, what):
    cast.show("Small Talk", hosts=("eve",))
    for name, status in (("bo", 403), ("eve", 404)):
        assert act(enter(app, name), show, "cy", what, role="admin").status_code == status
    assert roles(show)["cy"] == "contributor"


@pytest.mark.parametrize("user_id", ["0", "999", "2147483648", "99999999999999999999999"])
@pytest.mark.parametrize("what", ["role", "remove"])
def test_somebody_who_is_not_on_it_is_not_found(ada, show, user_id, what):
    path = f"/podcasts/{show.id}/hosts/{user_id}/{what}"
    assert ada.post(path, {"role": "admin"}).status_code == 404


def test_people_of_another_podcast_are_not_found(ada, cast, show):
    cast.show("Small Talk", hosts=("eve",))
    assert act(ada, show, "eve", "remove").status_code == 404
    assert act(ada, show, "eve", "role", role="admin").status_code == 404


@pytest.mark.parametrize("role", ["", "owner", "ADMIN", "admin "])
def test_a_role_that_is_none_is_refused(ada, show, role):
    assert "There is no role" in words(follow(ada, act(ada, show, "bo", "role", role=role)))
    assert roles(show)["bo"] == "contributor"


@pytest.mark.parametrize("engine_name", ENGINES)
def test_of_many_who_take_admins_away_at_once_one_admin_is_left(app, show):
    for name in ("bo", "cy", "di"):
        members.set_role(show.id, id_of(name), "admin", NOBODY, now())
    ids = [id_of(name) for name in ("ada", "bo", "cy", "di")]
    podcast_id = show.id
    db.session.rollback()
    barrier, got = threading.Barrier(20), []

    def take(number):
        with app.app_context():
            barrier.wait()
            try:
                if number % 2:
                    members.remove(podcast_id, ids[number % 4], NOBODY, now())
                else:
                    members.set_role(podcast_id, ids[number % 4], "contributor", NOBODY, now())
            except AirhornError as error:
                got.append(error)
            else:
                got.append(None)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(got) == 20
    assert list(roles(show).values()).count("admin") == 1


def test_more_than_a_podcast_holds_do_not_fit(cast, show):
    people = [User(email=f"p{n}@example.com", name=f"P{n}") for n in range(members.AT_MOST - 4)]
    db.session.add_all(people)
    db.session.flush()
    db.session.add_all(PodcastMember(podcast_id=show.id, user_id=one.id) for one in people)
    db.session.commit()
    eve = cast.user("eve")
    with pytest.raises(Conflict, match="500 people are on Deep Dive already"):
        members.add(show.id, eve.id, Role.CONTRIBUTOR)
    count = select(func.count()).select_from(PodcastMember).where(PodcastMember.podcast_id == show.id)
    assert db.session.execute(count).scalar_one() == members.AT_MOST


def test_commands_do_the_same_and_write_it_down(runner, show):
    assert runner.invoke(args=["podcasts", "add-host", "deep-dive", "di@example.com"]).exit_code == 1
    assert runner.invoke(args=["podcasts", "remove-host", "deep-dive", "di@example.com"]).exit_code == 0
    assert runner.invoke(args=["podcasts", "add-host", "deep-dive", "di@example.com"]).exit_code == 0
    refused = runner.invoke(args=["podcasts", "remove-host", "deep-dive", "ada@example.com"])
    assert "ada@example.com is the only admin of Deep Dive" in refused.stderr
    kinds = [row.kind for row in db.session.execute(select(AuditEvent).order_by(AuditEvent.id)).scalars()]
    assert kinds[-2:] == ["host_removed", "host_added"]
    assert Actor() == NOBODY
