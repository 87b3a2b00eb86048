"""How long after a worker's death its posts came to an end, by what the dead one left behind. In seconds."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Post, PostEvent, PostStatus
from sandbox.x import X

BEFORE, STORED, NOTHING = "before the intent", "X had stored it", "nothing at X"
#: what is promised on the times of earnest: p99
MOST = {BEFORE: 75.0, STORED: 75.0, NOTHING: 200.0}
#: X may still be working on what a dead worker has sent
STILL_WORKING = 1.0

Seconds = dict[str, list[float]]


def deaths(file: Path) -> list[float]:
    """When workers killed themselves, as their arms wrote it down."""
    return sorted(float(line) for line in file.read_text().split()) if file.exists() else []


def aftermath(session: Session, x: X, killed_at: Sequence[float]) -> Seconds:
    """From the last SIGKILL before a post's end to that end. What ended before anybody died is left out.

    What a dead worker was sending, and only that, becomes unknown on its way.
    """
    found: Seconds = {}
    ended: dict[int, float] = {}
    unclear: set[int] = set()
    for event in session.execute(select(PostEvent.post_id, PostEvent.at, PostEvent.status).order_by(PostEvent.id)):
        ended[event.post_id] = event.at.timestamp()
        unclear |= {event.post_id} if event.status == PostStatus.UNKNOWN else set()
    for post in session.execute(select(Post)).scalars():
        before = [at for at in killed_at if at < ended[post.id]]
        if not before:
            continue
        stored = [one.created_at.timestamp() for one in x.timeline(post.platform_user_id) if one.text == post.text]
        was_stored = any(at <= before[-1] + STILL_WORKING for at in stored)
        left = BEFORE if post.id not in unclear else STORED if was_stored else NOTHING
        found.setdefault(left, []).append(ended[post.id] - before[-1])
    return found


def joined(many: Iterable[Mapping[str, Sequence[float]]]) -> Seconds:
    whole: Seconds = {}
    for one in many:
        for left, seconds in one.items():
            whole.setdefault(left, []).extend(seconds)
    return whole


def part(seconds: Iterable[float], share: float) -> float | None:
    """The time that this share of the posts does not exceed."""
    ordered = sorted(seconds)
    return round(ordered[-(-int(share * 100) * len(ordered) // 100) - 1], 1) if ordered else None
