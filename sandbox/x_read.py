"""How X shows posts: which fields, which page of a timeline, under which names."""

import base64
import html
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from werkzeug.wrappers import Request

from sandbox.x_values import Post, invalid, rfc3339

ID = re.compile(r"[0-9]{1,19}", re.ASCII)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", re.ASCII)
SHAPING = {"expansions", "tweet.fields", "post.fields", "user.fields", "media.fields", "poll.fields", "place.fields"}
COUNTS = ("like_count", "reply_count", "quote_count", "bookmark_count", "impression_count")
REACH = 3_200  # how far back a timeline can be read


@dataclass(frozen=True)
class Shape:
    """The fields that were asked for, and whether names are those of specification 2.167."""

    fields: frozenset[str]
    new_names: bool

    def show(self, post: Post) -> dict[str, Any]:
        """One post as JSON. `&`, `<` and `>` come escaped, links as t.co."""
        word = "post" if self.new_names else "tweet"
        data: dict[str, Any] = {"id": post.id, "text": html.escape(post.stored, quote=False)}
        data[f"edit_history_{word}_ids"] = [post.id]
        extra = {
            "author_id": post.account_id,
            "created_at": rfc3339(post.created_at),
            "entities": {"urls": post.urls} if post.urls else None,
            "public_metrics": self._metrics(post),
            f"referenced_{word}s": [{"type": "replied_to", "id": post.reply_to}] if post.reply_to else None,
            "attachments": {"media_keys": [f"3_{id}" for id in post.media_ids]} if post.media_ids else None,
            "lang": "en",
            "conversation_id": post.reply_to or post.id,
            "possibly_sensitive": False,
        }
        asked = self.fields | (
            {f"referenced_{word}s"} if any(f.startswith("referenced_") for f in self.fields) else set()
        )
        return data | {name: value for name, value in extra.items() if name in asked and value is not None}

    def _metrics(self, post: Post) -> dict[str, int]:
        shared = "repost_count" if self.new_names else "retweet_count"
        reposts = post.metrics.get("repost_count", post.metrics.get("retweet_count", 0))
        return {shared: reposts} | {name: post.metrics.get(name, 0) for name in COUNTS}


def read_shape(request: Request, others: Collection[str], *, new_names: bool) -> Shape:
    """The fields asked for. Raises Problem 400 for a parameter that X does not know here."""
    for name in request.args:
        if name not in SHAPING and name not in others:
            raise invalid(f"The query parameter [{name}] is not one of those known here.", {name: request.args[name]})
    asked = [request.args.get("tweet.fields", ""), request.args.get("post.fields", "")]
    return Shape(frozenset(name for names in asked for name in names.split(",") if name), new_names)


def read_ids(request: Request) -> list[str]:
    """1 to 100 ids. Raises Problem 400."""
    ids = request.args.get("ids", "").split(",")
    if not 1 <= len(ids) <= 100:
        raise invalid("The number of values in the `ids` query parameter list must be 1 to 100.", {"ids": len(ids)})
    for id in ids:
        if not ID.fullmatch(id):
            raise invalid(f"The `ids` query parameter value [{id}] is not valid.", {"ids": id})
    return list(dict.fromkeys(ids))


@dataclass(frozen=True)
class Page:
    """Which part of a timeline is asked for."""

    size: int
    since_id: int | None
    until_id: int | None
    start: datetime | None
    end: datetime | None
    replies: bool

    PARAMETERS: ClassVar[set[str]] = {
        *("max_results", "since_id", "until_id", "start_time", "end_time", "exclude", "pagination_token")
    }

    @classmethod
    def read(cls, request: Request) -> "Page":
        """Raises Problem 400."""
        size = request.args.get("max_results", "10")
        if not re.fullmatch("[0-9]{1,3}", size) or not 5 <= int(size) <= 100:
            message = f"The `max_results` query parameter value [{size}] is not between 5 and 100"
            raise invalid(message, {"max_results": size})
        until = _id(request, "until_id")
        token = request.args.get("pagination_token")
        return cls(
            size=int(size),
            since_id=_id(request, "since_id"),
            until_id=until if token is None else min(_from_token(token), until or 1 << 63),
            start=_time(request, "start_time"),
            end=_time(request, "end_time"),
            replies="replies" not in request.args.get("exclude", ""),
        )

    def cut(self, posts: list[Post]) -> tuple[list[Post], dict[str, Any]]:
        """The newest first, as many as fit, and `meta`."""
        newest = sorted(posts, key=lambda post: int(post.id), reverse=True)[:REACH]
        fitting = [post for post in newest if self._fits(post)]
        shown = fitting[: self.size]
        meta: dict[str, Any] = {"result_count": len(shown)}
        if shown:
            meta |= {"newest_id": shown[0].id, "oldest_id": shown[-1].id}
        if len(fitting) > len(shown):
            meta["next_token"] = base64.b32hexencode(shown[-1].id.encode()).decode().rstrip("=").lower()
        return shown, meta

    def _fits(self, post: Post) -> bool:
        id = int(post.id)
        return (
            (self.since_id is None or id > self.since_id)
            and (self.until_id is None or id < self.until_id)
            and (self.start is None or post.created_at >= self.start)
            and (self.end is None or post.created_at < self.end)
            and (self.replies or post.reply_to is None)
        )


def _id(request: Request, name: str) -> int | None:
    value = request.args.get(name)
    if value is None:
        return None
    if not ID.fullmatch(value):
        raise invalid(f"The `{name}` query parameter value [{value}] is not valid.", {name: value})
    return int(value)


def _time(request: Request, name: str) -> datetime | None:
    value = request.args.get(name)
    if value is None:
        return None
    try:
        if not TIME.fullmatch(value):
            raise ValueError(value)
        return datetime.fromisoformat(value)
    except ValueError:
        message = f"The `{name}` query parameter value [{value}] is not a valid RFC 3339 time"
        raise invalid(message, {name: value}) from None


def _from_token(token: str) -> int:
    try:
        return int(base64.b32hexdecode(token.upper() + "=" * (-len(token) % 8)))
    except ValueError:
        raise invalid("The pagination_token is not valid.", {"pagination_token": token}) from None
