"""Plain values that the YouTube clients return."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class VideoRef:
    """A video seen in a list: enough to know that it exists, never enough to know that it is live."""

    id: str
    title: str
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class Video:
    """What YouTube says of one video right now (videos.list, or the player JSON of the live page)."""

    id: str
    channel_id: str
    title: str
    #: snippet.liveBroadcastContent: "live", "upcoming" or "none"; anything else arrives as "none"
    live_content: str
    #: "public", "unlisted", "private", or "members" when only members may watch
    privacy: str
    published_at: datetime | None
    scheduled_start_at: datetime | None
    actual_start_at: datetime | None
    actual_end_at: datetime | None
    #: 0 for a stream; a planned or running premiere has its real length
    duration_seconds: int


@dataclass(frozen=True, slots=True)
class Channel:
    """A YouTube channel, resolved."""

    id: str
    title: str
    handle: str | None
    thumbnail_url: str | None


@dataclass(frozen=True, slots=True)
class ChannelReference:
    """What a person pasted, understood. kind: "id", "handle", "user", "custom" or "video"; value without "@"."""

    kind: str
    value: str
