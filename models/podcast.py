"""Shows, who is on them, what is planned, and what each host wants said."""

from datetime import datetime

from sqlalchemy import JSON, Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint, false, func, true
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from extensions import Base
from models.types import NEVER_AGAIN, ConfigStatus, Role, UtcDateTime, one_of, where
from models.user import User


class Podcast(Base):
    __tablename__ = "podcasts"
    __table_args__ = (
        Index("ix_podcasts_youtube_channel_id", "youtube_channel_id", **where(sql("is_active"))),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    #: IANA name; forms take and pages show times in it
    timezone: Mapped[str] = mapped_column(String(64), default="UTC", server_default="UTC")
    #: the UC… id as YouTube writes it; no foreign key, since several podcasts may share a channel
    youtube_channel_id: Mapped[str | None] = mapped_column(String(24))
    #: a video belongs to this podcast if its title contains this, letter case aside
    title_filter: Mapped[str] = mapped_column(String(100), default="", server_default="")
    title_filter_on: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    announce_premieres: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    #: its starts are watched before those of others when the day's units are short
    is_first: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    auto_create_episodes: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    default_text: Mapped[str] = mapped_column(Text, default="", server_default="")
    #: BCP 47, such as "en" or "pt-BR"
    language: Mapped[str] = mapped_column(String(16), default="en", server_default="en")
    #: for the drafts of all hosts
    draft_rules: Mapped[str] = mapped_column(Text, default="", server_default="")
    #: per cent that the drafts of two hosts may have in common, what both have to say aside
    similarity_limit: Mapped[int] = mapped_column(default=60, server_default=sql("60"))
    #: names that a draft may use although no episode has them, one a line
    allowed_words: Mapped[str] = mapped_column(Text, default="", server_default="")
    #: whether X is asked what came of its posts, which costs as reading does
    reads_metrics: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    #: false: archived, nothing is looked at or announced
    is_active: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    #: raised to make the secret link of the calendar a new one
    calendar_epoch: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())

    @property
    def active_filter(self) -> str:
        """The title filter in force, folded for comparing; empty when every title fits."""
        return self.title_filter.casefold().strip() if self.title_filter_on else ""


class PodcastMember(Base):
    __tablename__ = "podcast_members"
    __table_args__ = (
        UniqueConstraint("podcast_id", "user_id"),
        Index("ix_podcast_members_user_id", "user_id"),
        one_of("role", Role),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    podcast_id: Mapped[int] = mapped_column(ForeignKey("podcasts.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    role: Mapped[str] = mapped_column(String(16), default=Role.CONTRIBUTOR, server_default=Role.CONTRIBUTOR)
    joined_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    #: whether the last week's numbers come by mail on Mondays
    weekly_mail: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())

    user: Mapped[User] = relationship(lazy="raise_on_sql")
    podcast: Mapped[Podcast] = relationship(lazy="raise_on_sql")


class EpisodeGuide(Base):
    """An episode: one planned show."""

    __tablename__ = "episode_guides"
    __table_args__ = (
        Index("ix_episode_guides_podcast_id_scheduled_at", "podcast_id", "scheduled_at"),
        Index("ix_episode_guides_scheduled_at", "scheduled_at", **where(sql("scheduled_at IS NOT NULL"))),
        Index("ix_episode_guides_video_id", "video_id", **where(sql("video_id IS NOT NULL"))),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    podcast_id: Mapped[int] = mapped_column(ForeignKey("podcasts.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(200))
    number: Mapped[int | None] = mapped_column(Integer)
    guests: Mapped[list[str]] = mapped_column(JSON, default=list, server_default=sql("'[]'"))
    notes: Mapped[str] = mapped_column(Text, default="", server_default="")
    link: Mapped[str] = mapped_column(String(500), default="", server_default="")
    #: an instant, or NULL: then matched by video or by hand only
    scheduled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: a wish; the truth about what was matched is broadcasts.episode_id
    video_id: Mapped[str | None] = mapped_column(String(11))
    #: counts edits, so that a stale form is noticed
    version: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())

    podcast: Mapped[Podcast] = relationship(lazy="raise_on_sql")


class EpisodeTweetConfig(Base):
    """What one host wants said for one episode. People edit text and switches; only posting writes `status`."""

    __tablename__ = "episode_tweet_configs"
    __table_args__ = (
        UniqueConstraint("episode_id", "user_id"),
        Index("ix_episode_tweet_configs_episode_id_status", "episode_id", "status", **where(sql("enabled"))),
        Index("ix_episode_tweet_configs_user_id", "user_id"),
        one_of("status", ConfigStatus),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    episode_id: Mapped[int] = mapped_column(ForeignKey("episode_guides.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    #: the host's own words for this episode; empty: draft, templates or the built-in writer speak
    text: Mapped[str] = mapped_column(Text, default="", server_default="")
    draft: Mapped[str] = mapped_column(Text, default="", server_default="")
    enabled: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    include_link: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    #: posted by hand before the start, and the start is to be announced all the same
    announce_again: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    status: Mapped[str] = mapped_column(String(16), default=ConfigStatus.PENDING, server_default=ConfigStatus.PENDING)
    #: counts edits, so that a stale form is noticed
    version: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())

    user: Mapped[User] = relationship(lazy="raise_on_sql")
    episode: Mapped[EpisodeGuide] = relationship(lazy="raise_on_sql")
