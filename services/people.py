"""Everybody who has an account, as those see them who run the server: switched on and off, and made admins of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, or_, select

from extensions import db
from models import Podcast, PodcastMember, User, UserSession
from services import audit, figures_version, links
from services.audit import Actor, Kind
from services.checks import HIGHEST_ID
from services.errors import Conflict, NotFound
from services.users import switch_off as switch_account_off

#: something done to an account: (id, by whom, when) → the account
Act = Callable[[int, Actor, datetime], User]
PAGE = 50
LONGEST_SEARCH = 254
LAST_ADMIN = "{name} is the only one who runs this server. Make somebody else an admin of it first."
NOT_YOURSELF = "You cannot do this to yourself. Ask another admin of the server."


@dataclass(frozen=True, slots=True)
class Person:
    """One account. `podcasts` holds (podcast, role); `seen_at` is of a session that has not ended, or None."""

    user: User
    seen_at: datetime | None
    podcasts: list[tuple[Podcast, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PeoplePage:
    people: list[Person]
    number: int
    has_more: bool


def list_people(search: str = "", number: int = 1) -> PeoplePage:
    """By name, PAGE at a time. `search` is a part of a name or address. Two statements, however many there are."""
    number = min(max(number, 1), HIGHEST_ID // PAGE)
    seen_at = select(func.max(UserSession.seen_at)).where(UserSession.user_id == User.id).scalar_subquery()
    query = select(User, seen_at.label("seen_at")).order_by(func.lower(User.name), User.id)
    wanted = search.strip()[:LONGEST_SEARCH]
    if wanted:
        query = query.where(
            or_(User.name.icontains(wanted, autoescape=True), User.email.icontains(wanted, autoescape=True))
        )
    rows = db.session.execute(query.offset((number - 1) * PAGE).limit(PAGE + 1)).all()
    people = {row.User.id: Person(row.User, row.seen_at) for row in rows[:PAGE]}
    memberships = (
        select(PodcastMember.user_id, PodcastMember.role, Podcast)
        .join(Podcast, Podcast.id == PodcastMember.podcast_id)
        .where(PodcastMember.user_id.in_(list(people)))
        .order_by(Podcast.name, Podcast.id)
    )
    for row in db.session.execute(memberships) if people else ():
        people[row.user_id].podcasts.append((row.Podcast, row.role))
    return PeoplePage(list(people.values()), number, len(rows) > PAGE)


def find_person(user_id: int) -> User:
    """Raises NotFound."""
    found = db.session.get(User, user_id) if 0 < user_id <= HIGHEST_ID else None
    if found is None:
        raise NotFound("There is no such account. It may have been deleted.")
    return found


def switch_off(user_id: int, by: Actor, now: datetime) -> User:
    """Ends the sessions and cancels the posts that are not under way. Refuses oneself and the last who runs this."""

    def act(user: User) -> None:
        switch_account_off(user, now)
        audit.note(Kind.USER_OFF, by, now, subject_id=user.id)

    return _as_long_as_one_stays(user_id, by, act)


def switch_on(user_id: int, by: Actor, now: datetime) -> User:
    user = find_person(user_id)
    if not user.is_active:
        user.is_active = True
        figures_version.raise_for_user(db.session(), user.id)
        audit.note(Kind.USER_ON, by, now, subject_id=user.id)
    db.session.commit()
    return user


def give_admin(user_id: int, by: Actor, now: datetime) -> User:
    user = find_person(user_id)
    if not user.is_admin:
        user.is_admin = True
        audit.note(Kind.ADMIN_GIVEN, by, now, subject_id=user.id)
    db.session.commit()
    return user


def take_admin(user_id: int, by: Actor, now: datetime) -> User:
    """From here on he sees what he is on himself. Refuses oneself and the last who runs this server."""

    def act(user: User) -> None:
        if user.is_admin:
            user.is_admin = False
            links.end_links_by(user.id, now, but_as_admin=True)
            audit.note(Kind.ADMIN_TAKEN, by, now, subject_id=user.id)

    return _as_long_as_one_stays(user_id, by, act)


def _as_long_as_one_stays(user_id: int, by: Actor, act: Callable[[User], None]) -> User:
    """Runs `act` with all who run the server locked: two who switch each other off must not both succeed."""
    if user_id == by.user_id:
        raise Conflict(NOT_YOURSELF)
    find_person(user_id)
    # In the order of their ids and together with the one it is about: nobody waits for somebody who waits for him.
    involved = select(User).where(User.is_admin | (User.id == user_id)).order_by(User.id).with_for_update()
    locked = db.session.execute(involved, execution_options={"populate_existing": True}).scalars().all()
    user = next((one for one in locked if one.id == user_id), None)
    if user is None:
        db.session.rollback()
        raise NotFound("This account was deleted a moment ago.")
    if [one for one in locked if one.is_admin and one.is_active] == [user]:
        db.session.rollback()
        raise Conflict(LAST_ADMIN.format(name=find_person(user_id).name))
    act(user)
    db.session.commit()
    return user
