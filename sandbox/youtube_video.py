"""What the YouTube stand-in knows of a channel and of a video, and how a video looked at any instant."""

import bisect
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zlib import crc32

PRIVACIES = ("public", "unlisted", "private", "members")


@dataclass(frozen=True)
class Channel:
    """`handle` is without "@", as the owner writes it; `user` is the legacy user name."""

    id: str
    title: str
    created_at: datetime
    handle: str | None = None
    user: str | None = None


@dataclass(frozen=True)
class Video:
    """A video at one instant. `kind`: "stream", "premiere", "upload" or "short". Times are aware UTC."""

    id: str
    channel_id: str
    kind: str
    title: str
    published_at: datetime
    order: int  # breaks ties between videos of the same instant: the later one is the newer one
    updated_at: datetime
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    privacy: str = "public"
    duration: int = 0  # seconds; a premiere or an upload has one from the beginning
    deleted: bool = False

    @property
    def is_broadcast(self) -> bool:
        """Premieres count: the real service shows them as live broadcasts."""
        return self.kind in ("stream", "premiere")

    @property
    def state(self) -> str:
        """ "upcoming", "live" or "none", as liveBroadcastContent tells it: what has ended is "none"."""
        if not self.is_broadcast or self.ended_at:
            return "none"
        return "live" if self.started_at else "upcoming"

    @property
    def length(self) -> int:
        """Seconds as the service tells them: a stream has none before it has ended."""
        if self.kind == "stream" and self.started_at and self.ended_at:
            return max(1, int((self.ended_at - self.started_at).total_seconds()))
        return self.duration

    @property
    def views(self) -> int:
        return 0 if self.state == "upcoming" else crc32(self.id.encode()) % 100_000

    @property
    def viewers(self) -> int:
        """Current viewers; one video in four hides them, which reads as 0."""
        number = crc32(self.id.encode())
        return 0 if self.state != "live" or number % 4 == 0 else 1 + number % 5_000


@dataclass
class Story:
    """All that happened to one video, in order of time, so that a late reader can be shown the past."""

    events: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    _latest: Video | None = None  # kept, for thousands of stories are read far more often than told

    def tell(self, at: datetime, **changes: Any) -> None:
        """Adds an event. Nothing happens to a video before it exists."""
        if self.events:
            at = max(at, self.events[0][0])
        bisect.insort(self.events, (at, {**changes, "updated_at": at}), key=lambda event: event[0])
        self._latest = None

    def as_of(self, at: datetime) -> Video | None:
        """How the video stood at that instant; None before it existed."""
        if self.events[-1][0] <= at:
            return self.latest()
        known: dict[str, Any] = {}
        for happened_at, changes in self.events:
            if happened_at > at:
                break
            known.update(changes)
        return Video(**known) if known else None

    def latest(self) -> Video:
        if self._latest is None:
            self._latest = Video(**{key: value for _, changes in self.events for key, value in changes.items()})
        return self._latest
