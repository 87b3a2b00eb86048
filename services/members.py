"""Who is on a podcast and as what: shown, changed, taken off. Invites nobody."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, delete, func, select
from sqlalchemy.orm import joinedload

from extensions import db
from models import EpisodeGuide, Podcast, PodcastMember, Role, SocialConnection, User
from services import audit, figures_version, links
from services.ahead import is_over
from services.audit import Actor, Kind
from services.causes import explain
from services.checks import HIGHEST_ID, shown
from services.errors import Conflict, Invalid, NotFound
from services.logins import PLATFORM
from services.registry import get_services
from services.users import cancel_queued

SWITCHED_OFF = "The account is switched off: nothing is posted for it."
#: people on one podcast
AT_MOST = 500
#: episodes for which somebody who joins has texts at once; later ones get theirs when their time comes
TEXTS_AT_ONCE = 20
#: an episode is still the next one for so long after its planned start
OVERDUE = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody on a podcast. `trouble` says why their posts would not go out; None when they would."""

    user_id: int
    name: str
    email: str
    role: str
    username: str | None
    trouble: str | None

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN


def members_of(podcast_id: int) -> list[Member]:
    """By name, in one statement."""
    return [_member(row) for row in db.session.execute(_members(), {"podcast": podcast_id})]


@cache
def _members() -> Select[Any]:
    """Single columns: nothing else of an account is shown. Put together once."""
    login = SocialConnection
    connection = and_(login.user_id == User.id, login.platform == PLATFORM, login.is_active)
    return (
        select(User.id, User.name, User.email, User.is_active, PodcastMember.role)
        .add_columns(login.id.label("login_id"), login.username, login.trouble)
        .join(PodcastMember, PodcastMember.user_id == User.id)
        .outerjoin(login, connection)
        .where(PodcastMember.podcast_id == bindparam("podcast"))
        .order_by(User.name, User.id)
    )


def _member(row: Any) -> Member:
    cause = row.trouble if row.login_id is not None else "no_connection"
    trouble = (explain(cause) if cause else None) if row.is_active else SWITCHED_OFF
    return Member(row.id, row.name, row.email, row.role, row.username, trouble)


def add(podcast_id: int, user_id: int, role: Role) -> bool:
    """Puts somebody on the podcast, in the caller's transaction. Returns whether he was not on it before."""
    name = lock(podcast_id).name
    if _find(podcast_id, user_id) is not None:
        return False
    on_it = select(func.count()).select_from(PodcastMember).where(PodcastMember.podcast_id == podcast_id)
    if db.session.execute(on_it).scalar_one() >= AT_MOST:
        db.session.rollback()
        raise Conflict(f"{AT_MOST} people are on {name} already. No more fit.")
    db.session.add(PodcastMember(podcast_id=podcast_id, user_id=user_id, role=role))
    figures_version.raise_for(db.session(), [podcast_id])
    db.session.flush()
    return True


def write_texts(podcast_id: int, now: datetime) -> int | None:
    """Makes the texts of whoever has just joined, for what is planned. Returns the id of the next episode, if any."""
    episodes = db.session.execute(_planned(podcast_id, now).limit(TEXTS_AT_ONCE)).scalars().all()
    ids = [episode.id for episode in episodes]
    for episode in episodes:
        get_services().tweets.create_tweet_configs_for_episode(episode)
    return ids[0] if ids else None


def next_episode_id(podcast_id: int, now: datetime) -> int | None:
    found = db.session.execute(_planned(podcast_id, now).limit(1)).scalar()
    return found.id if found else None


def _planned(podcast_id: int, now: datetime) -> Select[EpisodeGuide]:
    return (
        select(EpisodeGuide)
        .where(EpisodeGuide.podcast_id == podcast_id, EpisodeGuide.scheduled_at > now - OVERDUE, ~is_over())
        .order_by(EpisodeGuide.scheduled_at, EpisodeGuide.id)
    )


def set_role(podcast_id: int, user_id: int, role: str, by: Actor, now: datetime) -> str:
    """Makes a member an admin or a contributor. Returns the name. Refuses to take the last admin away."""
    podcast = lock(podcast_id)
    member = _get(podcast, user_id)
    wanted = role_named(role)
    if member.role != wanted:
        if wanted != Role.ADMIN:
            _keep_an_admin(podcast, member)
            links.end_invitations_by(user_id, podcast_id, now)
        member.role = wanted
        figures_version.raise_for(db.session(), [podcast_id])
        audit.note(Kind.ROLE_CHANGED, by, now, podcast_id=podcast_id, subject_id=user_id, role=wanted)
    name = member.user.name
    db.session.commit()
    return name


def remove(podcast_id: int, user_id: int, by: Actor, now: datetime) -> str:
    """Takes a user off and cancels the posts there that are not under way. Returns the name. Refuses the last admin."""
    podcast = lock(podcast_id)
    member = _get(podcast, user_id)
    _keep_an_admin(podcast, member)
    name = member.user.name
    db.session.execute(delete(PodcastMember).where(PodcastMember.id == member.id))
    figures_version.raise_for(db.session(), [podcast_id])
    links.end_invitations_by(user_id, podcast_id, now)
    cancel_queued(user_id, cause="member_gone", podcast_id=podcast_id, now=now)
    audit.note(Kind.HOST_REMOVED, by, now, podcast_id=podcast_id, subject_id=user_id)
    db.session.commit()
    return name


def role_named(text: str) -> Role:
    """Raises Invalid."""
    if text not in set(Role):
        raise Invalid(f"There is no role “{shown(text)}”. Roles are {' and '.join(Role)}.")
    return Role(text)


def lock(podcast_id: int) -> Podcast:
    """Until the end of the transaction nobody else changes who is on it: two admins who remove each other at once
    must not both succeed."""
    locked = select(Podcast).where(Podcast.id == podcast_id).with_for_update()
    found = db.session.execute(locked, execution_options={"populate_existing": True}).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such podcast any more.")
    return found


def _get(podcast: Podcast, user_id: int) -> PodcastMember:
    member = _find(podcast.id, user_id)
    if member is None:
        name = podcast.name
        db.session.rollback()
        raise NotFound(f"This person is not on {name}.")
    return member


def _find(podcast_id: int, user_id: int) -> PodcastMember | None:
    if not 0 < user_id <= HIGHEST_ID:
        return None
    wanted = (
        select(PodcastMember)
        .where(PodcastMember.podcast_id == podcast_id, PodcastMember.user_id == user_id)
        .options(joinedload(PodcastMember.user))
    )
    return db.session.execute(wanted, execution_options={"populate_existing": True}).scalar_one_or_none()


def _keep_an_admin(podcast: Podcast, member: PodcastMember) -> None:
    """Somebody else must still be able to sign in and manage the podcast."""
    others = (
        select(PodcastMember.id)
        .join(PodcastMember.user)
        .where(
            PodcastMember.podcast_id == podcast.id,
            PodcastMember.role == Role.ADMIN,
            PodcastMember.user_id != member.user_id,
            User.is_active,
        )
    )
    if member.role == Role.ADMIN and db.session.execute(others.limit(1)).first() is None:
        sentence = f"{member.user.email} is the only admin of {podcast.name}. Add another admin first."
        db.session.rollback()
        raise Conflict(sentence)
