"""What is known of a post that X did not confirm, for the person who has to decide. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from extensions import db
from models import Post, PostAttempt, PostEvent, PostStatus


@dataclass(frozen=True, slots=True)
class Evidence:
    """When it was sent, how often and when last the timeline was read, and another post that it may be."""

    post_id: int
    sent_at: datetime
    looks: int
    last_look_at: datetime
    username: str
    candidate_url: str | None


def sent_at() -> ColumnElement[datetime]:
    """A column beside posts: when it was last sent."""
    sent = select(func.max(PostAttempt.started_at)).where(PostAttempt.post_id == Post.id)
    return sent.correlate(Post).scalar_subquery().label("sent_at")


def decided_at() -> ColumnElement[datetime]:
    """A column beside posts: when looking for it ended."""
    ended = select(func.max(PostEvent.at)).where(PostEvent.post_id == Post.id, PostEvent.status == PostStatus.REVIEW)
    return ended.correlate(Post).scalar_subquery().label("decided_at")


def evidence_of(post: Post) -> Evidence | None:
    """Of a post that is in review; None for any other."""
    if post.status != PostStatus.REVIEW:
        return None
    row = db.session.execute(select(sent_at(), decided_at()).where(Post.id == post.id)).one()
    return weigh(post, row.sent_at, row.decided_at)


def weigh(post: Post, sent_at: datetime | None, decided_at: datetime | None) -> Evidence:
    """The look that ended the looking is not counted on the post itself."""
    candidate = f"https://x.com/{post.username or 'i'}/status/{post.candidate_id}" if post.candidate_id else None
    sent = sent_at or post.created_at
    return Evidence(post.id, sent, post.lookups + 1, decided_at or sent, post.username, candidate)
