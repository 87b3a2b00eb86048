"""Who may see and manage a podcast: it is loaded together with the right to it, in one act."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Select, and_, bindparam, select

from extensions import db
from models import AuditEvent, FiguresVersion, Podcast, PodcastMember, Role, User
from services import audit
from services.audit import Actor, Kind
from services.checks import HIGHEST_ID
from services.errors import NotFound

#: trying again is written down once within this time, so that nobody fills the log
NOTED_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Access:
    """A podcast and what this person is on it. Admins of the server manage every podcast.

    `version`: of its numbers; those computed from here on are not older.
    """

    podcast: Podcast
    is_member: bool
    is_admin: bool
    version: int = 0


def podcast_for(user: User, podcast_id: int, by: Actor, now: datetime) -> Access:
    """Raises NotFound for strangers as for podcasts that do not exist: nobody learns which ones there are.

    That a stranger came is written down, and committed.
    """
    asked = {"reader": user.id, "podcast": podcast_id}
    found = db.session.execute(_with_role(), asked).first() if 0 < podcast_id <= HIGHEST_ID else None
    if found is None or (found.role is None and not user.is_admin):
        if found is not None:
            _note_stranger(podcast_id, by, now)
        raise NotFound("There is no such podcast, or you are not on it.")
    is_admin = user.is_admin or found.role == Role.ADMIN
    return Access(found.Podcast, found.role is not None, is_admin, found.version or 0)


@cache
def _with_role() -> Select[Podcast, str, int]:
    """Asked for every page of a podcast, so it is put together once."""
    mine = and_(PodcastMember.podcast_id == Podcast.id, PodcastMember.user_id == bindparam("reader"))
    query = select(Podcast, PodcastMember.role, FiguresVersion.version).outerjoin(PodcastMember, mine)
    query = query.outerjoin(FiguresVersion, FiguresVersion.podcast_id == Podcast.id)
    return query.where(Podcast.id == bindparam("podcast"))


def _note_stranger(podcast_id: int, by: Actor, now: datetime) -> None:
    if _is_noted(podcast_id, by, now):
        return
    db.session.rollback()  # the request may have begun by reading
    # Held meanwhile, so that two tries at once are one line.
    db.session.execute(select(User.id).where(User.id == by.user_id).with_for_update(key_share=True))
    if not _is_noted(podcast_id, by, now):
        audit.note(Kind.FOREIGN_PODCAST, by, now, podcast_id=podcast_id)
    db.session.commit()


def _is_noted(podcast_id: int, by: Actor, now: datetime) -> bool:
    theirs = AuditEvent.actor_id == by.user_id, AuditEvent.at > now - NOTED_EVERY
    about = AuditEvent.podcast_id == podcast_id, AuditEvent.kind == Kind.FOREIGN_PODCAST
    return db.session.execute(select(AuditEvent.id).where(*theirs, *about).limit(1)).first() is not None
