"""Posts whose outcome is not known, or not whole, as they are stored: which are due for a look, and as values."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, literal_column, select

from models import (
    Broadcast,
    BroadcastState,
    EpisodeTweetConfig,
    Installation,
    Podcast,
    Post,
    PostAttempt,
    PostEvent,
    PostStatus,
    SocialConnection,
    User,
)
from services.sql_plans import unsought
from services.tokens import Access
from services.wallet_rows import Whose

#: why a post is out although nobody saw it: X refused a second try as a double of it, and never says which id it has
SAID_BY_X = "x_has_it"
#: X's own refusal of a text that it has already
DUPLICATE = "x_duplicate"


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
    #: whether a try of it ever ended without X's word: only then can its refusal as a double mean this very post
    was_in_doubt: bool
    may_repost: bool
    #: made before the database was restored: what is not found is for a person
    is_quarantined: bool


def due(now: datetime, most: int) -> Select[Any]:
    """The ids of at most so many of each kind: whose outcome is open, and those that are out without X's id."""
    is_due = Post.next_lookup_at <= now
    # In so many words, as the index of these says it: SQLite uses it for this very condition only.
    is_open = Post.status.in_(bindparam("open", ["unknown", "review"], expanding=True, literal_execute=True))
    open_ones = select(Post.id).where(is_open, is_due).order_by(Post.next_lookup_at).limit(most).subquery()
    out = select(Post.id).where(*without_id(), is_due).limit(most).subquery()
    either = select(open_ones.c.id).union_all(select(out.c.id)).subquery()
    return select(either.c.id)


def without_id() -> list[ColumnElement[bool]]:
    """Out, with X's id still looked for. As the index by cause says it, which has next to none of these."""
    is_out = (unsought(Post.status) == PostStatus.POSTED, Post.next_lookup_at.is_not(None))
    return [Post.cause == SAID_BY_X, Post.id > literal_column("0"), *is_out]


def with_its_world(ids: list[int]) -> Any:
    """Each with what decides what is done about it: login, wishes of its host, whether its stream is on."""
    first_sent = select(func.min(PostAttempt.started_at)).where(PostAttempt.post_id == Post.id).scalar_subquery()
    in_doubt = select(PostEvent.id).where(PostEvent.post_id == Post.id, PostEvent.status == PostStatus.UNKNOWN)
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
            in_doubt.where(PostEvent.cause != DUPLICATE).exists().label("was_in_doubt"),
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


def as_pending(row: Any, access: Access | None, now: datetime, *, is_stale: bool) -> Pending:
    """One row of `with_its_world`. Pure."""
    post = row.Post
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
        is_stale=is_stale,
        sent_at=sent_at,
        known_at=min(now, post.unknown_since or now),
        unknown_since=post.unknown_since or now,
        lookups=post.lookups,
        absences=post.absences,
        first_absence_at=post.first_absence_at,
        not_after=post.not_after,
        was_reposted=post.was_reposted,
        was_in_doubt=bool(row.was_in_doubt),
        may_repost=row.never_repost is False and is_on and not is_quarantined,
        is_quarantined=is_quarantined,
    )
