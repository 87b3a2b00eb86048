"""The audit log: every deed that matters is one line with who, when, where and what; and no line tells a secret."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import requests
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from extensions import db
from models import AuditEvent, OneTimeLink, Podcast, User
from services import audit, audit_words
from services.audit import NOBODY, Actor, Kind
from tests.browser import PASSWORD, Browser


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def settings(settings, x):
    return settings.model_copy(update={"x_authorize_url": f"{x.url}/i/oauth2/authorize"})


class House:
    """Ada runs the server and the podcast, Bo is a host on it; Ada is signed in."""

    def __init__(self, app, cast):
        self.app, self.cast, self.x = app, cast, cast.x
        self.show = cast.show(hosts=("ada", "bo")).id
        self.ada, self.bo = (self.user(name) for name in ("ada", "bo"))
        db.session.execute(update(User).where(User.id == self.ada).values(is_admin=True))
        episode = cast.episode(db.session.get_one(Podcast, self.show), "Queues")
        self.episode = episode.id
        db.session.commit()
        self.browser = Browser(app)
        self.browser.let_in(db.session.get_one(User, self.ada))

    def user(self, name):
        return db.session.execute(select(User.id).where(User.email == f"{name}@example.com")).scalar_one()

    def post(self, path, data=None, form="/connections"):
        answer = self.browser.post(path.format(**vars(self)), data, form=form)
        assert answer.status_code in (200, 302, 303), (answer.status_code, answer.text[-1500:])
        return answer

    def to_x(self, **chosen):
        page = self.post("/connections/x/connect").text.replace("&amp;", "&")
        url = page.split('content="0; url=')[1].split('"')[0]
        return requests.get(url, params=chosen, allow_redirects=False, timeout=5).headers["Location"]

    def from_x(self, **chosen):
        self.browser.get(self.to_x(**chosen).removeprefix("http://127.0.0.1:5000"))

    def give_password(self):
        """Ada's sign-in page instead of a ready session."""
        user = db.session.get_one(User, self.ada)
        self.browser.sign_in(user)
        self.browser.post("/sign-out", form="/connections")
        db.session.rollback()

    def invitation(self):
        self.post("/podcasts/{show}/invitations", {"email": "new@example.com", "role": "contributor"})
        found = db.session.execute(select(OneTimeLink.id)).scalar_one()
        db.session.rollback()
        return found


@dataclass
class Deed:
    """`act` is done through the browser after `before`. `actor`: "ada", or None when nobody is signed in."""

    act: Callable[[House], object]
    before: Callable[[House], object] = lambda _house: None
    actor: str | None = "ada"
    subject: str | None = None
    about_podcast: bool = False
    detail: dict = field(default_factory=dict)
    #: kinds of lines that the same click writes as well
    besides: tuple[Kind, ...] = ()


def sign_in(password):
    return lambda house: house.browser.post("/sign-in", {"email": "ada@example.com", "password": password})


def on(path, data=None):
    return lambda house: house.post(path, data)


#: a new kind of event gets its line here
DEEDS: dict[Kind, Deed] = {
    Kind.SIGNED_IN: Deed(sign_in(PASSWORD), House.give_password),
    Kind.SIGN_IN_FAILED: Deed(sign_in("something else"), House.give_password, actor=None, subject="ada"),
    Kind.SIGNED_OUT: Deed(on("/sign-out")),
    Kind.SIGNED_OUT_EVERYWHERE: Deed(on("/profile/sessions/end-all")),
    Kind.CONFIRMED: Deed(
        on("/confirm", {"password": PASSWORD, "next": "/"}), lambda h: (h.give_password(), sign_in(PASSWORD)(h))
    ),
    Kind.X_CONNECTED: Deed(lambda h: h.from_x(**{"as": "ada"})),
    Kind.X_REFUSED: Deed(lambda h: h.from_x(deny="1"), detail={"cause": "denied"}),
    Kind.X_DISCONNECTED: Deed(on("/connections/x/disconnect")),
    Kind.USER_OFF: Deed(on("/admin/people/{bo}/off"), subject="bo"),
    Kind.USER_ON: Deed(on("/admin/people/{bo}/on"), on("/admin/people/{bo}/off"), subject="bo"),
    Kind.ADMIN_GIVEN: Deed(on("/admin/people/{bo}/give-admin"), subject="bo"),
    Kind.ADMIN_TAKEN: Deed(on("/admin/people/{bo}/take-admin"), on("/admin/people/{bo}/give-admin"), subject="bo"),
    Kind.PASSWORD_LINK_MADE: Deed(on("/admin/people/{bo}/link"), subject="bo"),
    Kind.ROLE_CHANGED: Deed(
        on("/podcasts/{show}/hosts/{bo}/role", {"role": "contributor"}), subject="bo", about_podcast=True
    ),
    Kind.HOST_REMOVED: Deed(on("/podcasts/{show}/hosts/{bo}/remove"), subject="bo", about_podcast=True),
    Kind.INVITED: Deed(House.invitation, about_podcast=True),
    Kind.INVITATION_TAKEN_BACK: Deed(
        lambda h: h.post(f"/podcasts/{h.show}/invitations/{h.link}/take-back"),
        lambda h: setattr(h, "link", h.invitation()),
        about_podcast=True,
    ),
    Kind.PODCAST_ARCHIVED: Deed(on("/podcasts/{show}/archive"), about_podcast=True),
    Kind.PODCAST_RESTORED: Deed(on("/podcasts/{show}/restore"), on("/podcasts/{show}/archive"), about_podcast=True),
    Kind.PODCAST_DELETED: Deed(on("/podcasts/{show}/delete", {"typed": "Deep Dive"}), about_podcast=True),
    Kind.CALENDAR_RENEWED: Deed(on("/podcasts/{show}/calendar"), about_podcast=True),
    Kind.EPISODE_DELETED: Deed(on("/podcasts/{show}/episodes/{episode}/delete"), about_podcast=True),
    Kind.TEXT_CHANGED: Deed(on("/podcasts/{show}/episodes/{episode}/tweets/my", {"text": "Mine"}), about_podcast=True),
    Kind.SWITCHED_OFF: Deed(
        on("/podcasts/{show}/episodes/{episode}/tweets/my", {"enabled": "off"}), about_podcast=True
    ),
    Kind.SWITCHED_ON: Deed(
        on("/podcasts/{show}/episodes/{episode}/tweets/my", {"enabled": "on"}),
        on("/podcasts/{show}/episodes/{episode}/tweets/my", {"enabled": "off"}),
        about_podcast=True,
    ),
    Kind.POSTED_NOW: Deed(
        on("/podcasts/{show}/episodes/{episode}/tweets/post-now", {"without_link": "y"}), about_podcast=True
    ),
}


def lines(after=0):
    found = list(db.session.execute(select(AuditEvent).where(AuditEvent.id > after).order_by(AuditEvent.id)).scalars())
    db.session.expunge_all()
    db.session.rollback()
    return found


@pytest.mark.parametrize("kind", DEEDS)
def test_a_deed_is_one_line_with_who_when_where_and_what(app, cast, kind):
    house, deed = House(app, cast), DEEDS[kind]
    deed.before(house)
    last, began = max((line.id for line in lines()), default=0), datetime.now(UTC)
    deed.act(house)
    written = lines(last)
    assert sorted(line.kind for line in written) == sorted([kind, *deed.besides])
    line = next(line for line in written if line.kind == kind)
    assert line.actor_id == (getattr(house, deed.actor) if deed.actor else None)
    assert line.subject_id == (getattr(house, deed.subject) if deed.subject else None)
    assert line.podcast_id == (house.show if deed.about_podcast else None)
    assert line.address == "127.0.0.1"
    assert began <= line.at <= datetime.now(UTC)
    assert deed.detail.items() <= line.detail.items()


# Words


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_reads_as_a_plain_sentence(kind):
    said = audit_words.sentence(kind, who="Ada", whom="Bo", podcast="Deep Dive")
    assert said.startswith("Ada ")
    assert said.endswith(".")
    assert "{" not in said
    assert "_" not in said
    assert "Bo" in said or "whom}" not in audit_words.WORDS[kind]
    assert audit_words.label(kind)[0].isupper()


def test_who_does_it_to_himself_reads_so_too():
    assert audit_words.sentence("x_connected", who="Ada", whom=None, podcast=None) == "Ada connected X."


def test_a_kind_from_another_version_is_shown_as_it_is():
    assert audit_words.sentence("cat_fed", who="Ada", whom=None, podcast=None) == "Ada cat fed."


def test_values_read_plainly():
    found = audit_words.details("role_changed", {"role": "admin", "was_on": True, "from": None, "steps": ["a", "b"]})
    assert found == "role: admin, was on: yes, from: –, steps: a → b"
    assert audit_words.details("x_refused", {"cause": "taken"}) == "cause: the account is connected by somebody else"


def test_names_with_braces_are_no_placeholders():
    assert audit_words.sentence("signed_in", who="{whom}", whom=None, podcast=None) == "{whom} signed in."


# The table


@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
@pytest.mark.parametrize("statement", ["UPDATE audit_events SET kind = 'x'", "DELETE FROM audit_events"])
def test_a_line_is_never_changed(app, statement):
    audit.note(Kind.SIGNED_IN, NOBODY, datetime.now(UTC))
    db.session.commit()
    with pytest.raises(DBAPIError):
        db.session.execute(text(statement))
    db.session.rollback()


def test_a_deed_that_is_taken_back_leaves_no_line(app):
    audit.note(Kind.SIGNED_IN, Actor(1, "::1"), datetime.now(UTC) - timedelta(days=1))
    db.session.rollback()
    assert lines() == []
