"""A podcast's numbers as its pages ask for them: kept for a while, and computed when they are not there. Reads only.

Each answer is what services/overview_numbers.py, host_breakdown.py and trends.py would give at this moment; without the
right to see money, there is none in it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from extensions import db
from services import figures, host_breakdown, insight_facts, periods, trends
from services import insights as rules
from services.access import Access
from services.figures import Figures
from services.figures_cache import Key, Shape, T
from services.host_breakdown import Breakdown, HostRow
from services.insights import Insight
from services.overview_numbers import Overview, Week
from services.periods import Kind, Span
from services.registry import get_services
from services.trends import LATENCY_WEEKS, Hours, Reach, Texts

#: seconds; whatever changes the numbers makes them old at once
OVERVIEW, TRENDS = 60, 300
_FIGURES = Shape[list[Figures]](list[Figures])
_ROWS = Shape[list[HostRow]](list[HostRow])
_HOURS = Shape[list[tuple[int, int, Reach]]](list[tuple[int, int, Reach]])
_TEXTS = Shape[Texts](Texts)
_INSIGHTS = Shape[list[Insight]](list[Insight])


def overview(access: Access, kind: Kind, now: datetime) -> Overview:
    """As overview_numbers.overview."""
    period = periods.period(kind, now, access.podcast.timezone)
    *before, current = _by_span(_About(access, "overview", OVERVIEW), period.spans)
    return Overview(period, current, before[0] if before else None)


def sparklines(access: Access, now: datetime) -> Sequence[Week]:
    """As overview_numbers.sparklines."""
    return _weeks(_About(access, "sparklines", OVERVIEW), now, periods.SPARKLINE_WEEKS)


def insights(
    access: Access, overview: Overview, now: datetime, *, names: tuple[str, str] | None = None
) -> list[Insight]:
    """What stands out in a period. A budget and how far the month is are as they were up to OVERVIEW seconds ago.

    `names`: as `insight_facts.facts` takes them.
    """

    def compute() -> list[Insight]:
        return rules.of(insight_facts.facts(access.podcast, overview, now, money=access.is_admin, names=names))

    about = _About(access, "_".join(("insights", *(names or ()))), OVERVIEW)
    return about.kept(_INSIGHTS, overview.period.spans, compute)


def latency(access: Access, now: datetime) -> Sequence[Week]:
    """As trends.latency."""
    return _weeks(_About(access, "latency", TRENDS), now, LATENCY_WEEKS)


def breakdown(access: Access, span: Span, *, sort: str = "name", descending: bool = False) -> Breakdown:
    """As host_breakdown.breakdown, however it is sorted."""
    about, podcast_id = _About(access, "hosts", OVERVIEW), access.podcast.id

    def compute() -> list[HostRow]:
        rows = host_breakdown.host_rows(podcast_id, span)
        return [replace(row, figures=about.seen(row.figures)) for row in rows]

    rows = about.kept(_ROWS, [span], compute)
    return host_breakdown.arranged(span, rows, sort=sort, descending=descending)


def by_hour(access: Access, span: Span) -> Hours:
    """As trends.by_hour."""

    def compute() -> list[tuple[int, int, Reach]]:
        return [(*when, reach) for when, reach in trends.by_hour(access.podcast, span).items()]

    found = _About(access, "hours", TRENDS).kept(_HOURS, [span], compute)
    return {(weekday, hour): reach for weekday, hour, reach in found}


def texts(access: Access, span: Span) -> Texts:
    """As trends.texts."""
    return _About(access, "texts", TRENDS).kept(_TEXTS, [span], lambda: trends.texts(access.podcast, span))


@dataclass(frozen=True, slots=True)
class _About:
    """Which numbers, for whom, and how long they are kept."""

    access: Access
    name: str
    seconds: int

    def kept(self, shape: Shape[T], spans: Iterable[Span], compute: Callable[[], T]) -> T:
        access, zone = self.access, self.access.podcast.timezone
        borders = tuple(at.isoformat() for span in spans for at in (span.since, span.until))
        key = Key(self.name, access.podcast.id, access.version, access.is_admin, (zone, *borders), self.seconds)
        return get_services().numbers.get(key, shape, compute)

    def seen(self, found: Figures) -> Figures:
        return found if self.access.is_admin else replace(found, spend=0)


def _by_span(about: _About, spans: Sequence[Span]) -> list[Figures]:
    podcast_id = about.access.podcast.id

    def compute() -> list[Figures]:
        return [about.seen(one) for one in figures.by_span(db.session(), podcast_id, spans)]

    return about.kept(_FIGURES, spans, compute)


def _weeks(about: _About, now: datetime, number: int) -> list[Week]:
    spans = periods.weeks(now, about.access.podcast.timezone, number)
    return [Week(span, one) for span, one in zip(spans, _by_span(about, spans), strict=True)]
