"""What of all posts is asked for: by whom, and how it was typed. Asks no database."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from models import PostStatus
from services.causes import SECTIONS
from services.checks import HIGHEST_ID, shown
from services.errors import Invalid
from services.users import LONGEST_NAME
from services.vocabulary import SUM_WORDS

LONGEST, LONGEST_ID = 60, 10
#: where a page ends: an id, a colon and what the posts are sorted by; of a name cut short the page would never end
LONGEST_AFTER = LONGEST_ID + 1 + LONGEST_NAME
TRIGGERS = {"live": "A start", "now": "A click"}
KINDS = {
    "own": "Own words",
    "draft": "A draft",
    "template": "The host’s usual text",
    "podcast": "The podcast’s usual text",
    "builtin": "Airhorn’s own",
}
LINKS = {"yes": "With a link", "no": "Without a link"}
CAUSE_WORDS = {
    code: cause.text
    for name in ("Sending to X", "Before sending", "How it ended without being sent", "After an unknown outcome")
    for code, cause in SECTIONS.get(name, {}).items()
}
#: a person is needed for two of them: each is called by why
_WHY = {PostStatus.FAILED: "Failed", PostStatus.REVIEW: "Unconfirmed"}
STATUSES = {
    status.value: f"{_WHY[status]}: needs you" if status in _WHY else SUM_WORDS[status].word for status in PostStatus
}
#: by name: the words. The id decides between equals.
SORTS = {"newest": "Newest first", "oldest": "Oldest first", "host": "By host", "status": "By state"}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks; values only, since an answer may be written long after the request."""

    user_id: int
    is_admin: bool
    timezone: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for, as it was typed; empty is everything.

    `since` and `until` are days of the podcast, where one is chosen, and else of the asking person.
    """

    podcast: str = ""
    host: str = ""
    status: str = ""
    trigger: str = ""
    kind: str = ""
    link: str = ""
    cause: str = ""
    since: str = ""
    until: str = ""
    sort: str = ""

    @property
    def kept(self) -> dict[str, str]:
        """For an address: what is not empty."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name))}


def typed(arguments: Mapping[str, str]) -> Wanted:
    """As it was typed, for showing it again. Names that are not known are left out."""
    return Wanted(**{one.name: arguments.get(one.name, "").strip()[:LONGEST] for one in fields(Wanted)})


def asked(arguments: Mapping[str, str]) -> Wanted:
    """Raises Invalid for what is no filter."""
    wanted = typed(arguments)
    _one_of("status", wanted.status, STATUSES)
    _one_of("trigger", wanted.trigger, TRIGGERS)
    _one_of("kind", wanted.kind, KINDS)
    _one_of("link", wanted.link, LINKS)
    _one_of("cause", wanted.cause, CAUSE_WORDS)
    _one_of("sort", wanted.sort, SORTS)
    _id("podcast", wanted.podcast)
    _id("host", wanted.host)
    since, until = day_of(wanted.since), day_of(wanted.until)
    if since and until and until < since:
        raise Invalid("The last day is before the first one.")
    return wanted


def _one_of(name: str, typed: str, known: Mapping[str, Any]) -> None:
    if typed and typed not in known:
        raise Invalid(f"“{shown(typed)}” is no {name} that posts have. Choose one from the list.")


def _id(name: str, typed: str) -> None:
    if typed and not is_id(typed):
        raise Invalid(f"“{shown(typed)}” is no {name}. Choose one from the list.")


def begins(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def is_id(typed: str) -> bool:
    return typed.isascii() and typed.isdigit() and len(typed) <= LONGEST_ID and 0 < int(typed) <= HIGHEST_ID


def day_of(typed: str) -> date | None:
    if not typed:
        return None
    try:
        found = date.fromisoformat(typed)
    except ValueError:
        found = None
    if found is None or not 2000 <= found.year <= 2200:
        raise Invalid(f"“{shown(typed)}” is no day. Write it like 2026-11-24.")
    return found
