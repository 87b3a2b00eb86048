"""The guard: whether a draft may be sent in a host's name. Pure; the same for what a model wrote and for our own.

A draft is let through when it fits, says nothing that the episode does not say, obeys nobody but us, is in the
podcast's language and voice, and is not the text of another host. Facts quoted word for word are never in the way.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from models import WishKind
from services import tweet_text
from services.draft_addresses import address_in
from services.draft_brief import Brief
from services.draft_causes import GUARDING
from services.draft_language import day_names, is_in
from services.draft_names import WORD, invented_name
from services.draft_numbers import invented_day, invented_number, planned_at
from services.draft_text import FACT, TITLE, alike, obeys, own_words, parted, words
from services.errors import Invalid
from services.x_length import weighted_length

#: joiners and marks that emoji and some scripts are spelled with
_HARMLESS = frozenset("\u200c\u200d")
_MENTION = re.compile(r"[@＠]\w+")
_HASHTAG = re.compile(r"[#＃](?=\w*[^\W\d_])\w+")
_CASHTAG = re.compile(r"\$[A-Za-z]\w*")


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a draft is not used. `code` is one of services/causes.py; `detail` is about this very text, or empty."""

    code: str
    detail: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (GUARDING[self.code][0], self.detail) if part)


@dataclass(frozen=True, slots=True)
class _Case:
    """A draft on the table. `own`: its words without quoted facts and asked-for tags. `said`: what it may speak of."""

    brief: Brief
    final: str
    own: str
    said: str
    orders: str


def judge(text: str, brief: Brief) -> Rejection | None:
    """Why this draft must not be used, or None. `text` is a template of tweet_text."""
    if not text.strip():
        return Rejection("draft_empty")
    if any(_is_odd(character) for character in text):
        return Rejection("draft_characters")
    try:
        final = final_text(text, brief)
    except Invalid as error:
        code = "draft_too_long" if str(error).startswith("Too long") else "draft_characters"
        return Rejection(code, f"{error}.")
    case = _case(final, brief)
    return next((found for rule in _RULES if (found := rule(case)) is not None), None)


def final_text(text: str, brief: Brief) -> str:
    """With the facts filled in and the longest link. Raises Invalid."""
    return tweet_text.render(text, brief.facts, include_link=True)


def _is_odd(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind in ("Cc", "Cf", "Co", "Cs", "Cn") and character != "\n" and character not in _HARMLESS


def _case(final: str, brief: Brief) -> _Case:
    facts = brief.facts
    clean, orders = map(list, zip(*(parted(text) for text in (facts.title, *facts.guests)), strict=True))
    # Notes that speak to a model anywhere are no source of anything: what they push stands before the order, or after.
    is_pushed = bool(parted(brief.notes)[1])
    clean, orders = [*clean, "" if is_pushed else brief.notes], [*orders, brief.notes if is_pushed else ""]
    asked = (brief.rules, *brief.voice.use, *brief.voice.hashtags, *brief.allowed)
    number = "" if facts.number is None else str(facts.number)
    said = "\n".join([facts.show, number, *clean, *asked])
    own = own_words(final, brief)
    for tag in sorted(_asked_tags(brief, clean[0]), key=len, reverse=True):
        own = re.sub(rf"{re.escape(tag)}(?!\w)", " ", own, flags=re.IGNORECASE)
    return _Case(brief, final, own, said, "\n".join(part for part in orders if part))


def _asked_tags(brief: Brief, title: str) -> set[str]:
    """Hashtags, mentions and cashtags that people asked for by writing them; of the title only its hashtags."""
    asked = " ".join((brief.rules, *brief.voice.use, *brief.voice.hashtags))
    tags = {tag for pattern in (_MENTION, _HASHTAG, _CASHTAG) for tag in pattern.findall(asked)}
    return tags | set(_HASHTAG.findall(title))


# The rules, in the order in which they are asked


def _says_something(case: _Case) -> Rejection | None:
    """A title or a show alone is enough; a link is not."""
    said = any(character.isalnum() or character in (TITLE, FACT) for character in case.own)
    return None if said else Rejection("draft_empty")


def _obeys_nobody_else(case: _Case) -> Rejection | None:
    return Rejection("draft_injected") if obeys(case.own, case.orders, case.said) else None


def _no_address(case: _Case) -> Rejection | None:
    found = address_in(case.own)
    return Rejection("draft_url", f"It has {found[:60]}.") if found else None


def _no_tags(case: _Case) -> Rejection | None:
    for pattern, code in ((_MENTION, "draft_mention"), (_HASHTAG, "draft_hashtag"), (_CASHTAG, "draft_cashtag")):
        found = pattern.search(case.own)
        if found:
            return Rejection(code, f"It has {found[0][:60]}.")
    return None


def _no_number(case: _Case) -> Rejection | None:
    found = invented_number(case.own, case.said, case.brief)
    return Rejection("draft_number", f"It says {found[:40]}.") if found else None


def _no_day(case: _Case) -> Rejection | None:
    found = invented_day(case.own, case.said, case.brief)
    return Rejection("draft_date", f"It says {found}.") if found else None


def _in_the_language(case: _Case) -> Rejection | None:
    plain = re.sub(rf"[{TITLE}{FACT}]", " ", case.own)
    return None if is_in(plain, case.brief.tongue) else Rejection("draft_language")


def _in_the_voice(case: _Case) -> Rejection | None:
    if not case.brief.voice.emoji and any(unicodedata.category(character) == "So" for character in case.own):
        return Rejection("draft_emoji")
    plain = f" {' '.join(words(case.own))} "
    for avoided in case.brief.voice.avoid:
        if words(avoided) and f" {' '.join(words(avoided))} " in plain:
            return Rejection("draft_avoided", f"It says “{avoided[:60]}”.")
    return None


def _no_name(case: _Case) -> Rejection | None:
    """Words with a capital inside a sentence are in the facts, or somebody is named who is not there."""
    at, tongue = planned_at(case.brief), case.brief.tongue
    days = day_names(at.weekday(), at.month, tongue) if at else frozenset[str]()
    known = days | set(words(case.said)) | {match[0].casefold() for match in WORD.finditer(case.said)}
    found = invented_name(case.own, known, tongue)
    return Rejection("draft_name", f"It names {found[:60]}.") if found else None


def _on_topic(case: _Case) -> Rejection | None:
    """Something of the title, the show or a guest is in it."""
    facts = case.brief.facts
    if TITLE in case.own or FACT in case.own:
        return None
    topic = [word for word in words(f"{parted(facts.title)[0]} {facts.show} {' '.join(facts.guests)}") if len(word) > 3]
    plain = " ".join(words(case.own))
    # The beginnings are compared: words are bent.
    return None if not topic or any(word[:5] in plain for word in topic) else Rejection("draft_off_topic")


def _as_wished(case: _Case) -> Rejection | None:
    brief = case.brief
    if not brief.current:
        return None
    if tweet_text.normal_form(case.final) == tweet_text.normal_form(brief.current):
        return Rejection("draft_same")
    is_shorter = weighted_length(case.final) < weighted_length(brief.current)
    return Rejection("draft_not_shorter") if brief.wish == WishKind.SHORTER and not is_shorter else None


def _unlike_others(case: _Case) -> Rejection | None:
    shares = [alike(case.final, other, case.brief) for other in case.brief.others]
    most = max(shares, default=0)
    return Rejection("draft_alike", f"They have {most} % in common.") if most >= case.brief.limit else None


_RULES: tuple[Callable[[_Case], Rejection | None], ...] = (
    _says_something,
    _obeys_nobody_else,
    _no_address,
    _no_tags,
    _no_number,
    _no_day,
    _in_the_language,
    _in_the_voice,
    _no_name,
    _on_topic,
    _as_wished,
    _unlike_others,
)
