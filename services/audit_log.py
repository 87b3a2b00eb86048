"""Reads the audit log: newest first, by pages that stay where they are while lines are added."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from extensions import db
from models import AuditEvent, Podcast, User
from services import audit_words
from services.audit import Kind

PAGE = 50
#: nobody chooses from longer lists
MOST_CHOICES = 500
HIGHEST = 2**31 - 1
KINDS = frozenset(kind.value for kind in Kind)


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for. `before` and `after` are ids of lines: the page begins right beside them."""

    kind: str | None = None
    person: int | None = None
    podcast: int | None = None
    before: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One event: a sentence, its plain values, and where from."""

    id: int
    at: datetime
    kind: str
    sentence: str
    details: str
    address: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """`older` and `newer` are the ids to go on from; None where there is nothing more."""

    lines: list[Line]
    older: int | None
    newer: int | None


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be filtered by: (value, label)."""

    kinds: list[tuple[str, str]]
    people: list[tuple[int, str]]
    podcasts: list[tuple[int, str]]


def number(text: str | None) -> int | None:
    """An id from an address; None for whatever is none."""
    if text is None or not (text.isascii() and text.isdecimal() and len(text) <= 10):
        return None
    return int(text) if 0 < int(text) <= HIGHEST else None


def asked(query: Any) -> Filter:
    """From the parameters of an address; what is odd counts as not given."""
    kind = query.get("kind", "")
    ids = {name: number(query.get(name)) for name in ("person", "podcast", "before", "after")}
    return Filter(kind=kind if kind in KINDS else None, **ids)


def audit_page(wanted: Filter) -> AuditPage:
    """Three statements: the lines, and the names of the people and podcasts they are about."""
    query = select(AuditEvent)
    if wanted.kind:
        query = query.where(AuditEvent.kind == wanted.kind)
    if wanted.person:
        query = query.where(or_(AuditEvent.actor_id == wanted.person, AuditEvent.subject_id == wanted.person))
    if wanted.podcast:
        query = query.where(AuditEvent.podcast_id == wanted.podcast)
    if wanted.after:
        query = query.where(AuditEvent.id > wanted.after).order_by(AuditEvent.id)
    else:
        query = query.where(AuditEvent.id < (wanted.before or HIGHEST + 1)).order_by(AuditEvent.id.desc())
    found = list(db.session.execute(query.limit(PAGE + 1)).scalars())
    has_more, found = len(found) > PAGE, found[:PAGE]
    if wanted.after:
        found.reverse()
    return _page(found, wanted, has_more=has_more)


def _page(found: Sequence[AuditEvent], wanted: Filter, *, has_more: bool) -> AuditPage:
    if not found:
        return AuditPage([], None, None)
    has_older = has_more if not wanted.after else True
    has_newer = has_more if wanted.after else wanted.before is not None
    lines = _lines(found)
    return AuditPage(lines, lines[-1].id if has_older else None, lines[0].id if has_newer else None)


def _lines(events: Sequence[AuditEvent]) -> list[Line]:
    people = _names(User, {id for event in events for id in (event.actor_id, event.subject_id)})
    podcasts = _names(Podcast, {event.podcast_id for event in events})
    return [
        Line(
            event.id,
            event.at,
            event.kind,
            audit_words.sentence(
                event.kind,
                who=_person(event.actor_id, people) or _nobody(event),
                whom=_person(event.subject_id, people),
                podcast=podcasts.get(event.podcast_id, "one that is gone") if event.podcast_id else None,
            ),
            audit_words.details(event.kind, event.detail),
            event.address,
        )
        for event in events
    ]


def _nobody(event: AuditEvent) -> str:
    """Nobody was signed in: somebody at a browser has an address, a command has none."""
    return "Somebody" if event.address else "A command"


def _person(user_id: int | None, names: dict[int, str]) -> str | None:
    return names.get(user_id, f"Somebody who is gone (no. {user_id})") if user_id is not None else None


def _names(model: type[User] | type[Podcast], ids: Iterable[int | None]) -> dict[int, str]:
    rows = db.session.execute(select(model.id, model.name).where(model.id.in_([id for id in ids if id is not None])))
    return {row.id: row.name for row in rows}


def choices() -> Choices:
    return Choices(
        sorted(((kind.value, audit_words.label(kind)) for kind in Kind), key=lambda choice: choice[1]),
        _choices(User),
        _choices(Podcast),
    )


def _choices(model: type[User] | type[Podcast]) -> list[tuple[int, str]]:
    query = select(model.id, model.name).order_by(model.name, model.id).limit(MOST_CHOICES)
    return [(row.id, row.name) for row in db.session.execute(query)]
