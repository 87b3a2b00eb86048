"""How long X says a text is: the weighted length of twitter-text configuration 3, in time linear in the text. Pure.

The rules are those of https://github.com/twitter/twitter-text (config/v3.json): NFC; a URL weighs 23 however long it
is, an emoji sequence 2, characters of four ranges 1, all others 2. The list of top-level domains, the emoji and the
character classes come from the package twitter_text by way of x_data.json, which tests/x_data.py writes: the package
itself takes 0.3 s to import, in every command. Only the search for host names is our own: the package's regular
expression needs 0.2 s for 280 characters of "a.a.a." and minutes for 10,000, and people type this text. The tests
compare both.
"""

import json
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

LIMIT = 280
URL_LENGTH = 23
FILE = Path(__file__).with_name("x_data.json")
_DATA = json.loads(FILE.read_text(encoding="utf-8"))

#: "a/x.com", "a-x.com" after a link and the like are no links without https:// before them.
_NOT_BEFORE_BARE_HOST = "-_./"
_LONGEST_URL = 4096
_LONGEST_TCO_SLUG = 40
#: characters; what is longer is hardly ever a post
_LENGTH_OF_POST = 1000
#: What weighs 1 by config v3: code points up to 4351 and these ranges. All others weigh 2.
_LAST_LIGHT = 4351
_LIGHT_PUNCTUATION = frozenset(map(chr, (*range(8192, 8206), *range(8208, 8224), *range(8242, 8248))))

DOMAIN_CHARS, ACCENTS = _DATA["valid_domain_chars"], _DATA["latin_accent_chars"]
TCO_URL = re.compile(_DATA["valid_tco_url"], re.IGNORECASE)
_BEFORE_URL = re.compile(_DATA["valid_url_preceding_chars"])
_RUN = re.compile(f"(?:{DOMAIN_CHARS}|[-_.])+")
_DOMAIN_CHAR = re.compile(DOMAIN_CHARS)
_PROTOCOL_END = re.compile(r"https?://\Z", re.IGNORECASE)
_ASCII_LABEL = re.compile(f"[-a-z0-9{ACCENTS}]", re.IGNORECASE)
_PUNYCODE = re.compile(r"xn--[-0-9a-z]+", re.IGNORECASE)
_TAIL = re.compile(
    f"(?::{_DATA['valid_port_number']})?(/{_DATA['valid_url_path']}*)?"
    f"(?:\\?{_DATA['valid_url_query_chars']}*{_DATA['valid_url_query_ending_chars']})?",
    re.IGNORECASE,
)
#: Spelling -> rank: where two fit at one place, the one listed first wins.
_TLDS = {word.lower(): rank for rank, word in reversed(list(enumerate(_DATA["tlds"])))}
_TLD_STARTS = {word[:size] for word in _TLDS for size in range(1, len(word) + 1)}
_GOES_ON = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ@+-")

_EMOJI = frozenset(_DATA["emoji"])
#: First character -> longest sequence that starts with it.
_EMOJI_SIZE: dict[str, int] = {}
for _sequence in _EMOJI:
    _EMOJI_SIZE[_sequence[0]] = max(len(_sequence), _EMOJI_SIZE.get(_sequence[0], 0))


def weighted_length(text: str) -> int:
    """The length of `text` as X counts it; X takes up to LIMIT."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    urls = url_spans(text)
    if text.isascii():
        return len(text) + sum(URL_LENGTH - size for size in urls.values())
    emoji = _emoji_sizes(text)
    weight, at = 0, 0
    while at < len(text):
        if at in urls:
            weight, at = weight + URL_LENGTH, at + urls[at]
        elif at in emoji:
            weight, at = weight + 2, at + emoji[at]
        else:
            weight, at = weight + _weight(text[at]), at + 1
    return weight


def is_top_level(word: str) -> bool:
    """Whether a host name may end with this word: "com", "dev"."""
    return word.lower() in _TLDS


def _weight(character: str) -> int:
    return 1 if ord(character) <= _LAST_LIGHT or character in _LIGHT_PUNCTUATION else 2


def _emoji_sizes(text: str) -> dict[int, int]:
    """Start -> number of code points of every emoji, the longest sequence first."""
    sizes: dict[int, int] = {}
    at = 0
    while at < len(text):
        longest = _EMOJI_SIZE.get(text[at], 0)
        size = next((n for n in range(longest, 0, -1) if text[at : at + n] in _EMOJI), 0)
        if size:
            sizes[at] = size
        at += size or 1
    return sizes


def url_spans(text: str) -> Mapping[int, int]:
    """Start -> number of characters of everything in `text` (NFC) that X makes a link of, left to right."""
    return _spans_of_post(text) if len(text) <= _LENGTH_OF_POST else _spans(text)


@lru_cache(maxsize=512)
def _spans_of_post(text: str) -> Mapping[int, int]:
    """Kept: of one text is asked whether it fits, how long it is and whether it has a link. Not to be changed."""
    return MappingProxyType(_spans(text))


def _spans(text: str) -> dict[int, int]:
    spans: dict[int, int] = {}
    taken = 0  # everything before belongs to a link already, or was looked at
    if "." not in text:
        return spans
    for match in _RUN.finditer(text):
        if "." not in match[0]:
            continue
        run = _Run(text, match.start(), match.end())
        while taken < run.end and (found := run.find(taken)) is not None:
            start, domain_start, domain_end = found
            tail = _TAIL.match(text, domain_end)
            assert tail is not None  # every part of it is optional
            taken = tail.end()
            spans.update(_accepted(text, (start, domain_start, domain_end), tail))
    return spans


def _accepted(text: str, found: tuple[int, int, int], tail: re.Match[str]) -> Iterator[tuple[int, int]]:
    """What X keeps of one match: nothing if no such host can exist, Latin host names only without https:// before."""
    start, domain_start, domain_end = found
    domain = text[domain_start:domain_end]
    try:
        host_length = len(domain.encode("idna"))
    except UnicodeError:
        return
    written = tail.end() - start
    with_protocol = written + (0 if domain_start > start else len("https://"))
    if with_protocol + host_length - len(domain) > _LONGEST_URL:
        return
    if domain_start > start:
        yield from _with_protocol(text, start, tail.end())
    elif start == 0 or text[start - 1] not in _NOT_BEFORE_BARE_HOST:
        pieces = list(_latin_parts(domain))
        for first, last in pieces:
            rest = tail.end() - domain_end if tail[1] and (first, last) == pieces[-1] else 0
            yield domain_start + first, last - first + rest


def _with_protocol(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    tco = TCO_URL.search(text[start:end])
    if tco is None:
        yield start, end - start
    elif len(tco[1]) <= _LONGEST_TCO_SLUG:
        yield start, tco.end()


def _latin_parts(domain: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each host name in Latin letters inside a domain that may hold other letters too."""
    floor = 0
    bounds = _labels(domain, 0, len(domain))
    ends = [last for _, last in bounds]
    index = 0
    while index < len(bounds) - 1:
        start = _latin_start(domain, max(bounds[index][0], floor), bounds[index][1])
        end = None
        while index < len(bounds) - 1 and start is not None:
            index += 1
            end = _tld_end(domain, bounds[index][0]) or end
            if _latin_start(domain, *bounds[index]) != bounds[index][0]:
                break
        if start is None:
            index += 1
        elif end is not None:
            yield start, end
            floor = end
            index = bisect_left(ends, end)


def _latin_start(domain: str, first: int, last: int) -> int | None:
    """Where the Latin letters begin that reach to the end of the label; None if its last character is none."""
    at = last
    while at > first and _ASCII_LABEL.match(domain, at - 1):
        at -= 1
    return at if at < last else None


def _labels(text: str, start: int, end: int) -> list[tuple[int, int]]:
    bounds = []
    for label in text[start:end].split("."):
        bounds.append((start, start + len(label)))
        start += len(label) + 1
    return bounds


def _tld_end(text: str, start: int) -> int | None:
    """Where a top-level domain that begins at `start` ends."""
    best: tuple[int, int] | None = None
    for end in range(start + 1, len(text) + 1):
        word = text[start:end].lower()
        if word not in _TLD_STARTS:
            break
        if word in _TLDS and text[end : end + 1] not in _GOES_ON and (best is None or _TLDS[word] < best[0]):
            best = (_TLDS[word], end)
    if best is not None:
        return best[1]
    punycode = _PUNYCODE.match(text, start)
    return punycode.end() if punycode else None


class _Run:
    """text[start:end], every character of which may stand in a host name, and where host names in it can end."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text, self.start, self.end = text, start, end
        self._labels = _labels(text, start, end)
        self._ends = [last for _, last in self._labels]
        self._underscores = [text.rfind("_", *label) for label in self._labels]
        self._tlds = [_tld_end(text, first) for first, _ in self._labels]
        #: For each label: where the longest host name ends that begins with the whole label.
        self._reach: list[int | None] = [None] * len(self._labels)
        for index in range(len(self._labels) - 1, -1, -1):
            self._reach[index] = self._host_end(index, self._labels[index][0])

    def _host_end(self, index: int, start: int) -> int | None:
        """Where the longest host name from `start` in label `index` ends; the label before the TLD holds no "_"."""
        last = self._ends[index]
        if index + 1 == len(self._labels) or start >= last or not _DOMAIN_CHAR.match(self.text, start):
            return None
        if not _DOMAIN_CHAR.match(self.text, last - 1):
            return None
        farther = self._reach[index + 1]
        return self._tlds[index + 1] if farther is None and self._underscores[index] < start else farther

    def find(self, taken: int) -> tuple[int, int, int] | None:
        """(start of the link, start and end of its host) of the first candidate at or after `taken`."""
        with_protocol = self._with_protocol(taken)
        if with_protocol is not None:
            return with_protocol
        for before in range(max(taken, self.start - 1, 0), self.end - 1):
            if _may_precede(self.text, before) and (end := self._host_at(before + 1)) is not None:
                return before + 1, before + 1, end
            if before == 0 and (end := self._host_at(0)) is not None:
                return 0, 0, end
        return None

    def _with_protocol(self, taken: int) -> tuple[int, int, int] | None:
        end = self._reach[0]
        if end is None or taken > self.start:
            return None
        protocol = _PROTOCOL_END.search(self.text, max(taken, self.start - len("https://")), self.start)
        if protocol is None:
            return None
        start = protocol.start()
        if start == 0 or (start > taken and _may_precede(self.text, start - 1)):
            return start, self.start, end
        return None

    def _host_at(self, start: int) -> int | None:
        if start < self.start:
            return None
        return self._host_end(bisect_left(self._ends, start), start)


def _may_precede(text: str, at: int) -> bool:
    match = _BEFORE_URL.match(text, at)
    return match is not None and match.end() > at
