"""Links to a new password: asked for by whoever forgot it, or made by those who run the server."""

from collections.abc import Callable
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import func, select

from extensions import db
from models import LinkPurpose, OneTimeLink, User
from services import audit, links, sessions
from services.accounts import names_around
from services.audit import Actor, Kind
from services.checks import email_address
from services.errors import Conflict, Invalid
from services.passwords import check_strength, hash_password
from services.registry import get_services

#: letters to one person; whoever asks does not learn that there were more
AN_HOUR_AT_MOST = 3
SUBJECT = "A new password for Airhorn"
LETTER = """Hello {name},

somebody asked for a new password for your account, most likely you.

Open this to set it. It works once, for one hour:

{link}

If it was not you, do nothing: your password stays as it is.
"""


def ask(email: str, by: Actor, now: datetime) -> None:
    """Mails a link to whoever has this address, if somebody has and mail is set up.

    All of it happens beside the request: neither the answer nor its time tells who has an account.
    """
    try:
        address = email_address(email)
    except Invalid:
        return
    mail = get_services().mail
    if mail.is_set_up:
        mail.later(_beside(lambda: _mail_to(address, by, now)))


def _beside(work: Callable[[], None]) -> Callable[[], None]:
    context = current_app.app_context()

    def run() -> None:
        with context:
            work()

    return run


def _mail_to(email: str, by: Actor, now: datetime) -> None:
    user = db.session.execute(select(User).where(User.email == email, User.is_active)).scalar_one_or_none()
    if user is None or _asked_lately(user.id, now) >= AN_HOUR_AT_MOST:
        return
    name = user.name
    link = _make(user, by, now)
    get_services().mail.send(email, SUBJECT, LETTER.format(name=name, link=link))


def _asked_lately(user_id: int, now: datetime) -> int:
    count = select(func.count()).select_from(OneTimeLink)
    of_user = OneTimeLink.user_id == user_id, OneTimeLink.purpose == LinkPurpose.PASSWORD
    return db.session.execute(count.where(*of_user, OneTimeLink.created_at > now - timedelta(hours=1))).scalar_one()


def make_for(user: User, by: Actor, now: datetime) -> str:
    """A link to hand over. Raises Conflict when the account is switched off."""
    if not user.is_active:
        raise Conflict(f"The account of {user.email} is switched off. Switch it on first.")
    return _make(user, by, now)


def _make(user: User, by: Actor, now: datetime) -> str:
    link = links.make(LinkPurpose.PASSWORD, now, user_id=user.id, made_by=by.user_id)
    audit.note(Kind.PASSWORD_LINK_MADE, by, now, subject_id=user.id)
    db.session.commit()
    return link


def find(token: str, now: datetime) -> User:
    """Whose password the link sets. Raises Gone."""
    user = db.session.get(User, links.find(token, LinkPurpose.PASSWORD, now).user_id)
    if user is None or not user.is_active:
        raise links.Gone("The account is switched off.")
    return user


def set_password(token: str, password: str, by: Actor, now: datetime) -> None:
    """Sets it, ends all sessions of the person and every other such link. Raises Gone and Invalid."""
    user_id = find(token, now).id
    link_id = links.find(token, LinkPurpose.PASSWORD, now).id
    about = names_around(user_id)
    db.session.rollback()  # nothing is open while the password is judged and hashed
    check_strength(password, about)
    password_hash = hash_password(password)
    links.use(link_id, now)
    user = db.session.get(User, user_id, populate_existing=True)
    if user is None or not user.is_active:
        db.session.rollback()
        raise links.Gone("The account is switched off.")
    user.password_hash = password_hash
    links.end_password_links(user_id, now)
    sessions.end_all(user_id)
    audit.note(Kind.PASSWORD_CHANGED, Actor(user_id, by.address), now, with_link=True)
    db.session.commit()
