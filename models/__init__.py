"""Tables, constraints, indexes and derived properties. No commit, no flask, no HTTP, no URL building."""

from models.analytics import Dismissal, FiguresVersion, HostWeek, PostSnapshot
from models.audit import AuditEvent
from models.broadcast import Broadcast, QuotaDay, YouTubeChannel
from models.draft import Draft, DraftWish, Voice
from models.installation import Installation
from models.notice import Notice, NoticeAddress, NoticeSending
from models.podcast import EpisodeGuide, EpisodeTweetConfig, Podcast, PodcastMember
from models.post import Post, PostAttempt, PostEvent
from models.push import PushSubscription
from models.rehearsal import Rehearsal
from models.session import OAuthFlow, OneTimeLink, RecoveryCode, SignInThrottle, UserSession
from models.social import SendGate, SocialConnection, TokenRevocation
from models.types import (
    OPEN_STATES,
    BroadcastState,
    ConfigStatus,
    DraftStatus,
    EntryKind,
    LinkPurpose,
    NoticeLevel,
    NoticeNetwork,
    Outcome,
    PostStatus,
    PushState,
    RefreshState,
    Role,
    SendingStatus,
    Unapproved,
    UtcDateTime,
    Verdict,
    WalletOwner,
    WishKind,
)
from models.user import User
from models.wallet import Price, PriceList, Wallet, WalletEntry
from models.worker import JobRun, WorkerLease

__all__ = [
    "OPEN_STATES",
    "AuditEvent",
    "Broadcast",
    "BroadcastState",
    "ConfigStatus",
    "Dismissal",
    "Draft",
    "DraftStatus",
    "DraftWish",
    "EntryKind",
    "EpisodeGuide",
    "EpisodeTweetConfig",
    "FiguresVersion",
    "HostWeek",
    "Installation",
    "JobRun",
    "LinkPurpose",
    "Notice",
    "NoticeAddress",
    "NoticeLevel",
    "NoticeNetwork",
    "NoticeSending",
    "OAuthFlow",
    "OneTimeLink",
    "Outcome",
    "Podcast",
    "PodcastMember",
    "Post",
    "PostAttempt",
    "PostEvent",
    "PostSnapshot",
    "PostStatus",
    "Price",
    "PriceList",
    "PushState",
    "PushSubscription",
    "QuotaDay",
    "RecoveryCode",
    "RefreshState",
    "Rehearsal",
    "Role",
    "SendGate",
    "SendingStatus",
    "SignInThrottle",
    "SocialConnection",
    "TokenRevocation",
    "Unapproved",
    "User",
    "UserSession",
    "UtcDateTime",
    "Verdict",
    "Voice",
    "Wallet",
    "WalletEntry",
    "WalletOwner",
    "WishKind",
    "WorkerLease",
    "YouTubeChannel",
]
