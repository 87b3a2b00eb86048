"""Sessions of people who are signed in: kept here, so that ending one ends it at once. Knows no cookie."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, select, update

from extensions import db
from models import Notice, User, UserSession

IDLE, LONGEST = timedelta(hours=8), timedelta(days=30)
#: seen_at is written at most so often
SEEN_EVERY = timedelta(minutes=10)
#: dangerous acts want a password that was given within this time
CONFIRMED_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person and the session he came with."""

    user: User
    session_id: int
    confirmed_at: datetime
    #: how many notices are new to this person; asked along, since every page shows it
    unread: int = 0

    def is_confirmed(self, now: datetime) -> bool:
        """Whether the password was given recently enough for a dangerous act."""
        return now - self.confirmed_at < CONFIRMED_FOR


def hashed(token: str) -> str:
    """What is kept of a token that is known to its owner only: it has 256 bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def new_token() -> str:
    """256 bits, safe in an address."""
    return secrets.token_urlsafe(32)


def begin(user_id: int, now: datetime, *, agent: str = "", address: str = "") -> str:
    """A new session in the caller's transaction. Returns the token, which is kept nowhere else."""
    token = new_token()
    agent = "".join(c for c in agent if c.isprintable())
    db.session.add(
        UserSession(
            token_hash=hashed(token),
            user_id=user_id,
            created_at=now,
            seen_at=now,
            confirmed_at=now,
            agent=agent[:200],
            address=address,
        )
    )
    return token


def find(token: str, now: datetime) -> SignedIn | None:
    """Who this token belongs to; None when the session has ended or the account is switched off.

    Writes down that it was seen, at most every SEEN_EVERY, and commits that.
    """
    row = db.session.execute(_by_token(), {"hash": hashed(token)}).one_or_none()
    if row is None or not row.User.is_active or has_ended(row.UserSession, now):
        return None
    found = SignedIn(row.User, row.UserSession.id, row.UserSession.confirmed_at, row.unread)
    if now - row.UserSession.seen_at > SEEN_EVERY:
        _see(found.session_id, now)
    return found


@cache
def _by_token() -> Select[Any]:
    """Asked for every page, so it is put together once."""
    unread = select(func.count(Notice.id)).where(Notice.user_id == User.id, Notice.read_at.is_(None)).correlate(User)
    query = select(UserSession, User, unread.scalar_subquery().label("unread"))
    return query.join(User, User.id == UserSession.user_id).where(UserSession.token_hash == bindparam("hash"))


def has_ended(session: UserSession, now: datetime) -> bool:
    return now - session.seen_at > IDLE or now - session.created_at > LONGEST


def _see(session_id: int, now: datetime) -> None:
    user_session = update(UserSession).where(UserSession.id == session_id).values(seen_at=now)
    db.session.rollback()  # what was read so far took no write lock
    db.session.execute(user_session, execution_options={"synchronize_session": False})
    db.session.commit()


def confirm(session_id: int, now: datetime) -> None:
    """The password was given again. In the caller's transaction."""
    db.session.execute(
        update(UserSession).where(UserSession.id == session_id).values(confirmed_at=now),
        execution_options={"synchronize_session": False},
    )


def end(session_id: int, *, user_id: int) -> bool:
    """Ends one session of this person, in the caller's transaction; a copied cookie is of no use from here on.

    False: it had ended already, or it is somebody else's.
    """
    ended = delete(UserSession).where(UserSession.id == session_id, UserSession.user_id == user_id)
    return db.session.execute(ended.returning(UserSession.id)).first() is not None


def end_all(user_id: int, *, but: int | None = None) -> None:
    """Ends every session of a person, except `but`, in the caller's transaction."""
    ended = delete(UserSession).where(UserSession.user_id == user_id)
    db.session.execute(ended if but is None else ended.where(UserSession.id != but))


def clean(now: datetime) -> None:
    """Takes away what has ended, in the caller's transaction."""
    over = (UserSession.seen_at < now - IDLE) | (UserSession.created_at < now - LONGEST)
    db.session.execute(delete(UserSession).where(over), execution_options={"synchronize_session": False})
