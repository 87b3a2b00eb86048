"""The outbox: posts, the attempts to send them, and their history for people. Written by services only."""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, String, Text, desc, false, func
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from extensions import Base
from models.types import NEVER_AGAIN, Outcome, PostStatus, UtcDateTime, one_of, where

#: as the partial index on these says it: SQLite uses it for this very condition only
IN_TROUBLE = "status IN ('unknown', 'review', 'failed', 'missed')"
#: True of every post. An index on these is used by statements that say it, too: those that list and count all posts.
#: Others keep theirs, however good a state alone seems to SQLite, which does not know how many posts are in it.
EXPLORED = "id > 0"


class Post(Base):
    """One sending of one text through one connection."""

    __tablename__ = "posts"
    __table_args__ = (
        Index("ix_posts_not_before", "not_before", **where(sql("status = 'queued'"))),
        Index("ix_posts_lease_until", "lease_until", **where(sql("status = 'sending'"))),
        Index("ix_posts_next_lookup_at", "next_lookup_at", **where(sql("status IN ('unknown', 'review')"))),
        # What people are told of. A post that goes out as it should is never in it.
        Index("ix_posts_created_at", "created_at", **where(sql(IN_TROUBLE))),
        Index("ix_posts_podcast_id_posted_at", "podcast_id", desc("posted_at")),
        Index("ix_posts_podcast_id_created_at", "podcast_id", "created_at", "id"),
        Index("ix_posts_podcast_id_status_id", "podcast_id", "status", "id"),
        # All posts, in the two orders that are not that of their ids; the one by state counts them all by itself.
        Index("ix_posts_host_name", "host_name", "id", "podcast_id", **where(sql(EXPLORED))),
        Index(
            "ix_posts_status",
            *("status", "id", "podcast_id", "has_link", "text_source", "trigger", "user_id", "created_at"),
            **where(sql(EXPLORED)),
        ),
        Index("ix_posts_cause", "cause", "podcast_id", "id", **where(sql(f"cause IS NOT NULL AND {EXPLORED}"))),
        Index("ix_posts_user_id_posted_at", "user_id", desc("posted_at")),
        Index("ix_posts_platform_posted_at", "platform", desc("posted_at")),
        Index("ix_posts_video_id", "video_id", **where(sql("video_id IS NOT NULL"))),
        Index("ix_posts_config_id", "config_id"),
        Index("ix_posts_episode_id", "episode_id"),
        Index("ix_posts_broadcast_id", "broadcast_id"),
        Index("ix_posts_connection_id", "connection_id"),
        Index(
            "uq_posts_platform_remote_id", "platform", "remote_id", unique=True, **where(sql("remote_id IS NOT NULL"))
        ),
        one_of("status", PostStatus),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    #: "live:<video>:<X user id>", "now:<config>:<n>", …: a second insert is a no-op
    key: Mapped[str] = mapped_column(String(100), unique=True)
    platform: Mapped[str] = mapped_column(String(16), default="x", server_default="x")
    config_id: Mapped[int | None] = mapped_column(ForeignKey("episode_tweet_configs.id", ondelete="SET NULL"))
    podcast_id: Mapped[int | None] = mapped_column(ForeignKey("podcasts.id", ondelete="SET NULL"))
    episode_id: Mapped[int | None] = mapped_column(ForeignKey("episode_guides.id", ondelete="SET NULL"))
    broadcast_id: Mapped[int | None] = mapped_column(ForeignKey("broadcasts.id", ondelete="SET NULL"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    connection_id: Mapped[int | None] = mapped_column(ForeignKey("social_connections.id", ondelete="SET NULL"))
    #: history keeps the names as they were
    host_name: Mapped[str] = mapped_column(String(100), default="", server_default="")
    username: Mapped[str] = mapped_column(String(100), default="", server_default="")
    platform_user_id: Mapped[str] = mapped_column(String(32), default="", server_default="")
    #: "live" for a start, "now" for a person's click
    trigger: Mapped[str] = mapped_column(String(16), default="live", server_default="live")
    #: final, byte for byte what is sent
    text: Mapped[str] = mapped_column(Text)
    #: "own", "draft", "template", "podcast" or "builtin": whose words they are
    text_source: Mapped[str] = mapped_column(String(16), default="", server_default="")
    #: whether X makes a link of any part of the text, and so bills it as one with a link
    has_link: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    #: the video that the text links to, for finding it again on a timeline
    video_id: Mapped[str | None] = mapped_column(String(11))

    status: Mapped[str] = mapped_column(String(16), default=PostStatus.QUEUED, server_default=PostStatus.QUEUED)
    #: why it is where it is: a code of services/causes.py, and the other side's words if any
    cause: Mapped[str | None] = mapped_column(String(32))
    detail: Mapped[str | None] = mapped_column(Text)
    not_before: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    not_after: Mapped[datetime] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default=sql("0"))
    #: the attempt under way or last made; only who holds it may settle
    attempt_token: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)

    unknown_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_lookup_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lookups: Mapped[int] = mapped_column(Integer, default=0, server_default=sql("0"))
    #: complete reads of the timeline that did not show it, and when the first of them was
    absences: Mapped[int] = mapped_column(Integer, default=0, server_default=sql("0"))
    first_absence_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: whether it was sent a second time after it was proven absent; at most once
    was_reposted: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    #: made before the database was restored: looked up, never sent without a person
    is_quarantined: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    #: another post of the host with the same link: a person decides whether it is this one
    candidate_id: Mapped[str | None] = mapped_column(String(32))

    remote_id: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())
    posted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: when its public counts are read next, or by when whoever reads them has to be done; NULL: never read yet
    metrics_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: the newest public counts that X showed, and when it did; NULL: it has shown none. What they were made of at each
    #: age is in post_snapshots.
    impressions: Mapped[int | None] = mapped_column(BigInteger)
    engagements: Mapped[int | None] = mapped_column(BigInteger)
    counted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: when X first said that it is not there any more
    gone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PostAttempt(Base):
    """One try to send a post, written before the wire is touched."""

    __tablename__ = "post_attempts"
    __table_args__ = (
        Index("ix_post_attempts_post_id", "post_id"),
        # The promise itself: the database refuses a second try while an earlier one may have been accepted.
        Index(
            "uq_post_attempts_maybe_accepted",
            "post_id",
            unique=True,
            **where(sql("outcome IS NULL OR outcome IN ('unknown', 'accepted')")),
        ),
        # How long sending took is counted over many posts with nothing but this.
        Index("ix_post_attempts_accepted", "post_id", "started_at", **where(sql("outcome = 'accepted'"))),
        one_of("outcome", Outcome),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    token: Mapped[str] = mapped_column(String(32), unique=True)
    number: Mapped[int] = mapped_column(Integer)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: goes NULL → any, or unknown → accepted / not_accepted, never back
    outcome: Mapped[str | None] = mapped_column(String(16))
    http_status: Mapped[int | None] = mapped_column(Integer)
    cause: Mapped[str | None] = mapped_column(String(32))
    detail: Mapped[str | None] = mapped_column(Text)


class PostEvent(Base):
    """One line of a post's history, for people."""

    __tablename__ = "post_events"
    __table_args__ = (Index("ix_post_events_post_id", "post_id"), one_of("status", PostStatus))

    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: the state the post came into
    status: Mapped[str] = mapped_column(String(16))
    cause: Mapped[str | None] = mapped_column(String(32))
    detail: Mapped[str | None] = mapped_column(Text)
    #: the person who did it; NULL when Airhorn did
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
