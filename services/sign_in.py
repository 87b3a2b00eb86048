"""Signing in and out. Knows no cookie: a session is a token that services/sessions.py gave."""

from datetime import datetime

from sqlalchemy import select

from extensions import db
from models import User
from services import audit, sessions
from services.audit import Actor, Kind
from services.checks import email_address
from services.errors import Invalid
from services.passwords import hash_password, needs_rehash, verify_password
from services.sessions import SignedIn

REFUSED = "E-mail and password do not match, or the account is switched off."
WRONG = "This is not your password."


def sign_in(email: str, password: str) -> User:
    """The user whose password this is. Raises Invalid with one sentence, whatever was wrong.

    Takes as long for nobody as for somebody, so that the time does not tell who has an account.
    """
    user = _find(email)
    user_id, stored = (user.id, user.password_hash) if user else (None, None)
    db.session.rollback()  # nothing is open while the password is compared
    if not verify_password(stored, password):
        raise Invalid(REFUSED)
    fresh = hash_password(password) if stored and needs_rehash(stored) else None
    found = db.session.get(User, user_id)
    if found is None or not found.is_active or found.password_hash != stored:
        db.session.rollback()
        raise Invalid(REFUSED)
    if fresh is not None:
        found.password_hash = fresh
    db.session.commit()
    return found


def _find(email: str) -> User | None:
    try:
        address = email_address(email)
    except Invalid:
        return None
    return db.session.execute(select(User).where(User.email == address)).scalar_one_or_none()


def begin_session(user_id: int, by: Actor, now: datetime, *, agent: str) -> str:
    """A new session for somebody who proved who he is. Returns its token."""
    token = sessions.begin(user_id, now, agent=agent, address=by.address)
    audit.note(Kind.SIGNED_IN, Actor(user_id, by.address), now)
    db.session.commit()
    return token


def confirm(signed_in: SignedIn, password: str, by: Actor, now: datetime) -> None:
    """The password again, for dangerous acts in this session. Raises Invalid when it is another."""
    stored = signed_in.user.password_hash
    db.session.rollback()  # nothing is open while the password is compared
    if not verify_password(stored, password):
        raise Invalid(WRONG)
    sessions.confirm(signed_in.session_id, now)
    audit.note(Kind.CONFIRMED, by, now)
    db.session.commit()


def sign_out(session_id: int, by: Actor, now: datetime) -> None:
    """Ends one session: a copied cookie is of no use from here on."""
    if by.user_id is not None:
        sessions.end(session_id, user_id=by.user_id)
    audit.note(Kind.SIGNED_OUT, by, now)
    db.session.commit()


def sign_out_everywhere(by: Actor, now: datetime) -> None:
    """Ends every session of this person, on all devices."""
    if by.user_id is not None:
        sessions.end_all(by.user_id)
    audit.note(Kind.SIGNED_OUT_EVERYWHERE, by, now)
    db.session.commit()
