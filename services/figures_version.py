"""Counts the changes of what a podcast's numbers are made of, so that numbers that were kept are known to be old.

Raised in the transaction that changes them, by one statement right before its commit: whoever sees the change sees the
new version. Only what is settled counts: a post that waits or is on its way is counted anew each time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import Table, delete, event, literal, or_, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from models import FiguresVersion, Podcast, PodcastMember, Post, SocialConnection

NOTED = "changed numbers"
VERSIONS = cast(Table, FiguresVersion.__table__)


@dataclass(slots=True)
class _Changed:
    """What was changed in a transaction so far, by ids."""

    podcasts: set[int] = field(default_factory=set)
    users: set[int] = field(default_factory=set)
    connections: set[int] = field(default_factory=set)
    broadcasts: set[int] = field(default_factory=set)


def raise_for(session: Session, podcast_ids: Iterable[int | None]) -> None:
    """The numbers of these change with the transaction; None is no podcast any more."""
    ids = {id for id in podcast_ids if id}
    if ids:
        _changed(session).podcasts.update(ids)


def raise_for_user(session: Session, user_id: int) -> None:
    """Of all podcasts that this person is on when the transaction ends."""
    _changed(session).users.add(user_id)


def raise_for_connection(session: Session, connection_id: int) -> None:
    """Of all podcasts of the host whose login this is."""
    _changed(session).connections.add(connection_id)


def raise_for_broadcasts(session: Session, broadcast_ids: Iterable[int]) -> None:
    """Of all podcasts with posts for these."""
    ids = set(broadcast_ids)
    if ids:
        _changed(session).broadcasts.update(ids)


def of(session: Session, podcast_id: int) -> int:
    """0 while nothing has ever changed."""
    query = select(FiguresVersion.version).where(FiguresVersion.podcast_id == podcast_id)
    return session.execute(query).scalar() or 0


def forget(session: Session, podcast_id: int) -> None:
    """With a podcast that is gone. Last, as the version is raised last; its id is never used again."""
    session.execute(delete(VERSIONS).where(VERSIONS.c.podcast_id == podcast_id))


def _changed(session: Session) -> _Changed:
    found: _Changed = session.info.setdefault(NOTED, _Changed())
    return found


@event.listens_for(Session, "before_commit")
def _before_commit(session: Session) -> None:
    """Last of all: who holds one of these rows waits for nothing but another who is at the end, too."""
    if session.in_nested_transaction() or NOTED not in session.info:
        return
    session.flush()
    session.execute(_raising(session.info.pop(NOTED), session.get_bind().dialect.name))


@event.listens_for(Session, "after_transaction_end")
def _after_end(session: Session, transaction: Any) -> None:
    """What was taken back has changed nothing."""
    if transaction.parent is None:
        session.info.pop(NOTED, None)


def _raising(changed: _Changed, dialect: str) -> Any:
    """In the order of their ids, so that two never wait for each other."""
    member, login, post = PodcastMember.podcast_id, SocialConnection, Post.podcast_id
    hosts = select(login.user_id).where(login.id.in_(changed.connections))
    which: list[tuple[set[int], Any]] = [
        (changed.podcasts, changed.podcasts),
        (changed.users, select(member).where(PodcastMember.user_id.in_(changed.users))),
        (changed.connections, select(member).where(PodcastMember.user_id.in_(hosts))),
        (changed.broadcasts, select(post).where(Post.broadcast_id.in_(changed.broadcasts))),
    ]
    theirs = or_(*(Podcast.id.in_(found) for ids, found in which if ids))
    new: Any = postgresql_insert(VERSIONS) if dialect == "postgresql" else sqlite_insert(VERSIONS)
    first = select(Podcast.id, literal(1)).where(theirs).order_by(Podcast.id)
    return new.from_select(["podcast_id", "version"], first).on_conflict_do_update(
        index_elements=["podcast_id"], set_={"version": VERSIONS.c.version + 1}
    )
