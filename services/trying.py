"""What waits is tried at once, because a person says that it works again. Sends nothing: the outbox does, as ever."""

from datetime import datetime

from sqlalchemy import select, update

from extensions import db
from models import Post, PostStatus, Voice
from services import audit, gates
from services.audit import Actor, Kind
from services.checks import HIGHEST_ID
from services.errors import Conflict, NotFound
from services.own_tweet import Mine, own_post
from services.vocabulary import TRIABLE

JUST_TRIED = "That was tried a moment ago. Wait half a minute, then try again."


def try_now(mine: Mine, post_id: int, by: Actor, now: datetime, *, is_admin: bool = False) -> str:
    """A waiting post is due now. It stays the same post, so no second one can come of it.

    One's own, or as an admin of the podcast any host's. Raises NotFound for others, Conflict when it does not wait any
    more, was tried a moment ago, or is left to a host who approves what is sent.
    """
    host, found = _managed_post(mine, post_id) if is_admin else (mine.user.id, own_post(mine, post_id))
    waits = (Post.status == PostStatus.QUEUED, Post.cause.in_(TRIABLE))
    cause = db.session.execute(
        update(Post).where(Post.id == found, *waits).values(not_before=now).returning(Post.cause),
        execution_options={"synchronize_session": False},
    ).scalar_one_or_none()
    if cause is None:
        db.session.rollback()
        raise Conflict("This post does not wait any more. Its state says what became of it.")
    if cause == gates.CREDITS:
        _half_open(now)
    about = {"podcast_id": mine.podcast.id, "subject_id": host}
    audit.note(Kind.TRIED_NOW, by, now, **about, episode=mine.episode.id)
    db.session.commit()
    return "It is tried now. What X says appears here in a moment."


def _managed_post(mine: Mine, post_id: int) -> tuple[int | None, int]:
    """Its host and its id, if it is of this episode; leaves no transaction open. Raises NotFound and Conflict."""
    here = Post.episode_id == mine.episode.id, Post.podcast_id == mine.podcast.id
    query = select(Post.user_id, Post.host_name, Voice.needs_approval).outerjoin(Voice, Voice.user_id == Post.user_id)
    wanted = query.where(Post.id == post_id, *here)
    found = db.session.execute(wanted).one_or_none() if 0 < post_id <= HIGHEST_ID else None
    db.session.rollback()
    if found is None:
        raise NotFound("There is no such post of this episode.")
    if found.needs_approval and found.user_id != mine.user.id:
        raise Conflict(f"{found.host_name} approves what is sent, so only {found.host_name} can try it.")
    return found.user_id, post_id


def try_all(by: Actor, now: datetime) -> str:
    """The operator has topped up the credits, or mended the server's own credentials at X.

    Without credits one post alone finds out; the others follow when X takes it. Raises Conflict when one has just
    found out.
    """
    _half_open(now)
    waits = (Post.status == PostStatus.QUEUED, Post.cause.in_(gates.CURED_BY_OPERATOR), Post.not_before > now)
    db.session.execute(
        update(Post).where(*waits).values(not_before=now), execution_options={"synchronize_session": False}
    )
    audit.note(Kind.TRIED_NOW, by, now)
    db.session.commit()
    return "One post is tried now. If X takes it, the others follow at once."


def _half_open(now: datetime) -> None:
    if not gates.half_open(db.session(), now):
        db.session.rollback()
        raise Conflict(JUST_TRIED)
