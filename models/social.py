"""A host's login at a network, tokens sealed; and the gates that hold posting back."""

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, LargeBinary, String, Text, func, true
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from extensions import Base
from models.types import RefreshState, UtcDateTime, one_of, where
from models.user import User


class SocialConnection(Base):
    __tablename__ = "social_connections"
    __table_args__ = (
        Index("uq_social_connections_user_id_platform", "user_id", "platform", unique=True, **where(sql("is_active"))),
        Index(
            "uq_social_connections_platform_platform_user_id",
            "platform",
            "platform_user_id",
            unique=True,
            **where(sql("is_active")),
        ),
        one_of("refresh_state", RefreshState),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    platform: Mapped[str] = mapped_column(String(16), default="x", server_default="x")
    #: the network's own id of the account: it stays when the handle changes
    platform_user_id: Mapped[str] = mapped_column(String(32))
    username: Mapped[str] = mapped_column(String(100))
    display_name: Mapped[str] = mapped_column(String(200), default="", server_default="")
    avatar_url: Mapped[str] = mapped_column(String(500), default="", server_default="")
    scopes: Mapped[str] = mapped_column(Text, default="", server_default="")
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())

    #: sealed; only services/vault.py opens them
    access_token: Mapped[bytes] = mapped_column(LargeBinary)
    refresh_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    #: of the access token; NULL when X never said
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: raised with every new pair, so that who comes second sees that somebody was first
    token_version: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    refresh_state: Mapped[str] = mapped_column(String(16), default=RefreshState.IDLE, server_default=RefreshState.IDLE)
    refresh_owner: Mapped[str | None] = mapped_column(String(64))
    refresh_lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)

    #: why a person is needed, a code of services/causes.py; NULL while it works
    trouble: Mapped[str | None] = mapped_column(String(32))
    connected_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship(lazy="raise_on_sql")


class TokenRevocation(Base):
    """A token of a login that was removed here and that X could not be told to end yet: told again until it is."""

    __tablename__ = "token_revocations"
    __table_args__ = (Index("ix_token_revocations_next_try_at", "next_try_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: sealed for `owner`, such as "x:123:refresh"
    token: Mapped[bytes] = mapped_column(LargeBinary)
    owner: Mapped[str] = mapped_column(String(64))
    tries: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    next_try_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SendGate(Base):
    """Holds back what may not be sent yet: one account at its limit, or everybody when credits are gone."""

    __tablename__ = "send_gates"

    #: "x" for everybody, "x:<X user id>" for one account
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    until: Mapped[datetime] = mapped_column(UtcDateTime)
    cause: Mapped[str] = mapped_column(String(32))
