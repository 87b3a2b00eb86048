"""Looks up posts whose outcome is unknown on the host's timeline, and decides what is proven. Sends nothing."""

import logging
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from config import Settings
from extensions import db
from models import Post, PostStatus, SocialConnection
from services import outbox, paying
from services.clients.x import XClient
from services.clients.x_posts import Timeline
from services.clock_steps import Steps, look_anew
from services.deciding import Schedule
from services.errors import Outcome
from services.logins import trouble_of
from services.lookup import Absent, Candidate, Found, Judgement, NoInformation, judge, read_from
from services.outbox import Move
from services.pending import Pending, as_pending, due, with_its_world
from services.tokens import Access, TokenService, note_refused
from services.vault import VaultError
from services.wallet_rows import lock

log = logging.getLogger(__name__)

AT_ONCE = 16
MOST = 100
#: nobody else looks the same post up meanwhile
TAKEN_FOR = timedelta(seconds=30)
#: after the outcome became unknown, while a person may decide, or where X's id alone is missing
IN_REVIEW = (timedelta(minutes=10), timedelta(hours=2), timedelta(hours=24))


class ConfirmingService:
    """Finds out what became of posts that X did not answer for."""

    def __init__(self, settings: Settings, x: XClient, tokens: TokenService) -> None:
        self._x = x
        self._tokens = tokens
        self._delays = [timedelta(seconds=s) for s in settings.lookup_delays_seconds]
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="lookup")
        self._steps = Steps()

    def look_up(self, now: datetime) -> int:
        """Looks up what is due, several at once. Returns how many posts changed their state."""
        if self._steps.taken():
            look_anew(db.session(), now)
        pending = self._take(now)
        if not pending:
            return 0
        stale = {p.access.connection_id: None for p in pending if p.access and p.is_stale}
        self._tokens.refresh_now(list(stale), lambda: now)
        pending = self._with_fresh_connections(pending) if stale else pending
        reads = list(zip(pending, self._pool.map(self._read, pending), strict=True))
        self._note_refused_tokens(reads, now, renewed=stale)
        try:
            return self._settle(reads, now)
        except IntegrityError:  # another process gave the same id to another post in this very moment
            db.session.rollback()
            log.warning("two posts were found to be the same", exc_info=True)
            return 0  # each is looked up again soon

    def _settle(self, reads: Sequence[tuple[Pending, Timeline | Outcome | None]], now: datetime) -> int:
        session, schedule = db.session(), Schedule(self._delays, IN_REVIEW)
        # All at once and in order: what is found is paid from one, what was read from another.
        lock(session, {one.payer for one, _ in reads if one.payer is not None})
        moves: list[Move] = []
        found: set[str] = set()  # one stored post cannot be two of ours
        for one, read in reads:
            judgement = self._judge(session, one, read, found)
            found |= {judgement.remote_id} if isinstance(judgement, Found) else set()
            move = schedule.decide(one, judgement, now)
            moves += [move] if move is not None else []
            if move is None:
                _put_off(session, one, judgement, schedule, now)
        moved = outbox.apply(session, moves, now)
        paying.record_reads(session, _billed(reads), now)
        clean(now)
        session.commit()
        return len(moved)

    def _take(self, now: datetime) -> list[Pending]:
        """Due posts, taken for a while by moving their next look-up ahead; committed before anybody waits."""
        session = db.session()
        ids = (
            session.execute(
                update(Post)
                .where(Post.id.in_(due(now, MOST)), Post.next_lookup_at <= now)
                .values(next_lookup_at=now + TAKEN_FOR)
                .returning(Post.id),
                execution_options={"synchronize_session": False},
            )
            .scalars()
            .all()
        )
        rows = session.execute(with_its_world(list(ids))).all() if ids else []
        pending = [self._as_pending(row, now) for row in rows]
        session.commit()
        return pending

    def _as_pending(self, row: Any, now: datetime) -> Pending:
        access = self._access(row.SocialConnection)
        is_stale = access is not None and self._tokens.needs_refresh(row.SocialConnection, now)
        return as_pending(row, access, now, is_stale=is_stale)

    def _access(self, connection: SocialConnection | None) -> Access | None:
        if connection is None or trouble_of(connection) is not None:
            return None
        try:
            return self._tokens.access(connection)
        except VaultError:
            log.exception("a token does not open", extra={"connection": connection.id})
            return None

    def _with_fresh_connections(self, pending: Sequence[Pending]) -> list[Pending]:
        rows = {row.Post.id: row for row in db.session.execute(with_its_world([p.post_id for p in pending]))}
        fresh = [self._as_pending(row, p.unknown_since) for p in pending if (row := rows.get(p.post_id)) is not None]
        db.session.commit()
        return fresh

    def _read(self, one: Pending) -> Timeline | Outcome | None:
        """In a thread: the host's timeline since the sending, by the host's own token; or why it tells nothing."""
        if one.access is None:
            return None
        try:
            start = read_from(one.sent_at, self._x.clock_skew, known_at=one.known_at)
            return self._x.timeline(one.access.token, one.platform_user_id, start_time=start)
        except Outcome as outcome:
            log.info("a look-up brought no information: %s", outcome, extra={"post": one.post_id})
            return outcome
        except Exception:
            log.exception("a look-up failed unexpectedly", extra={"post": one.post_id})
            return None

    @staticmethod
    def _note_refused_tokens(
        reads: Sequence[tuple[Pending, Timeline | Outcome | None]], now: datetime, *, renewed: Collection[int]
    ) -> None:
        refused = [one.access for one, read in reads if isinstance(read, Outcome) and read.cause == "x_auth"]
        note_refused(db.session(), [access for access in refused if access is not None], now, renewed=renewed)
        db.session.commit()

    @staticmethod
    def _judge(session: Session, one: Pending, read: Timeline | Outcome | None, found: Collection[str]) -> Judgement:
        if not isinstance(read, Timeline):
            return NoInformation()
        ids = {id for post in read.posts for id in (post.id, *post.edit_ids)}
        query = select(Post.remote_id).where(Post.platform == "x", Post.remote_id.in_(ids), Post.id != one.post_id)
        taken = [id for id in session.execute(query).scalars() if id] if ids else []
        return judge(one.text, one.video_id, read, taken=[*taken, *found])


def clean(now: datetime) -> None:
    """Posts whose podcast was deleted while they were looked for: no page is left to ask their hosts on."""
    outbox.leave_undecided(db.session(), Post.podcast_id.is_(None), now)


def _billed(reads: Sequence[tuple[Pending, Timeline | Outcome | None]]) -> list[paying.Read]:
    """What X showed is paid for; a look that it refused is not."""
    return [
        paying.Read(one.payer, shown.id, post_id=one.post_id, episode_id=one.episode_id)
        for one, read in reads
        if isinstance(read, Timeline) and one.payer is not None
        for shown in read.posts
    ]


def _put_off(session: Session, one: Pending, judgement: Judgement, schedule: Schedule, now: datetime) -> None:
    """No decision yet: counts the look-up and sets the next."""
    absent = isinstance(judgement, Absent)
    absences = one.absences + absent
    values: dict[str, Any] = {"lookups": one.lookups + 1, "absences": absences}
    if absent and one.first_absence_at is None:
        values["first_absence_at"] = now
    if isinstance(judgement, Candidate) and one.status != PostStatus.POSTED:
        values["candidate_id"] = judgement.remote_id
    values["next_lookup_at"] = schedule.next_lookup(one, now, absences)
    session.execute(
        update(Post).where(Post.id == one.post_id, Post.status == one.status).values(**values),
        execution_options={"synchronize_session": False},
    )
