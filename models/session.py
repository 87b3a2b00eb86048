"""Signing in: sessions kept by the server, links that work once, second steps, and tries that failed."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, func
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from extensions import Base
from models.types import LinkPurpose, Role, UtcDateTime, one_of, where


class UserSession(Base):
    """One browser that is signed in. The cookie holds the token, this row its hash; without the row it is nothing."""

    __tablename__ = "user_sessions"
    __table_args__ = (Index("ix_user_sessions_user_id", "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: SHA-256 of the token, in hex
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: written at most every few minutes: reading a page should not write
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: when the password was last given; dangerous acts ask for it again after a while
    confirmed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: what the browser calls itself, and where it came from: so that people know their own
    agent: Mapped[str] = mapped_column(String(200), default="", server_default="")
    address: Mapped[str] = mapped_column(String(45), default="", server_default="")


class OneTimeLink(Base):
    """A link that lets somebody in once: the first admin, an invitation, a new password. Kept as a hash only."""

    __tablename__ = "one_time_links"
    __table_args__ = (
        Index("ix_one_time_links_podcast_id", "podcast_id"),
        Index("ix_one_time_links_user_id", "user_id"),
        # Two processes that start at once print one link to the first account.
        Index(
            "uq_one_time_links_first_admin",
            "purpose",
            unique=True,
            **where(sql("purpose = 'first_admin' AND used_at IS NULL")),
        ),
        one_of("purpose", LinkPurpose),
        one_of("role", Role),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    purpose: Mapped[str] = mapped_column(String(16))
    #: of a new password: whose
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    #: of an invitation: where to, who, and as what
    podcast_id: Mapped[int | None] = mapped_column(ForeignKey("podcasts.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(String(254), default="", server_default="")
    role: Mapped[str | None] = mapped_column(String(16))
    made_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RecoveryCode(Base):
    """Stands in for the second step once, when the phone is lost. Kept as a hash only."""

    __tablename__ = "recovery_codes"
    __table_args__ = (Index("ix_recovery_codes_user_id", "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SignInThrottle(Base):
    """Tries that failed, counted in the database: for all processes, and without anything beside it."""

    __tablename__ = "sign_in_throttles"
    __table_args__ = (Index("ix_sign_in_throttles_last_at", "last_at"),)

    #: "account:<SHA-256 of the address>", "confirm:<user id>", "code:<user id>", "from:<network>" or "everybody"
    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    failures: Mapped[int] = mapped_column(Integer, default=0, server_default=sql("0"))
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: no try counts before this, not even with the right password; of "from:" and "everybody": counted anew from then
    blocked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class OAuthFlow(Base):
    """A person on the way to X and back: bound to one session, used once."""

    __tablename__ = "oauth_flows"
    __table_args__ = (Index("ix_oauth_flows_session_id", "session_id"),)

    #: SHA-256 of the state, in hex
    state_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("user_sessions.id", ondelete="CASCADE"))
    platform: Mapped[str] = mapped_column(String(16), default="x", server_default="x")
    #: the PKCE verifier, sealed
    verifier: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
