"""A day of YouTube in simulated time, and the real YouTubeLiveService living through it second by second.

The clients are replaced by this world because a day has 480 checks of 1,000 channels; planner, rules, signals,
ledger and database are the real ones.
"""

import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update

from config import Settings
from extensions import db
from models import OPEN_STATES, Broadcast, BroadcastState, QuotaDay, YouTubeChannel
from services import quota
from services.clients.values import Video, VideoRef
from services.errors import Refused
from services.youtube_live import YouTubeLiveService

#: midnight in California: the day of the quota begins
BEGIN = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
#: streams are planned so long before they start
PLANNED_AHEAD = timedelta(days=2)
UNPLANNED = 0.2
SECOND = timedelta(seconds=1)
CHECK_EVERY = timedelta(seconds=180)
POSTS_UNTIL = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Story:
    """One video: a stream with its start and end, or with `started_at` None a plain upload."""

    id: str
    channel_id: str
    published_at: datetime
    planned_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None

    def as_of(self, now: datetime) -> Video:
        is_live = self.started_at is not None and self.started_at <= now
        is_over = self.ended_at is not None and self.ended_at <= now
        content = "none" if self.started_at is None or is_over else "live" if is_live else "upcoming"
        return Video(
            id=self.id,
            channel_id=self.channel_id,
            title="A show",
            live_content=content,
            privacy="public",
            published_at=self.published_at,
            scheduled_start_at=self.planned_at,
            actual_start_at=self.started_at if is_live else None,
            actual_end_at=self.ended_at if is_over else None,
            duration_seconds=0,
        )


class World:
    """Every channel has one show and one upload in the week around the day; feeds are up to 15 minutes old."""

    def __init__(self, channels: int, *, feeds_fail: bool) -> None:
        self.random = random.Random(channels)
        self.now = BEGIN
        self.feeds_fail = feeds_fail
        self.asked: Counter[str] = Counter()
        self.channel_ids = [f"UC{n:022d}" for n in range(channels)]
        self.stories: dict[str, Story] = {}
        self.of_channel: dict[str, list[Story]] = {id: [] for id in self.channel_ids}
        self.feed_phase = {id: timedelta(seconds=self.random.uniform(0, 900)) for id in self.channel_ids}
        for number, channel_id in enumerate(self.channel_ids):
            # The first channel's show is on the day itself, so that a day of one channel has one.
            self._add_show(channel_id, BEGIN + timedelta(days=number % 7))
            self._add(channel_id, BEGIN + timedelta(days=self.random.uniform(-7, 0)))
            self._add(channel_id, BEGIN + timedelta(days=self.random.uniform(0, 7)))
        for told in self.of_channel.values():
            told.sort(key=lambda story: story.published_at)

    def _add_show(self, channel_id: str, day: datetime) -> None:
        planned = day + timedelta(minutes=5 * self.random.randrange(6, 258))
        started = planned + timedelta(seconds=self.random.randrange(-60, 300))
        ended = started + timedelta(minutes=self.random.randrange(45, 120))
        if self.random.random() < UNPLANNED:
            self._add(channel_id, started, started_at=started, ended_at=ended)
        else:
            self._add(channel_id, planned - PLANNED_AHEAD, planned_at=planned, started_at=started, ended_at=ended)

    def _add(self, channel_id: str, published: datetime, **times: datetime) -> None:
        story = Story(f"v{len(self.stories):010d}", channel_id, published, **times)
        self.stories[story.id] = story
        self.of_channel[channel_id].append(story)

    def listed(self, channel_id: str, at: datetime) -> list[VideoRef]:
        told = self.of_channel[channel_id]
        count = bisect_right(told, at, key=lambda story: story.published_at)
        return [VideoRef(s.id, "A show", s.published_at) for s in told[:count]]

    # The clients' methods

    def videos(self, ids: Collection[str]) -> dict[str, Video]:
        self.asked["videos"] += 1
        return {id: self.stories[id].as_of(self.now) for id in ids}

    def uploads(self, channel_id: str) -> list[VideoRef]:
        self.asked["uploads"] += 1
        return self.listed(channel_id, self.now)

    def entries(self, channel_id: str, *, playlist: bool = False) -> list[VideoRef]:
        self.asked["playlist feeds" if playlist else "feeds"] += 1
        if self.feeds_fail:
            raise Refused("The channel's feed is broken at the moment.", cause="youtube_feed")
        age = (self.now - BEGIN + self.feed_phase[channel_id]) % timedelta(minutes=15)
        return self.listed(channel_id, self.now - age)

    def video(self, video_id: str) -> Video:
        self.asked["pages"] += 1
        return self.stories[video_id].as_of(self.now)

    def live(self, channel_id: str) -> Video | None:
        self.asked["pages"] += 1
        listed = [self.stories[ref.id].as_of(self.now) for ref in self.listed(channel_id, self.now)]
        return next((video for video in listed if video.live_content != "none"), None)


def live_through(world: World, settings: Settings) -> None:
    """The jobs check and watch as the scheduler calls them, from an hour before the day to its end."""
    service = YouTubeLiveService(settings, api=world, feed=world, page=world)  # type: ignore[arg-type]
    world.now = BEGIN - timedelta(minutes=3)
    _run(service.check(world.now))
    world.asked.clear()
    world.now = next_check = BEGIN
    while world.now < BEGIN + DAY:
        if world.now >= next_check:
            _close_old(world.now)
            _run(service.check(world.now, everything=False))
            next_check += CHECK_EVERY
        else:
            _run(service.watch(world.now))
        world.now = max(world.now + SECOND, min(next_check, _next_due()))


def _run(rounds: Any) -> None:
    for _ in rounds:
        pass


def _next_due() -> datetime:
    """The first whole second at which something is due by itself."""
    times = [
        db.session.execute(select(func.min(YouTubeChannel.next_look_at))).scalar(),
        db.session.execute(select(func.min(Broadcast.next_look_at)).where(Broadcast.state.in_(OPEN_STATES))).scalar(),
    ]
    db.session.rollback()
    first = min((time for time in times if time is not None), default=BEGIN + DAY)
    return first if not first.microsecond else first.replace(microsecond=0) + SECOND


def _close_old(now: datetime) -> None:
    """What announcing does half an hour after a start."""
    over = Broadcast.actual_start_at <= now - POSTS_UNTIL
    is_open = Broadcast.closed_at.is_(None) & (Broadcast.state == BroadcastState.LIVE)
    db.session.execute(update(Broadcast).where(is_open, over).values(closed_at=now))
    db.session.commit()


def units_spent() -> QuotaDay:
    """The ledger of the simulated day."""
    return db.session.get_one(QuotaDay, quota.pacific_day(BEGIN))


def delays(world: World) -> tuple[list[float], list[float], int]:
    """Seconds from start to seen of the day's streams, planned and unplanned, and how many were never seen live."""
    seen = {
        row.video_id: row.live_seen_at for row in db.session.execute(select(Broadcast.video_id, Broadcast.live_seen_at))
    }
    planned, unplanned, missed = [], [], 0
    for story in world.stories.values():
        # Those of the last ten minutes may be seen after midnight.
        if story.started_at is None or not BEGIN <= story.started_at <= BEGIN + DAY - timedelta(minutes=10):
            continue
        at = seen.get(story.id)
        if at is None:
            missed += 1
        else:
            (planned if story.planned_at else unplanned).append((at - story.started_at).total_seconds())
    return sorted(planned), sorted(unplanned), missed
