"""Whether X makes a link of a part of a post, asked of the database: the same rules as services/x_length.py.

A price is found with those; a filter over many posts cannot call them. Both agree on every host name in Latin letters,
with https:// before it or bare, that ends with a top-level domain in Latin letters. They may differ on host names in
other scripts and on addresses longer than X takes: tests/test_sql_links.py has what they agree on.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from services.x_length import latin_endings

#: how every link begins that Airhorn puts into a post by itself: most posts need no closer look
_OURS = "https://www.youtube.com/watch?v="
_LETTER = "a-z0-9\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
#: a part of a host name; the last one before its ending holds no "_"
_LABEL, _LAST_LABEL = (f"[{_LETTER}](?:[{_LETTER}{more}-]*[{_LETTER}])?" for more in ("_", ""))


def _pattern() -> str:
    """Understood by PostgreSQL and by Python, which SQLite asks."""
    endings = "|".join([*_by_beginning(latin_endings()), "xn--[0-9a-z-]+"])
    host = rf"(?:{_LABEL}\.)*{_LAST_LABEL}\.(?:{endings})(?![0-9a-z@+-])"
    before = "0-9a-z@＠$#＃\u202a-\u202e"
    return rf"(?i)(?:(?:^|[^{before}])https?://{host}|(?:^|[^{before}._/-]){host})"


def _by_beginning(words: list[str]) -> Iterator[str]:
    """The same words as one choice of two letters after the other: most are ruled out by the first look."""
    for start, of in groupby(sorted(words), key=lambda word: word[:2]):
        rest = sorted((word[2:] for word in of), key=len, reverse=True)
        yield f"{start}(?:{'|'.join(rest)})"


_PATTERN = _pattern()


def has_link(text: Any) -> ColumnElement[bool]:
    """Of a column with the final text of a post."""
    return or_(text.contains(_OURS), and_(text.contains("."), text.regexp_match(_PATTERN)))
