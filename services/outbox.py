"""The outbox's one function that changes the state of posts, with what it must change along. Calls nobody."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, insert, literal, null, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from models import ConfigStatus, EpisodeTweetConfig, Outcome, Post, PostAttempt, PostEvent, PostStatus
from services import figures_version, paying
from services.inserting import insert_or_ignore as insert_or_ignore

#: what an attempt may still turn out to be; the partial unique index of post_attempts says the same
MAYBE_ACCEPTED = or_(PostAttempt.outcome.is_(None), PostAttempt.outcome.in_((Outcome.UNKNOWN, Outcome.ACCEPTED)))

SWITCHED_OFF = "switched_off"

Q, S, U, R = PostStatus.QUEUED, PostStatus.SENDING, PostStatus.UNKNOWN, PostStatus.REVIEW

#: these are one to a config: its status does not change between them
ON_ITS_WAY = frozenset({Q, S, U})

#: which states a post may come from
ALLOWED: Mapping[PostStatus, frozenset[PostStatus]] = {
    PostStatus.SENDING: frozenset({Q}),
    # From posted only to learn X's id, which X did not say when it refused a second try.
    PostStatus.POSTED: frozenset({S, U, R, PostStatus.POSTED}),
    PostStatus.FAILED: frozenset({S, Q, U}),
    PostStatus.QUEUED: frozenset({Q, S, U, R}),
    # From queued only when the database forgot that it was sent.
    PostStatus.UNKNOWN: frozenset({S, Q}),
    PostStatus.REVIEW: frozenset({U}),
    PostStatus.MISSED: frozenset({Q, S}),
    PostStatus.CANCELLED: frozenset({Q, R}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One post's step. `token` guards it: only the attempt that holds the post may settle it.

    `outcome` is what became of that attempt; `values` are further columns of the post.
    """

    post_id: int
    expected: PostStatus
    to: PostStatus
    cause: str | None = None
    detail: str | None = None
    token: str | None = None
    outcome: Outcome | None = None
    http_status: int | None = None
    actor_id: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


def apply(session: Session, moves: Sequence[Move], now: datetime) -> set[int]:
    """Changes states in bulk, all in the caller's transaction: posts, attempts, events and configs.

    Returns the ids of the posts that moved. A post that is not in the expected state, or held by another
    attempt, did not move: somebody was faster, and nothing of it was changed.
    """
    moved: dict[int, int | None] = {}
    for group in _alike(moves):
        moved |= _update_posts(session, group)
    done = [move for move in moves if move.post_id in moved]
    if done:
        _settle_attempts(session, done, now)
        _settle_costs(session, done, now)
        session.execute(insert(PostEvent), [_event(move, now) for move in done])
        ended = [m.post_id for m in done if not {m.expected, m.to} <= ON_ITS_WAY]
        derive_config_status(session, ended)
        figures_version.raise_for(session, [moved[post_id] for post_id in ended])
    return set(moved)


def begin_attempts(session: Session, moves: Sequence[Move], numbers: Mapping[int, int], now: datetime) -> set[int]:
    """The intent: queued → sending and an attempt for each post, before the wire is touched.

    `numbers` is the number of the attempt by post id. The database refuses a second attempt
    that may be accepted; posts that have one are left where they are.
    """
    moved = apply(session, moves, now)
    started = [
        {"post_id": m.post_id, "token": m.values["attempt_token"], "number": numbers[m.post_id], "started_at": now}
        for m in moves
        if m.post_id in moved
    ]
    if started:
        session.execute(insert(PostAttempt), started)
    return moved


def new_token() -> str:
    return secrets.token_hex(16)


def _alike(moves: Sequence[Move]) -> list[list[Move]]:
    """Groups what one UPDATE can do: same step, same columns."""
    groups: dict[tuple[Any, ...], list[Move]] = {}
    for move in moves:
        if move.expected not in ALLOWED[move.to]:
            raise ValueError(f"a post never goes from {move.expected} to {move.to}")
        key = (move.expected, move.to, move.token is None, tuple(sorted(move.values)))
        groups.setdefault(key, []).append(move)
    return list(groups.values())


def _update_posts(session: Session, group: Sequence[Move]) -> dict[int, int | None]:
    """Those that moved, each with its podcast."""
    first = group[0]
    values: dict[str, Any] = {"status": first.to}
    for column in ("cause", "detail"):
        values[column] = _each({m.post_id: getattr(m, column) for m in group}, Post.id, getattr(Post, column))
    for column in first.values:
        values[column] = _each({m.post_id: m.values[column] for m in group}, Post.id, getattr(Post, column))
    guards: list[ColumnElement[bool]] = [Post.id.in_([m.post_id for m in group]), Post.status == first.expected]
    if first.token is not None:
        guards.append(or_(*(and_(Post.id == m.post_id, Post.attempt_token == m.token) for m in group)))
    if first.expected == Q and first.to in (S, U):
        guards.append(~select(PostAttempt.id).where(PostAttempt.post_id == Post.id, MAYBE_ACCEPTED).exists())
    statement = update(Post).where(*guards).values(values).returning(Post.id, Post.podcast_id)
    rows = session.execute(statement, execution_options={"synchronize_session": False})
    return {row.id: row.podcast_id for row in rows}


def _each(by_key: Mapping[Any, Any], key_column: Any, column: Any) -> Any:
    """One value for all, or a CASE that gives each row its own."""
    different = set(by_key.values())
    if len(different) == 1:
        return different.pop()
    typed = {key: null() if value is None else literal(value, column.type) for key, value in by_key.items()}
    return case(typed, value=key_column)


def _settle_attempts(session: Session, moves: Sequence[Move], now: datetime) -> None:
    settled = {m.token: m for m in moves if m.token is not None and m.outcome is not None}
    if not settled:
        return
    columns = {
        name: _each({t: getattr(m, name) for t, m in settled.items()}, PostAttempt.token, getattr(PostAttempt, name))
        for name in ("outcome", "http_status", "cause", "detail")
    }
    # NULL → any, or unknown → accepted / not_accepted; never back.
    still_open = or_(PostAttempt.outcome.is_(None), PostAttempt.outcome == Outcome.UNKNOWN)
    session.execute(
        update(PostAttempt).where(PostAttempt.token.in_(list(settled)), still_open).values(finished_at=now, **columns),
        execution_options={"synchronize_session": False},
    )


def _settle_costs(session: Session, moves: Sequence[Move], now: datetime) -> None:
    by_token = {move.token: move.outcome for move in moves if move.token is not None}
    ended = paying.Ended(
        accepted={token for token, outcome in by_token.items() if outcome == Outcome.ACCEPTED},
        refused={token for token, outcome in by_token.items() if outcome == Outcome.NOT_ACCEPTED},
        left={move.post_id for move in moves if (move.expected, move.to) == (R, PostStatus.CANCELLED)},
    )
    paying.settle(session, ended, now)


def _event(move: Move, now: datetime) -> dict[str, Any]:
    return {
        "post_id": move.post_id,
        "at": now,
        "status": move.to,
        "cause": move.cause,
        "detail": move.detail,
        "user_id": move.actor_id,
    }


def leave_undecided(session: Session, which: ColumnElement[bool], now: datetime, *, cause: str = "left_alone") -> None:
    """What waits for a person's decision is left as it is: nobody is left to decide, or no page to do it on."""
    waiting = select(Post.id).where(which, Post.status == R)
    moves = [
        Move(post_id=post_id, expected=R, to=PostStatus.CANCELLED, cause=cause, values={"next_lookup_at": None})
        for post_id in session.execute(waiting).scalars()
    ]
    apply(session, moves, now)


def is_ahead(post: Post) -> bool:
    """Whether a post is out that a person sent before there was a stream."""
    return post.status == PostStatus.POSTED and post.trigger == "now" and post.broadcast_id is None


def derive_config_status(session: Session, post_ids: Collection[int]) -> None:
    """Writes each config's status from its newest post: the only writer of that column beside `announce`'s claim."""
    if not post_ids:
        return
    of_config = Post.config_id == EpisodeTweetConfig.id
    newest, cause, trigger, broadcast = (
        select(column).where(of_config).order_by(Post.id.desc()).limit(1).scalar_subquery()
        for column in (Post.status, Post.cause, Post.trigger, Post.broadcast_id)
    )
    # Switched off while it waited and on again: nothing was sent, so it is ready once more.
    is_on_again = and_(newest == PostStatus.CANCELLED, cause == SWITCHED_OFF, EpisodeTweetConfig.enabled)
    is_early = and_(newest == PostStatus.POSTED, trigger == "now", broadcast.is_(None))
    is_ready_again = or_(is_on_again, and_(is_early, EpisodeTweetConfig.announce_again))
    on_its_way = dict.fromkeys(ON_ITS_WAY, ConfigStatus.POSTING)
    status = case((is_ready_again, ConfigStatus.PENDING), else_=case(on_its_way, value=newest, else_=newest))
    touched = select(Post.config_id).where(Post.id.in_(list(post_ids)), Post.config_id.is_not(None))
    session.execute(
        update(EpisodeTweetConfig).where(EpisodeTweetConfig.id.in_(touched)).values(status=status),
        execution_options={"synchronize_session": False},
    )


def add_posts(session: Session, rows: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, int]:
    """Inserts posts with their first event and returns id by key. A key that is taken is a no-op, not an error."""
    if not rows:
        return {}
    dialect = session.get_bind().dialect.name
    made = session.execute(insert_or_ignore(Post, dialect).returning(Post.key, Post.id), list(rows)).all()
    ids = {row.key: row.id for row in made}
    events = [
        {"post_id": ids[r["key"]], "at": now, "status": r["status"], "cause": r.get("cause"), "detail": r.get("detail")}
        for r in rows
        if r["key"] in ids
    ]
    if events:
        session.execute(insert(PostEvent), events)
        figures_version.raise_for(session, [r.get("podcast_id") for r in rows if r["key"] in ids])
        # Who queues has taken the config by compare-and-set already, and that is its status.
        derive_config_status(session, [ids[r["key"]] for r in rows if r["key"] in ids and r["status"] != Q])
    return ids
