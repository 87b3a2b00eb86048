"""Drafts: how a host wants to sound, what was written for him and what became of it, what is still to be written."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, ForeignKey, Index, String, Text, false, true
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from extensions import Base
from models.types import NEVER_AGAIN, DraftStatus, Unapproved, UtcDateTime, WishKind, one_of, where


class Voice(Base):
    """How one host wants his drafts to sound. The same in all of his podcasts; who has none is written for plainly."""

    __tablename__ = "voices"
    __table_args__ = (one_of("unapproved", Unapproved),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), unique=True)
    tone: Mapped[str] = mapped_column(Text, default="", server_default="")
    #: one word or phrase a line
    words_to_use: Mapped[str] = mapped_column(Text, default="", server_default="")
    words_to_avoid: Mapped[str] = mapped_column(Text, default="", server_default="")
    #: with their #, apart by spaces; no other hashtag is let through
    hashtags: Mapped[str] = mapped_column(Text, default="", server_default="")
    emoji: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    #: earlier posts of his, to be written like
    examples: Mapped[list[str]] = mapped_column(JSON, default=list, server_default=sql("'[]'"))
    #: a draft counts only once he said so; until then the start finds what `unapproved` says
    needs_approval: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    unapproved: Mapped[str] = mapped_column(String(16), default=Unapproved.TEMPLATE, server_default=Unapproved.TEMPLATE)


class Draft(Base):
    """One text that was asked for. The row is there before the question goes out, so that no cost is forgotten."""

    __tablename__ = "drafts"
    __table_args__ = (
        Index("ix_drafts_config_id_id", "config_id", "id"),
        # What was asked and has no price yet: looked through each night.
        Index("ix_drafts_asked", "made_at", **where(sql("status = 'asked'"))),
        Index("ix_drafts_made_at", "made_at", **where(sql("cost IS NULL"))),
        one_of("status", DraftStatus),
        one_of("wish", WishKind),
        CheckConstraint("rating IN (-1, 1)", name="rating"),
        CheckConstraint("cost <= cap", name="cost"),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    config_id: Mapped[int] = mapped_column(ForeignKey("episode_tweet_configs.id", ondelete="CASCADE"))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: who asked; NULL when Airhorn did by itself
    asked_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    wish: Mapped[str] = mapped_column(String(16), default=WishKind.NEW, server_default=WishKind.NEW)
    #: "builtin", or the provider and the model: "openai:gpt-5-mini"
    writer: Mapped[str] = mapped_column(String(80))
    status: Mapped[str] = mapped_column(String(16))
    #: a code of services/causes.py, and the sentence that goes with this very text
    reason: Mapped[str | None] = mapped_column(String(32))
    detail: Mapped[str | None] = mapped_column(Text)
    #: a template of tweet_text: {url} is where the link goes
    text: Mapped[str] = mapped_column(Text, default="", server_default="")
    prompt: Mapped[str] = mapped_column(Text, default="", server_default="")
    #: of what was known of the episode; another one means that it has changed since
    fingerprint: Mapped[str] = mapped_column(String(32), default="", server_default="")
    tokens_read: Mapped[int | None] = mapped_column()
    tokens_written: Mapped[int | None] = mapped_column()
    #: micro-dollars: at most, and in the end; NULL while nobody knows
    cap: Mapped[int] = mapped_column(BigInteger, default=0, server_default=sql("0"))
    cost: Mapped[int | None] = mapped_column(BigInteger)
    #: when the host said that this one is to be sent; nothing but he himself replaces it then
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: thumbs up (1) or down (-1), and why
    rating: Mapped[int | None] = mapped_column()
    rating_reason: Mapped[str] = mapped_column(String(200), default="", server_default="")


class DraftWish(Base):
    """A draft that is to be written in the background."""

    __tablename__ = "draft_wishes"
    __table_args__ = (
        Index("uq_draft_wishes_config_id", "config_id", unique=True, **where(sql("ended_at IS NULL"))),
        Index("ix_draft_wishes_config_id_id", "config_id", "id"),
        Index("ix_draft_wishes_not_before", "not_before", **where(sql("ended_at IS NULL"))),
        Index("ix_draft_wishes_ended_at", "ended_at", **where(sql("ended_at IS NOT NULL"))),
        Index("ix_draft_wishes_batch", "batch", **where(sql("batch <> ''"))),
        one_of("wish", WishKind),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    config_id: Mapped[int] = mapped_column(ForeignKey("episode_tweet_configs.id", ondelete="CASCADE"))
    #: names what was asked for together, for all hosts of an episode; empty: by itself
    batch: Mapped[str] = mapped_column(String(36), default="", server_default="")
    wish: Mapped[str] = mapped_column(String(16), default=WishKind.NEW, server_default=WishKind.NEW)
    #: NULL when Airhorn asked by itself
    asked_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    not_before: Mapped[datetime] = mapped_column(UtcDateTime)
    #: micro-dollars that it may cost at most, as was said before the click; NULL where nobody was told
    cap: Mapped[int | None] = mapped_column(BigInteger)
    #: as of a draft
    fingerprint: Mapped[str] = mapped_column(String(32), default="", server_default="")
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: of whoever works on it
    token: Mapped[str | None] = mapped_column(String(32))
    tries: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: "ai", "builtin", or why there is none
    outcome: Mapped[str] = mapped_column(String(32), default="", server_default="")
