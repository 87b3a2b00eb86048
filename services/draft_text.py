"""Looking at drafts: what is not just quoted facts, how much two have in common, orders hidden in facts. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from services.draft_brief import Brief
from services.plain_text import plain_line
from services.tweet_text import Facts, known_values
from services.x_length import url_spans

#: stand for a title, which ends a sentence as often as not, and for any other fact
TITLE, FACT = "\ue000", "\ue001"
#: letters that two texts are compared by
SHINGLE = 4
#: what speaks to a model instead of about the episode
_ORDERS = re.compile(
    r"\b(?:ignor\w*|disregard|forget|override|vergiss|olvida|oublie\w*)\b.{0,40}?"
    r"\b(?:above|previous|prior|earlier|before|instruct\w*|rules?|prompts?|everything|alles|anweisung\w*|todo|tout\w*)\b"
    r"|\b(?:system|developer) ?(?:prompt|message)\b"
    r"|\b(?:you are now|act as|pretend to be|from now on you)\b"
    r"|\b(?:instead|only|exactly) (?:write|post|say|reply|answer|tweet)\b"
    r"|\b(?:write|post|say|reply|answer|tweet)(?: with)? (?:instead|exactly|only|the following|this text)\b"
    r"|\b(?:new|your|next) task\b|\bfor the assistant\b|\btell (?:everybody|everyone|all|listeners|people)\b"
    r"|</?(?:data|system|instructions?)>",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"“„«'‘]([^\"“”„«»'’]{3,300})[\"”“»'’]")
_WORD = re.compile(r"\w+")


def own_words(text: str, brief: Brief) -> str:
    """The text without links of ours, with one sign for each fact that is quoted word for word."""
    return _own_words(text, brief.facts)


def _own_words(text: str, facts: Facts) -> str:
    values = known_values(facts)
    if values["url"]:
        text = text.replace(values["url"], " ")
    text = _masked(text, [values["title"]], TITLE)
    # Who is called like an address is no reason to let one through.
    guests = [guest for guest in map(plain_line, facts.guests) if guest and not url_spans(guest)]
    return _masked(text, sorted({values["show"], values["guest"], *guests}, key=len, reverse=True), FACT)


def _masked(text: str, values: Iterable[str], sign: str) -> str:
    for value in values:
        if len(value) > 1:
            # Only between words; scripts without spaces have none. What stands before a mention or a tag is no fact.
            before = r"(?<![\w@＠#＃$])" if value[0].isascii() and value[0].isalnum() else r"(?<![@＠#＃$])"
            after = r"(?!\w)" if value[-1].isascii() and value[-1].isalnum() else ""
            text = re.sub(f"{before}{re.escape(value)}{after}", sign, text, flags=re.IGNORECASE)
    return text


def without_links(text: str) -> str:
    """Whatever X would make a link of is gone."""
    for start, size in sorted(url_spans(text).items(), reverse=True):
        text = f"{text[:start]} {text[start + size :]}"
    return text


def words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def alike(one: str, other: str, brief: Brief) -> int:
    """Per cent of the shingles that two final texts have in common, aside from what both must say."""
    first, second = (_own_shingles(text, brief.facts) for text in (one, other))
    if first == second:
        return 100
    return 100 * len(first & second) // max(1, len(first | second))


@lru_cache(maxsize=4096)
def _own_shingles(text: str, facts: Facts) -> frozenset[str]:
    """Kept: the texts of an episode's other hosts are compared with each new draft, while others wait for that."""
    return _shingles(_own_words(without_links(text), facts))


def _shingles(text: str) -> frozenset[str]:
    kept = "".join(c if c.isalnum() or c in (TITLE, FACT) else " " for c in unicodedata.normalize("NFKC", text))
    line = f" {' '.join(kept.casefold().split())} "
    return frozenset(line[at : at + SHINGLE] for at in range(max(1, len(line) - SHINGLE + 1)))


def parted(text: str) -> tuple[str, str]:
    """What a text says, and the orders in it: from the first words to a model to the end of that paragraph."""
    said, orders = [], []
    for paragraph in text.split("\n\n"):
        found = _ORDERS.search(paragraph)
        cut = found.start() if found else len(paragraph)
        said.append(paragraph[:cut])
        orders.append(paragraph[cut:])
    return "\n\n".join(said), "\n".join(part for part in orders if part)


def obeys(own: str, orders: str, said: str) -> bool:
    """Whether a text has words that only the orders have: three in a row, or something that they quote."""
    if not orders:
        return False
    mine, ordered, known = (words(text) for text in (own, orders, said))
    if _runs(mine) & _runs(ordered) - _runs(known):
        return True
    plain = " ".join(mine)
    quotes = (" ".join(words(quote)) for quote in _QUOTED.findall(orders))
    return any(quote and quote in plain and quote not in " ".join(known) for quote in quotes)


def _runs(of: Sequence[str], length: int = 3) -> set[tuple[str, ...]]:
    return {tuple(of[at : at + length]) for at in range(len(of) - length + 1)}
