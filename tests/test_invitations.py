"""Invitations: made by admins, handed over as a link, accepted once by the person they are for."""

import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from extensions import db
from models import AuditEvent, EpisodeTweetConfig, OneTimeLink, PodcastMember, Role, User
from services import invitations, leaving, links, password_links, people
from services.audit import Actor
from services.errors import Conflict, NotFound
from tests.browser import PASSWORD, Browser, words
from tests.cast import ago
from tests.conftest import ENGINES

HERE = "http://127.0.0.1:5000"
NEW = {"name": "Cy", "timezone": "Asia/Tokyo", "password": PASSWORD}
LINK = re.compile(r'value="http://127\.0\.0\.1:5000(/invitations/[\w-]{43})"')


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def show(cast):
    return cast.show(hosts=("ada", "bo"), timezone="Europe/Berlin")


@pytest.fixture
def admin(app, browser, show):
    browser.let_in(user("ada"))
    return browser


def now():
    return datetime.now(UTC)


def user(name):
    return db.session.execute(select(User).where(User.email == f"{name}@example.com")).scalar_one_or_none()


def by(name):
    return Actor(user(name).id, "127.0.0.1")


def path_of(made):
    return made.link.removeprefix(HERE)


def invite(show, email="cy@example.com", role="contributor", at=None):
    return path_of(invitations.invite(show.id, email, role, by("ada"), at or now()))


def roles(show):
    query = select(User.email, PodcastMember.role).join(User, User.id == PodcastMember.user_id)
    found = {email.partition("@")[0]: role for email, role in db.session.execute(query.filter_by(podcast_id=show.id))}
    db.session.rollback()
    return found


def test_the_link_is_shown_once_and_makes_an_account_on_the_podcast(admin, app, show, cast):
    episode_id = cast.episode(show, at=ago(hours=-5)).id
    hosts = f"/podcasts/{show.id}/hosts"
    answer = admin.post(f"/podcasts/{show.id}/invitations", {"email": " CY@example.com ", "role": "contributor"})
    path = LINK.search(answer.text)[1]
    again = admin.get(hosts)
    assert path not in again.text
    assert "cy@example.com" in words(again)
    guest = Browser(app)
    page = guest.get(path)
    assert "Ada invites cy@example.com as a host" in words(page)
    assert 'value="Europe/Berlin"' in re.search(r"<input[^>]* data-guess-zone[^>]*>", page.text)[0]
    done = guest.post(path, NEW)
    assert (done.status_code, done.location) == (302, f"/podcasts/{show.id}/episodes/{episode_id}/tweets")
    assert guest.get(done.location).status_code == 200
    assert roles(show)["cy"] == Role.CONTRIBUTOR
    cy = user("cy")
    assert (cy.name, cy.timezone, cy.is_admin) == ("Cy", "Asia/Tokyo", False)
    configs = select(func.count()).select_from(EpisodeTweetConfig).filter_by(user_id=cy.id, episode_id=episode_id)
    assert db.session.execute(configs).scalar_one() == 1


def test_without_a_planned_episode_one_lands_on_the_podcast(app, show):
    path = invite(show, role="admin")
    guest = Browser(app)
    assert guest.post(path, NEW).location == f"/podcasts/{show.id}"
    assert roles(show)["cy"] == Role.ADMIN


def test_it_works_once(app, show):
    path = invite(show)
    Browser(app).post(path, NEW)
    late = Browser(app)
    for answer in (late.get(path), late.post(path, NEW)):
        assert answer.status_code == 404
        assert "Ask for a new link" in words(answer)


def test_whoever_has_an_account_signs_in_and_joins_with_one_click(app, show, cast):
    path = invite(show)
    cast.user("cy")
    guest = Browser(app)
    page = guest.get(path)
    assert f"/sign-in?next={path}" in page.text
    assert guest.post(path, NEW).status_code == 422
    assert guest.sign_in(user("cy"), next=path).location == path
    assert "Join" in words(guest.get(path))
    done = guest.post(f"{path}/join")
    assert (done.status_code, done.location) == (302, f"/podcasts/{show.id}")
    assert roles(show)["cy"] == Role.CONTRIBUTOR


def test_somebody_else_who_is_signed_in_is_told_so_and_does_not_join(app, show, cast):
    path = invite(show)
    other = Browser(app)
    other.let_in(cast.user("di"))
    assert "You are signed in as di@example.com. This invitation is for cy@example.com" in words(other.get(path))
    assert other.post(f"{path}/join").status_code == 409
    assert "di" not in roles(show)


def test_after_three_days_it_has_ended_and_the_admin_makes_a_new_one(admin, app, show):
    path = invite(show, at=ago(days=3, seconds=1))
    assert Browser(app).get(path).status_code == 404
    hosts = f"/podcasts/{show.id}/hosts"
    page = admin.get(hosts)
    assert "The link has ended unused" in words(page)
    renew = re.search(rf"{hosts.removesuffix('hosts')}invitations/\d+/renew", page.text)[0]
    fresh = LINK.search(admin.post(renew).text)[1]
    assert fresh != path
    assert Browser(app).get(fresh).status_code == 200
    assert "ended unused" not in words(admin.get(hosts))


def test_inviting_again_replaces_the_older_link(app, show):
    first, second = invite(show), invite(show)
    assert Browser(app).get(first).status_code == 404
    assert Browser(app).get(second).status_code == 200
    assert len(invitations.waiting(show.id)) == 1


def test_what_is_taken_back_lets_nobody_in(admin, app, show):
    path = invite(show)
    [waiting] = invitations.waiting(show.id)
    take_back = f"/podcasts/{show.id}/invitations/{waiting.link_id}/take-back"
    assert admin.post(take_back).status_code == 302
    assert Browser(app).get(path).status_code == 404
    assert admin.post(take_back).status_code == 404


def test_whether_somebody_has_an_account_makes_no_difference_to_the_inviter(admin, show, cast):
    cast.user("cy")
    pages = []
    for email in ("cy@example.com", "no@example.com"):
        answer = admin.post(f"/podcasts/{show.id}/invitations", {"email": email, "role": "contributor"})
        plain = re.sub(r"/invitations/[\w-]{43}", "/invitations/…", answer.text)
        pages.append((answer.status_code, re.sub(r'(?s)<aside>.*|value="\S{80,}"', "", plain).replace(email, "…")))
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"email": ""}, "missing"),
        ({"email": "cy"}, "is no e-mail address"),
        ({"email": f"{'x' * 300}@example.com"}, "At most 254 fit"),
        ({"email": "cy@example.com\nBcc: di@example.com"}, "e-mail address"),
        ({"email": "bo@example.com"}, "is already on Deep Dive"),
        ({"email": "cy@example.com", "role": "owner"}, "Not a valid choice"),
    ],
)
def test_what_cannot_be_an_invitation_is_said(admin, show, typed, sentence):
    answer = admin.post(f"/podcasts/{show.id}/invitations", {"role": "contributor", **typed})
    assert answer.status_code == 422
    assert sentence in words(answer)
    assert invitations.waiting(show.id) == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": " "}, "The name is empty"),
        ({"name": "x" * 101}, "At most 100 fit"),
        ({"timezone": "Mars/Olympus"}, "There is no time zone “Mars/Olympus”."),
        ({"password": "short"}, "at least 12"),
        ({"password": "cy@example.com"}, "easy to guess"),
        ({"password": "deep dive deep dive"}, "easy to guess"),
    ],
)
def test_what_cannot_be_an_account_is_said_and_the_link_still_works(app, show, wrong, sentence):
    path, guest = invite(show), Browser(app)
    answer = guest.post(path, {**NEW, **wrong})
    assert answer.status_code == 422
    assert sentence in words(answer)
    assert PASSWORD not in answer.text
    assert user("cy") is None
    assert guest.get(path).status_code == 200


def test_fields_that_are_not_asked_for_change_nothing(app, show):
    path, guest = invite(show), Browser(app)
    guest.post(path, {**NEW, "email": "eve@example.com", "role": "admin", "is_admin": "1", "podcast_id": "9"})
    assert roles(show)["cy"] == Role.CONTRIBUTOR
    assert user("eve") is None
    assert not user("cy").is_admin


def test_the_invitations_of_others_cannot_be_touched(admin, show, cast):
    other = cast.show("Small Talk", hosts=("eve",))
    path = path_of(invitations.invite(other.id, "cy@example.com", "admin", by("eve"), now()))
    [foreign] = invitations.waiting(other.id)
    for podcast_id in (show.id, other.id):
        for what in ("renew", "take-back"):
            assert admin.post(f"/podcasts/{podcast_id}/invitations/{foreign.link_id}/{what}").status_code == 404
    with pytest.raises(NotFound):
        invitations.take_back(show.id, 2**40, by("ada"), now())
    assert Browser(admin.client.application).get(path).status_code == 200


def test_an_admin_who_loses_the_role_leaves_no_door_open(app, show):
    path = path_of(invitations.invite(show.id, "cy@example.com", "admin", by("bo"), now()))
    invitations.members.set_role(show.id, user("bo").id, "contributor", by("ada"), now())
    assert Browser(app).get(path).status_code == 404


@pytest.mark.parametrize("loses", ["account", "server", "everything"])
def test_whoever_loses_the_account_or_the_server_leaves_no_door_open(app, show, loses):
    db.session.execute(update(User).values(is_admin=True))
    role = Role.CONTRIBUTOR if loses == "server" else Role.ADMIN
    db.session.execute(update(PodcastMember).where(PodcastMember.user_id == user("ada").id).values(role=role))
    db.session.commit()
    paths = [invite(show), password_links.make_for(user("bo"), by("ada"), now())[len(HERE) :]]
    if loses == "account":
        people.switch_off(user("ada").id, by("bo"), now())
    elif loses == "server":
        people.take_admin(user("ada").id, by("bo"), now())
    else:
        leaving.delete_account(user("ada").id, "ada@example.com", by("ada"), now())
    assert [Browser(app).get(path).status_code for path in paths] == [404, 404]


def test_an_admin_of_the_podcast_keeps_invitations_without_the_server(app, show):
    db.session.execute(update(User).values(is_admin=True))
    db.session.commit()
    path = invite(show)
    people.take_admin(user("ada").id, by("bo"), now())
    assert Browser(app).get(path).status_code == 200


def test_there_is_a_limit_to_how_many_wait_and_to_how_many_are_made_in_an_hour(show, cast):
    for number in range(30):
        invite(show, f"h{number}@example.com")
    with pytest.raises(Conflict, match="30 invitations within an hour"):
        invite(show, "more@example.com")
    for number in range(20):
        invitations.invite(show.id, f"g{number}@example.com", "contributor", by("bo"), now())
    with pytest.raises(Conflict, match="50 invitations wait"):
        invitations.invite(show.id, "more@example.com", "contributor", by("bo"), now())
    assert len(invitations.waiting(show.id)) == 50


@pytest.mark.parametrize("engine_name", ENGINES)
def test_of_many_who_accept_at_once_one_comes_in(app, show):
    token = invite(show).rpartition("/")[2]
    db.session.rollback()
    got, barrier = [], threading.Barrier(6)

    def accept():
        with app.app_context():
            barrier.wait()
            try:
                got.append(invitations.join_as_somebody_new(token, **NEW, by=Actor(), now=now()))
            except (links.Gone, Conflict) as error:
                got.append(error)

    threads = [threading.Thread(target=accept) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(got) == 6
    assert len([one for one in got if isinstance(one, tuple)]) == 1
    assert sorted(roles(show)) == ["ada", "bo", "cy"]


def test_what_happened_is_written_down_without_the_address(app, show):
    path = invite(show)
    Browser(app).post(path, NEW)
    rows = db.session.execute(select(AuditEvent).order_by(AuditEvent.id)).scalars().all()
    assert [row.kind for row in rows][-4:] == ["invited", "user_created", "invitation_accepted", "signed_in"]
    assert all("example.com" not in str(row.detail) for row in rows)


def test_the_token_is_not_in_the_database(show):
    token = invite(show).rpartition("/")[2]
    [row] = db.session.execute(select(OneTimeLink)).scalars().all()
    assert token not in str(vars(row))
    assert row.expires_at - row.created_at == timedelta(days=3)
