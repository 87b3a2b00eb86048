"""People: made, found, switched off. Knows no session and sends no mail."""

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from extensions import db
from models import Post, PostStatus, User
from services import audit, figures_version, links, outbox, sessions
from services.audit import NOBODY, Kind
from services.checks import email_address, one_line, shown
from services.errors import Conflict, Invalid, NotFound
from services.passwords import check_strength, hash_password

LONGEST_NAME = 100


def create_user(
    email: str,
    name: str,
    *,
    admin: bool = False,
    never_repost: bool = False,
    password: str | None = None,
    now: datetime | None = None,
) -> User:
    """A new user, made by a command. Without a password nobody can sign in, but the posts go out all the same."""
    email = email_address(email)
    name = one_line("the name", name, LONGEST_NAME)
    password_hash = _judged_and_hashed(password, email, name) if password is not None else None
    user = User(email=email, name=name, is_admin=admin, never_repost=never_repost, password_hash=password_hash)
    db.session.add(user)
    try:
        db.session.flush()
        audit.note(Kind.USER_CREATED, NOBODY, now or datetime.now(UTC), subject_id=user.id)
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        raise Conflict(f"There is already a user with the address {email}.") from None
    return user


def _judged_and_hashed(password: str, email: str, name: str = "") -> str:
    check_strength(password, [name, email, *email.split("@")])
    return hash_password(password)


def find_user(email: str) -> User:
    """The user with this address, active or not. Raises NotFound, also for what is no address."""
    try:
        address = email_address(email)
    except Invalid:
        address = None
    user = db.session.execute(select(User).where(User.email == address)).scalar_one_or_none() if address else None
    if user is None:
        raise NotFound(f"Nobody here has the address “{shown(email)}”. Make the user first: flask users create.")
    return user


def find_active_user(email: str) -> User:
    user = find_user(email)
    if not user.is_active:
        raise Conflict(f"The account of {user.email} is switched off.")
    return user


def set_user(
    email: str,
    *,
    password: str | None = None,
    never_repost: bool | None = None,
    active: bool | None = None,
    now: datetime | None = None,
) -> User:
    """Changes what is given. A new password ends all sessions. Raises NotFound, and Invalid for a bad password."""
    password_hash = _judged_and_hashed(password, email) if password is not None else None
    user, now = find_user(email), now or datetime.now(UTC)
    if password_hash is not None:
        user.password_hash = password_hash
        sessions.end_all(user.id)
        links.end_password_links(user.id, now)
        audit.note(Kind.PASSWORD_CHANGED, NOBODY, now, subject_id=user.id)
    user.never_repost = user.never_repost if never_repost is None else never_repost
    if active and not user.is_active:
        user.is_active = True
        figures_version.raise_for_user(db.session(), user.id)
        audit.note(Kind.USER_ON, NOBODY, now, subject_id=user.id)
    db.session.commit()
    return deactivate_user(email, now=now) if active is False else user


def deactivate_user(email: str, *, now: datetime | None = None) -> User:
    """Ends the sessions and cancels the posts that are not under way. `now` is for their history."""
    user, now = find_user(email), now or datetime.now(UTC)
    if user.is_active:
        audit.note(Kind.USER_OFF, NOBODY, now, subject_id=user.id)
    switch_off(user, now)
    db.session.commit()
    return user


def switch_off(user: User, now: datetime | None = None) -> None:
    """As `deactivate_user`, in the caller's transaction."""
    if user.is_active:
        user.is_active = False
        figures_version.raise_for_user(db.session(), user.id)
        sessions.end_all(user.id)
        links.end_links_by(user.id, now or datetime.now(UTC))
        cancel_queued(user.id, cause="user_inactive", now=now)


def cancel_queued(user_id: int, *, cause: str, podcast_id: int | None = None, now: datetime | None = None) -> None:
    """Cancels what waits to be sent for a user, in one podcast or (None) in all. In the caller's transaction."""
    queued = select(Post.id).where(Post.user_id == user_id, Post.status == PostStatus.QUEUED)
    if podcast_id is not None:
        queued = queued.where(Post.podcast_id == podcast_id)
    moves = [
        outbox.Move(post_id=post_id, expected=PostStatus.QUEUED, to=PostStatus.CANCELLED, cause=cause)
        for post_id in db.session.execute(queued).scalars()
    ]
    if moves:
        outbox.apply(db.session(), moves, now or datetime.now(UTC))
