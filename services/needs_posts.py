"""Posts that wait for a person: refused, undecided, missed, or held up until something is mended. Reads only."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select

from extensions import db
from models import Broadcast, ConfigStatus, EpisodeGuide, EpisodeTweetConfig, Post, PostStatus, SendGate, User
from services.ahead import OVER
from services.causes import CAUSES, explain, in_the_past
from services.evidence import decided_at, sent_at, weigh
from services.need import Need, Rank, Shows, fix_for, fix_of
from services.vocabulary import WAITS_FOR_A_PERSON, Light, after_the_end, light_of_host

#: what is older needs nobody any more
RECENT = timedelta(days=14)
#: nobody posts about a stream that was so long ago
MISSED_SHOWN = timedelta(days=2)
#: what can still be done about a post that was missed. What would have helped in time only is no advice any more, and a
#: login is asked for by itself, for the shows to come.
MENDABLE = frozenset(
    code
    for code, cause in CAUSES.items()
    if cause.fix and in_the_past(cause.fix) == cause.fix and fix_of(code) != "connect"
)
#: what became of posts that somebody may have to do something about
_RANKS = {
    PostStatus.QUEUED: Rank.WAITING,
    PostStatus.REVIEW: Rank.DECIDE,
    PostStatus.FAILED: Rank.FAILED,
    PostStatus.MISSED: Rank.MISSED,
}


def needs_of_posts(shows: Shows, now: datetime, *, most: int, reader_id: int) -> list[Need]:
    """The newest post of a host, where it waits for a person; the reader's own are among them. One statement."""
    asked = {"shows": list(shows), "reader": reader_id, "most": most}
    since = {"refused_since": now - RECENT, "missed_since": now - MISSED_SHOWN}
    return [_of_post(shows, row) for row in db.session.execute(_waiting(), asked | since)]


@cache
def _waiting() -> Select[Any]:
    """Found by what became of the post, since few need a person; put together once."""
    newest = select(func.max(Post.id)).where(Post.config_id == EpisodeTweetConfig.id)
    return (
        select(EpisodeGuide, User.name, User.id.label("user_id"), Post, SendGate.until)
        .add_columns(Broadcast.state, sent_at(), decided_at())
        .join(EpisodeTweetConfig, EpisodeTweetConfig.episode_id == EpisodeGuide.id)
        .join(User, User.id == EpisodeTweetConfig.user_id)
        .join(Post, Post.config_id == EpisodeTweetConfig.id)
        .outerjoin(Broadcast, Broadcast.id == Post.broadcast_id)
        .outerjoin(SendGate, SendGate.key == "x")
        .where(Post.podcast_id.in_(bindparam("shows", expanding=True)), Post.status.in_(_RANKS), _needs_a_person())
        .where(Post.id == newest.correlate(EpisodeTweetConfig).scalar_subquery())
        .order_by((User.id == bindparam("reader")).desc(), Post.id.desc())
        .limit(bindparam("most"))
    )


def _needs_a_person() -> ColumnElement[bool]:
    """Refused, undecided, missed for a reason that can be mended, or held up until somebody has mended it."""
    status, created_at = EpisodeTweetConfig.status, Post.created_at
    refused = and_(status.in_((ConfigStatus.FAILED, ConfigStatus.REVIEW)), created_at > bindparam("refused_since"))
    recent = created_at > bindparam("missed_since")
    missed = and_(status == ConfigStatus.MISSED, Post.cause.in_(MENDABLE), recent)
    held = and_(status == ConfigStatus.POSTING, Post.status == PostStatus.QUEUED, Post.cause.in_(WAITS_FOR_A_PERSON))
    return or_(refused, missed, held)


def _of_post(shows: Shows, row: Any) -> Need:
    post, episode = row.Post, row.EpisodeGuide
    evidence = weigh(post, row.sent_at, row.decided_at) if post.status == PostStatus.REVIEW else None
    is_over = post.status == PostStatus.MISSED or (post.trigger == "live" and row.state in OVER)
    waits = post.status == PostStatus.QUEUED
    return Need(
        shows[episode.podcast_id],
        row.name,
        explain(post.cause or "", post.detail, is_over=is_over),
        episode.id,
        episode.title,
        row.user_id,
        "decide" if evidence else fix_for(post),
        evidence,
        _light_of(post, row.until, is_over=is_over) if waits else None,
        post.id,
        # A post that waits for another reason, or waits no more, is another thing.
        item=f"waits:{post.id}:{post.cause}" if waits else f"{post.status}:{post.id}",
        rank=_RANKS.get(post.status, Rank.FAILED),
        at=post.created_at,
    )


def _light_of(post: Post, held_until: datetime | None, *, is_over: bool) -> Light:
    light = light_of_host(ConfigStatus.POSTING, enabled=True, post=post, trouble=None, held_until=held_until)
    return after_the_end(light) if is_over else light
