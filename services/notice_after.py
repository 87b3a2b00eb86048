"""Which notices of posts, of starts and of paused posting still need their readers. Reads only."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, not_, select
from sqlalchemy import text as sql

from extensions import db
from models import Broadcast, ConfigStatus, EpisodeTweetConfig, Post, PostStatus, SendGate
from services.notice_events import WAITS_FOR_HOST, admins_of
from services.notice_words import OF_GATE, OF_POST, topic


def still_open(rows: Sequence[Any], now: datetime) -> set[int]:
    """Ids of those of these notices (id, key, user_id, podcast_id) whose cause is there. At most four statements."""
    posts = [row for row in rows if topic(row.key) in OF_POST and _named(row).isdigit()]
    starts = [row for row in rows if topic(row.key) == "live"]
    gates = [row for row in rows if topic(row.key) in OF_GATE]
    return _of_posts(posts) | _of_starts(starts) | _of_gates(gates, now)


def _named(row: Any) -> str:
    """What the key says after its topic, up to the next colon."""
    return str(row.key.split(":")[1])


def _of_posts(rows: Sequence[Any]) -> set[int]:
    """The newest post of its host is in that state still."""
    if not rows:
        return set()
    later = select(func.max(Post.id)).where(Post.config_id == EpisodeTweetConfig.id).correlate(EpisodeTweetConfig)
    newest = select(EpisodeTweetConfig.id).where(EpisodeTweetConfig.id == Post.config_id)
    newest = newest.where(later.scalar_subquery() == Post.id)
    query = select(Post.id, Post.status, Post.cause).where(Post.id.in_({int(_named(row)) for row in rows}))
    states = {one.id: _state(one) for one in db.session.execute(query.where(newest.exists()))}
    return {row.id for row in rows if states.get(int(_named(row))) == topic(row.key)}


def _state(post: Any) -> str:
    if post.status == PostStatus.QUEUED:
        return "paused" if post.cause in WAITS_FOR_HOST else ""
    return str(post.status)


def _of_starts(rows: Sequence[Any]) -> set[int]:
    """For a host as long as the own post is not out, for admins as long as one of them all is not."""
    if not rows:
        return set()
    is_off = and_(EpisodeTweetConfig.status == ConfigStatus.PENDING, not_(EpisodeTweetConfig.enabled))
    is_done = EpisodeTweetConfig.status.in_((ConfigStatus.POSTED, ConfigStatus.CANCELLED))
    query = select(Broadcast.video_id, EpisodeTweetConfig.user_id)
    query = query.join(EpisodeTweetConfig, EpisodeTweetConfig.episode_id == Broadcast.episode_id)
    query = query.where(Broadcast.video_id.in_({row.key.partition(":")[2] for row in rows}), ~is_done, ~is_off)
    waiting: dict[str, set[int]] = {}
    for one in db.session.execute(query):
        waiting.setdefault(one.video_id, set()).add(one.user_id)
    admins = admins_of({row.podcast_id for row in rows if row.podcast_id is not None})
    return {row.id for row in rows if _waits(row, waiting.get(row.key.partition(":")[2], ()), admins)}


def _waits(row: Any, waiting: Collection[int], admins: dict[int, tuple[int, ...]]) -> bool:
    return row.user_id in waiting or (bool(waiting) and row.user_id in admins.get(row.podcast_id, ()))


def _of_gates(rows: Sequence[Any], now: datetime) -> set[int]:
    """Until nothing is held back for that cause, and nothing that was waits to be tried again."""
    causes = {_named(row) for row in rows}
    if not causes:
        return set()
    shut = select(SendGate.cause).where(SendGate.key == "x", SendGate.until > now, SendGate.cause.in_(causes))
    held = select(Post.cause).where(sql("posts.status = 'queued'"), Post.cause.in_(causes), Post.not_after > now)
    there = set(db.session.execute(shut.union(held)).scalars())
    return {row.id for row in rows if _named(row) in there}
