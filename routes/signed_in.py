"""Who is asking: the session behind the cookie, and the person behind the session."""

from datetime import UTC, datetime

from flask import Request, g, request, session
from flask_login import current_user

from extensions import reading
from models import User
from services import sessions
from services.addresses import plain_address
from services.audit import Actor
from services.sessions import SignedIn

READING_METHODS = ("GET", "HEAD", "OPTIONS")


def user_of_request(_request: Request) -> User | None:
    """What flask-login asks once per request."""
    token = session.get("token")
    found = sessions.find(token, datetime.now(UTC)) if isinstance(token, str) else None
    g.signed_in = found
    begin_reading()  # a session that was seen again was written down
    return found.user if found else None


def begin_reading() -> None:
    """What only reads takes no write lock."""
    if request.method in READING_METHODS:
        reading()


def this_session() -> SignedIn:
    """The session of somebody who is signed in."""
    found: SignedIn = g.signed_in
    return found


def keep_token(token: str) -> None:
    """Gives this browser a new session. What somebody put into the cookie before does not stay."""
    session.clear()
    session["token"], session.permanent = token, True


def actor() -> Actor:
    """Who acts and from where, for the audit log."""
    user_id = g.signed_in.user.id if current_user.is_authenticated else None
    return Actor(user_id, plain_address(request.remote_addr))
