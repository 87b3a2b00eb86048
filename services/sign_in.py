"""Signing in and out. Knows no cookie: a session is a token that services/sessions.py gave."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from extensions import db
from models import User
from services import audit, second_step, sessions, throttle
from services.audit import Actor, Kind
from services.checks import email_address
from services.errors import Invalid
from services.passwords import hash_password, needs_rehash, verify_password
from services.sessions import SignedIn
from services.vault import Vault

REFUSED = "E-mail and password do not match, or the account is switched off."
WRONG = "This is not your password."
TOO_LATE = "That took too long. Sign in again, with your password first."
#: how long the code of the second step is waited for
CODE_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody whose password was right; `of` tells which one it was.

    `half` is set when a code is wanted too: not signed in yet.
    """

    user_id: int
    of: str
    half: dict[str, Any] | None = None


def sign_in(email: str, password: str, by: Actor, now: datetime) -> Known:
    """Whose password this is. Raises Invalid with one sentence, whatever was wrong, and TooManyTries.

    Takes as long for nobody as for somebody, so that the time does not tell who has an account.
    """
    keys = (throttle.of_network(by.address), throttle.of_account(email))
    throttle.count(keys, now)
    user = _find(email)
    user_id, stored = (user.id, user.password_hash) if user else (None, None)
    is_welcome = user is not None and user.is_active
    wants_code = user is not None and user.totp_on
    db.session.rollback()  # nothing is open while the password is compared
    if not verify_password(stored, password) or not is_welcome or user_id is None:
        _note_failure(Kind.SIGN_IN_FAILED, by, now, subject_id=user_id)
        raise Invalid(REFUSED)
    of = _fingerprint(_rehash(user_id, stored, password))
    throttle.take_back(keys)
    throttle.clean(now)
    db.session.commit()
    return Known(user_id, of, {"user": user_id, "at": now.timestamp(), "of": of} if wants_code else None)


def _find(email: str) -> User | None:
    try:
        address = email_address(email)
    except Invalid:
        return None
    return db.session.execute(select(User).where(User.email == address)).scalar_one_or_none()


def _note_failure(kind: Kind, by: Actor, now: datetime, *, subject_id: int | None) -> None:
    audit.note(kind, by, now, subject_id=subject_id)
    throttle.count_everybody(now)
    db.session.commit()


def _rehash(user_id: int, stored: str | None, password: str) -> str | None:
    """The parameters have grown since: kept anew, now that the password is known for a moment. Returns what is kept."""
    if stored is None or not needs_rehash(stored):
        return stored
    fresh = hash_password(password)
    same = update(User).where(User.id == user_id, User.password_hash == stored)
    db.session.execute(same.values(password_hash=fresh), execution_options={"synchronize_session": False})
    return fresh


def _fingerprint(password_hash: str | None) -> str:
    """Tells one password from the next: what was begun with an earlier one is of no use any more."""
    return hashlib.sha256((password_hash or "").encode()).hexdigest()[:16]


# The second step


def is_half_way(half: object, now: datetime) -> bool:
    """Whether a code may still be given."""
    at = half.get("at") if isinstance(half, dict) else None
    return isinstance(at, float) and timedelta() <= now - datetime.fromtimestamp(at, UTC) <= CODE_WITHIN


def sign_in_with_code(half: Any, code: str, vault: Vault, by: Actor, now: datetime) -> Known:
    """The second step: a code of the app, or a recovery code. Raises Invalid and TooManyTries."""
    user = db.session.get(User, half["user"]) if is_half_way(half, now) else None
    is_welcome = user is not None and _is_still(user, str(half["of"]))
    db.session.rollback()
    if not is_welcome:
        raise Invalid(TOO_LATE)
    keys = (throttle.of_network(by.address), throttle.of_code(half["user"]))
    throttle.count(keys, now)
    try:
        second_step.use(half["user"], code, vault, by, now)
    except Invalid:
        _note_failure(Kind.CODE_FAILED, by, now, subject_id=half["user"])
        raise
    throttle.take_back(keys)
    db.session.commit()
    return Known(half["user"], str(half["of"]))


def _is_still(user: User, of: str) -> bool:
    return user.is_active and hmac.compare_digest(_fingerprint(user.password_hash), of)


# Sessions


def begin_known(known: Known, by: Actor, now: datetime, *, agent: str, before: SignedIn | None = None) -> str:
    """As `begin_session`, unless the password was changed since it was compared. Raises Invalid then."""
    held = select(User).where(User.id == known.user_id).with_for_update(key_share=True)
    user = db.session.execute(held, execution_options={"populate_existing": True}).scalar_one_or_none()
    if user is None or not _is_still(user, known.of):
        db.session.rollback()
        raise Invalid(REFUSED)
    return begin_session(known.user_id, by, now, agent=agent, before=before)


def begin_session(user_id: int, by: Actor, now: datetime, *, agent: str, before: SignedIn | None = None) -> str:
    """A new session for somebody who proved who he is; the one that the browser had ends. Returns its token."""
    if before is not None:
        sessions.end(before.session_id, user_id=before.user.id)
    token = sessions.begin(user_id, now, agent=agent, address=by.address)
    audit.note(Kind.SIGNED_IN, Actor(user_id, by.address), now)
    db.session.commit()
    return token


def confirm(signed_in: SignedIn, password: str, by: Actor, now: datetime) -> None:
    """The password again, for dangerous acts in this session. Raises Invalid when it is another, TooManyTries."""
    check_password(signed_in.user, password, by, now)
    sessions.confirm(signed_in.session_id, now)
    audit.note(Kind.CONFIRMED, by, now)
    db.session.commit()


def check_password(user: User, password: str, by: Actor, now: datetime) -> None:
    """Whether the person who is signed in knows the password. Leaves no transaction open."""
    user_id, stored = user.id, user.password_hash
    db.session.rollback()  # nothing is open while the password is compared
    key = throttle.of_confirming(user_id)
    throttle.count([key], now)
    if not verify_password(stored, password):
        _note_failure(Kind.SIGN_IN_FAILED, by, now, subject_id=user_id)
        raise Invalid(WRONG)
    throttle.take_back([key])
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
