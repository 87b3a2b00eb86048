"""Hosts' logins at X: connected, replaced, disconnected. Their tokens are in `services/tokens.py`."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from extensions import db
from models import Post, PostStatus, RefreshState, SocialConnection, User
from services import audit, figures_version
from services.audit import NOBODY, Actor, Kind
from services.clients.x import XClient
from services.clients.x_answers import Tokens, XUser
from services.errors import Conflict, Invalid, NotFound
from services.renewing import owner_of
from services.revoking import RevokingService, remember
from services.tokens import TokenService

log = logging.getLogger(__name__)

#: causes on a queued post that connecting again cures
CURED_BY_CONNECTING = ("x_auth", "x_token_refused", "x_scope", "no_connection")


class ConnectionService:
    """Keeps connections. Every method that writes commits."""

    def __init__(self, tokens: TokenService, x: XClient, revoking: RevokingService) -> None:
        self._tokens = tokens
        self._x = x
        self._revoking = revoking

    def import_x(
        self, email: str, access_token: str, refresh_token: str | None, expires_at: datetime | None, now: datetime
    ) -> SocialConnection:
        """Connects with tokens that a person brings, after asking X whose they are.

        Raises NotFound for an unknown address, Refused or Unknown when X does not say who it is, Conflict when the
        account belongs to somebody else here.
        """
        if not access_token.strip() or (refresh_token is not None and not refresh_token.strip()):
            raise Invalid("A token is empty. Give both as X handed them out.")
        user = db.session.execute(select(User).where(User.email == email.strip().lower())).scalar_one_or_none()
        user_id = user.id if user else None
        db.session.commit()
        if user_id is None:
            raise NotFound(f"No user has the address {email.strip()[:254]}.")
        who = self._x.me(access_token)
        tokens = Tokens(access_token, refresh_token, 0, frozenset())
        return self.connect(user_id, who, tokens, now, expires_at=expires_at, by=NOBODY)

    def connect(
        self,
        user_id: int,
        who: XUser,
        tokens: Tokens,
        now: datetime,
        *,
        expires_at: datetime | None = None,
        by: Actor | None = None,
    ) -> SocialConnection:
        """Stores a login, replacing the user's former one; what waited for it is sent. Raises Conflict.

        `by` is written into the audit log. The tokens of another account that it replaces are ended at X.
        """
        connection = self._row_of(user_id, who, now)
        if expires_at is None and tokens.expires_in:
            expires_at = now + timedelta(seconds=tokens.expires_in)
        connection.username, connection.display_name = who.username, who.name
        connection.avatar_url = who.avatar_url or ""
        connection.scopes = " ".join(sorted(tokens.scopes))
        connection.is_active, connection.connected_at = True, now
        self._tokens.store(connection, tokens, expires_at)
        try:
            db.session.flush()
        except IntegrityError as error:  # somebody connected the same account in this very moment
            db.session.rollback()
            raise Conflict(f"@{who.username} was just connected elsewhere. Look at the connections again.") from error
        self._release_waiting(connection, now)
        figures_version.raise_for_user(db.session(), user_id)
        if by is not None:
            audit.note(Kind.X_CONNECTED, by, now, subject_id=user_id, connection=connection.id)
        db.session.commit()
        return connection

    def _row_of(self, user_id: int, who: XUser, now: datetime) -> SocialConnection:
        """The row that this login is kept in; one of another account is retired."""
        active = select(SocialConnection).where(SocialConnection.is_active, SocialConnection.platform == "x")
        theirs = db.session.execute(active.where(SocialConnection.platform_user_id == who.id)).scalar_one_or_none()
        if theirs is not None and theirs.user_id != user_id:
            db.session.rollback()
            raise Conflict(f"@{who.username} is already connected by somebody else here. One X account, one person.")
        connection = db.session.execute(active.where(SocialConnection.user_id == user_id)).scalar_one_or_none()
        if connection is not None and connection.platform_user_id != who.id:
            self._retire(connection, now)
            db.session.flush()
            connection = None
        if connection is None:
            connection = self._former(user_id, who.id)
            db.session.add(connection)
        return connection

    @staticmethod
    def _former(user_id: int, platform_user_id: str) -> SocialConnection:
        """The row of an account that this user had connected before, so that posts which wait for it find it; or new.

        Locked against whoever still settles a refresh for it.
        """
        query = select(SocialConnection).where(
            SocialConnection.user_id == user_id,
            SocialConnection.platform == "x",
            SocialConnection.platform_user_id == platform_user_id,
        )
        newest = query.order_by(SocialConnection.id.desc()).limit(1).with_for_update(key_share=True)
        found = db.session.execute(newest).scalar_one_or_none()
        return found or SocialConnection(
            user_id=user_id, platform="x", platform_user_id=platform_user_id, token_version=0
        )

    def disconnect(self, user_id: int, by: Actor, now: datetime) -> None:
        """Forgets the login at once and tells X that its tokens have ended, now or as soon as X answers.

        Posts that were queued for it wait until they are too late; its history stays. Nothing happens without one.
        """
        query = select(SocialConnection).where(
            SocialConnection.user_id == user_id, SocialConnection.platform == "x", SocialConnection.is_active
        )
        connection = db.session.execute(query.with_for_update(key_share=True)).scalar_one_or_none()
        if connection is None:
            db.session.rollback()
            return
        account = connection.platform_user_id
        self._retire(connection, now)
        figures_version.raise_for_user(db.session(), user_id)
        audit.note(Kind.X_DISCONNECTED, by, now, subject_id=user_id, connection=connection.id)
        db.session.commit()
        self._revoking.revoke_due(now, account=account)

    @staticmethod
    def _retire(connection: SocialConnection, now: datetime) -> None:
        """No token of it stays in the row; a refresh under way finds another version and keeps nothing either."""
        owner = owner_of(connection.platform_user_id)
        remember({f"{owner}:refresh": connection.refresh_token, f"{owner}:access": connection.access_token}, now)
        connection.is_active = False
        connection.access_token, connection.refresh_token, connection.expires_at = b"", None, None
        connection.token_version += 1
        connection.refresh_state = RefreshState.REVOKED
        connection.refresh_owner = connection.refresh_lease_until = connection.trouble = None

    @staticmethod
    def _release_waiting(connection: SocialConnection, now: datetime) -> None:
        """Posts of this account that waited for a connection go out now."""
        db.session.execute(
            update(Post)
            .where(
                Post.status == PostStatus.QUEUED,
                Post.platform == connection.platform,
                Post.platform_user_id == connection.platform_user_id,
                Post.cause.in_(CURED_BY_CONNECTING),
            )
            .values(not_before=now, connection_id=connection.id),
            execution_options={"synchronize_session": False},
        )
