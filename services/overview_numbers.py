"""The numbers above a podcast's overview: a period beside the one before it, and the last weeks. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from extensions import db
from models import Podcast
from services import figures, periods
from services.figures import Figures
from services.periods import Kind, Period, Span


@dataclass(frozen=True, slots=True)
class Overview:
    """`previous` is None where all there is is looked at."""

    period: Period
    current: Figures
    previous: Figures | None


@dataclass(frozen=True, slots=True)
class Week:
    """One point of a sparkline, the last one so far."""

    span: Span
    figures: Figures


def overview(podcast: Podcast, kind: Kind, now: datetime) -> Overview:
    """All cards, for both periods, in one statement."""
    period = periods.period(kind, now, podcast.timezone)
    *before, current = figures.by_span(db.session(), podcast.id, period.spans)
    return Overview(period, current, before[0] if before else None)


def sparklines(podcast: Podcast, now: datetime, number: int = periods.SPARKLINE_WEEKS) -> Sequence[Week]:
    """The last weeks, oldest first, that of today with them, in one statement."""
    spans = periods.weeks(now, podcast.timezone, number)
    found = figures.by_span(db.session(), podcast.id, spans)
    return [Week(span, one) for span, one in zip(spans, found, strict=True)]
