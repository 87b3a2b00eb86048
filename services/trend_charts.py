"""What a podcast's trends are drawn and written by: how fast, who was seen, when, and with which texts. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services import charts
from services.charts import Column, Dot, Line, Row
from services.figures import ON_TIME
from services.host_breakdown import HostRow
from services.number_words import COUNT, RATE, TIME, day, plain_seconds, short_day, whole
from services.overview_numbers import Week
from services.trends import ENOUGH, Comparison, Hours, Reach

#: pixels
HEIGHT = 140
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: posts of one hour before it is named as the best: one that went well says little
NAMED_FROM = 3
#: hardly a difference, per cent
ALIKE = 10
#: every so many weeks one has its day below it
LABELLED = 4
ON_TIME_SECONDS = ON_TIME / 100


@dataclass(frozen=True, slots=True)
class Latency:
    """Week by week: as high as 95 % of the posts took, inside it as half of them did. `on_time` may be above it all.

    `table`: last day, posts that were timed, half, 95 %.
    """

    columns: Sequence[Column]
    lines: Sequence[Line]
    on_time: float | None
    words: str
    table: Sequence[tuple[str, str, str, str]]


def latency(weeks: Sequence[Week]) -> Latency | None:
    """None where no week has anything timed."""
    halves, most = ([getattr(week.figures.total, name) for week in weeks] for name in ("median", "p95"))
    if not any(value is not None for value in most):
        return None
    top = charts.top_of(most)
    on_time = round(HEIGHT * ON_TIME_SECONDS / top, 1) if top >= ON_TIME_SECONDS else None
    labels = [short_day(w.span.last) if at % LABELLED == 1 else "" for at, w in enumerate(weeks)]
    return Latency(
        charts.columns(labels, most, halves, top=top, height=HEIGHT),
        charts.apart(charts.lines(top, HEIGHT, plain_seconds), on_time),
        on_time,
        _latency_words([week for week in weeks if week.figures.timed]),
        [_latency_row(week) for week in reversed(weeks) if week.figures.timed],
    )


def _latency_words(weeks: Sequence[Week]) -> str:
    halves = [week.figures.total.median or 0 for week in weeks]
    last = weeks[-1].figures.total
    latest = f"up to {short_day(weeks[-1].span.last)}, half took at most {TIME.shown(last.median)} and 95 % at most "
    latest += f"{TIME.shown(last.p95)}."
    if len(weeks) == 1:
        return f"In the one week with posts, {latest}"
    return (
        f"In {len(weeks)} weeks with posts, half of them took from {TIME.shown(min(halves))} at best to "
        f"{TIME.shown(max(halves))} at worst. In the latest of these weeks, {latest}"
    )


def _latency_row(week: Week) -> tuple[str, str, str, str]:
    total = week.figures.total
    return day(week.span.last), whole(week.figures.timed), TIME.shown(total.median), TIME.shown(total.p95)


# Reach


@dataclass(frozen=True, slots=True)
class HostReach:
    """`rows` of those who were seen most; `table`: name, posts, impressions, impressions a post."""

    rows: Sequence[Row]
    table: Sequence[tuple[str, str, str, str]]


def host_reach(hosts: Iterable[HostRow]) -> HostReach | None:
    """None where X has shown no counts."""
    measured = [row for row in hosts if row.figures.measured]
    if not measured:
        return None
    ordered = sorted(measured, key=lambda row: (-row.figures.impressions, row.name.casefold()))
    rows = charts.rows([(row.name, row.figures.impressions, whole(row.figures.impressions)) for row in ordered])
    return HostReach(rows, [_host_row(row) for row in ordered])


def _host_row(row: HostRow) -> tuple[str, str, str, str]:
    each = row.figures.impressions / row.figures.measured
    return row.name, whole(row.figures.posted), whole(row.figures.impressions), whole(each)


@dataclass(frozen=True, slots=True)
class WeekOfHours:
    """A dot for each hour of the week with posts. `table`: when, posts, impressions a post, engagement rate."""

    dots: Sequence[Dot]
    best: str
    table: Sequence[tuple[str, str, str, str]]


def hours(found: Hours) -> WeekOfHours | None:
    """None where there are no posts."""
    if not found:
        return None
    ordered = sorted(found.items())
    drawn = charts.dots(((day, hour, reach.impressions_each) for (day, hour), reach in ordered), across=24)
    return WeekOfHours(drawn, _best(found), [_hour_row(when, reach) for when, reach in ordered])


def _best(found: Hours) -> str:
    known = [
        (reach.impressions_each or 0, when, reach) for when, reach in found.items() if reach.measured >= NAMED_FROM
    ]
    if not known:
        return f"No hour has {NAMED_FROM} posts yet that X showed counts of, so none is named as the best."
    each, when, reach = max(known, key=lambda one: one[:2])
    return f"Seen most: {_when(when)}, {whole(each)} impressions a post, of {reach.measured} posts."


def _when(when: tuple[int, int]) -> str:
    return f"{WEEKDAYS[when[0]]} {when[1]:02}:00"


def _hour_row(when: tuple[int, int], reach: Reach) -> tuple[str, str, str, str]:
    return _when(when), whole(reach.posted), COUNT.shown(reach.impressions_each), RATE.shown(reach.engagement_rate)


# Texts


@dataclass(frozen=True, slots=True)
class Pair:
    """Two kinds of posts beside each other. `missing` says what is not known yet; then nothing is drawn.

    `table`: kind, posts, with counts, impressions a post, engagement rate.
    """

    rows: Sequence[Row]
    words: str
    missing: str
    table: Sequence[tuple[str, str, str, str, str]]


def pair(found: Comparison, one: str, other: str) -> Pair:
    """`one`, `other`: what the kinds are called, as a subject: "Own words"."""
    both = ((one, found.one), (other, found.other))
    table = [_pair_row(label, reach) for label, reach in both]
    if not found.is_enough:
        return Pair([], "", _missing(both), table)
    each = [(label, reach.impressions_each or 0) for label, reach in both]
    rows = charts.rows([(label, number, f"{whole(number)} a post") for label, number in each])
    return Pair(rows, _versus(each[0], each[1]), "", table)


def _pair_row(label: str, reach: Reach) -> tuple[str, str, str, str, str]:
    counted = (whole(reach.posted), whole(reach.measured), COUNT.shown(reach.impressions_each))
    return label, *counted, RATE.shown(reach.engagement_rate)


def _missing(both: Iterable[tuple[str, Reach]]) -> str:
    """ "Drafts: 3 of 10 posts, 7 are missing."""
    parts = [
        f"{label}: {reach.measured} of {ENOUGH}, {ENOUGH - reach.measured} missing"
        for label, reach in both
        if reach.measured < ENOUGH
    ]
    return f"From {ENOUGH} posts of each that X showed counts of, they are held against each other. {'. '.join(parts)}."


def _versus(one: tuple[str, float], other: tuple[str, float]) -> str:
    """ "Own words were seen 20 % more often than drafts."""
    (name, number), (other_name, less) = sorted((one, other), key=lambda of: -of[1])
    more = round(100 * (number / less - 1)) if less else None
    if number == less or (more is not None and more < ALIKE):
        return f"{one[0]} and {other[0].lower()} were seen about as often."
    by = f"{more:,} % more often" if more is not None else "more often"
    return f"{name} were seen {by} than {other_name.lower()}."
