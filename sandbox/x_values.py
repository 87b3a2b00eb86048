"""What the X stand-in is made of: accounts, grants, posts, errors, and how X rewrites a text."""

import hashlib
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from twitter_text import extract_urls_with_indices

EPOCH_MS = 1288834974657  # 4 November 2010, where X's ids begin
ALL_SCOPES = frozenset({"tweet.read", "tweet.write", "users.read", "offline.access", "media.write"})
PROBLEMS = "https://api.twitter.com/2/problems/"


@dataclass(eq=False)
class Account:
    """A person at X. The tokens are the newest pair of the newest grant; they move on with each refresh."""

    id: str
    username: str
    name: str
    access_token: str = ""
    refresh_token: str = ""
    expires_at: datetime | None = None
    locked: bool = False


@dataclass(eq=False)
class Grant:
    """One consent of an account to the app: a family of tokens that can die together."""

    account_id: str
    scopes: set[str]
    dead: bool = False


@dataclass(eq=False)
class Token:
    """One access or refresh token. A refresh token is `spent` by its first use."""

    grant: Grant
    expires_at: datetime
    spent: bool = False


@dataclass(eq=False)
class Post:
    """One post. `text` is what was sent, `stored` what X keeps, with its links shortened to t.co."""

    id: str
    account_id: str
    text: str
    stored: str
    urls: list[dict[str, Any]]
    created_at: datetime
    reply_to: str | None = None
    media_ids: list[str] = field(default_factory=list)
    metrics: dict[str, int] = field(default_factory=dict)
    deleted: bool = False
    protected: bool = False  # its author shows it to followers only, and who asks is none

    @property
    def has_url(self) -> bool:
        return bool(self.urls)


class Problem(Exception):  # noqa: N818 - X's own word for an error answer
    """An error answer in X's "problem" form."""

    def __init__(self, status: int, detail: str, *, title: str, type: str = "about:blank", **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {"title": title, "detail": detail, "type": type, "status": status, **more}


def invalid(message: str, parameters: dict[str, Any] | None = None) -> Problem:
    """400 for a parameter or body that X does not accept."""
    named = {key: [str(value)] for key, value in (parameters or {}).items()}
    return Problem(
        400,
        "One or more parameters to your request was invalid.",
        title="Invalid Request",
        type=PROBLEMS + "invalid-request",
        errors=[{"parameters": named, "message": message}],
    )


def forbidden(detail: str, type: str = "about:blank", **more: Any) -> Problem:
    """403 with X's sentence in `detail`."""
    return Problem(403, detail, title="Forbidden", type=type, **more)


def unauthorized() -> Problem:
    """401 for an unknown, expired or revoked token: X does not say which."""
    return Problem(401, "Unauthorized", title="Unauthorized")


def too_many() -> Problem:
    """429 when a window is used up."""
    return Problem(429, "Too Many Requests", title="Too Many Requests")


def not_found(kind: str, id: str, parameter: str = "ids") -> dict[str, Any]:
    """The partial error that stands beside the data for something that is not there."""
    return {
        "resource_id": id,
        "resource_type": kind,
        "parameter": parameter,
        "value": id,
        "title": "Not Found Error",
        "detail": f"Could not find {kind} with {parameter}: [{id}].",
        "type": PROBLEMS + "resource-not-found",
    }


def not_authorized(kind: str, id: str, parameter: str = "ids") -> dict[str, Any]:
    """The partial error for something that is there, and not shown to who asks."""
    return {
        "resource_id": id,
        "resource_type": kind,
        "parameter": parameter,
        "value": id,
        "section": "data",
        "title": "Authorization Error",
        "detail": f"Sorry, you are not authorized to see the {kind} with {parameter}: [{id}].",
        "type": PROBLEMS + "not-authorized-for-resource",
    }


def snowflake(at: datetime) -> int:
    """The first id X could give out at this time; 22 bits below the millisecond count within it."""
    return (milliseconds(at) - EPOCH_MS) << 22


def milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def rfc3339(at: datetime) -> str:
    """X's way to write a time: UTC, milliseconds, Z."""
    floor = at - timedelta(microseconds=at.microsecond % 1000)
    return floor.strftime("%Y-%m-%dT%H:%M:%S.") + f"{floor.microsecond // 1000:03d}Z"


def shorten(text: str) -> tuple[str, list[dict[str, Any]]]:
    """The text as X stores it (NFC, trimmed, links as t.co) and its `entities.urls`."""
    text = unicodedata.normalize("NFC", text).strip()
    stored, urls, done = "", [], 0
    for found in extract_urls_with_indices(text):
        start, end = found["indices"]
        stored += text[done:start]
        entity = _url_entity(found["url"], len(stored))
        stored += entity["url"]
        urls.append(entity)
        done = end
    return stored + text[done:], urls


def _url_entity(url: str, start: int) -> dict[str, Any]:
    expanded = url if "://" in url else f"http://{url}"
    short = "https://t.co/" + hashlib.sha256(expanded.encode()).hexdigest()[:10]
    display = expanded.split("://", 1)[1].removeprefix("www.")
    return {
        "start": start,
        "end": start + len(short),
        "url": short,
        "expanded_url": expanded,
        "display_url": display if len(display) <= 27 else display[:26] + "…",
        "status": 200,
        "unwound_url": expanded,
    }
