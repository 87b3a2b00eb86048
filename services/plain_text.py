"""What of a text from elsewhere may stand in a post: nothing that mentions, nothing that cannot be seen. Pure.

Values come from YouTube and from forms, so in them a leading @ or $ that X would make a mention or a cashtag of is
dropped, and characters nobody can see go. A host's own words keep their signs; only what X cannot store goes.
"""

import re
import unicodedata

#: it bounds the work
_LONGEST_VALUE = 5_000
_MENTION = re.compile(r"(?:(?<![A-Za-z0-9_])|(?<=[Rr][Tt]))[@＠]+(?=[A-Za-z0-9_]|$)")
_CASHTAG_SIGN = re.compile(r"(?<!\S)\$+(?=[A-Za-z]|$)")
#: they spell words in Persian and Hindi, and hold emoji together
JOINERS = "\u200c\u200d"
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters by category, invisible by nature


def tidy(typed: str) -> str:
    """What somebody typed as it is kept: composed (NFC), with line breaks of one kind, without what X cannot store."""
    text = unicodedata.normalize("NFC", typed.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    # What can be printed is never refused, and nearly all texts are of that and line breaks.
    is_plain = text.replace("\n", "").isprintable()
    return text if is_plain else "".join(c for c in text if c == "\n" or not _is_refused(c))


def plain_line(value: str) -> str:
    """One line without invisible characters in which X finds no mention and no cashtag."""
    text = " ".join(visible(value[:_LONGEST_VALUE]).split())
    return _CASHTAG_SIGN.sub("", _MENTION.sub("", text)).strip()


def visible(value: str) -> str:
    """Without what cannot be seen; composed (NFC), and white space is a space."""
    text = unicodedata.normalize("NFC", value)
    kept = [" " if c.isspace() else c for c in text if c.isspace() or c in JOINERS or _is_visible(c)]
    around = zip([" ", *kept], kept, [*kept[1:], " "], strict=False)
    return "".join(c for left, c, right in around if c not in JOINERS or (_may_join(left) and _may_join(right)))


def _is_visible(character: str) -> bool:
    hidden_selector = 0xE0100 <= ord(character) <= 0xE01EF
    format_character = unicodedata.category(character) == "Cf"
    return not (hidden_selector or format_character or character in _BLANKS or _is_refused(character))


def _may_join(character: str) -> bool:
    return not (character.isascii() or character.isspace() or character in JOINERS)


def _is_refused(character: str) -> bool:
    code_point = ord(character)
    no_character = code_point & 0xFFFE == 0xFFFE or 0xFDD0 <= code_point <= 0xFDEF
    return no_character or character == "\ufeff" or unicodedata.category(character) in ("Cc", "Cs")
