"""What an admin lays down for all drafts of a podcast: rules, how alike hosts may sound, names that may be used."""

from dataclasses import dataclass
from datetime import datetime

from models import Podcast
from services import podcast_fields
from services.audit import Actor
from services.checks import several_lines, shown
from services.draft_brief import USUAL_LIMIT
from services.draft_prompt import LONGEST_RULES
from services.errors import Invalid

FIELDS = ("draft_rules", "similarity_limit", "allowed_words")
LONGEST_WORD, MOST_WORDS = 80, 200
#: per cent; below the first two texts about the same show are alike by what they are about
LEAST_LIMIT, MOST_LIMIT = 20, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an admin typed, each value checked by the function of its kind."""

    draft_rules: str
    similarity_limit: int
    allowed_words: str
    version: str


def rules(text: str) -> str:
    """How all drafts are to be written; empty is fine. Raises Invalid."""
    return several_lines("these rules", text, LONGEST_RULES)


def similarity(text: str) -> int:
    """Per cent; the usual limit where nothing stands. Raises Invalid."""
    typed = text.strip().removesuffix("%").strip()
    if not typed:
        return USUAL_LIMIT
    number = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 4 else -1
    if not LEAST_LIMIT <= number <= MOST_LIMIT:
        raise Invalid(
            f"“{shown(text)}” does not fit. Write a whole number of per cent from {LEAST_LIMIT} to {MOST_LIMIT}."
        )
    return number


def words(text: str) -> str:
    """Names, one a line. Raises Invalid."""
    lines = [line.strip() for line in several_lines("these words", text, MOST_WORDS * LONGEST_WORD).splitlines()]
    kept = list(dict.fromkeys(line for line in lines if line))
    long = next((line for line in kept if len(line) > LONGEST_WORD), None)
    if long is not None:
        raise Invalid(f"“{shown(long)}” has {len(long)} characters. At most {LONGEST_WORD} fit in a line.")
    if len(kept) > MOST_WORDS:
        raise Invalid(f"These are {len(kept)} words. At most {MOST_WORDS} fit.")
    return "\n".join(kept)


def version_of(podcast: Podcast) -> str:
    """Changes with what these settings hold, so that a stale form is noticed."""
    return podcast_fields.version_of(podcast, FIELDS)


def change(podcast_id: int, wanted: Wanted, by: Actor, now: datetime) -> None:
    """Saves what was typed. Raises Stale when somebody else saved meanwhile."""
    podcast_fields.save(podcast_id, FIELDS, wanted, by, now)
