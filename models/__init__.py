"""Tables, constraints, indexes and derived properties. No commit, no flask, no HTTP, no URL building."""

from models.broadcast import Broadcast, QuotaDay, YouTubeChannel
from models.podcast import EpisodeGuide, EpisodeTweetConfig, Podcast, PodcastMember
from models.post import Post, PostAttempt, PostEvent
from models.social import SendGate, SocialConnection
from models.types import (
    OPEN_STATES,
    BroadcastState,
    ConfigStatus,
    Outcome,
    PostStatus,
    RefreshState,
    Role,
    UtcDateTime,
    Verdict,
)
from models.user import User
from models.worker import JobRun, WorkerLease

__all__ = [
    "OPEN_STATES",
    "Broadcast",
    "BroadcastState",
    "ConfigStatus",
    "EpisodeGuide",
    "EpisodeTweetConfig",
    "JobRun",
    "Outcome",
    "Podcast",
    "PodcastMember",
    "Post",
    "PostAttempt",
    "PostEvent",
    "PostStatus",
    "QuotaDay",
    "RefreshState",
    "Role",
    "SendGate",
    "SocialConnection",
    "User",
    "UtcDateTime",
    "Verdict",
    "WorkerLease",
    "YouTubeChannel",
]
