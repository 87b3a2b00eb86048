"""Signing in and staying signed in. Knows no cookie: a session is the text that User.get_id gave."""

from sqlalchemy import select, update

from extensions import db
from models import User
from services.checks import email_address
from services.errors import Invalid
from services.passwords import hash_password, needs_rehash, verify_password

REFUSED = "E-mail and password do not match, or the account is switched off."


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


def user_of_session(session_id: str) -> User | None:
    """The user of a session, or None when it has ended: signed out, switched off, or no session of ours."""
    user_id, _, epoch = session_id.partition(":")
    if not (user_id.isascii() and user_id.isdecimal() and len(user_id) < 10):
        return None
    user = db.session.get(User, int(user_id))
    return user if user is not None and user.is_active and str(user.session_epoch) == epoch else None


def end_sessions(user_id: int) -> None:
    """Ends every session of a user, on all devices: a copied cookie is of no use from here on."""
    db.session.execute(
        update(User).where(User.id == user_id).values(session_epoch=User.session_epoch + 1),
        execution_options={"synchronize_session": False},
    )
    db.session.commit()
