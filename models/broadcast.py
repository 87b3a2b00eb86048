"""What is known of YouTube: channels, broadcasts, and the units spent on asking."""

from datetime import date, datetime

from sqlalchemy import Boolean, Date, ForeignKey, Index, String, Text, desc, false, func
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from extensions import Base
from models.types import OPEN_STATES, BroadcastState, UtcDateTime, Verdict, one_of, sql_list, where


class YouTubeChannel(Base):
    """A channel that some podcast watches, and how looking at it went. Made when it is first needed."""

    __tablename__ = "youtube_channels"
    __table_args__ = (Index("ix_youtube_channels_next_look_at", "next_look_at"),)

    #: the UC… id
    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    title: Mapped[str] = mapped_column(String(200), default="", server_default="")
    #: NULL: as soon as possible
    next_look_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_look_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_good_look_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: when the hub last said that something is new here; the next looks are sooner
    pushed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: failed looks in a row; decides which list is asked next
    failures: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    #: "uploads", "feed", "playlist_feed" or "page": the list asked last
    signal: Mapped[str] = mapped_column(String(16), default="", server_default="")
    error_cause: Mapped[str | None] = mapped_column(String(32))
    error: Mapped[str | None] = mapped_column(Text)


class Broadcast(Base):
    """One YouTube video that is, was or will be live."""

    __tablename__ = "broadcasts"
    __table_args__ = (
        Index("ix_broadcasts_next_look_at", "next_look_at", **where(sql(f"state IN ({sql_list(OPEN_STATES)})"))),
        Index("ix_broadcasts_channel_id_published_at", "channel_id", desc("published_at")),
        Index("ix_broadcasts_podcast_id_first_seen_at", "podcast_id", desc("first_seen_at")),
        Index("ix_broadcasts_episode_id", "episode_id"),
        # What may still be announced.
        Index("ix_broadcasts_open", "actual_start_at", **where(sql("closed_at IS NULL"))),
        Index("ix_broadcasts_live_seen_at", "live_seen_at"),
        one_of("state", BroadcastState),
        one_of("verdict", Verdict),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    video_id: Mapped[str] = mapped_column(String(11), unique=True)
    #: NULL until YouTube said whose it is, for a video that only an episode names
    channel_id: Mapped[str | None] = mapped_column(String(24))
    title: Mapped[str] = mapped_column(Text, default="", server_default="")
    state: Mapped[str] = mapped_column(String(16), default=BroadcastState.NEW, server_default=BroadcastState.NEW)
    #: "public", "unlisted", "private" or "members"
    privacy: Mapped[str] = mapped_column(String(16), default="public", server_default="public")
    is_premiere: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    published_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    scheduled_start_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    actual_start_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    actual_end_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    #: "uploads", "feed", "playlist_feed", "page", "episode", "push": what showed it first
    first_signal: Mapped[str] = mapped_column(String(16), default="", server_default="")
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    #: when a look first found it live
    live_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: what brought the look that found it live: "watch", "push", "uploads", "feed", "playlist_feed", "page", and when
    live_signal: Mapped[str] = mapped_column(String(16), default="", server_default="")
    live_signal_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_look_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_look_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_good_look_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: answers in a row that did not have it; two make it gone
    absences: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    error_cause: Mapped[str | None] = mapped_column(String(32))

    podcast_id: Mapped[int | None] = mapped_column(ForeignKey("podcasts.id", ondelete="SET NULL"))
    #: the truth about which episode this is
    episode_id: Mapped[int | None] = mapped_column(ForeignKey("episode_guides.id", ondelete="SET NULL"))
    verdict: Mapped[str] = mapped_column(String(16), default=Verdict.OPEN, server_default=Verdict.OPEN)
    announced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: when its announcing was over: too late, or the stream ended; who had not posted by then has missed it
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class QuotaDay(Base):
    """Units of the YouTube Data API spent on one Pacific day, counted before they are sent."""

    __tablename__ = "quota_days"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    #: uploads lists
    discovery: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    #: videos.list
    watch: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    #: look-ups that people asked for
    people: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    #: when YouTube itself said that the day's quota is gone
    exhausted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: how often it said so although the count here says that units are left
    refusals: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    #: when it is asked again after such a refusal
    retry_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
