"""Where the parts of a drawing stand, from numbers in to values that templates draw: no markup here. Pure.

Across everything is in percent and up and down in pixels, so that a drawing fits any width and its letters keep
their size.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

#: of what is drawn across, percent: left of it stand the names of the lines
LEFT = 11.0
#: whatever is there can be seen, percent and pixels
LEAST = 1.0
LONGEST_LABEL = 28
#: more of them side by side say nothing
MOST_ROWS = 12
#: pixels that a line of letters takes
LETTERS = 18
#: sizes of a dot: a few that are told apart
SIZES = 5


@dataclass(frozen=True, slots=True)
class Column:
    """One of several side by side: `x` and `width` in percent, heights in pixels, None where there is nothing."""

    label: str
    x: float
    width: float
    height: float | None
    inner: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Across the drawing, so many pixels above its foot, with its name."""

    label: str
    up: float


@dataclass(frozen=True, slots=True)
class Row:
    """A bar from left to right with its number in words."""

    label: str
    words: str
    percent: float

    @property
    def short_label(self) -> str:
        """A drawing does not break lines."""
        return self.label if len(self.label) <= LONGEST_LABEL else f"{self.label[: LONGEST_LABEL - 1]}…"


@dataclass(frozen=True, slots=True)
class Dot:
    """At `x` percent in the row with this number; `size` 0 is a ring, for what is there without a number."""

    x: float
    row: int
    size: int


def columns(
    labels: Sequence[str],
    values: Sequence[float | None],
    inner: Sequence[float | None] = (),
    *,
    top: float,
    height: float,
    left: float = LEFT,
) -> list[Column]:
    """Side by side, each with another inside it if there are any. `top`: what is as high as the drawing."""
    step = (100 - left) / max(1, len(values))
    inside = inner or [None] * len(values)

    def high(value: float | None) -> float | None:
        return None if value is None else round(max(LEAST, height * min(1.0, value / top)), 1) if value else 0.0

    return [
        Column(label, round(left + step * (at + 0.15), 2), round(step * 0.7, 2), high(value), high(within))
        for at, label, value, within in zip(count(), labels, values, inside, strict=False)
    ]


def top_of(values: Iterable[float | None]) -> float:
    """The round number that nothing is above: 1, 2 or 5 and noughts."""
    largest = max((value for value in values if value is not None), default=0)
    power = 1.0
    while power * 10 <= largest:
        power *= 10
    return next((size * power for size in (1, 2, 5, 10) if size * power >= largest), 1.0)


def lines(top: float, height: float, write: Callable[[float], str]) -> list[Line]:
    """At the top and half way up to it."""
    return [Line(write(top * part), round(height * part, 1)) for part in (1.0, 0.5)]


def apart(drawn: Iterable[Line], mark: float | None) -> list[Line]:
    """Without those whose name would lie on that of a mark."""
    return [one for one in drawn if mark is None or abs(one.up - mark) >= LETTERS]


def rows(values: Sequence[tuple[str, float, str]], most: int = MOST_ROWS) -> list[Row]:
    """(label, number, its words), in this order, no more than `most` of them."""
    longest = max((number for _, number, _ in values[:most]), default=0)
    return [Row(label, words, _percent(number, longest)) for label, number, words in values[:most]]


def _percent(number: float, longest: float) -> float:
    return round(max(LEAST, 100 * number / longest), 1) if number > 0 else 0.0


def dots(values: Iterable[tuple[int, int, float | None]], across: int) -> list[Dot]:
    """(row, place of so many across, number): the area of each goes with its number."""
    known = list(values)
    largest = max((number for _, _, number in known if number is not None), default=0)
    step = (100 - LEFT) / across
    return [Dot(round(LEFT + step * (at + 0.5), 2), row, _size(number, largest)) for row, at, number in known]


def _size(number: float | None, largest: float) -> int:
    if number is None or largest <= 0:
        return 0
    return max(1, round(SIZES * math.sqrt(number / largest)))
