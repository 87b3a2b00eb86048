"""What the rehearsal keeps over a restart, as one JSON file: channels, videos, subscriptions, accounts, posts."""

import json
import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.hub import Hub
from sandbox.x import X
from sandbox.x_values import Account, Grant, Post, Token
from sandbox.youtube import YouTube
from sandbox.youtube_video import Channel, Story

VERSION = 1


def save(path: Path, youtube: YouTube, x: X, hub: Hub) -> None:
    """Writes the file in one step: a crash leaves the old one or the new one. Only the owner may read it."""
    text = json.dumps(dump(youtube, x, hub), default=_encode, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(draft, path)


def load(path: Path, youtube: YouTube, x: X, hub: Hub) -> None:
    """Raises ValueError with a sentence when the file is not what `save` writes."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"), object_hook=_decode)
        if kept["version"] != VERSION:
            raise ValueError("it was written by another version")
        restore(kept, youtube, x, hub)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not the state of a rehearsal: {error}") from error


def dump(youtube: YouTube, x: X, hub: Hub, *, happenings: bool = True) -> dict[str, Any]:
    """Everything as plain values; without `happenings` only who there is, not what was streamed and posted."""
    with youtube.lock, x.lock, hub.lock:
        both = {"youtube": _dump_youtube(youtube, happenings), "x": _dump_x(x, happenings)}
        return {"version": VERSION, **both, "hub": hub.dump()}


def restore(kept: dict[str, Any], youtube: YouTube, x: X, hub: Hub) -> None:
    """Puts what `dump` gave into fresh stand-ins."""
    with youtube.lock, x.lock, hub.lock:
        hub.restore(kept.get("hub", []))  # files from before there was a hub have none
        _restore_youtube(kept["youtube"], youtube)
        _restore_x(kept["x"], x)


def _dump_youtube(youtube: YouTube, happenings: bool) -> dict[str, Any]:
    # A plain video was not streamed, and a channel without any would look like one that is gone.
    kept = {id for id, story in youtube.stories.items() if happenings or not story.latest().is_broadcast}
    dropped = [story.latest().title for id, story in youtube.stories.items() if id not in kept]
    return {
        "channels": [asdict(channel) for channel in youtube.channels.values()],
        "handles": dict(youtube.handles),
        "users": dict(youtube.users),
        "stories": {id: list(story.events) for id, story in youtube.stories.items() if id in kept},
        "videos_of": {id: [video for video in videos if video in kept] for id, videos in youtube.videos_of.items()},
        "forgotten": youtube.forgotten + dropped,
    }


def _restore_youtube(kept: dict[str, Any], youtube: YouTube) -> None:
    youtube.channels.update((channel["id"], Channel(**channel)) for channel in kept["channels"])
    youtube.handles.update(kept["handles"])
    youtube.users.update(kept["users"])
    for id, events in kept["stories"].items():
        youtube.stories[id] = Story([(at, changes) for at, changes in events])
    youtube.videos_of.update(kept["videos_of"])
    youtube.forgotten += kept.get("forgotten", [])  # older files have none


def _dump_x(x: X, happenings: bool) -> dict[str, Any]:
    tokens = [*x.access.values(), *x.refresh.values()]
    grants = list({id(token.grant): token.grant for token in tokens}.values())
    number = {id(grant): n for n, grant in enumerate(grants)}

    def plain(held: dict[str, Token]) -> dict[str, Any]:
        return {s: [number[id(t.grant)], t.expires_at, t.spent] for s, t in held.items()}

    return {
        "accounts": [asdict(account) for account in x.people.values()],
        "grants": [[grant.account_id, sorted(grant.scopes), grant.dead] for grant in grants],
        "access": plain(x.access),
        "refresh": plain(x.refresh),
        "posts": [asdict(post) for post in x.posts.values()] if happenings else [],
        "spent": dict(x.wallet.spent) if happenings else {},
    }


def _restore_x(kept: dict[str, Any], x: X) -> None:
    grants = [Grant(account_id, set(scopes), dead) for account_id, scopes, dead in kept["grants"]]
    x.people.update((account["id"], Account(**account)) for account in kept["accounts"])
    x.access.update((secret, Token(grants[n], *rest)) for secret, (n, *rest) in kept["access"].items())
    x.refresh.update((secret, Token(grants[n], *rest)) for secret, (n, *rest) in kept["refresh"].items())
    x.posts.update((post["id"], Post(**post)) for post in kept["posts"])
    x.wallet.spent.update(kept["spent"])


def _encode(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"$time": value.isoformat()}
    raise TypeError(f"cannot keep {value!r}")


def _decode(found: dict[str, Any]) -> Any:
    return datetime.fromisoformat(found["$time"]) if set(found) == {"$time"} else found
