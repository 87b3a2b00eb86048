"""How a podcast's posts go over the weeks, by hour, by whose words, with and without a link. Reads only.

Reach by host is in services/host_breakdown.py.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, select

from extensions import db
from models import Podcast, Post, PostStatus
from services import figures
from services.figures import share
from services.overview_numbers import Week, sparklines
from services.periods import Span
from services.sql_time import QUARTER_HOUR, quarter_of

#: so many posts of either kind have counts before they are held against each other
ENOUGH = 10
LATENCY_WEEKS = 26


@dataclass(frozen=True, slots=True)
class Reach:
    """Posts that are out, those of them that X showed counts of, and these."""

    posted: int = 0
    measured: int = 0
    impressions: int = 0
    engagements: int = 0

    def __add__(self, other: "Reach") -> "Reach":
        return Reach(
            self.posted + other.posted,
            self.measured + other.measured,
            self.impressions + other.impressions,
            self.engagements + other.engagements,
        )

    @property
    def impressions_each(self) -> float | None:
        """How often one post was shown, on average."""
        return share(self.impressions, self.measured)

    @property
    def engagement_rate(self) -> float | None:
        return share(self.engagements, self.impressions)


NONE = Reach()


@dataclass(frozen=True, slots=True)
class Comparison:
    """One kind of posts against another."""

    one: Reach
    other: Reach

    @property
    def is_enough(self) -> bool:
        """Whether the difference may be shown: of few posts it says nothing."""
        return min(self.one.measured, self.other.measured) >= ENOUGH


@dataclass(frozen=True, slots=True)
class Texts:
    """Own words against drafted ones; with a link against without."""

    own_or_drafted: Comparison
    link_or_none: Comparison


#: (weekday, hour): Monday is 0, hours by the clock of the podcast's zone
Hours = dict[tuple[int, int], Reach]


def latency(podcast: Podcast, now: datetime, weeks: int = LATENCY_WEEKS) -> Sequence[Week]:
    """Week by week, oldest first, in one statement."""
    return sparklines(podcast, now, weeks)


def by_hour(podcast: Podcast, span: Span) -> Hours:
    """When posts were made, in one statement. Hours without any are left out."""
    quarter = quarter_of(Post.created_at)
    query = _reach(podcast.id, span, quarter).group_by(quarter)
    zone, found = ZoneInfo(podcast.timezone), dict[tuple[int, int], Reach]()
    for number, *numbers in db.session.execute(query):
        local = datetime.fromtimestamp(number * QUARTER_HOUR, UTC).astimezone(zone)
        when = (local.weekday(), local.hour)
        found[when] = found.get(when, NONE) + _read(numbers)
    return found


def texts(podcast: Podcast, span: Span) -> Texts:
    """Whose words reached more, and whether links cost reach: one statement."""
    source = case((Post.text_source.in_(("own", "draft")), Post.text_source), else_="")
    link = case((Post.has_link, 1), else_=0)
    rows = db.session.execute(_reach(podcast.id, span, source, link).group_by(source, link))
    found = [(of_source, has_link, _read(numbers)) for of_source, has_link, *numbers in rows]

    def of(wanted: str) -> Reach:
        return _sum(reach for of_source, _, reach in found if of_source == wanted)

    with_link, without = (_sum(reach for _, has_link, reach in found if has_link == wanted) for wanted in (1, 0))
    return Texts(Comparison(of("own"), of("draft")), Comparison(with_link, without))


def _reach(podcast_id: int, span: Span, *keys: Any) -> Any:
    sums = [func.coalesce(func.sum(one), 0) for one in (Post.impressions, Post.engagements)]
    query = select(*keys, func.count(), func.count(Post.impressions), *sums)
    return query.where(figures.made_in(podcast_id, (span, span)), Post.status == PostStatus.POSTED)


def _read(numbers: Sequence[Any]) -> Reach:
    return Reach(*(int(number) for number in numbers))


def _sum(found: Iterable[Reach]) -> Reach:
    return sum(found, NONE)
