"""Which database this is, and whether it was restored: then what may be out already is looked up, never posted.

What counts as a restore, and what does not, is in README's design notes. Sends nothing.
"""

import contextlib
import logging
import os
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, delete, func, literal, literal_column, select, text, true, update
from sqlalchemy.orm import Session

from extensions import db
from models import Installation, OAuthFlow, OneTimeLink, Post, PostAttempt, PostStatus, UserSession
from services import audit
from services.audit import Actor, Kind
from services.causes import explain
from services.errors import AirhornError, Conflict
from services.journal import IntentJournal
from services.journal_files import JournalError
from services.outbox import insert_or_ignore

log = logging.getLogger(__name__)

#: whether this role may ask PostgreSQL which cluster and which history this is; a standby has no history of its own
MAY_ASK = text(
    "SELECT has_function_privilege('pg_control_system()', 'execute')"
    " AND has_function_privilege('pg_current_wal_lsn()', 'execute') AND NOT pg_is_in_recovery()"
)
SYSTEM: ColumnElement[str] = literal_column("(SELECT system_identifier::text FROM pg_control_system())")
#: the first eight hexadecimal digits of a log file's name are the timeline, known at once after a promotion
TIMELINE: ColumnElement[str] = literal_column("substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)")
NOTHING: ColumnElement[str] = literal_column("''")
#: PRAGMA synchronous: from FULL on a commit survives a power cut
SQLITE_FULL = 2
KEPT = ("instance_id", "system_id", "timeline_id", "quarantined_at", "released_at")
LONG_AGO = datetime.fromtimestamp(0, UTC)
#: how a database is called: a UUID without dashes
NAME = re.compile(r"[0-9a-f]{32}")


class NotDurableError(AirhornError):
    """The database may forget what it has committed."""


@dataclass(frozen=True, slots=True)
class Voided:
    """What a restore made useless, and how many posts wait to be looked for."""

    sessions: int
    links: int
    queued: int


@dataclass(frozen=True, slots=True)
class Ground:
    """What stands under all sending, for those who run the server. `journal`: why nothing is sent, if so."""

    quarantined_at: datetime | None
    why: str
    looked_up: int
    asked: int
    journal: str | None


class Guard:
    """Notices that the database is not the one that was written to last. One for a process."""

    def __init__(self, kept: Path, journal: IntentJournal) -> None:
        self.journal = journal
        self._beside = kept / "instance_id"
        self._asks: bool | None = None

    # For whoever is about to send

    def columns(self, session: Session) -> list[ColumnElement[Any]]:
        """To be selected beside what is due, with the row of Installation joined: so that it costs no statement."""
        try:
            last = {one.attempt for one in self.journal.last_intents()}
        except JournalError:
            last = set()  # the journal says so itself, and then nothing is sent
        known = select(func.count()).where(PostAttempt.token.in_(last)).scalar_subquery() if last else literal(0)
        return [*self._names(session), (len(last) - known).label("forgotten")]

    def quarantined_since(self, session: Session, row: Any, now: datetime) -> datetime | None:
        """None while posts go out as ever. `row` has the columns. In the caller's transaction, which keeps a change."""
        if row.instance_id is None:
            return None  # nobody has started yet who would have noticed a change
        why = "db_changed" if self._has_moved(row) else row.forgotten and self._has_lost(session, row)
        if why:
            _quarantine(session, why, now, row=row)
            return now
        since: datetime | None = row.quarantined_at
        return since

    # At the start and with every heartbeat

    def check(self, now: datetime) -> None:
        """Compares the database with what this machine knows of it, and commits what comes of that."""
        session = db.session()
        row = self._read(session)
        if row is None:
            row = self._first(session)
        why = "db_changed" if self._has_moved(row) else self._has_lost(session, row) or self._is_another(row)
        if why is not None:
            _quarantine(session, why, now, row=row)
        session.commit()
        self._write_beside(row.instance_id, now)

    def prune(self, now: datetime) -> None:
        """Old files of the journal go, but those in which a post stands that may still be sent."""
        unfinished = (PostStatus.QUEUED, PostStatus.SENDING, PostStatus.UNKNOWN, PostStatus.REVIEW)
        waiting = list(db.session.execute(select(Post.key).where(Post.status.in_(unfinished))).scalars())
        db.session.rollback()
        self.journal.prune(now, waiting)

    def ground(self) -> Ground:
        """As it is now, in one statement; `journal` tells of this machine, or of another whose posts wait for it."""
        suspects = select(func.count()).where(Post.is_quarantined)
        waits = select(func.max(Post.detail)).where(Post.status == PostStatus.QUEUED, Post.cause == "journal")
        counts = [
            suspects.where(Post.status == PostStatus.UNKNOWN).scalar_subquery(),
            suspects.where(Post.status == PostStatus.REVIEW).scalar_subquery(),
            waits.scalar_subquery(),
        ]
        standing = select(Installation.quarantined_at, Installation.cause).subquery()
        one = select(literal(1).label("one")).subquery()
        row = db.session.execute(select(standing, *counts).select_from(one.outerjoin(standing, true()))).one()
        since, cause, looked_up, asked, elsewhere = row
        return Ground(since, explain(cause or ""), looked_up, asked, self.journal.sickness() or elsewhere)

    def check_durable(self) -> None:
        """Raises NotDurableError when the database may forget a commit: then an intent would prove nothing."""
        session = db.session()
        if session.get_bind().dialect.name == "postgresql":
            found = session.execute(text("SHOW synchronous_commit")).scalar_one()
            is_durable, name = found != "off", f"synchronous_commit={found}"
        else:
            found = session.execute(text("PRAGMA synchronous")).scalar_one()
            is_durable, name = found >= SQLITE_FULL, f"synchronous={found}"
        session.rollback()
        if not is_durable:
            raise NotDurableError(
                f"The database runs with {name}: it may forget a post that was sent, and it would be sent twice. "
                "Switch that off for Airhorn, then start again."
            )

    def _names(self, session: Session) -> list[Any]:
        """The row's columns, and which cluster and history PostgreSQL is now."""
        now = (SYSTEM, TIMELINE) if self._may_ask(session) else (NOTHING, NOTHING)
        columns = [getattr(Installation, name) for name in KEPT]
        return [*columns, now[0].label("system"), now[1].label("timeline")]

    def _read(self, session: Session) -> Any:
        """None before the first start."""
        return session.execute(select(*self._names(session))).one_or_none()

    def _may_ask(self, session: Session) -> bool:
        if self._asks is None:
            is_postgresql = session.get_bind().dialect.name == "postgresql"
            self._asks = is_postgresql and bool(session.execute(MAY_ASK).scalar_one())
        return self._asks

    @staticmethod
    def _has_moved(row: Any) -> bool:
        """Another cluster, or another history of the same: a dump put back, a standby promoted, time turned back."""
        if not row.system or not row.system_id:
            return False
        return (row.system, int(row.timeline, 16)) != (row.system_id, row.timeline_id)

    def _first(self, session: Session) -> Any:
        """Makes the row; of several at once one does."""
        made = insert_or_ignore(Installation, session.get_bind().dialect.name)
        session.execute(made.values(id=1, instance_id=uuid.uuid4().hex))
        row = self._read(session)
        if row.system:
            session.execute(update(Installation).values(system_id=row.system, timeline_id=int(row.timeline, 16)))
        return self._read(session)

    def _has_lost(self, session: Session, row: Any) -> str | None:
        """Whether the database does not know what this machine did last. Losing is always losing the end.

        A few are asked about: of two workers the one that committed first may have been written down last.
        """
        try:
            last = [one for one in self.journal.last_intents() if one.at > _dealt_with(row)]
        except JournalError as error:
            log.error("the journal cannot be read: %s", error)
            return None
        if not last:
            return None
        tokens = {one.attempt for one in last}
        known = session.execute(select(PostAttempt.token).where(PostAttempt.token.in_(tokens))).scalars()
        return "db_lost_posts" if tokens - set(known) else None

    def _is_another(self, row: Any) -> str | None:
        """Whether this machine saw a database of another name last."""
        known, seen_at = self._read_beside()
        return "db_replaced" if known not in (None, row.instance_id) and seen_at > _dealt_with(row) else None

    # Beside the database

    def _read_beside(self) -> tuple[str | None, datetime]:
        """The database's name as this machine knows it, and when it was last true."""
        try:
            seen_at = datetime.fromtimestamp(self._beside.stat().st_mtime, UTC)
            name = self._beside.read_bytes().strip().decode("ascii", "replace")
            return name if NAME.fullmatch(name) else None, seen_at  # what is no name of ours proves nothing
        except OSError:
            return None, LONG_AGO

    def _write_beside(self, instance_id: str, now: datetime) -> None:
        """Only one more way to notice: the journal says aloud when this folder cannot be written."""
        with contextlib.suppress(OSError):
            if self._read_beside()[0] != instance_id:
                fresh = self._beside.with_name(f"instance_id.{os.getpid()}.new")
                fresh.parent.mkdir(parents=True, exist_ok=True)
                with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                    file.write(f"{instance_id}\n")
                os.replace(fresh, self._beside)
            os.utime(self._beside, (now.timestamp(), now.timestamp()))


def _dealt_with(row: Any) -> datetime:
    """What a machine knows from before this needs no new quarantine: there was one, or there is."""
    return max((at for at in (row.quarantined_at, row.released_at) if at), default=LONG_AGO)


def _quarantine(session: Session, cause: str, now: datetime, *, row: Any) -> None:
    """From now on what started before now is looked up first. In the caller's transaction."""
    values: dict[str, Any] = {"quarantined_at": now, "cause": cause}
    if row.system:
        values |= {"system_id": row.system, "timeline_id": int(row.timeline, 16)}
    unchanged = (
        Installation.quarantined_at.is_not_distinct_from(row.quarantined_at),
        Installation.released_at.is_not_distinct_from(row.released_at),
        Installation.system_id == row.system_id,
        Installation.timeline_id == row.timeline_id,
    )
    session.execute(
        update(Installation).where(*unchanged).values(values), execution_options={"synchronize_session": False}
    )
    log.critical("the database is not what it was: what started before now is looked up first", extra={"cause": cause})


# People


def declare_restored(by: Actor, now: datetime) -> Voided:
    """A person says that the database was restored: nobody is signed in any more, no link works, quarantine is on."""
    session = db.session()
    session.execute(insert_or_ignore(Installation, session.get_bind().dialect.name).values(id=1, instance_id=""))
    session.execute(
        update(Installation).values(instance_id=uuid.uuid4().hex, quarantined_at=now, cause="db_restored"),
        execution_options={"synchronize_session": False},
    )
    sessions = len(session.execute(delete(UserSession).returning(UserSession.id)).all())
    session.execute(delete(OAuthFlow))
    unused = update(OneTimeLink).where(OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now)
    links = len(session.execute(unused.values(used_at=now).returning(OneTimeLink.id)).all())
    queued = session.execute(select(func.count()).where(Post.status == PostStatus.QUEUED)).scalar_one()
    audit.note(Kind.DB_RESTORED, by, now, sessions=sessions, links=links)
    session.commit()
    return Voided(sessions, links, queued)


def release(by: Actor, now: datetime) -> None:
    """A person has seen that all is well: what is queued goes out as ever. Raises Conflict without a quarantine."""
    session = db.session()
    ended = session.execute(
        update(Installation)
        .where(Installation.quarantined_at.is_not(None))
        .values(quarantined_at=None, cause=None, released_at=now)
        .returning(Installation.id),
        execution_options={"synchronize_session": False},
    ).first()
    if ended is None:
        session.rollback()
        raise Conflict("There is no quarantine to end.")
    audit.note(Kind.QUARANTINE_ENDED, by, now)
    session.commit()
