"""Addresses in a draft, also those spelled so that X makes no link of them and people still read one. Pure."""

import re
import unicodedata
from collections.abc import Iterator

from services.draft_language import is_common
from services.x_length import is_top_level, url_spans

_PROTOCOL = re.compile(r"https?:|www\.", re.IGNORECASE)
_NAME = r"(?<![^\W_])(?P<name>[^\W_][\w-]{0,62})"
_ENDING = r"(?P<ending>[^\W\d_]{2,24})(?![^\W_])"
_PATH = r"(?P<path> ?/\w| slash )?"
#: the dot in the languages that say it
_SAID = "dot|punkt|point|punto|ponto|punt"
#: "example (dot) com", "evil[.]com": nobody writes a full stop like that for another reason
_BRACKETED = re.compile(rf"{_NAME} ?[\[({{<] ?(?:\.|{_SAID}) ?[\])}}>] ?{_ENDING}", re.IGNORECASE)
#: "evil dot dev"
_SPELLED = re.compile(rf"{_NAME}[ -](?P<dot>{_SAID})[ -]{_ENDING}{_PATH}", re.IGNORECASE)
#: "bit . ly/abc", "bit .ly/abc", and "bit. ly/abc"
_APART = re.compile(rf"{_NAME}(?P<before> ?)\. ?{_ENDING}{_PATH}", re.IGNORECASE)
#: a full stop of another script between Latin letters: "evil。com"
_FOREIGN_STOP = re.compile(r"(?<=[a-z0-9])。(?=[a-z])", re.IGNORECASE)
#: what says "dot" in another language is a word of many sentences: only these endings make it an address there
_OLD_ENDINGS = frozenset({"com", "net", "org", "info", "io", "app", "dev"})


def address_in(text: str) -> str | None:
    """The first address in `text`, as it stands there or nearly so; None where there is none."""
    plain = _FOREIGN_STOP.sub(".", unicodedata.normalize("NFKC", text.replace("…", " ")))
    spans = url_spans(plain)
    if spans:
        start, size = next(iter(spans.items()))
        return plain[start : start + size]
    protocol = _PROTOCOL.search(plain)
    return protocol[0] if protocol else _spelled_in(plain)


def _spelled_in(plain: str) -> str | None:
    bracketed = _BRACKETED.search(plain)
    if bracketed:
        return bracketed[0]
    said = (found for found in _each(_SPELLED, plain) if _is_spelled(found))
    apart = (found for found in _each(_APART, plain) if _is_apart(found))
    found = next(said, None) or next(apart, None)
    return found[0].strip() if found else None


def _each(pattern: re.Pattern[str], plain: str) -> Iterator[re.Match[str]]:
    """Also those that begin inside another one: "evil dot example dot com"."""
    at = 0
    while found := pattern.search(plain, at):
        yield found
        at = found.end("name")


def _is_spelled(found: re.Match[str]) -> bool:
    """Whether these words are an address: "we dot the i" and "polka dot in blue" are none."""
    if found["path"]:
        return True
    ending = found["ending"].casefold()
    if found["dot"].casefold() != "dot":
        return ending in _OLD_ENDINGS
    after = found.string[found.end() :].lstrip(" ")
    is_last = not after or not after[0].isalnum()
    # "youtu dot be" ends with a word of every day, and then the address is over.
    return is_top_level(ending) and (is_last or not is_common(ending))


def _is_apart(found: re.Match[str]) -> bool:
    """Whether a full stop with a blank beside it stands in an address: after one a sentence may begin in small letters.

    "We are on air . now" is none, nor is "It is live. to/from where you like".
    """
    ending, is_apart = found["ending"], bool(found["before"])
    if not is_top_level(ending) or ending.istitle():
        return False
    if is_common(ending.casefold()):
        return is_apart and bool(found["path"])
    return is_apart or bool(found["path"])
