"""The cards of a podcast's overview: every number in words, the period before beside it, and its last weeks. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from services.charts import Column, columns
from services.figures import Figures, Half
from services.number_words import COUNT, MONEY, PERIODS, RATE, SHARE, TIME, Unit, compared, short_day
from services.overview_numbers import Overview, Week

#: pixels
SPARK = 36
Value = Callable[[Figures], float | None]


@dataclass(frozen=True, slots=True)
class Measure:
    """One number that a period has. `note`: what it is of. `grows` while the period lasts."""

    name: str
    label: str
    unit: Unit
    of: Value
    note: Callable[[Figures], str]
    grows: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """A week of a measure: the days' name, its number in words, and its column."""

    label: str
    words: str
    column: Column


@dataclass(frozen=True, slots=True)
class Card:
    """`before` is the number of the period before, empty where there is none; `difference` a sentence without stop."""

    name: str
    label: str
    value: str
    note: str
    before: str
    difference: str
    weeks: Sequence[Point]

    @property
    def words(self) -> str:
        """The small drawing for those who do not see it."""
        return ", ".join(f"{point.label}: {point.words}" for point in self.weeks)


@dataclass(frozen=True, slots=True)
class Stretch:
    """One part of the way from the start to the post: half of the posts, and 95 of 100, took at most so long."""

    label: str
    median: str
    p95: str
    before_median: str
    before_p95: str


def _of_known_ends(one: Figures) -> str:
    return f"{COUNT.shown(one.failed)} of {COUNT.shown(one.failed + one.posted)} did not go out"


def _on_time(one: Figures) -> str:
    return f"{COUNT.shown(one.on_time)} of {COUNT.shown(one.timed)} within a minute of the start"


def _read(one: Figures) -> str:
    return "" if one.measured == one.posted else f"of {COUNT.shown(one.measured)} of {COUNT.shown(one.posted)} posts"


def _measured(value: Value) -> Value:
    """Of nothing that was read there is no number: zero would say that nobody saw it."""
    return lambda one: value(one) if one.measured else None


def _out(found: Figures) -> str:
    return f"{found.posted:,} of them went out" if found.announcements else ""


SPEED = Measure("speed", "From start to post", TIME, lambda one: one.total.median, lambda _: "half of the posts")
MEASURES = (
    Measure("announcements", "Announcements", COUNT, lambda one: one.announcements, _out, grows=True),
    Measure("on_time", "On time", SHARE, lambda one: one.on_time_share, _on_time),
    Measure("failed", "Failed", SHARE, lambda one: one.failed_share, _of_known_ends),
    Measure("impressions", "Impressions", COUNT, _measured(lambda one: one.impressions), _read, grows=True),
    Measure("engagement", "Engagement rate", RATE, lambda one: one.engagement_rate, lambda _: "of impressions"),
)
SPENT = Measure("spend", "Spend", MONEY, lambda one: one.spend, lambda _: "posts, drafts and reads", grows=True)
STRETCHES: Sequence[tuple[str, Callable[[Figures], Half]]] = (
    ("Seen at YouTube", lambda one: one.detection),
    ("In the queue", lambda one: one.queue),
    ("Taken by X", lambda one: one.x),
    ("Whole way", lambda one: one.total),
)


def cards(overview: Overview, weeks: Sequence[Week], *, money: bool) -> list[Card]:
    """`money`: whether the reader may see what the whole podcast spent."""
    wanted = (*MEASURES, SPENT) if money else MEASURES
    return [_card(measure, overview, weeks) for measure in wanted]


def speed(overview: Overview, weeks: Sequence[Week]) -> Card:
    """The card of how fast it was; its stretches beside it."""
    return _card(SPEED, overview, weeks)


def _card(measure: Measure, overview: Overview, weeks: Sequence[Week]) -> Card:
    value, previous = measure.of(overview.current), overview.previous
    before = measure.of(previous) if previous is not None else None
    return Card(
        name=measure.name,
        label=measure.label,
        value=measure.unit.shown(value),
        note=measure.note(overview.current) if value is not None else "",
        before=measure.unit.shown(before) if previous is not None else "",
        difference=compared(overview.period, measure.unit, value, before, grows=measure.grows),
        weeks=spark(measure, weeks),
    )


def spark(measure: Measure, weeks: Sequence[Week]) -> list[Point]:
    """Each week as a column, from zero on."""
    values = [measure.of(week.figures) for week in weeks]
    labels = [short_day(week.span.last) for week in weeks]
    drawn = columns(labels, values, top=max((one for one in values if one), default=1), height=SPARK, left=0)
    written = (measure.unit.shown(value) for value in values)
    return [Point(column.label, words, column) for column, words in zip(drawn, written, strict=True)]


def stretches(overview: Overview) -> Iterator[Stretch]:
    for label, of in STRETCHES:
        now, before = of(overview.current), of(overview.previous) if overview.previous is not None else Half()
        yield Stretch(label, *(TIME.shown(one) for one in (now.median, now.p95, before.median, before.p95)))


def before_name(overview: Overview) -> str:
    """ "the week before", or empty."""
    return PERIODS[overview.period.kind].before


def has_any(overview: Overview, weeks: Sequence[Week]) -> bool:
    """Whether there is anything to show."""
    spans = [overview.current, *(week.figures for week in weeks)]
    spans += [overview.previous] if overview.previous is not None else []
    return any(one.announcements or one.spend for one in spans)
