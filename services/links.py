"""Links that let somebody in once: made, found, used up. Kept as a hash only; sends nothing."""

from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import ColumnElement, delete, select, update

from config import Settings
from extensions import db
from models import LinkPurpose, OneTimeLink, PodcastMember, Role
from services.errors import NotFound
from services.sessions import hashed, new_token

#: An invitation is handed over through a chat and read tomorrow; the others are used at once.
LIVES = {
    LinkPurpose.FIRST_ADMIN: timedelta(hours=1),
    LinkPurpose.INVITATION: timedelta(days=3),
    LinkPurpose.PASSWORD: timedelta(hours=1),
}
#: the part of the address in front of the token
PATHS = {
    LinkPurpose.FIRST_ADMIN: "/setup/",
    LinkPurpose.INVITATION: "/invitations/",
    LinkPurpose.PASSWORD: "/password/",
}
#: how long a link that is of no use any more is remembered
KEPT = timedelta(days=30)


class Gone(NotFound):
    """The link was used, has ended, or never was one: nobody learns which."""


def make(purpose: LinkPurpose, now: datetime, **columns: object) -> str:
    """A new link in the caller's transaction. Returns its address, which is kept nowhere else."""
    token = new_token()
    clean(now)
    link = OneTimeLink(
        token_hash=hashed(token), purpose=purpose, created_at=now, expires_at=now + LIVES[purpose], **columns
    )
    db.session.add(link)
    return address(purpose, token)


def address(purpose: LinkPurpose, token: str) -> str:
    """Always under the name of the settings: whatever a request called us, no link leads elsewhere."""
    settings: Settings = current_app.config["SETTINGS"]
    return f"{settings.public_url}{PATHS[purpose]}{token}"


def find(token: str, purpose: LinkPurpose, now: datetime) -> OneTimeLink:
    """The link if it can still be used. Raises Gone."""
    wanted = select(OneTimeLink).where(OneTimeLink.token_hash == hashed(token), OneTimeLink.purpose == purpose)
    link = db.session.execute(wanted).scalar_one_or_none()
    if link is None or link.used_at is not None or link.expires_at <= now:
        raise Gone("This link is used up, too old, or not complete.")
    return link


def use(link_id: int, now: datetime) -> None:
    """Uses a link up, in the caller's transaction: of several at once, one succeeds. Raises Gone for the others."""
    mine = OneTimeLink.id == link_id, OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > now
    if not _end(*mine, now=now):
        db.session.rollback()
        raise Gone("Somebody has just used this link.")


def take_back(link_id: int, now: datetime) -> bool:
    """Makes a link useless, in the caller's transaction. Returns whether it was unused until now."""
    return _end(OneTimeLink.id == link_id, OneTimeLink.used_at.is_(None), now=now)


def end_password_links(user_id: int, now: datetime) -> None:
    """After a change of the password no older link may change it again. In the caller's transaction."""
    of_user = OneTimeLink.user_id == user_id, OneTimeLink.purpose == LinkPurpose.PASSWORD
    _end(*of_user, OneTimeLink.used_at.is_(None), now=now)


def end_invitations_by(user_id: int, podcast_id: int, now: datetime) -> None:
    """Who is no admin any more has nobody come in by an old invitation. In the caller's transaction."""
    made = OneTimeLink.made_by == user_id, OneTimeLink.podcast_id == podcast_id
    _end(*made, OneTimeLink.purpose == LinkPurpose.INVITATION, OneTimeLink.used_at.is_(None), now=now)


def end_links_by(user_id: int, now: datetime, *, but_as_admin: bool = False) -> None:
    """Who may not let others in any more leaves no door open behind him. In the caller's transaction.

    `but_as_admin`: invitations to podcasts of which he is an admin stay.
    """
    made = [OneTimeLink.made_by == user_id, OneTimeLink.used_at.is_(None)]
    if but_as_admin:
        managed = select(PodcastMember.podcast_id).where(
            PodcastMember.user_id == user_id, PodcastMember.role == Role.ADMIN
        )
        made.append(OneTimeLink.podcast_id.is_(None) | OneTimeLink.podcast_id.not_in(managed))
    _end(*made, now=now)


def clean(now: datetime) -> None:
    """Takes away what is not even remembered any more, in the caller's transaction."""
    old = OneTimeLink.expires_at < now - KEPT
    db.session.execute(delete(OneTimeLink).where(old), execution_options={"synchronize_session": False})


def _end(*where: ColumnElement[bool], now: datetime) -> bool:
    ended = update(OneTimeLink).where(*where).values(used_at=now).returning(OneTimeLink.id)
    found = db.session.execute(ended, execution_options={"synchronize_session": False}).scalars().all()
    return bool(found)
