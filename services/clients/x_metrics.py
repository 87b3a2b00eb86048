"""The public counts of posts, as X shows them under old names and new. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.errors import Refused

#: what X takes in one question
MOST_IDS = 100
FIELDS = "public_metrics"
NOT_FOUND = "/resource-not-found"
#: larger than anything that was ever counted; what claims more is cut
HIGHEST = 2**53
#: ours → X's: specification 2.167 calls a repost what was a retweet before
NAMES = {
    "impressions": ("impression_count",),
    "likes": ("like_count",),
    "reposts": ("repost_count", "retweet_count"),
    "replies": ("reply_count",),
    "quotes": ("quote_count",),
    "bookmarks": ("bookmark_count",),
}


@dataclass(frozen=True, slots=True)
class Metrics:
    """The counts of one post at the moment of reading."""

    impressions: int
    likes: int
    reposts: int
    replies: int
    quotes: int
    bookmarks: int

    @property
    def engagements(self) -> int:
        """How often somebody did anything with it."""
        return self.likes + self.reposts + self.replies + self.quotes + self.bookmarks


@dataclass(frozen=True, slots=True)
class Shown:
    """What X showed, by id, and what it says is not there. Of what is in neither it did not say anything."""

    found: Mapping[str, Metrics]
    missing: frozenset[str]
    #: shown, but how often it was seen is not there, or a count is no whole number
    unreadable: frozenset[str] = frozenset()


def parse_metrics(data: Any, asked: Collection[str]) -> Shown:
    """GET /2/tweets with `public_metrics`, from JSON. Raises Refused for what is no such answer.

    Those that are missing stand in `errors` of an answer with status 200; other errors there, such as of protected
    accounts, tell nothing of whether a post is there.
    """
    if not isinstance(data, dict) or not ("data" in data or "errors" in data):
        raise Refused("X's answer about posts could not be read.", cause="x_odd_answer")
    shown = {id: one for id, one in _shown(data.get("data")) if id in asked}
    found = {id: one for id, one in shown.items() if one is not None}
    missing = {id for id in _missing(data.get("errors")) if id not in shown}
    return Shown(found, frozenset(missing.intersection(asked)), frozenset(shown.keys() - found.keys()))


def _shown(items: Any) -> Iterator[tuple[str, Metrics | None]]:
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and isinstance(item.get("id"), str):
            yield item["id"], _metrics(item.get(FIELDS))


def _metrics(counts: Any) -> Metrics | None:
    """None rather than numbers that would replace those that are known."""
    if not isinstance(counts, dict) or not any(name in counts for name in NAMES["impressions"]):
        return None
    read = {name: _count(counts, theirs) for name, theirs in NAMES.items()}
    known = {name: number for name, number in read.items() if number is not None}
    return Metrics(**known) if len(known) == len(read) else None


def _missing(errors: Any) -> Iterator[str]:
    for error in errors if isinstance(errors, list) else []:
        if not isinstance(error, dict) or not str(error.get("type")).endswith(NOT_FOUND):
            continue
        id = error.get("resource_id") or error.get("value")
        if isinstance(id, str):
            yield id


def _count(counts: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """What X does not count of a post is zero; None where there is something that is no count."""
    found = next((counts[name] for name in names if name in counts), 0)
    return min(found, HIGHEST) if type(found) is int and found >= 0 else None
