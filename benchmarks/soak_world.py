"""Thirty days of a pretend YouTube for the pure core: shows, lists with their age, and everything that goes wrong."""

import random
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from services.clients.values import Video
from services.quota import NEARLY_ALL, RETRY_AFTER, RETRY_IN_NEED, Spent

#: midnight in California
BEGIN = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
DAY, HOUR, MINUTE, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
FEED_AGE = 15 * MINUTE
PLANNED_AHEAD = 2 * DAY
#: announced is what was seen so soon after its start
IN_TIME = 30 * MINUTE
#: a way of looking that works for so long after a start, before it is too late, is enough to see it
LONG_ENOUGH = 8 * MINUTE

UNITS = 10_000

Spans = list[tuple[datetime, datetime]]


@dataclass(slots=True)
class Show:
    """One stream. `planned_at` None: nobody planned it; `started_at` None: it never begins."""

    id: str
    channel: int
    published_at: datetime
    planned_at: datetime | None
    started_at: datetime | None
    ended_at: datetime
    pushed_at: datetime | None = None

    def as_of(self, now: datetime) -> Video:
        is_live = self.started_at is not None and self.started_at <= now
        is_over = self.started_at is not None and self.ended_at <= now
        content = "none" if is_over else "live" if is_live else "upcoming" if self.planned_at else "none"
        return Video(
            id=self.id,
            channel_id=str(self.channel),
            title="A show",
            live_content=content,
            privacy="public",
            published_at=self.published_at,
            scheduled_start_at=self.planned_at,
            actual_start_at=self.started_at if is_live else None,
            actual_end_at=self.ended_at if is_over else None,
            duration_seconds=0,
        )


def inside(spans: Spans, at: datetime) -> bool:
    """Whether a moment is in one of these sorted spans that do not overlap."""
    place = bisect_right(spans, at, key=lambda span: span[0]) - 1
    return place >= 0 and at < spans[place][1]


class World:
    """A show a week on each channel, half of them in one hour of one day; troubles by a seed."""

    def __init__(self, *, channels: int, days: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.channels, self.days, self.end = channels, days, BEGIN + days * DAY
        self.shows: dict[str, Show] = {}
        self.lists: list[list[Show]] = [[] for _ in range(channels)]
        for channel in range(channels):
            self._plan_shows(channel)
        for told in self.lists:
            told.sort(key=lambda show: show.published_at)
        self.feed_phase = [self.random.uniform(0, 900) * SECOND for _ in range(channels)]
        few, often = days / 10, days * 2.0
        self.api_down = self._spans(few * 2, 2 * MINUTE, 25 * MINUTE)
        self.false_quota = self._spans(few * 2, 20 * MINUTE, 3 * HOUR)
        self.pages_blocked = self._spans(few, 2 * HOUR, 12 * HOUR)
        self.feeds_down = self._spans(few, HOUR, 8 * HOUR)
        self.we_are_down = self._spans(often, 20 * SECOND, 3 * MINUTE)
        self.feed_broken = [self._spans(few / 2, 3 * HOUR, 2 * DAY) for _ in range(channels)]
        self.playlist_broken = [self._spans(few / 4, 3 * HOUR, DAY) for _ in range(channels)]
        self.people = [(BEGIN + self.random.uniform(0, days) * DAY) for _ in range(days * 150)]

    def _plan_shows(self, channel: int) -> None:
        """Every second channel is on air in the same hour of the week, the others when they like."""
        pick = self.random
        weekday, minute = pick.randrange(7), 5 * pick.randrange(288)
        if channel % 2 == 0:
            weekday, minute = 1, 12 * 60 + 5 * pick.randrange(12)
        self._plan_weekly(channel, weekday, minute)

    def _plan_weekly(self, channel: int, weekday: int, minute: int) -> None:
        pick = self.random
        for week in range(-1, self.days // 7 + 1):
            planned = BEGIN + (7 * week + weekday) * DAY + minute * MINUTE
            if not BEGIN + HOUR <= planned < self.end - 2 * HOUR:
                continue
            late = pick.choice((-60, 0, 10, 30, 60, 120, 200, 300, 300, 900, 3600))
            started = planned + (late + pick.randrange(60)) * SECOND
            is_planned, comes = pick.random() < 0.8, pick.random() < 0.97
            self._add(channel, planned if is_planned else None, started, comes=comes or not is_planned)

    def _add(self, channel: int, planned: datetime | None, started: datetime, *, comes: bool) -> None:
        pick = self.random
        published = planned - PLANNED_AHEAD if planned else started
        ended = started + pick.randrange(45, 150) * MINUTE
        # The hub speaks of most new videos soon, of some late, of some never.
        pushed = None if planned or pick.random() < 0.2 else started + pick.choice((2, 5, 20, 60, 1200)) * SECOND
        show = Show(f"v{len(self.shows):010d}", channel, published, planned, started if comes else None, ended, pushed)
        self.shows[show.id] = show
        self.lists[channel].append(show)

    def _spans(self, number: float, least: timedelta, most: timedelta) -> Spans:
        pick = self.random
        count = int(number) + (pick.random() < number % 1)
        found = []
        for _ in range(count):
            begin = BEGIN + pick.uniform(0, self.days) * DAY
            found.append((begin, begin + pick.uniform(least / SECOND, most / SECOND) * SECOND))
        apart: Spans = []
        for begin, end in sorted(found):
            if apart and begin < apart[-1][1]:
                apart[-1] = apart[-1][0], max(end, apart[-1][1])
            else:
                apart.append((begin, end))
        return apart

    # What is answered

    def api_answers(self, now: datetime) -> str:
        """The cause why not, or empty."""
        if inside(self.false_quota, now):
            return "youtube_quota"
        return "youtube_error" if inside(self.api_down, now) or self.random.random() < 0.01 else ""

    def page_answers(self, now: datetime) -> str:
        if inside(self.pages_blocked, now):
            return "youtube_bot_check"
        return "youtube_error" if self.random.random() < 0.02 else ""

    def feed_answers(self, channel: int, now: datetime, *, playlist: bool) -> str:
        broken = self.playlist_broken if playlist else self.feed_broken
        is_down = inside(self.feeds_down, now) or inside(broken[channel], now)
        return "youtube_feed" if is_down or self.random.random() < 0.02 else ""

    def feed_shows(self, channel: int, now: datetime) -> datetime:
        """A feed is made anew every 15 minutes: it shows what there was then."""
        return now - (now - BEGIN + self.feed_phase[channel]) % FEED_AGE

    # Whose fault

    def could_be_seen(self, show: Show) -> bool:
        """Whether a way of looking that is ours worked for long enough, while it was in time and we were up."""
        assert show.started_at is not None
        works, longest = timedelta(0), timedelta(0)
        at, until = show.started_at, min(show.started_at + IN_TIME, show.ended_at)
        while at < until:
            works = works + 15 * SECOND if self._way_works(show, at) else timedelta(0)
            longest = max(longest, works)
            at += 15 * SECOND
        return longest >= LONG_ENOUGH

    def _way_works(self, show: Show, at: datetime) -> bool:
        has_api = not inside(self.api_down, at) and not inside(self.false_quota, at)
        judges = has_api or not inside(self.pages_blocked, at)
        if inside(self.we_are_down, at) or not judges:
            return False
        if show.planned_at is not None:
            return True
        is_told = has_api and show.pushed_at is not None and show.pushed_at <= at < show.pushed_at + 2 * MINUTE
        feed = not inside(self.feeds_down, at) and not inside(self.feed_broken[show.channel], at)
        return is_told or (feed and self.feed_shows(show.channel, at) >= show.published_at)


@dataclass(slots=True)
class Ledger:
    """One day's units as services/quota.py keeps them in the database."""

    spent: Spent = field(default_factory=Spent)
    refusals: int = 0
    retry_at: datetime | None = None
    is_gone: bool = False

    def read(self, now: datetime) -> Spent:
        waits = self.retry_at is not None and self.retry_at > now
        is_probe = self.retry_at is not None and not waits
        return replace(self.spent, exhausted=self.is_gone or waits, is_probe=is_probe, retry_at=self.retry_at)

    def spend(self, now: datetime, **wanted: int) -> bool:
        if self.read(now).exhausted or self.spent.total + sum(wanted.values()) > UNITS:
            return False
        self.spent = replace(self.spent, **{name: getattr(self.spent, name) + n for name, n in wanted.items()})
        return True

    def refuse(self, now: datetime) -> None:
        self.is_gone = self.spent.total >= NEARLY_ALL * UNITS
        if self.retry_at is None or self.retry_at <= now:
            self.retry_at = now + RETRY_AFTER[min(self.refusals, 2)]
            self.refusals += 1

    def hurry(self, now: datetime) -> None:
        if self.retry_at is not None and self.retry_at > now + RETRY_IN_NEED:
            self.retry_at = now + RETRY_IN_NEED
