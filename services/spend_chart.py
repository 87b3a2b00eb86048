"""What was spent, as bars: this month beside the last, by whatever is asked. Pure; templates draw it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from services.wallet_history import Sum

#: more bars than these say nothing; the rest is one
MOST_BARS = 12
LONGEST_LABEL = 28


@dataclass(frozen=True, slots=True)
class Bar:
    """Micro-dollars of this month and the last, each with its length in percent of the longest."""

    label: str
    this: int
    last: int
    this_percent: float = 0.0
    last_percent: float = 0.0

    @property
    def short_label(self) -> str:
        """A drawing does not break lines."""
        return self.label if len(self.label) <= LONGEST_LABEL else f"{self.label[: LONGEST_LABEL - 1]}…"


def bars(this: Sequence[Sum], last: Sequence[Sum], name: Callable[[Sum], str]) -> list[Bar]:
    """Dearest of this month first."""
    totals: dict[str, list[int]] = {}
    for place, month in enumerate((this, last)):
        for one in month:
            totals.setdefault(name(one), [0, 0])[place] += one.cost
    found = sorted(
        (Bar(label, *both) for label, both in totals.items()), key=lambda bar: (-bar.this, -bar.last, bar.label)
    )
    shown, rest = found[:MOST_BARS], found[MOST_BARS:]
    if rest:
        shown.append(Bar(f"{len(rest)} others", sum(bar.this for bar in rest), sum(bar.last for bar in rest)))
    longest = max([1, *(max(bar.this, bar.last) for bar in shown)])
    return [
        replace(bar, this_percent=_percent(bar.this, longest), last_percent=_percent(bar.last, longest))
        for bar in shown
    ]


def _percent(amount: int, longest: int) -> float:
    """Whatever is there can be seen."""
    return round(max(0.5, 100 * amount / longest), 1) if amount > 0 else 0.0
