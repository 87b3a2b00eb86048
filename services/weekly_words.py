"""What the letter about a week says. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.insights import Insight
from services.need import Need
from services.number_cards import Card
from services.number_words import days
from services.periods import Span

#: of what needs a person; the rest is counted
MOST_NEEDS = 8


@dataclass(frozen=True, slots=True)
class Week:
    """One podcast's week as one reader may see it."""

    podcast_id: int
    name: str
    span: Span
    cards: Sequence[Card]
    insights: Sequence[Insight]
    #: in words: what they are made of is read before the mail server is spoken to, and not while it answers
    needs: Sequence[str]

    @property
    def has_any(self) -> bool:
        """Whether it is worth a letter."""
        return bool(self.cards or self.needs)


def subject(week: Week) -> str:
    return f"{week.name}: last week, {days(week.span)}"


def letter(week: Week, here: str) -> str:
    """Plain text. `here`: where this server is."""
    podcast = f"{here}/podcasts/{week.podcast_id}"
    parts = [
        f"{week.name}, {days(week.span)}",
        "\n".join(_line(card) for card in week.cards),
        _listed("Worth knowing", [one.text for one in week.insights]),
        _listed("Needs a person", week.needs),
        f"All numbers: {podcast}/numbers\nWhat needs attention: {podcast}/attention",
        f"-- \nThis letter comes on Mondays to those who asked Airhorn for it. To end it: {stop_link(here)}",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def stop_link(here: str) -> str:
    return f"{here}/profile/notices#weekly"


def _line(card: Card) -> str:
    """ "On time: 92 % (29 of 31 within a minute of the start); the week before 95 %"."""
    note = f" ({card.note})" if card.note else ""
    return f"{card.label}: {card.value}{note}; the week before {card.before}"


def _listed(head: str, lines: Sequence[str]) -> str:
    return "\n".join([head, *(f"* {line}" for line in lines)]) if lines else ""


def what_needs(found: Sequence[Need], user_id: int) -> list[str]:
    """A line for each as its reader is told of it, and one for those that are left out."""
    named = [_need(one, user_id) for one in found[:MOST_NEEDS]]
    more = len(found) - len(named)
    return [*named, f"And {more} more."] if more else named


def _need(need: Need, user_id: int) -> str:
    who = "You" if need.user_id == user_id else need.who
    about = need.stream.broadcast.title if need.stream is not None else need.episode_title
    return f"{who}{f', {about}' if about else ''}: {need.what}"
