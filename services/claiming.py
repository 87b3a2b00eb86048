"""The statements that take posts out of the outbox for sending, all in the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select, true, update
from sqlalchemy.orm import Session

from models import (
    Broadcast,
    BroadcastState,
    EpisodeTweetConfig,
    Installation,
    PodcastMember,
    Post,
    PostStatus,
    SocialConnection,
    User,
)
from services import gates, outbox, paying, suspecting
from services.announcing import missed
from services.errors import Outcome, Refused
from services.installation import Guard
from services.logins import trouble_of
from services.outbox import Move
from services.sending import Sending
from services.tokens import IN_DOUBT, TokenService
from services.vault import VaultError

#: a stream is taken for live for so long after the last good look
LIVE_FOR = timedelta(minutes=5)
#: when YouTube or another refresher must be waited for
PAUSE = timedelta(seconds=1)
LONG_PAUSE = timedelta(seconds=10)


@dataclass(slots=True)
class Claim:
    """What one claim took: posts to send, connections to renew first, and what ended without being sent."""

    sendings: list[Sending] = field(default_factory=list)
    stale_connections: set[int] = field(default_factory=set)
    settled: list[PostStatus] = field(default_factory=list)
    #: attempts by post key that the journal told of
    seen: dict[str, frozenset[str]] = field(default_factory=dict)


def claim(  # noqa: PLR0913 - what it asks, and for whom
    session: Session,
    tokens: TokenService,
    now: datetime,
    hands: int,
    *,
    guard: Guard,
    lease: timedelta,
    leave_out: Sequence[int],
) -> Claim:
    """Commits-to-be: the intent for at most `hands` due posts. What may not be sent any more ends here.

    `leave_out`: connections whose tokens are being renewed by the caller.
    """
    taken = Claim()
    most, gated = gates.passing(session, now, hands)
    moves: list[Move] = []
    rows = session.execute(_due(now, hands, leave_out, gated).add_columns(*guard.columns(session))).all()
    doubts = suspecting.doubts(session, rows, guard, now)
    taken.seen = doubts.seen
    for row in suspecting.set_aside(session, rows, doubts, now):
        move = _ended(row, now) or _held(row, now, doubts.trouble)
        if move is not None and move.to == PostStatus.QUEUED and move.cause == row.Post.cause:
            row.Post.not_before = move.values["not_before"]  # still the same reason: no news for the history
        elif move is not None:
            moves.append(move)
        elif len(taken.sendings) >= most:
            continue
        elif tokens.needs_refresh(row.SocialConnection, now):
            taken.stale_connections.add(row.SocialConnection.id)
        else:
            _prepare(taken, moves, row, tokens)
    moved = outbox.apply(session, moves, now)
    taken.settled = [move.to for move in moves if move.post_id in moved and move.to != PostStatus.QUEUED]
    taken.sendings = held = _covered(session, taken.sendings, {row.Post.id: row.Post for row in rows}, now)
    if most < hands:
        taken.sendings = gates.as_probe(session, taken.sendings, now)
    taken.sendings = _commit_intents(session, taken.sendings, now, lease)
    paying.give_back(session, sorted({one.token for one in held} - {one.token for one in taken.sendings}), now)
    return taken


def _due(now: datetime, hands: int, leave_out: Sequence[int], gated: Sequence[str]) -> Any:
    return (
        select(
            Post,
            SocialConnection,
            EpisodeTweetConfig.enabled,
            PodcastMember.id.label("member_id"),
            User.is_active,
            Broadcast.state,
            Broadcast.last_good_look_at,
            Broadcast.actual_start_at,
            Broadcast.first_seen_at,
        )
        .outerjoin(SocialConnection, and_(SocialConnection.id == Post.connection_id, SocialConnection.is_active))
        .outerjoin(EpisodeTweetConfig, EpisodeTweetConfig.id == Post.config_id)
        .outerjoin(
            PodcastMember, and_(PodcastMember.podcast_id == Post.podcast_id, PodcastMember.user_id == Post.user_id)
        )
        .outerjoin(User, User.id == Post.user_id)
        .outerjoin(Broadcast, Broadcast.id == Post.broadcast_id)
        .outerjoin(Installation, true())
        .where(
            Post.status == PostStatus.QUEUED,
            Post.not_before <= now,
            or_(Post.connection_id.is_(None), Post.connection_id.not_in(leave_out)),
            Post.platform_user_id.not_in(gated),
        )
        .order_by(Post.not_before, Post.id)
        .limit(hands)
        .with_for_update(of=Post, key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    )


def _ended(row: Any, now: datetime) -> Move | None:
    """Why this post is not sent at all: switched off, gone, too late, over."""
    post = row.Post
    cancel = None
    if row.member_id is None:
        cancel = "member_gone"
    elif not row.is_active:
        cancel = "user_inactive"
    elif not row.enabled and post.trigger == "live":
        cancel = outbox.SWITCHED_OFF
    if cancel is not None:
        return Move(post_id=post.id, expected=PostStatus.QUEUED, to=PostStatus.CANCELLED, cause=cancel)
    if now >= post.not_after:
        return missed(post.id, "too_late", post.cause)
    if post.trigger == "live" and row.state in (BroadcastState.ENDED, BroadcastState.GONE):
        return missed(post.id, "stream_over", post.cause)
    return None


def _held(row: Any, now: datetime, journal_trouble: str | None) -> Move | None:
    """Why this post must wait: no journal, no working connection, or nobody knows whether the stream is still on."""
    post = row.Post
    if journal_trouble is not None:
        return replace(_wait(post, "journal", min(now + LONG_PAUSE, post.not_after)), detail=journal_trouble)
    trouble = trouble_of(row.SocialConnection)
    if trouble is not None:
        return _wait(post, trouble, post.not_after)
    looked_at = row.last_good_look_at
    if post.trigger == "live" and post.attempts and (looked_at is None or now - looked_at > LIVE_FOR):
        return _wait(post, "youtube_silent", min(now + LONG_PAUSE, post.not_after))
    return None


def _wait(post: Post, cause: str, until: datetime) -> Move:
    return Move(
        post_id=post.id,
        expected=PostStatus.QUEUED,
        to=PostStatus.QUEUED,
        cause=cause,
        values={"not_before": until},
    )


def _sealed(post: Post, error: VaultError) -> Move:
    """The stored token does not open: only connecting again, or the right key, helps."""
    return replace(_wait(post, "x_auth", post.not_after), detail=str(error))


def _prepare(taken: Claim, moves: list[Move], row: Any, tokens: TokenService) -> None:
    post, connection = row.Post, row.SocialConnection
    try:
        access = tokens.access(connection)
    except VaultError as error:
        moves.append(_sealed(post, error))
        return
    taken.sendings.append(
        Sending(
            post_id=post.id,
            key=post.key,
            token=outbox.new_token(),
            number=post.attempts + 1,
            text=post.text,
            access_token=access.token,
            connection_id=access.connection_id,
            platform_user_id=post.platform_user_id,
            not_after=post.not_after,
            version=access.version,
            can_refresh=connection.refresh_token is not None,
            previous_cause=post.cause,
        )
    )


def _covered(session: Session, sendings: list[Sending], posts: Mapping[int, Post], now: datetime) -> list[Sending]:
    """Those that the wallets pay for. The others wait for somebody to top up."""
    short = paying.hold(session, {one.token: posts[one.post_id] for one in sendings}, now)
    moves = []
    for one in (one for one in sendings if one.token in short):
        post = posts[one.post_id]
        until = min(now + LONG_PAUSE, post.not_after)
        if post.cause == paying.NO_BALANCE:
            post.not_before = until  # no news for the history
        else:
            moves.append(_wait(post, paying.NO_BALANCE, until))
    outbox.apply(session, moves, now)
    return [one for one in sendings if one.token not in short]


def _commit_intents(session: Session, sendings: list[Sending], now: datetime, lease: timedelta) -> list[Sending]:
    moves = [
        Move(
            post_id=one.post_id,
            expected=PostStatus.QUEUED,
            to=PostStatus.SENDING,
            values={"attempt_token": one.token, "lease_until": now + lease, "attempts": one.number},
        )
        for one in sendings
    ]
    moved = outbox.begin_attempts(session, moves, {one.post_id: one.number for one in sendings}, now)
    return [one for one in sendings if one.post_id in moved]


def postpone(
    session: Session, connection_id: int, now: datetime, why: Outcome | None = None, *, is_repeat: bool = False
) -> None:
    """Lets the due posts of a connection wait: a moment while its tokens are renewed elsewhere or X was silent once,
    longer when X refused or was silent again.

    `why` is what came of renewing them, and what people read meanwhile.
    """
    values: dict[str, Any] = {"not_before": now + PAUSE}
    if isinstance(why, Refused):
        values = {"not_before": max(why.retry_at or now, now + LONG_PAUSE), "cause": why.cause, "detail": str(why)}
    elif why is not None and is_repeat:
        values = {"not_before": now + LONG_PAUSE, "cause": IN_DOUBT, "detail": None}
    session.execute(
        update(Post)
        .where(Post.connection_id == connection_id, Post.status == PostStatus.QUEUED, Post.not_before <= now)
        .values(**values),
        execution_options={"synchronize_session": False},
    )


def hold_sealed(session: Session, connection_id: int, error: VaultError, now: datetime) -> None:
    """The due posts of a connection whose stored tokens do not open wait for a person."""
    due = select(Post).where(
        Post.connection_id == connection_id, Post.status == PostStatus.QUEUED, Post.not_before <= now
    )
    outbox.apply(session, [_sealed(post, error) for post in session.execute(due).scalars()], now)
