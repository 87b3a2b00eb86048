"""X's timeline as plain values, for finding out whether a post is there."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.errors import Refused

ID = re.compile(r"[0-9]{1,19}", re.ASCII)
#: asked of X under FIELDS_NAME; specification 2.167 names it post.fields, the prose still tweet.fields
FIELDS_NAME = "tweet.fields"
FIELDS = "created_at,author_id,entities,note_tweet,edit_history_tweet_ids"


@dataclass(frozen=True, slots=True)
class TimelinePost:
    """One post. `text` is as its author typed it: links spelled out, no HTML escapes. `edit_ids` oldest first."""

    id: str
    text: str
    urls: tuple[str, ...]
    created_at: datetime
    edit_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Posts, newest first as X sends them. `complete`: read to the end, so that absence means something."""

    posts: tuple[TimelinePost, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Page:
    posts: tuple[TimelinePost, ...]
    next_token: str | None


def parse_page(data: Any) -> Page:
    """One page, from JSON. Raises Refused when it is not proof of anything: errors in it, no meta, a wrong count.

    `created_at` is demanded because we asked for it: without it X ignored the names of our fields, and links would
    be missing as well.
    """
    if not isinstance(data, dict) or data.get("errors") or not isinstance(data.get("meta"), dict):
        raise _no_information()
    items, meta = data.get("data", []), data["meta"]
    count = meta.get("result_count")
    if not isinstance(items, list) or type(count) is not int or count != len(items):
        raise _no_information()
    token = meta.get("next_token")
    if not (token is None or (isinstance(token, str) and 0 < len(token) <= 500)):
        raise _no_information()
    return Page(tuple(_post(item) for item in items), token)


def _no_information() -> Refused:
    return Refused("X's answer about recent posts could not be read.", cause="x_odd_answer")


def _post(item: Any) -> TimelinePost:
    if not isinstance(item, dict) or not _is_id(item.get("id")) or not isinstance(item.get("text"), str):
        raise _no_information()
    edits = item.get("edit_history_tweet_ids") or item.get("edit_history_post_ids")
    edit_ids = tuple(filter(_is_id, edits)) if isinstance(edits, list) else ()
    urls = tuple(dict.fromkeys(url for entity in _urls(item) for url in _targets(entity)))
    return TimelinePost(item["id"], shown_text(item), urls, _instant(item.get("created_at")), edit_ids or (item["id"],))


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and ID.fullmatch(value) is not None


def _instant(value: Any) -> datetime:
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise _no_information()


def _note(item: dict[str, Any]) -> dict[str, Any]:
    """The part that holds the whole text: long posts keep it apart."""
    for name in ("note_tweet", "note_post"):
        note = item.get(name)
        if isinstance(note, dict) and isinstance(note.get("text"), str):
            return note
    return item


def _urls(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part in (_note(item), item):
        entities = part.get("entities")
        urls = entities.get("urls") if isinstance(entities, dict) else None
        for entity in urls if isinstance(urls, list) else []:
            if isinstance(entity, dict) and isinstance(entity.get("url"), str) and entity["url"]:
                yield entity


def _targets(entity: dict[str, Any]) -> list[str]:
    """Where a t.co link leads: as typed, then as X found it at the end of all redirects."""
    targets = [entity.get("expanded_url"), entity.get("unwound_url")]
    return list(dict.fromkeys(url for url in targets if isinstance(url, str) and url))


def shown_text(item: dict[str, Any]) -> str:
    """The text as typed, "" if there is none. Escapes first: a link may hold "&copy=", which is no escape."""
    text = _note(item).get("text")
    text = html.unescape(text) if isinstance(text, str) else ""
    links = {entity["url"]: _targets(entity)[0] for entity in _urls(item) if _targets(entity)}
    if not links:
        return text
    longest_first = sorted(links, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), lambda found: links[found[0]], text)
