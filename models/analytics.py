"""What came of posts: the counts that X shows of each, their sums by host and week, and what people put aside."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from extensions import Base
from models.types import NEVER_AGAIN, UtcDateTime, where


class PostSnapshot(Base):
    """The public counts of one post at one age: `step` hours after it went out. The newest stand with the post too."""

    __tablename__ = "post_snapshots"
    __table_args__ = (
        UniqueConstraint("post_id", "step"),
        Index("ix_post_snapshots_at", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    step: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    impressions: Mapped[int] = mapped_column(BigInteger, default=0, server_default=sql("0"))
    likes: Mapped[int] = mapped_column(BigInteger, default=0, server_default=sql("0"))
    reposts: Mapped[int] = mapped_column(BigInteger, default=0, server_default=sql("0"))
    replies: Mapped[int] = mapped_column(BigInteger, default=0, server_default=sql("0"))
    quotes: Mapped[int] = mapped_column(BigInteger, default=0, server_default=sql("0"))
    bookmarks: Mapped[int] = mapped_column(BigInteger, default=0, server_default=sql("0"))


class HostWeek(Base):
    """One host's numbers of one week of a podcast, added up once the week is over."""

    __tablename__ = "host_weeks"
    __table_args__ = (
        UniqueConstraint("podcast_id", "user_id", "week"),
        Index("ix_host_weeks_podcast_id_week", "podcast_id", "week"),
        Index("ix_host_weeks_user_id", "user_id"),
        Index("ix_host_weeks_week", "week"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    podcast_id: Mapped[int] = mapped_column(ForeignKey("podcasts.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    #: its Monday, in the podcast's zone
    week: Mapped[date] = mapped_column(Date)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: as in services/figures.py: posts by what became of them, in time, by whose words; and those X showed counts of
    announcements: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    posted: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    failed: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    timed: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    on_time: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    own: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    draft: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    template: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    measured: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    impressions: Mapped[int] = mapped_column(BigInteger, default=0, server_default=sql("0"))
    engagements: Mapped[int] = mapped_column(BigInteger, default=0, server_default=sql("0"))
    #: micro-dollars
    spend: Mapped[int] = mapped_column(BigInteger, default=0, server_default=sql("0"))
    #: hundredths of a second from the start to the post; NULL where nothing could be timed
    median: Mapped[int | None] = mapped_column()
    p95: Mapped[int | None] = mapped_column()


class FiguresVersion(Base):
    """Counts the changes of what a podcast's numbers are made of. A podcast without a row never had one.

    A table of its own, without a foreign key: whoever posts raises it at the end, and must wait neither for who holds
    the podcast to change it nor for who deletes it.
    """

    __tablename__ = "figures_versions"

    podcast_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]


class Dismissal(Base):
    """Something that needs attention and that somebody does not want to see for now, or any more."""

    __tablename__ = "dismissals"
    __table_args__ = (
        Index("uq_dismissals_podcast_id_item", "podcast_id", "item", unique=True, **where(sql("user_id IS NULL"))),
        Index(
            "uq_dismissals_podcast_id_user_id_item",
            *("podcast_id", "user_id", "item"),
            unique=True,
            **where(sql("user_id IS NOT NULL")),
        ),
        Index("ix_dismissals_user_id", "user_id"),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    podcast_id: Mapped[int] = mapped_column(ForeignKey("podcasts.id", ondelete="CASCADE"))
    #: who does not see it; NULL: nobody does
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    #: names it, such as "failed:123"
    item: Mapped[str] = mapped_column(String(120))
    #: NULL: for good
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
