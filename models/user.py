"""People who sign in."""

from datetime import datetime

from sqlalchemy import Boolean, LargeBinary, String, Text, false, func, true
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from extensions import Base
from models.types import NEVER_AGAIN, UtcDateTime


class User(Base):
    __tablename__ = "users"
    __table_args__ = (NEVER_AGAIN,)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: lower-cased, so that one mailbox is one user
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    #: NULL until a password is set: nobody can sign in without one
    password_hash: Mapped[str | None] = mapped_column(String(255))
    is_admin: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    #: IANA name; times are shown in it
    timezone: Mapped[str] = mapped_column(String(64), default="UTC", server_default="UTC")
    #: the host's own template, used where nothing was written for an episode
    default_text: Mapped[str] = mapped_column(Text, default="", server_default="")
    #: strict mode: a post whose outcome is unknown is never sent again by itself
    never_repost: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    #: the sealed secret of the second step; set but not confirmed yet while `totp_on` is false
    totp_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_on: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    #: the time step of the last code that was accepted: a code works once
    totp_last_step: Mapped[int] = mapped_column(default=0, server_default=sql("0"))

    # What flask-login asks of a user, without importing it here.
    is_authenticated = True
    is_anonymous = False
