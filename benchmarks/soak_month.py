"""A month of 20 channels for the soak over HTTP: who is on air when, what goes wrong when, whose fault a miss is."""

import math
from datetime import datetime, timedelta

from benchmarks.soak_world import BEGIN, HOUR, MINUTE, SECOND, Show, Spans, World, inside

#: the part of all shows around whose start there is trouble of one kind
STRICKEN = 0.05


class Month(World):
    """`troubles` False: nothing goes wrong but what people do. Made twice from one seed it is the same."""

    def __init__(self, *, channels: int, hours: int, seed: int, troubles: bool = True) -> None:
        self.seed, self.has_troubles = seed, troubles
        #: X takes no post, shows no timeline and renews no login
        self.x_down: Spans = []
        super().__init__(channels=channels, days=math.ceil(hours / 24), seed=seed)
        self.end = BEGIN + hours * HOUR
        self.shows = {id: show for id, show in self.shows.items() if self._is_whole(show)}
        if troubles:
            self._strike_starts()
        else:
            self._calm_down()

    def _is_whole(self, show: Show) -> bool:
        """Whether everything about its start happens before the end; those that never come do."""
        return show.started_at is None or show.started_at + HOUR <= self.end

    def _plan_shows(self, channel: int) -> None:
        """Half of the channels are on air in the same hour, the others when they like."""
        pick = self.random
        weekday, minute = pick.randrange(7), 5 * pick.randrange(216)
        if channel % 2 == 0:
            weekday, minute = 0, 12 * 60 + 5 * pick.randrange(12)
        self._plan_weekly(channel, weekday, minute)

    def _strike_starts(self) -> None:
        """Trouble by chance alone would seldom come when something begins."""
        for name, longest in (("api_down", 25), ("false_quota", 90), ("we_are_down", 4), ("x_down", 6)):
            stricken = [show for show in self.starts() if self.random.random() < STRICKEN]
            found = [self._around(show, longest) for show in stricken]
            setattr(self, name, _apart([*getattr(self, name), *found]))

    def _around(self, show: Show, longest: int) -> tuple[datetime, datetime]:
        begin = self.started(show) - self.random.uniform(0, 90) * SECOND
        return begin, begin + self.random.uniform(1, longest) * MINUTE

    def _calm_down(self) -> None:
        self.api_down = self.false_quota = self.pages_blocked = self.feeds_down = self.we_are_down = []
        self.feed_broken = self.playlist_broken = [[] for _ in range(self.channels)]

    # What is asked of it

    def starts(self) -> list[Show]:
        """The shows that begin, by time."""
        return sorted((show for show in self.shows.values() if show.started_at is not None), key=self.started)

    @staticmethod
    def started(show: Show) -> datetime:
        assert show.started_at is not None
        return show.started_at

    def is_dark(self, at: datetime) -> bool:
        """Whether YouTube tells nothing at all."""
        has_api = not inside(self.api_down, at) and not inside(self.false_quota, at)
        return not has_api and inside(self.pages_blocked, at)

    def _way_works(self, show: Show, at: datetime) -> bool:  # noqa: ARG002 - alike for all
        """20 channels are few: their lists or their pages are asked themselves, whatever hub and feeds do."""
        return not inside(self.we_are_down, at) and not self.is_dark(at)


def _apart(spans: Spans) -> Spans:
    """Sorted, and what overlaps joined."""
    joined: Spans = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((begin, end))
    return joined


def channel_id(number: int) -> str:
    return f"UC{number:022d}"


def host_name(channel: int, place: int) -> str:
    """Of the host who is in this place of the channel's podcast."""
    return f"host{channel}_{place}"


#: an episode is planned here so long before its show
PLANNED_HERE = timedelta(days=1)
