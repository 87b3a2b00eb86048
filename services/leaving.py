"""Deleting an account: the person goes, with everything personal; what happened stays, without a name."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import String, cast, delete, literal, select, update

from extensions import db
from models import (
    OneTimeLink,
    Podcast,
    PodcastMember,
    Post,
    PostAttempt,
    PostEvent,
    PostStatus,
    Rehearsal,
    Role,
    SendGate,
    SocialConnection,
    User,
)
from services import audit, figures_version, links, outbox
from services.audit import Actor, Kind
from services.errors import Conflict, Invalid
from services.revoking import remember
from services.users import cancel_queued

FORMER = "a former host"
_PLAIN = {"synchronize_session": False}


def podcasts_without_another_admin(user_id: int) -> list[str]:
    """The names of the podcasts that nobody could manage without this person."""
    mine, other = PodcastMember.__table__.alias("mine"), PodcastMember.__table__.alias("other")
    others = (
        select(other.c.id)
        .join(User, User.id == other.c.user_id)
        .where(other.c.podcast_id == Podcast.id, other.c.role == Role.ADMIN, other.c.user_id != user_id, User.is_active)
    )
    query = select(Podcast.name).join(mine, mine.c.podcast_id == Podcast.id)
    query = query.where(mine.c.user_id == user_id, mine.c.role == Role.ADMIN, ~others.exists())
    return list(db.session.execute(query.order_by(Podcast.name, Podcast.id)).scalars())


def delete_account(user_id: int, typed: str, by: Actor, now: datetime) -> None:
    """Deletes the account whose address was typed. Raises Invalid, and Conflict with what has to be done before."""
    _lock(user_id)
    user = db.session.get_one(User, user_id, populate_existing=True)
    # Before the posts on their way are looked for: what is still queued then could be taken by a sender in between.
    cancel_queued(user_id, cause="user_inactive", now=now)
    try:
        _check(user, typed)
    except (Invalid, Conflict):
        db.session.rollback()
        raise
    # Nobody is left to say what became of them.
    outbox.leave_undecided(db.session(), Post.user_id == user_id, now, cause="user_inactive")
    _end_tokens(user_id, now)
    links.end_links_by(user_id, now)
    _forget(user_id, user.email)
    audit.note(Kind.USER_DELETED, by, now, subject_id=user_id)
    db.session.flush()
    db.session.execute(delete(User).where(User.id == user_id), execution_options=_PLAIN)
    db.session.commit()


def _lock(user_id: int) -> None:
    """Two admins of a podcast, or of the server, who leave at the same moment must not both succeed."""
    theirs = select(PodcastMember.podcast_id).where(PodcastMember.user_id == user_id)
    held = select(Podcast.id).where(Podcast.id.in_(theirs)).order_by(Podcast.id).with_for_update()
    figures_version.raise_for(db.session(), db.session.execute(held).scalars())
    admins = select(User.id).where((User.is_admin & User.is_active) | (User.id == user_id))
    db.session.execute(admins.order_by(User.id).with_for_update())


def _check(user: User, typed: str) -> None:
    if typed.strip().lower() != user.email:
        raise Invalid(f"Type {user.email} to delete the account.")
    alone = podcasts_without_another_admin(user.id)
    if alone:
        raise Conflict(f"You are the only admin of {_listed(alone)}. Make somebody else an admin there first.")
    running = select(User.id).where(User.is_admin, User.is_active, User.id != user.id).limit(1)
    if user.is_admin and db.session.execute(running).first() is None:
        raise Conflict("You are the only one who runs this server. Make somebody else an admin of it first.")
    on_its_way = select(Post.id).where(
        Post.user_id == user.id, Post.status.in_((PostStatus.SENDING, PostStatus.UNKNOWN))
    )
    if db.session.execute(on_its_way.limit(1)).first() is not None:
        raise Conflict("A post of yours is on its way to X, and its outcome is not known. Try again in a few minutes.")


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _end_tokens(user_id: int, now: datetime) -> None:
    """The rows go with the user; X is told that their tokens ended as soon as it can be reached."""
    for connection in db.session.execute(select(SocialConnection).where(SocialConnection.user_id == user_id)).scalars():
        account = f"x:{connection.platform_user_id}"
        remember({f"{account}:access": connection.access_token, f"{account}:refresh": connection.refresh_token}, now)
        db.session.execute(delete(SendGate).where(SendGate.key == account), execution_options=_PLAIN)


def _forget(user_id: int, email: str) -> None:
    """Takes names, words and accounts out of the history of posts."""
    theirs = select(Post.id).where(Post.user_id == user_id)
    for of_post in (PostEvent, PostAttempt):
        undetailed = update(of_post).where(of_post.post_id.in_(theirs)).values(detail=None)
        db.session.execute(undetailed, execution_options=_PLAIN)
    nameless = {"host_name": FORMER, "username": "", "platform_user_id": "", "text": "", "detail": None}
    # The address of the post, and the key, which holds the id of the account, would lead to the person.
    traceless = {"remote_id": None, "candidate_id": None, "key": literal("former:") + cast(Post.id, String)}
    posts = update(Post).where(Post.user_id == user_id).values(**nameless, **traceless).returning(Post.podcast_id)
    figures_version.raise_for(db.session(), db.session.execute(posts, execution_options=_PLAIN).scalars())
    db.session.execute(delete(OneTimeLink).where(OneTimeLink.email == email), execution_options=_PLAIN)
    _forget_rehearsals(user_id)


def _forget_rehearsals(user_id: int) -> None:
    """What they found about this person; of the others it stays."""
    ids = select(Rehearsal.id).where(cast(Rehearsal.results, String).contains(f'"user_id": {user_id}'))
    for rehearsal in db.session.execute(select(Rehearsal).where(Rehearsal.id.in_(ids))).scalars():
        rehearsal.results = [
            result | {"user_id": None, "name": FORMER, "said": ""} if result.get("user_id") == user_id else result
            for result in rehearsal.results
        ]
