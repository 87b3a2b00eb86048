"""Who may see and manage a podcast: it is loaded together with the right to it, in one act."""

from dataclasses import dataclass

from sqlalchemy import Select, and_, select

from extensions import db
from models import Podcast, PodcastMember, Role, User
from services.checks import HIGHEST_ID
from services.errors import NotFound


@dataclass(frozen=True, slots=True)
class Access:
    """A podcast and what this person is on it. Admins of the server manage every podcast."""

    podcast: Podcast
    is_member: bool
    is_admin: bool


def podcast_for(user: User, podcast_id: int) -> Access:
    """Raises NotFound for strangers as for podcasts that do not exist: nobody learns which ones there are."""
    found = db.session.execute(_with_role(user.id, podcast_id)).first() if 0 < podcast_id <= HIGHEST_ID else None
    if found is None or (found.role is None and not user.is_admin):
        raise NotFound("There is no such podcast, or you are not on it.")
    return Access(found.Podcast, found.role is not None, user.is_admin or found.role == Role.ADMIN)


def _with_role(user_id: int, podcast_id: int) -> Select[Podcast, str]:
    mine = and_(PodcastMember.podcast_id == Podcast.id, PodcastMember.user_id == user_id)
    return select(Podcast, PodcastMember.role).outerjoin(PodcastMember, mine).where(Podcast.id == podcast_id)
