"""Looks up posts whose outcome is unknown on the host's timeline, and decides what is proven. Sends nothing."""

import logging
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from config import Settings
from extensions import db
from models import (
    Broadcast,
    BroadcastState,
    EpisodeTweetConfig,
    Installation,
    Podcast,
    Post,
    PostAttempt,
    PostStatus,
    SocialConnection,
    User,
)
from models import Outcome as AttemptOutcome
from services import outbox, paying
from services.clients.x import XClient
from services.clients.x_posts import Timeline
from services.clock_steps import Steps, look_anew
from services.errors import Outcome
from services.logins import trouble_of
from services.lookup import Absent, Candidate, Found, Judgement, NoInformation, judge, read_from
from services.outbox import Move
from services.tokens import Access, TokenService, note_refused
from services.vault import VaultError
from services.wallet_rows import Whose, lock

log = logging.getLogger(__name__)

AT_ONCE = 16
MOST = 100
#: nobody else looks the same post up meanwhile
TAKEN_FOR = timedelta(seconds=30)
#: after the outcome became unknown, while a person may decide
IN_REVIEW = (timedelta(minutes=10), timedelta(hours=2), timedelta(hours=24))
NEGATIVES_NEEDED = 3


@dataclass(frozen=True, slots=True)
class Pending:
    """A post to look up: values only, so that threads need no session."""

    post_id: int
    status: PostStatus
    text: str
    video_id: str | None
    cause: str | None
    attempt_token: str | None
    platform_user_id: str
    #: who pays for looking; None: its podcast is gone
    payer: Whose | None
    episode_id: int | None
    #: None: there is no working connection to read with
    access: Access | None
    #: whether the token should be renewed before reading
    is_stale: bool
    sent_at: datetime
    #: when it was surely sent already; before `sent_at` if the clock was set back since
    known_at: datetime
    unknown_since: datetime
    lookups: int
    absences: int
    first_absence_at: datetime | None
    not_after: datetime
    was_reposted: bool
    may_repost: bool
    #: made before the database was restored: what is not found is for a person
    is_quarantined: bool


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
        session = db.session()
        # All at once and in order: what is found is paid from one, what was read from another.
        lock(session, {one.payer for one, _ in reads if one.payer is not None})
        moves: list[Move] = []
        found: set[str] = set()  # one stored post cannot be two of ours
        for one, read in reads:
            judgement = self._judge(session, one, read, found)
            found |= {judgement.remote_id} if isinstance(judgement, Found) else set()
            move = self.decide(one, judgement, now)
            moves += [move] if move is not None else []
            if move is None:
                self._schedule(session, one, judgement, now)
        moved = outbox.apply(session, moves, now)
        paying.record_reads(session, _billed(reads), now)
        clean(now)
        session.commit()
        return len(moved)

    def _take(self, now: datetime) -> list[Pending]:
        """Due posts, taken for a while by moving their next look-up ahead; committed before anybody waits."""
        session = db.session()
        due = (
            select(Post.id)
            .where(Post.status.in_((PostStatus.UNKNOWN, PostStatus.REVIEW)), Post.next_lookup_at <= now)
            .order_by(Post.next_lookup_at)
            .limit(MOST)
        )
        ids = (
            session.execute(
                update(Post)
                .where(Post.id.in_(due), Post.next_lookup_at <= now)
                .values(next_lookup_at=now + TAKEN_FOR)
                .returning(Post.id),
                execution_options={"synchronize_session": False},
            )
            .scalars()
            .all()
        )
        rows = session.execute(_pending(ids)).all() if ids else []
        pending = [self._as_pending(row, now) for row in rows]
        session.commit()
        return pending

    def _as_pending(self, row: Any, now: datetime) -> Pending:
        post = row.Post
        access = self._access(row.SocialConnection)
        sent_at = row.sent_at or post.created_at
        is_quarantined = post.is_quarantined or (row.quarantined_at is not None and sent_at < row.quarantined_at)
        is_on = bool(row.enabled) and bool(row.is_active) and row.state == BroadcastState.LIVE
        return Pending(
            post_id=post.id,
            status=PostStatus(post.status),
            text=post.text,
            video_id=post.video_id,
            cause=post.cause,
            attempt_token=post.attempt_token,
            platform_user_id=post.platform_user_id,
            payer=Whose(post.podcast_id, post.user_id) if post.podcast_id is not None else None,
            episode_id=post.episode_id,
            access=access,
            is_stale=access is not None and self._tokens.needs_refresh(row.SocialConnection, now),
            sent_at=sent_at,
            known_at=min(now, post.unknown_since or now),
            unknown_since=post.unknown_since or now,
            lookups=post.lookups,
            absences=post.absences,
            first_absence_at=post.first_absence_at,
            not_after=post.not_after,
            was_reposted=post.was_reposted,
            may_repost=row.never_repost is False and is_on and not is_quarantined,
            is_quarantined=is_quarantined,
        )

    def _access(self, connection: SocialConnection | None) -> Access | None:
        if connection is None or trouble_of(connection) is not None:
            return None
        try:
            return self._tokens.access(connection)
        except VaultError:
            log.exception("a token does not open", extra={"connection": connection.id})
            return None

    def _with_fresh_connections(self, pending: Sequence[Pending]) -> list[Pending]:
        rows = {row.Post.id: row for row in db.session.execute(_pending([p.post_id for p in pending]))}
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

    def decide(self, one: Pending, judgement: Judgement, now: datetime) -> Move | None:
        """The step that a judgement means; None when the post only waits for its next look-up."""
        if isinstance(judgement, Found):
            return self._found(one, judgement.remote_id, judgement.posted_at)
        if one.status == PostStatus.REVIEW:
            return None
        if isinstance(judgement, Candidate):
            review = {"candidate_id": judgement.remote_id, "next_lookup_at": one.unknown_since + IN_REVIEW[0]}
            return self._step(one, PostStatus.REVIEW, "candidate", review)
        if isinstance(judgement, Absent):
            return self._absent(one, now)
        return self._undecided(one, now) if self._next_lookup(one, now, one.absences) is None else None

    def _found(self, one: Pending, remote_id: str | None, posted_at: datetime) -> Move:
        values = {"remote_id": remote_id, "posted_at": posted_at, "next_lookup_at": None}
        return self._step(one, PostStatus.POSTED, "found", values, outcome=AttemptOutcome.ACCEPTED)

    def _absent(self, one: Pending, now: datetime) -> Move | None:
        """A complete read without it. X's own word that it is a duplicate weighs more than any number of these."""
        if one.cause == "x_duplicate" and not one.was_reposted:
            values = {"next_lookup_at": None}
            return self._step(one, PostStatus.FAILED, "x_duplicate", values, outcome=AttemptOutcome.NOT_ACCEPTED)
        first = one.first_absence_at or now
        is_proven = one.absences + 1 >= NEGATIVES_NEEDED and now - first >= self._delays[-1] - self._delays[0]
        if not is_proven:
            return self._undecided(one, now) if self._next_lookup(one, now, one.absences + 1) is None else None
        if not one.may_repost or one.was_reposted or now >= one.not_after:
            return self._undecided(one, now)
        again = {
            "was_reposted": True,
            "not_before": now,
            "unknown_since": None,
            "next_lookup_at": None,
            "lookups": 0,
            "absences": 0,
            "first_absence_at": None,
        }
        outcome = AttemptOutcome.NOT_ACCEPTED
        return self._step(one, PostStatus.QUEUED, "verified_absent", again, outcome=outcome)

    def _undecided(self, one: Pending, now: datetime) -> Move:
        """Looking is over. What X refused as a double of itself after a re-post went out the first time."""
        if one.cause == "x_duplicate" and one.was_reposted:
            return self._found(one, None, now)
        values = {"next_lookup_at": one.unknown_since + IN_REVIEW[0]}
        cause = "not_found_since" if one.is_quarantined else "not_found"
        return self._step(one, PostStatus.REVIEW, cause, values)

    def _schedule(self, session: Session, one: Pending, judgement: Judgement, now: datetime) -> None:
        """No decision yet: counts the look-up and sets the next."""
        absent = isinstance(judgement, Absent)
        absences = one.absences + absent
        values: dict[str, Any] = {"lookups": one.lookups + 1, "absences": absences}
        if absent and one.first_absence_at is None:
            values["first_absence_at"] = now
        if isinstance(judgement, Candidate):
            values["candidate_id"] = judgement.remote_id
        values["next_lookup_at"] = self._next_lookup(one, now, absences)
        session.execute(
            update(Post).where(Post.id == one.post_id, Post.status == one.status).values(**values),
            execution_options={"synchronize_session": False},
        )

    def _next_lookup(self, one: Pending, now: datetime, absences: int) -> datetime | None:
        """By the schedule since the outcome became unknown; None when looking is over for this state."""
        steps = IN_REVIEW if one.status == PostStatus.REVIEW else self._delays
        ahead = [at for step in steps if (at := one.unknown_since + step) > now]
        if ahead or one.status == PostStatus.REVIEW:
            return ahead[0] if ahead else None
        gap = self._delays[-1] - self._delays[-2]
        proven_at = (one.first_absence_at or now) + self._delays[-1] - self._delays[0]
        at = proven_at if absences >= NEGATIVES_NEEDED and proven_at > now else now + gap
        # Reads failed meanwhile: looked for on as long as it would still be worth sending.
        return at if at <= max(one.not_after, one.unknown_since + 2 * self._delays[-1]) else None

    @staticmethod
    def _step(
        one: Pending,
        to: PostStatus,
        cause: str,
        values: dict[str, Any],
        *,
        outcome: AttemptOutcome | None = None,
    ) -> Move:
        return Move(
            post_id=one.post_id,
            expected=one.status,
            to=to,
            token=one.attempt_token,
            outcome=outcome,
            cause=cause,
            values=values,
        )


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


def _pending(ids: Sequence[int]) -> Any:
    first_sent = select(func.min(PostAttempt.started_at)).where(PostAttempt.post_id == Post.id).scalar_subquery()
    return (
        select(
            Post,
            SocialConnection,
            User.never_repost,
            EpisodeTweetConfig.enabled,
            Podcast.is_active,
            Broadcast.state,
            first_sent.label("sent_at"),
            select(Installation.quarantined_at).scalar_subquery().label("quarantined_at"),
        )
        .outerjoin(
            SocialConnection,
            (SocialConnection.platform_user_id == Post.platform_user_id)
            & (SocialConnection.platform == Post.platform)
            & SocialConnection.is_active,
        )
        .outerjoin(User, User.id == Post.user_id)
        .outerjoin(EpisodeTweetConfig, EpisodeTweetConfig.id == Post.config_id)
        .outerjoin(Podcast, Podcast.id == Post.podcast_id)
        .outerjoin(Broadcast, Broadcast.id == Post.broadcast_id)
        .where(Post.id.in_(ids))
        .execution_options(populate_existing=True)
    )
