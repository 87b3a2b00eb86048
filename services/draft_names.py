"""Names in a draft: words with a capital that no beginning of a sentence explains. Pure."""

import re
import unicodedata
from collections.abc import Collection, Iterator

from services.draft_language import is_common
from services.draft_text import TITLE

WORD = re.compile(r"[^\W\d_][\w'’&-]*")
#: after these a sentence begins; a title ends one as often as not, which is not often enough
_ENDS_SENTENCE = frozenset(".!?…\n")
#: stand between the end of a sentence and the first word of the next: "Over. “Come by”", "Over. 🎙️ Come by"
_BETWEEN = frozenset("\"'“”„«»‘’()[]{}–—-•·*|¡¿\u200c\u200d\ufe0f ")
#: anybody may write these with a capital
_CAPITALS = frozenset(
    {"i", "i'm", "i'll", "i've", "i'd", "youtube", "x", "ok", "q&a", "tv", "ama", "live", "new", "now"}
    | {"sie", "ihr", "ihnen", "ihre"}
)
#: languages that write every noun with a capital: only two in a row look like somebody's name
_NOUNS_TOO = frozenset({"de", "lb"})


def invented_name(own: str, known: Collection[str], tongue: str) -> str | None:
    """The first name in `own` that is not `known` (words, casefolded). `tongue`: the language without its country.

    The first word of a sentence may be any, and the first after a colon, a dash, an emoji and the like any common one.
    """
    before = ""
    for word, place in _capitals(own):
        strange = place != "sentence" and not (_is_known(word, known) or (place == "part" and _is_usual(word, tongue)))
        if strange and (tongue not in _NOUNS_TOO or before):
            return " ".join(part for part in (before, word) if part)
        before = word if strange else ""
    return None


def _capitals(own: str) -> Iterator[tuple[str, str]]:
    """Words with a capital, and whether each begins a "sentence", a "part" of one, or nothing.

    An empty word that begins a sentence stands for any other.
    """
    for match in WORD.finditer(own):
        yield (match[0], _place(own[: match.start()])) if match[0][0].isupper() else ("", "sentence")


def _place(before: str) -> str:
    end = len(before)
    while end and _is_between(before[end - 1]):
        end -= 1
    if not end or before[end - 1] in _ENDS_SENTENCE:
        return "sentence"
    begins = end < len(before.rstrip(" ")) or before[end - 1] in f":;/{TITLE}"
    return "part" if begins else "inside"


def _is_between(character: str) -> bool:
    return character in _BETWEEN or unicodedata.category(character) in ("So", "Sk")


def _is_usual(word: str, tongue: str) -> bool:
    return is_common(word.casefold(), tongue)


def _is_known(word: str, known: Collection[str]) -> bool:
    folded = re.sub(r"['’]s$", "", word.casefold().replace("’", "'")).strip("'-")
    if not folded or folded in _CAPITALS or folded in known or folded.removesuffix("s") in known:
        return True
    parts = re.split(r"[-'&]", folded)
    return len(parts) > 1 and all(part in known or part in _CAPITALS or not part for part in parts)
