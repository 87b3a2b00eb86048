"""The numbers and days that a draft may have: those that the episode says, in any form that people write. Pure."""

import re
import unicodedata
from datetime import datetime
from zoneinfo import ZoneInfo

from services.draft_brief import Brief
from services.draft_language import DOUBLE_MEANING, day_names, days_and_months
from services.draft_text import words

_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_MONEY = re.compile(r"[$€£¥]\s?\d")
_TIME = re.compile(r"\d{1,2}[:.]\d{2}")
_GROUPED = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
_SEPARATOR = re.compile(r"[.,:/-]")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
#: numbers in letters that say how much or how many; up to ten they are a way of speaking
_IN_LETTERS = frozenset(
    word
    for line in (
        "eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty",
        "seventy eighty ninety hundred hundreds thousand thousands million millions billion billions dozen dozens",
    )
    for word in line.split()
)


def invented_number(own: str, said: str, brief: Brief) -> str | None:
    """The first number in `own` that `said` and the plan do not have. `said`: all that the draft may speak of."""
    own, said = (unicodedata.normalize("NFKC", text) for text in (own, said))
    for money in _MONEY.findall(own):
        if money.replace(" ", "") not in said.replace(" ", ""):
            return str(money)
    known = {form for found in _NUMBER.findall(said) for form in _forms(found)} | _planned(brief)
    for found in _NUMBER.findall(own):
        if found not in known and not _is_known(found, known):
            return str(found)
    spoken = set(words(said))
    return next((word for word in words(own) if word in _IN_LETTERS and word not in spoken), None)


def _is_known(found: str, known: set[str]) -> bool:
    if _TIME.fullmatch(found):
        return found.replace(".", ":") in known
    if _GROUPED.fullmatch(found):
        return _SEPARATOR.sub("", found) in known
    return all(_plain(part) in known for part in _SEPARATOR.split(found))


def _plain(digits: str) -> str:
    return digits.lstrip("0") or "0"


def _forms(found: str) -> set[str]:
    """A number as it stands, without separators, and each of its parts."""
    whole = {found, _SEPARATOR.sub("", found)} if not _TIME.fullmatch(found) else {found, found.replace(".", ":")}
    return whole | {_plain(part) for part in _SEPARATOR.split(found)}


def _planned(brief: Brief) -> set[str]:
    """The planned time, as clocks and calendars of the podcast's zone show it."""
    at = planned_at(brief)
    if at is None:
        return set()
    hour, half = at.hour, at.hour % 12 or 12
    times = {f"{h}:{at.minute:02}" for h in (hour, half)} | {f"{h:02}:{at.minute:02}" for h in (hour, half)}
    return times | {str(part) for part in (at.year, at.month, at.day, hour, half)}


def planned_at(brief: Brief) -> datetime | None:
    return brief.planned.astimezone(ZoneInfo(brief.zone)) if brief.planned else None


def invented_day(own: str, said: str, brief: Brief) -> str | None:
    """The first name of a day or month in `own` that is neither said nor planned."""
    at = planned_at(brief)
    known = set(words(said)) | (day_names(at.weekday(), at.month, brief.tongue) if at else frozenset())
    named = days_and_months(brief.tongue)
    for match in _WORD.finditer(own):
        word = match[0].casefold()
        if word not in named or word in known:
            continue
        begins = not own[: match.start()].rstrip() or own[: match.start()].rstrip()[-1] in ".!?:\n"
        if word in DOUBLE_MEANING and (begins or match[0].islower()):
            continue
        return match[0]
    return None
