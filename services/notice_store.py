"""Writes notices down: each event once for each person, with what is to be sent of it. Sends nothing."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, insert, select

from extensions import db, reading
from models import Notice, NoticeAddress, NoticeLevel, NoticeSending, User
from services import notice_words as say
from services.notice_words import Event
from services.outbox import insert_or_ignore


def store(events: Iterable[Event], now: datetime) -> int:
    """One notice for each event and person, and one sending for each address that wants it, in one transaction.

    Returns how many are new. What is there already stays as it is.
    """
    rows = [_row(event, user_id, now) for event in events for user_id in event.user_ids]
    rows = _unknown(rows)
    if not rows:
        db.session.rollback()
        return 0
    session = db.session()
    session.rollback()  # what was read so far took no write lock
    made = insert_or_ignore(Notice, session.get_bind().dialect.name)
    new = session.execute(made.returning(Notice.id, Notice.user_id, Notice.level), rows).all()
    _queue(new, now)
    session.commit()
    return len(new)


def _row(event: Event, user_id: int, now: datetime) -> dict[str, Any]:
    return {
        "key": event.key,
        "kind": event.kind,
        "level": event.level,
        "user_id": user_id,
        "podcast_id": event.podcast_id,
        "title": say.one_line(event.title),
        "body": say.lines(event.body),
        "link": event.link,
        "at": now,
    }


def _unknown(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leaves out who was told already, so that most runs write nothing, and who is switched off."""
    reading()
    told = {(row.key, row.user_id) for row in db.session.execute(_of({row["key"] for row in rows}))}
    left = [row for row in rows if (row["key"], row["user_id"]) not in told]
    active = select(User.id).where(User.id.in_({row["user_id"] for row in left}), User.is_active)
    here = set(db.session.execute(active).scalars()) if left else set()
    return [row for row in left if row["user_id"] in here]


def _of(keys: Collection[str]) -> Select[str, int]:
    return select(Notice.key, Notice.user_id).where(Notice.key.in_(keys))


def _queue(new: Sequence[Any], now: datetime) -> None:
    """To every address of these people that still works and wants notices of this kind."""
    wanted = select(NoticeAddress.id, NoticeAddress.user_id, NoticeAddress.everything)
    people = {row.user_id for row in new}
    addresses = db.session.execute(
        wanted.where(NoticeAddress.user_id.in_(people), NoticeAddress.is_broken.is_(False))
    ).all()
    sendings = [
        {"notice_id": notice.id, "address_id": address.id, "not_before": now}
        for notice in new
        for address in addresses
        if address.user_id == notice.user_id and (address.everything or notice.level == NoticeLevel.NEEDS_YOU)
    ]
    if sendings:
        db.session.execute(insert(NoticeSending), sendings)
