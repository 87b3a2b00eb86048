"""What an admin types about a podcast, saved as a whole: never over what somebody else saved meanwhile."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from extensions import db
from models import Podcast
from services import audit, figures_version, host_weeks
from services.audit import Actor, Kind
from services.errors import Stale
from services.podcasts import locked


def version_of(podcast: Podcast, fields: Sequence[str]) -> str:
    """Changes with what these fields hold, so that a stale form is noticed."""
    held = tuple(getattr(podcast, name) for name in fields)
    return hashlib.sha256(repr(held).encode()).hexdigest()[:16]


def save(podcast_id: int, fields: Sequence[str], wanted: Any, by: Actor, now: datetime) -> None:
    """`wanted`: what was typed, under the same names, and its `version`. Raises Stale when somebody was faster."""
    podcast = locked(podcast_id)
    if version_of(podcast, fields) != wanted.version:
        db.session.rollback()
        raise Stale("Somebody saved these settings meanwhile.")
    changed = [name for name in fields if getattr(podcast, name) != getattr(wanted, name)]
    for name in changed:
        setattr(podcast, name, getattr(wanted, name))
    if "timezone" in changed:
        host_weeks.begin_anew(podcast_id)
    if changed:
        figures_version.raise_for(db.session(), [podcast_id])
        audit.note(Kind.PODCAST_CHANGED, by, now, podcast_id=podcast_id, changed=changed)
    db.session.commit()
