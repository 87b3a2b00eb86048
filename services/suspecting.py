"""Which posts may be out although the database says that they wait: they are looked up before anything is sent.

All in the caller's transaction. A database loses commits when it fails over or is restored; the journal of this machine
tells of single posts, the quarantine covers what nobody here can tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models import Outcome, Post, PostAttempt, PostStatus
from services import outbox
from services.installation import Guard
from services.journal import Trace, sha256_of
from services.journal_files import JournalError
from services.outbox import Move

LOST, QUARANTINED = "lost_record", "quarantined"


@dataclass(slots=True)
class Doubts:
    """What is known against sending some posts now.

    `trouble`: why nothing may be sent at all, a sentence. `seen`: the attempts by key that the journal tells of.
    """

    trouble: str | None = None
    quarantined_at: datetime | None = None
    seen: dict[str, frozenset[str]] = field(default_factory=dict)
    #: by post: attempts that may have been accepted and that the database does not know, oldest first
    lost: dict[int, list[Trace]] = field(default_factory=dict)

    def why(self, row: Any) -> str | None:
        """The cause for which this post is looked up first, or None."""
        if row.Post.id in self.lost:
            return LOST
        # One that has been looked up comes back only when a person says that it is not there.
        if self.quarantined_at is None or row.Post.is_quarantined:
            return None
        return QUARANTINED if _since(row) < self.quarantined_at else None


def doubts(session: Session, rows: Sequence[Any], guard: Guard, now: datetime) -> Doubts:
    """`rows` hold a Post, its broadcast's times, and the guard's columns."""
    if not rows:
        return Doubts()
    found = Doubts(guard.journal.trouble(now))
    found.quarantined_at = guard.quarantined_since(session, rows[0], now)
    try:
        traces = guard.journal.traces([row.Post.key for row in rows])
    except JournalError as error:
        found.trouble = str(error)
        return found
    if traces:
        found.seen = {key: frozenset(trace.attempt for trace in its) for key, its in traces.items()}
        found.lost = _lost(session, [row.Post for row in rows], traces)
    return found


def _lost(session: Session, posts: Sequence[Post], traces: dict[str, list[Trace]]) -> dict[int, list[Trace]]:
    may_be_out = {post.id: [one for one in traces.get(post.key, []) if _may_be(one, post)] for post in posts}
    tokens = [one.attempt for its in may_be_out.values() for one in its]
    if not tokens:
        return {}
    known = set(session.execute(select(PostAttempt.token).where(PostAttempt.token.in_(tokens))).scalars())
    lost = {id: [one for one in its if one.attempt not in known] for id, its in may_be_out.items()}
    return {id: its for id, its in lost.items() if its}


def _may_be(trace: Trace, post: Post) -> bool:
    """Keys of starts name video and account and mean one post for ever. Others count in one database only."""
    is_same = post.key.startswith("live:") or trace.sha256 == sha256_of(post.text)
    return is_same and not trace.is_refused


def _since(row: Any) -> datetime:
    """Before this the post cannot have gone out."""
    started: datetime | None = row.actual_start_at or row.first_seen_at
    return started or row.Post.created_at


def set_aside(session: Session, rows: Sequence[Any], found: Doubts, now: datetime) -> list[Any]:
    """Suspects become unknown, each with the attempt that may have been accepted. Returns the other rows."""
    suspects = {row.Post.id: (row.Post, why, _since(row)) for row in rows if (why := found.why(row)) is not None}
    attempts = {id: _attempts(post, found, why, since, now) for id, (post, why, since) in suspects.items()}
    moves = [_looked_up(post, why, attempts[id][-1], now) for id, (post, why, _) in suspects.items()]
    moved = outbox.apply(session, moves, now)
    made = [attempt for id in sorted(moved) for attempt in attempts[id]]
    if made:
        session.execute(insert(PostAttempt), made)
    return [row for row in rows if row.Post.id not in suspects]


def _looked_up(post: Post, why: str, attempt: dict[str, Any], now: datetime) -> Move:
    values = {
        "attempt_token": attempt["token"],
        "attempts": attempt["number"],
        "lease_until": None,
        "unknown_since": now,
        "next_lookup_at": now,
        "lookups": 0,
        "absences": 0,
        "first_absence_at": None,
        "is_quarantined": True,
    }
    return Move(post_id=post.id, expected=PostStatus.QUEUED, to=PostStatus.UNKNOWN, cause=why, values=values)


def _attempts(post: Post, found: Doubts, why: str, since: datetime, now: datetime) -> list[dict[str, Any]]:
    """Rows for what the database forgot. Only one may be open: the last, which begins with the first of them."""
    lost = found.lost.get(post.id, [])
    begun = min((one.at for one in lost), default=since)
    tokens = [one.attempt for one in lost] or [outbox.new_token()]
    row = {"post_id": post.id, "started_at": begun, "finished_at": now, "cause": why}
    return [
        row | {"token": token, "number": post.attempts + n, "outcome": outcome}
        for n, token in enumerate(tokens, start=1)
        for outcome in [Outcome.UNKNOWN if n == len(tokens) else Outcome.NOT_ACCEPTED]
    ]
