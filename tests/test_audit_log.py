"""The audit log: every deed that matters is one line with who, when, where and what; and no line tells a secret."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from extensions import db
from models import AuditEvent, User
from services import access, audit, audit_log, audit_words, users
from services.audit import NOBODY, Actor, Kind
from services.errors import NotFound
from tests.browser import Browser
from tests.conftest import ENGINES, NOON
from tests.deeds import DEEDS, House


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def settings(settings, x):
    return settings.model_copy(update={"x_authorize_url": f"{x.url}/i/oauth2/authorize"})


def lines(after=0):
    found = list(db.session.execute(select(AuditEvent).where(AuditEvent.id > after).order_by(AuditEvent.id)).scalars())
    db.session.expunge_all()
    db.session.rollback()
    return found


def test_every_kind_of_event_is_tried():
    assert set(DEEDS) == set(Kind)


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
    assert line.address == deed.address
    assert began <= line.at <= datetime.now(UTC)
    assert deed.detail.items() <= line.detail.items()


def test_what_commands_do_to_people_is_written_down_too(app, cast):
    eve = users.create_user("eve@example.com", "Eve", now=NOON).id
    users.set_user("eve@example.com", password="seven purple lamps in rivers", now=NOON)
    users.set_user("eve@example.com", active=False, now=NOON)
    users.set_user("eve@example.com", active=False, now=NOON)
    users.set_user("eve@example.com", active=True, now=NOON)
    kinds = [Kind.USER_CREATED, Kind.PASSWORD_CHANGED, Kind.USER_OFF, Kind.USER_ON]
    assert [(line.kind, line.actor_id, line.subject_id) for line in lines()] == [(kind, None, eve) for kind in kinds]
    events = audit_log.audit_page(audit_log.asked({})).lines
    assert "made the account of Eve" in str(events[-1])


# Podcasts of others


@pytest.fixture
def foreign(app, cast):
    """Somebody in the browser, and the address of a podcast that is not his."""
    path = f"/podcasts/{cast.show(hosts=('ada',), connected=False).id}"
    browser = Browser(app)
    browser.let_in(cast.user("cy"))
    return browser, path


@pytest.mark.parametrize("engine_name", ENGINES)
def test_a_stranger_is_written_down_once_and_told_nothing(foreign):
    browser, path = foreign
    answers = [browser.get(path), browser.get(f"{path}/hosts"), browser.post(f"{path}/archive", form="/profile")]
    nothing = browser.get("/podcasts/999")
    assert [answer.status_code for answer in answers] == [404] * 3
    assert answers[0].text == nothing.text
    assert [line.kind for line in lines()] == ["foreign_podcast"]


def test_a_stranger_who_only_sends_is_written_down_too(foreign):
    browser, path = foreign
    assert browser.post(f"{path}/leave", form="/profile").status_code == 404
    assert [line.kind for line in lines()] == ["foreign_podcast"]


def test_after_an_hour_it_is_written_down_again(foreign):
    _, path = foreign
    cy = db.session.execute(select(User).filter_by(email="cy@example.com")).scalar_one()
    podcast_id, by, began = int(path.rpartition("/")[2]), Actor(cy.id, "::1"), datetime.now(UTC)
    for minutes in (0, 59, 61, 62):
        with pytest.raises(NotFound):
            access.podcast_for(cy, podcast_id, by, began + timedelta(minutes=minutes))
    assert [line.at for line in lines()] == [began, began + timedelta(minutes=61)]


def test_who_runs_the_server_is_no_stranger(app, cast, foreign):
    browser = Browser(app)
    browser.let_in(cast.user("eve", is_admin=True))
    assert browser.get(foreign[1]).status_code == 200
    assert lines() == []


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
    assert len(audit_words.label(kind).split()) > 1 or kind == "invited", "one word says too little"


def test_who_does_it_to_himself_reads_so_too():
    assert audit_words.sentence("x_connected", who="Ada", whom=None, podcast=None) == "Ada connected X."


def test_a_kind_from_another_version_is_shown_as_it_is():
    assert audit_words.sentence("cat_fed", who="Ada", whom=None, podcast=None) == "Ada cat fed."


def test_values_read_plainly():
    found = audit_words.details("role_changed", {"role": "admin", "was_on": True, "from": None, "steps": ["a", "b"]})
    assert found == "role: admin, was on: yes, from: –, steps: a → b"
    assert audit_words.details("invited", {"role": "contributor"}) == "role: host"  # as the pages call it
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
