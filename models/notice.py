"""What people are told without asking, and where to."""

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, LargeBinary, String, Text, desc, false, true
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from extensions import Base
from models.types import NoticeLevel, NoticeNetwork, SendingStatus, UtcDateTime, one_of, where


class Notice(Base):
    """One event told to one person: the cause in a sentence, and one link."""

    __tablename__ = "notices"
    __table_args__ = (
        # The key first: whether an event was told at all is asked every few seconds.
        Index("uq_notices_key_user_id", "key", "user_id", unique=True),
        Index("ix_notices_user_id_unread", "user_id", **where(sql("read_at IS NULL"))),
        Index("ix_notices_user_id_at", "user_id", desc("at")),
        Index("ix_notices_podcast_id", "podcast_id"),
        Index("ix_notices_at", "at"),
        one_of("level", NoticeLevel),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: names the event, such as "posted:17": the same event is told once
    key: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(32))
    level: Mapped[str] = mapped_column(String(16), default=NoticeLevel.INFO, server_default=NoticeLevel.INFO)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    podcast_id: Mapped[int | None] = mapped_column(ForeignKey("podcasts.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text, default="", server_default="")
    #: a path on this server, such as "/podcasts/3/episodes/9/tweets"
    link: Mapped[str] = mapped_column(String(200), default="", server_default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class NoticeAddress(Base):
    """Where a person wants notices besides the page."""

    __tablename__ = "notice_addresses"
    __table_args__ = (
        Index("uq_notice_addresses_user_id_network", "user_id", "network", unique=True),
        one_of("network", NoticeNetwork),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    network: Mapped[str] = mapped_column(String(16))
    #: sealed: who has a webhook's address may write there
    address: Mapped[bytes] = mapped_column(LargeBinary)
    #: only what a person must act on, or everything
    everything: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    #: the other side says that there is no such address any more: nothing is sent there until it is set anew
    is_broken: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    failures: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    error: Mapped[str | None] = mapped_column(Text)
    last_sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class NoticeSending(Base):
    """One notice on its way to one address."""

    __tablename__ = "notice_sendings"
    __table_args__ = (
        Index("uq_notice_sendings_notice_id_address_id", "notice_id", "address_id", unique=True),
        Index("ix_notice_sendings_not_before", "not_before", **where(sql("status = 'queued'"))),
        Index("ix_notice_sendings_address_id", "address_id"),
        one_of("status", SendingStatus),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.id", ondelete="CASCADE"))
    address_id: Mapped[int] = mapped_column(ForeignKey("notice_addresses.id", ondelete="CASCADE"))
    status: Mapped[str] = mapped_column(String(16), default=SendingStatus.QUEUED, server_default=SendingStatus.QUEUED)
    tries: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    not_before: Mapped[datetime] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(Text)
