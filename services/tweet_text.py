"""The words of a post: placeholders filled in, made to fit, nothing slipped in. Pure; knows no network and no clock.

Placeholders are `{show} {title} {number} {guest} {url}`, filled in one pass: what a value contains is never looked at
again. Anything else between single braces that begins like a word (`{0}`, `{title!r}`, `{title.__class__}`,
`{ title }`) is an unknown placeholder, as is a known one in double braces; all other braces (`{{7*7}}`, `{%`, `{}`,
the outer ones of `{ {title} }`) are literal text. Nothing is ever evaluated.

Values come from YouTube and from forms: what plain_text leaves of them is filled in. A web address inside a title stays
as it is: X links and bills it like any other, and it is counted as X counts it.
"""

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise

from services.errors import Invalid
from services.plain_text import JOINERS, plain_line, tidy, visible
from services.text_gaps import close_gap
from services.x_length import LIMIT, URL_LENGTH, url_spans, weighted_length

__all__ = [
    "LIMIT",
    "PLACEHOLDERS",
    "SOURCES",
    "URL_LENGTH",
    "Facts",
    "choose",
    "cut_at_limit",
    "has_link",
    "known_values",
    "normal_form",
    "render",
    "shortest",
    "similarity",
    "validate_template",
    "weighted_length",
]

PLACEHOLDERS = ("show", "title", "number", "guest", "url")
SOURCES = ("own", "draft", "template", "podcast", "builtin")
ELLIPSIS = "…"

#: Above this nothing can fit that a person would write; it also bounds the work.
_LONGEST_TEMPLATE = 4_000
_LONGEST_TITLE = 1_000
_NEAR = 400
_SAMPLE_URL = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"

_BRACES = re.compile(r"\{\{([^{}\n]*)\}\}|\{([^{}\n]*)\}")
_LIKE_A_NAME = re.compile(r"\s*\w")
_CASHTAG = re.compile(r"(?<!\S)\$(?=[A-Za-z]{1,6}(?:[._][A-Za-z]{1,2})?(?![A-Za-z0-9]))")
_AFTER_LINK = re.compile(r"[.,;:!?)\]}\"'»”’…]*(?:\s|$)")
_TOUCHES_LINK = re.compile(r"[A-Za-z0-9@＠$#＃_/-]\Z|\.\S*\Z")
_ENTITY_OF_AMPERSAND = re.compile(r"&(?:(?:amp|AMP|#0*38(?![0-9])|#[xX]0*26(?![0-9A-Fa-f]));?)+")


@dataclass(frozen=True)
class Facts:
    """What is known of one episode when its posts are written."""

    show: str
    title: str
    number: int | str | None = None
    guests: tuple[str, ...] = ()
    url: str | None = None


def render(template: str, facts: Facts, *, include_link: bool) -> str:
    """The text as it will be sent, in NFC, at most LIMIT long by X's measure.

    The link stands in it if and only if it is known and `include_link`: where {url} is, else at the end. What is too
    long loses words at the end of the title, then the title. Raises Invalid with a sentence when that does not help.
    """
    fill, title = _filler(template, facts, include_link=include_link)
    text = _whole(fill, title)
    if text is None:
        shortest = fill("")
        excess = weighted_length(shortest) - LIMIT
        if excess > 0:
            raise Invalid(f"Too long by {_characters(excess)}")
        text = _longest_that_fits(fill, title) or shortest
    if not text:
        raise Invalid("There is nothing to post")
    return text


def _filler(template: str, facts: Facts, *, include_link: bool) -> tuple[Callable[[str], str], str]:
    """What makes a text of a title, and the whole title. Raises Invalid for an unknown placeholder."""
    parts = _parts(template)
    values = _values(facts, include_link=include_link)
    if values["url"] and "url" not in parts[1::2] and values["url"] not in template:
        parts[-1:] = [parts[-1] + ("\n" if "\n" in template else " "), "url", ""]

    def fill(title: str) -> str:
        return _fill(parts, {**values, "title": title})

    return fill, values["title"]


def validate_template(template: str) -> None:
    """Raises Invalid with a sentence when no episode could be announced with this text."""
    if not template.strip():
        raise Invalid("The text is empty")
    if len(_CASHTAG.findall(template)) > 1:
        raise Invalid("X allows one $cashtag in a post; this text has more")
    render(template, Facts(show="Show", title="Title", url=_SAMPLE_URL), include_link="url" in _parts(template)[1::2])


def known_values(facts: Facts) -> dict[str, str]:
    """What each placeholder says for these facts; empty where there is nothing to say."""
    return dict(_values(facts, include_link=True))


def has_link(text: str) -> bool:
    """Whether X makes a link of any part of it, and so bills it as a post with a link."""
    return bool(url_spans(text))


def shortest(template: str, facts: Facts, *, include_link: bool) -> str:
    """The text without its title, however long it still is: what there is to be shortened. Raises Invalid."""
    return _filler(template, facts, include_link=include_link)[0]("")


def cut_at_limit(text: str) -> tuple[str, str]:
    """The part that X would take, and the rest."""
    if weighted_length(text) <= LIMIT:
        return text, ""
    low, high = 0, min(len(text), 2 * LIMIT * URL_LENGTH)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if weighted_length(text[:middle]) <= LIMIT else (low, middle - 1)
    inside = [start for start, size in url_spans(text).items() if start < low < start + size]
    at = inside[0] if inside else low  # a link is not cut in two
    return text[:at], text[at:]


def choose(*candidates: str | None) -> tuple[str, str]:
    """(text, source) of the first candidate that is not blank; they come in the order of SOURCES."""
    for text, source in zip(candidates, SOURCES, strict=False):
        if text and text.strip():
            return text, source
    raise Invalid("There is nothing to post")


def normal_form(text: str) -> str:
    """What two copies of one post have in common: X escapes &, < and >, and white space may differ."""
    for _ in range(20):  # an escape may hide another; only a hostile text needs more than two rounds
        before = text
        text = unicodedata.normalize("NFC", text)
        text = " ".join(html.unescape(_ENTITY_OF_AMPERSAND.sub("&", text)).split())
        if text == before:
            break
    return text


def similarity(a: str, b: str) -> float:
    """0.0 to 1.0: the share of letter pairs the normal forms have in common. Linear in the lengths, symmetric."""
    a, b = normal_form(a), normal_form(b)
    if a == b:
        return 1.0
    pairs_a, pairs_b = (Counter(pairwise(text)) for text in (a, b))
    total = pairs_a.total() + pairs_b.total()
    return 2 * (pairs_a & pairs_b).total() / total if total else 0.0


def _characters(count: int) -> str:
    return "1 character" if count == 1 else f"{count} characters"


def _parts(template: str) -> list[str]:
    """Literal text at even places, placeholder names at odd ones. Raises Invalid for an unknown placeholder."""
    if len(template) > _LONGEST_TEMPLATE:
        raise Invalid(f"Too long by {_characters(len(template) - LIMIT)}")
    template = tidy(template)
    parts, literal_from = [], 0
    for match in _BRACES.finditer(template):
        doubled, single = match.groups()
        if single in PLACEHOLDERS:
            parts += [template[literal_from : match.start()], single]
            literal_from = match.end()
        elif doubled in PLACEHOLDERS or (single is not None and _LIKE_A_NAME.match(single)):
            known = " ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            raise Invalid(f"Unknown placeholder {match[0][:60]}; there are {known}")
    return [*parts, template[literal_from:]]


@lru_cache(maxsize=256)
def _values(facts: Facts, *, include_link: bool) -> Mapping[str, str]:
    """Kept: the texts of all hosts of an episode are filled from the same facts. Not to be changed."""
    guests = [guest for guest in map(plain_line, facts.guests) if guest]
    return {
        "show": plain_line(facts.show),
        "title": plain_line(facts.title),
        "number": plain_line("" if facts.number is None else str(facts.number)),
        "guest": " & ".join(filter(None, (", ".join(guests[:-1]), *guests[-1:]))),
        "url": "".join(visible(facts.url or "").split()) if include_link else "",
    }


def _fill(parts: Sequence[str], values: dict[str, str]) -> str:
    """One pass: each name gives way to its value, or takes the words and signs around it along when it has none."""
    pieces = [(parts[0], False)]
    for index in range(1, len(parts), 2):
        name, literal = parts[index], parts[index + 1]
        if values[name]:
            pieces += [(values[name], name == "url"), (literal, False)]
        else:
            before, _ = pieces[-1]
            first, last = len(pieces) == 1, parts[index + 2 : index + 3] in ([], ["url"])
            pieces[-1] = (close_gap(before, literal, name, first=first, last=last), False)
    return _finish(_with_links_apart(pieces))


def _with_links_apart(pieces: Sequence[tuple[str, bool]]) -> str:
    """The pieces (text, is the link) as one text in which nothing touches the link that X would read as part of it."""
    texts = [text for text, _ in pieces]
    following = [*accumulate(reversed(texts), lambda after, text: (text + after)[:_NEAR], initial="")][::-1]
    whole, near = [], ""  # near: the end of what is written so far
    for index, (text, is_link) in enumerate(pieces):
        if is_link:
            glue_before = " " if _TOUCHES_LINK.search(near) else ""
            glue_after = "" if _AFTER_LINK.match(following[index + 1]) else " "
            text = glue_before + text + glue_after
        whole.append(text)
        near = (near + text)[-_NEAR:]
    return "".join(whole)


def _finish(text: str) -> str:
    lines = [line.rstrip() for line in unicodedata.normalize("NFC", text).split("\n")]
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    first, *others = _CASHTAG.split(text)
    # X refuses a post with two cashtags; when that was not noticed on saving, the first one stays
    return f"{first}${''.join(others)}" if others else first


def _whole(fill: Callable[[str], str], title: str) -> str | None:
    """The text with the whole title, as nearly all are; None when that is too long."""
    text = fill(title) if len(title) <= _LONGEST_TITLE else None
    return text if text is not None and weighted_length(text) <= LIMIT else None


def _longest_that_fits(fill: Callable[[str], str], title: str) -> str | None:
    """The text with as much of the title as fits; None when not one letter of it does."""
    for is_end in (_ends_a_word, _ends_a_letter):
        ends = [at for at in range(1, min(len(title), _LONGEST_TITLE)) if is_end(title, at)]
        low, high, best = 0, len(ends), None
        while low < high:
            middle = (low + high) // 2
            text = fill(title[: ends[middle]].rstrip(" ,;:.-–—|/(&") + ELLIPSIS)
            if weighted_length(text) <= LIMIT:
                best, low = text, middle + 1
            else:
                high = middle
        if best is not None:
            return best
    return None


def _ends_a_word(title: str, at: int) -> bool:
    """A space follows, or a letter of a script that writes words without spaces precedes."""
    ideographic = "\u2e80" <= title[at - 1] <= "\u9fff" or "\U00020000" <= title[at - 1] <= "\U0003ffff"
    return title[at] == " " or (ideographic and _ends_a_letter(title, at))


def _ends_a_letter(title: str, at: int) -> bool:
    """Nothing is cut off that belongs to the letter or emoji before."""
    after = title[at]
    belongs = unicodedata.category(after)[0] == "M" or after in JOINERS or "\U0001f3fb" <= after <= "\U0001f3ff"
    flag = "\U0001f1e6" <= after <= "\U0001f1ff"
    return not (belongs or flag or title[at - 1] in JOINERS)
