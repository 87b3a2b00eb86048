"""The world behind the YouTube stand-in: channels, their videos, what happens to them, and every setting."""

import string
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.standin import StandIn
from sandbox.youtube_video import PRIVACIES, Channel, Story, Video

ID_CHARACTERS = string.ascii_letters + string.digits + "-_"
PACIFIC = ZoneInfo("America/Los_Angeles")  # the day of the quota begins at midnight there
UPLOADS = "UU"
#: The uploads list and its undocumented siblings, by prefix, and what each shows.
PLAYLISTS = {
    "UULV": ("stream",),
    "UULF": ("upload", "premiere"),
    "UUSH": ("short",),
    "UUMO": ("stream", "premiere", "upload", "short"),
    UPLOADS: ("stream", "premiere", "upload", "short"),
}


class World(StandIn):
    """What is true. The API, the feed and the pages show it, each with its own delay and its own faults.

    Everything that happens may be given a time: in the past (a stream that runs for two hours already), or in
    the future, when it becomes true as soon as the clock gets there.
    """

    def __init__(self, *, seed: int = 0, now: Callable[[], datetime] | None = None) -> None:
        #: told ("made", "edited" or "removed", video), as the real hub is: no planned start, no end, nothing unlisted
        self.listeners: list[Callable[[str, Video], None]] = []
        super().__init__(seed=seed, now=now)

    def _forget(self) -> None:
        super()._forget()
        self.channels: dict[str, Channel] = {}
        self.stories: dict[str, Story] = {}
        self.videos_of: dict[str, list[str]] = {}
        self.handles: dict[str, str] = {}  # lower case, without "@" -> channel id
        self.users: dict[str, str] = {}
        self.forgotten: list[str] = []  # titles of streams that somebody had forgotten: Airhorn still knows them
        self.feed_cache: dict[tuple[str, str], tuple[datetime, bytes]] = {}
        self._set_api_defaults()
        self._set_web_defaults()

    def _set_api_defaults(self) -> None:
        self.keys: set[str] = {"test-key"}
        self.key_trouble: str | None = None  # "disabled" (API not enabled) or "ip" (key restricted to other addresses)
        self.quota = 10_000  # all methods but the two below
        self.search_quota = 100
        self.stats_quota = 10_000
        self.quota_form = "new"  # "old": the dailyLimitExceeded form
        self.spent: Counter[tuple[str, str]] = Counter()  # (Pacific date, bucket) -> units
        self.rate_limit: int | None = None  # calls a minute; None: no limit; 0: every call is too fast
        self.rate_form = "new"  # "new": 429 RESOURCE_EXHAUSTED, "old": 403 rateLimitExceeded
        self.calls_by_minute: Counter[str] = Counter()
        self.propagation = 0.0  # seconds until the API shows what is true
        self.search_lag = 600.0  # seconds by which the search index is late, both ways
        self.search_refusals = 0.0  # the part of search calls answered 403 "cannot act on behalf of"
        self.half_live: set[str] = set()  # live videos that still lack their actualStartTime
        self.omitted: set[str] = set()  # videos missing from the uploads list by a glitch
        self.placeholders = False  # dead videos stay in lists as "Private video" and "Deleted video"
        self.api_siblings = False  # playlistItems answers UULV.. and the like: not documented, so off
        self.members_listed = True  # members-only videos appear in lists and feeds, as they do at times

    def _set_web_defaults(self) -> None:
        self.feed_staleness = 0.0  # seconds for which a feed is served from the cache; the real one: up to 900
        self.feed_broken: set[str] = set()  # channel ids whose feed is an HTML 404
        self.playlist_feed_broken: set[str] = set()  # the same for playlist_id=: playlist ids
        self.feed_failing: set[str] = set()  # channel or playlist ids whose feed is an HTML 500
        self.feed_flakiness = 0.0  # the part of feed requests answered with an HTML 404 or 500
        self.feed_without_channel = False  # the feed's own yt:channelId is empty
        self.feed_consent = False  # the feed asks for consent as the pages do
        self.consent = False  # pages ask for consent unless the cookie SOCS starts with CAI
        self.bot_check = False  # watch pages say LOGIN_REQUIRED
        self.too_many_requests = False  # pages answer 429
        self.canonical_undefined = False
        self.interrupted: set[str] = set()  # videos whose player says LIVE_STREAM_OFFLINE without being upcoming
        self.linger = 0.0  # seconds for which /live still shows the stream that has just ended
        self.page_padding = 0  # bytes; a real watch page has about a million

    # What tests and the control page do

    def add_channel(
        self, title: str, *, handle: str | None = None, id: str | None = None, user: str | None = None
    ) -> str:
        """Makes a channel; answers its id ("UC" and 22 characters). Handles are unique, whatever their case."""
        with self.lock:
            channel_id = id or "UC" + self._random_id(22)
            handle = handle.removeprefix("@") if handle else None
            if len(channel_id) != 24 or not channel_id.startswith("UC"):
                raise ValueError(f"a channel id is UC and 22 characters, not {channel_id}")
            if channel_id in self.channels or (handle and handle.casefold() in self.handles):
                raise ValueError(f"there is such a channel already: {channel_id} {handle}")
            self.channels[channel_id] = Channel(channel_id, title, self.now(), handle, user)
            self.videos_of[channel_id] = []
            if handle:
                self.handles[handle.casefold()] = channel_id
            if user:
                self.users[user.casefold()] = channel_id
            return channel_id

    def change_handle(self, channel_id: str, handle: str) -> None:
        """Owners may do that; the old handle keeps leading here."""
        with self.lock:
            handle = handle.removeprefix("@")
            self.channels[channel_id] = replace(self.channels[channel_id], handle=handle)
            self.handles[handle.casefold()] = channel_id

    def schedule(
        self,
        channel_id: str,
        title: str,
        *,
        start: datetime | None,
        video_id: str | None = None,
        privacy: str = "public",
        duration: int = 0,
    ) -> str:
        """Opens a waiting room; with a duration (seconds) it is a premiere. Answers the video id."""
        kind = "premiere" if duration else "stream"
        return self._add(channel_id, kind, title, id=video_id, scheduled_at=start, privacy=privacy, duration=duration)

    def go_live(self, channel_or_video_id: str, title: str | None = None, *, at: datetime | None = None) -> str:
        """Starts the broadcast of that video id, or a new unscheduled one on that channel. Answers the video id.

        A broadcast that runs already stays as it is; one that has ended cannot be started again (ValueError).
        """
        with self.lock:
            at = at or self.now()
            if channel_or_video_id in self.channels:
                return self._add(channel_or_video_id, "stream", title or "Live now", at=at, started_at=at)
            video = self.video(channel_or_video_id)
            if not video.is_broadcast or video.ended_at or video.deleted:
                raise ValueError(f"{video.id} cannot go live")
            if not video.started_at:
                self._tell(video.id, at, started_at=at)
            if title:
                self._tell(video.id, at, title=title)
            return video.id

    def end(self, video_id: str, *, at: datetime | None = None) -> None:
        """Ends a running broadcast; it stays as a recording."""
        with self.lock:
            if not self.video(video_id).started_at:
                raise ValueError(f"{video_id} has not begun")
            self._tell(video_id, at or self.now(), ended_at=at or self.now())

    def upload(
        self, channel_id: str, title: str, *, video_id: str | None = None, duration: int = 600, short: bool = False
    ) -> str:
        """A plain video that never was live. Answers its id."""
        return self._add(channel_id, "short" if short else "upload", title, id=video_id, duration=duration)

    def reschedule(self, video_id: str, start: datetime | None) -> None:
        self._tell(video_id, self.now(), scheduled_at=start)

    def correct_start(self, video_id: str, start: datetime) -> None:
        """Says another start of a stream that is on or over."""
        self._tell(video_id, self.now(), started_at=start)

    def retitle(self, video_id: str, title: str) -> None:
        self._tell(video_id, self.now(), title=title)
        self._announce("edited", video_id)

    def delete(self, video_id: str) -> None:
        self._announce("removed", video_id)
        self._tell(video_id, self.now(), deleted=True)

    def set_privacy(self, video_id: str, privacy: str) -> None:
        """ "public", "unlisted", "private" or "members"."""
        if privacy not in PRIVACIES:
            raise ValueError(f"no such privacy: {privacy}")
        was_public = self.video(video_id).privacy == "public"
        if was_public and privacy != "public":
            self._announce("removed", video_id)
        self._tell(video_id, self.now(), privacy=privacy)
        if privacy == "public" and not was_public:
            self._announce("made", video_id)

    # What is true

    def video(self, video_id: str) -> Video:
        """The video after all that was told of it, the future included. KeyError when there is none."""
        with self.lock:
            return self.stories[video_id].latest()

    def seen(self, video_id: str, *, late: float = 0.0) -> Video | None:
        """The video as it stood `late` seconds ago; None when it does not exist (yet) or is deleted."""
        with self.lock:
            story = self.stories.get(video_id)
            video = story.as_of(self.now() - timedelta(seconds=late)) if story else None
        return None if video is None or video.deleted else video

    def history(self, channel_id: str, *, late: float = 0.0) -> list[Video]:
        """All videos of a channel as they stood `late` seconds ago, newest first; deleted ones are among them."""
        with self.lock:
            at = self.now() - timedelta(seconds=late)
            told: Iterable[Video | None] = [self.stories[id].as_of(at) for id in self.videos_of[channel_id]]
        known = [video for video in told if video is not None]
        return sorted(known, key=lambda video: (video.published_at, video.order), reverse=True)

    def listed(self, playlist_id: str, *, late: float = 0.0) -> list[Video] | None:
        """What outsiders see in one of a channel's own playlists, newest first; None when there is no such list."""
        prefix = next((p for p in PLAYLISTS if playlist_id.startswith(p) and len(playlist_id) == len(p) + 22), None)
        channel_id = f"UC{playlist_id[-22:]}"
        if prefix is None or channel_id not in self.channels:
            return None
        privacies = {"members"} if prefix == "UUMO" else {"public", "members"} if self.members_listed else {"public"}
        return [
            video
            for video in self.history(channel_id, late=late)
            if video.kind in PLAYLISTS[prefix] and video.privacy in privacies and not video.deleted
        ]

    def find_channel(self, name: str) -> Channel | None:
        """By handle or legacy user name, whatever the case, with or without "@"."""
        name = name.removeprefix("@").casefold()
        channel_id = self.handles.get(name) or self.users.get(name)
        return self.channels[channel_id] if channel_id else None

    def pacific_date(self) -> str:
        return self.now().astimezone(PACIFIC).date().isoformat()

    def units(self, bucket: str = "general") -> int:
        """Units spent on the current Pacific day. Buckets: "general", "search", "stats"."""
        return self.spent[self.pacific_date(), bucket]

    def _random_id(self, length: int) -> str:
        # Real ids may begin with "-" or "_"; here only when a test asks, for the sake of command lines.
        first = self.random.choice(string.ascii_letters)
        return first + "".join(self.random.choices(ID_CHARACTERS, k=length - 1))

    def _tell(self, video_id: str, at: datetime, **changes: object) -> None:
        with self.lock:
            self.stories[video_id].tell(at, **changes)

    def _add(
        self,
        channel_id: str,
        kind: str,
        title: str,
        *,
        id: str | None = None,
        at: datetime | None = None,
        **details: object,
    ) -> str:
        with self.lock:
            video_id = id or self._random_id(11)
            if video_id in self.stories or details.get("privacy", "public") not in PRIVACIES:
                raise ValueError(f"cannot make the video {video_id}: {details}")
            at = at or self.now()
            self.videos_of[channel_id].append(video_id)
            self.stories[video_id] = Story()
            self.stories[video_id].tell(
                at,
                id=video_id,
                channel_id=channel_id,
                kind=kind,
                title=title,
                published_at=at,
                order=len(self.stories),
                **details,
            )
        self._announce("made", video_id)
        return video_id

    def _announce(self, kind: str, video_id: str) -> None:
        video = self.video(video_id)
        if video.privacy == "public" and not video.deleted:
            for listener in self.listeners:
                listener(kind, video)
