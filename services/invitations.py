"""Invitations to a podcast: made, taken back, accepted. Whoever has the link and the address comes in, once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.exc import IntegrityError

from extensions import db
from models import LinkPurpose, OneTimeLink, Podcast, PodcastMember, Role, User
from services import audit, links, members
from services.audit import Actor, Kind
from services.checks import HIGHEST_ID, email_address, one_line, zone_name
from services.errors import Conflict, NotFound
from services.passwords import check_strength, hash_password
from services.registry import get_services
from services.users import LONGEST_NAME

OPEN_AT_MOST = 50
#: by one person, in all podcasts together
AN_HOUR_AT_MOST = 30
TAKEN = "There is an account with this address already. Sign in with it to join."
OTHER = "This invitation is for {email}. Sign out, then open it again."
LETTER = """Hello,

{inviter} invites you to {podcast} on Airhorn, which announces the show on X the moment it is live, in your own words.

Open this to join. It works once, until {until:%d %B %Y, %H:%M} UTC:

{link}

If you do not know what this is about, do nothing.
"""


@dataclass(frozen=True, slots=True)
class Made:
    """A new invitation. `link` is shown once. `mailed`: None when no mail is set up."""

    email: str
    link: str
    mailed: bool | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """An invitation that nobody has accepted yet."""

    link_id: int
    email: str
    role: str
    made_by: str | None
    expires_at: datetime

    def has_ended(self, now: datetime) -> bool:
        return self.expires_at <= now


@dataclass(frozen=True, slots=True)
class Invited:
    """What somebody is invited to, who has the link."""

    link_id: int
    podcast: Podcast
    email: str
    role: Role
    made_by: str | None
    has_account: bool


def waiting(podcast_id: int) -> list[Waiting]:
    """Newest first, also those that came to their end unused."""
    query = (
        select(OneTimeLink, User.name)
        .outerjoin(User, User.id == OneTimeLink.made_by)
        .where(*_of(podcast_id))
        .order_by(OneTimeLink.id.desc())
        .limit(2 * OPEN_AT_MOST)
    )
    return [_waiting(row.OneTimeLink, row.name) for row in db.session.execute(query)]


def _waiting(link: OneTimeLink, made_by: str | None) -> Waiting:
    return Waiting(link.id, link.email, link.role or Role.CONTRIBUTOR, made_by, link.expires_at)


def _of(podcast_id: int) -> tuple[ColumnElement[bool], ...]:
    """The conditions of an unused invitation to this podcast."""
    is_one = OneTimeLink.purpose == LinkPurpose.INVITATION
    return is_one, OneTimeLink.podcast_id == podcast_id, OneTimeLink.used_at.is_(None)


def invite(podcast_id: int, email: str, role: str, by: Actor, now: datetime) -> Made:
    """A new invitation, which takes the place of an older one to the same address; mailed where mail is set up.

    Whether somebody here has the address makes no difference, but for those who are on the podcast already.
    """
    address, wanted = email_address(email), members.role_named(role)
    podcast = members.lock(podcast_id)
    try:
        _refuse_member(podcast, address)
        _replace(podcast_id, address, now)
        _refuse_too_many(podcast_id, by, now)
    except Conflict:
        db.session.rollback()
        raise
    link = links.make(
        LinkPurpose.INVITATION, now, podcast_id=podcast_id, email=address, role=wanted, made_by=by.user_id
    )
    audit.note(Kind.INVITED, by, now, podcast_id=podcast_id, role=wanted)
    subject, letter = _letter(podcast, by, link, now)
    db.session.commit()
    mail = get_services().mail
    return Made(address, link, mail.send(address, subject, letter) if mail.is_set_up else None)


def renew(podcast_id: int, link_id: int, by: Actor, now: datetime) -> Made:
    """A new link for the same person; the old one no longer works. Raises NotFound."""
    link = _find(podcast_id, link_id)
    email, role = link.email, link.role or Role.CONTRIBUTOR
    db.session.rollback()
    return invite(podcast_id, email, role, by, now)


def take_back(podcast_id: int, link_id: int, by: Actor, now: datetime) -> str:
    """The link no longer works. Returns the address it was for. Raises NotFound and Conflict."""
    email = _find(podcast_id, link_id).email
    if not links.take_back(link_id, now):
        db.session.rollback()
        raise Conflict("This invitation was accepted or taken back a moment ago.")
    audit.note(Kind.INVITATION_TAKEN_BACK, by, now, podcast_id=podcast_id)
    db.session.commit()
    return email


def _find(podcast_id: int, link_id: int) -> OneTimeLink:
    wanted = select(OneTimeLink).where(*_of(podcast_id), OneTimeLink.id == link_id)
    link = db.session.execute(wanted).scalar_one_or_none() if 0 < link_id <= HIGHEST_ID else None
    if link is None:
        raise NotFound("There is no such invitation any more.")
    return link


def _refuse_member(podcast: Podcast, email: str) -> None:
    on_it = select(User.id).join(PodcastMember, PodcastMember.user_id == User.id)
    on_it = on_it.where(PodcastMember.podcast_id == podcast.id, User.email == email)
    if db.session.execute(on_it).first() is not None:
        raise Conflict(f"{email} is already on {podcast.name}.")


def _replace(podcast_id: int, email: str, now: datetime) -> None:
    older = select(OneTimeLink.id).where(*_of(podcast_id), OneTimeLink.email == email)
    for link_id in db.session.execute(older).scalars().all():
        links.take_back(link_id, now)


def _refuse_too_many(podcast_id: int, by: Actor, now: datetime) -> None:
    count = select(func.count()).select_from(OneTimeLink)
    still_open = count.where(*_of(podcast_id), OneTimeLink.expires_at > now)
    if db.session.execute(still_open).scalar_one() >= OPEN_AT_MOST:
        raise Conflict(f"{OPEN_AT_MOST} invitations wait for an answer. Take some back before you make more.")
    on_it = select(func.count()).select_from(PodcastMember).where(PodcastMember.podcast_id == podcast_id)
    if db.session.execute(on_it).scalar_one() >= members.AT_MOST:
        raise Conflict(f"{members.AT_MOST} people are on this podcast already. No more fit.")
    of_this_hour = count.where(
        OneTimeLink.made_by == by.user_id,
        OneTimeLink.purpose == LinkPurpose.INVITATION,
        OneTimeLink.created_at > now - timedelta(hours=1),
    )
    if db.session.execute(of_this_hour).scalar_one() >= AN_HOUR_AT_MOST:
        raise Conflict(f"You made {AN_HOUR_AT_MOST} invitations within an hour. Go on in a while.")


def _letter(podcast: Podcast, by: Actor, link: str, now: datetime) -> tuple[str, str]:
    inviter = db.session.get(User, by.user_id) if by.user_id is not None else None
    name = inviter.name if inviter else "Somebody who runs it"
    until = now + links.LIVES[LinkPurpose.INVITATION]
    subject = f"{name} invites you to {podcast.name}"
    return subject, LETTER.format(inviter=name, podcast=podcast.name, until=until, link=link)


# Accepting


def find(token: str, now: datetime) -> Invited:
    """What the link is an invitation to. Raises Gone."""
    link = links.find(token, LinkPurpose.INVITATION, now)
    podcast = db.session.get(Podcast, link.podcast_id)
    if podcast is None:
        raise links.Gone("The podcast was deleted.")
    made_by = db.session.get(User, link.made_by) if link.made_by is not None else None
    account = db.session.execute(select(User.id).where(User.email == link.email)).first()
    role = Role(link.role or Role.CONTRIBUTOR)
    return Invited(link.id, podcast, link.email, role, made_by.name if made_by else None, account is not None)


def join(token: str, by: Actor, now: datetime) -> int:
    """Somebody who is signed in comes on the podcast. Returns its id. Raises Gone, and Conflict if it is not his."""
    invited = find(token, now)
    user = db.session.get(User, by.user_id)
    if user is None or user.email != invited.email:
        db.session.rollback()
        raise Conflict(OTHER.format(email=invited.email))
    links.use(invited.link_id, now)
    return _come_in(invited, user.id, by, now)


def join_as_somebody_new(
    token: str, *, name: str, timezone: str, password: str, by: Actor, now: datetime
) -> tuple[int, int]:
    """Makes the account and comes on the podcast. Returns the ids of both. Raises Gone, Invalid and Conflict."""
    invited = find(token, now)
    is_taken, email, podcast = invited.has_account, invited.email, invited.podcast.name
    db.session.rollback()  # nothing is open while the password is hashed
    if is_taken:
        raise Conflict(TAKEN)
    called = one_line("the name", name, LONGEST_NAME)
    check_strength(password, [called, podcast, email, *email.split("@")])
    user = User(
        email=email,
        name=called,
        timezone=zone_name(timezone),
        password_hash=hash_password(password),
    )
    invited = find(token, now)
    links.use(invited.link_id, now)
    db.session.add(user)
    try:
        db.session.flush()
    except IntegrityError:  # the account was made in this very moment
        db.session.rollback()
        raise Conflict(TAKEN) from None
    user_id, by = user.id, Actor(user.id, by.address)
    audit.note(Kind.USER_CREATED, by, now)
    return user_id, _come_in(invited, user_id, by, now)


def _come_in(invited: Invited, user_id: int, by: Actor, now: datetime) -> int:
    podcast_id = invited.podcast.id
    members.add(podcast_id, user_id, invited.role)
    audit.note(Kind.INVITATION_ACCEPTED, by, now, podcast_id=podcast_id, role=invited.role)
    db.session.commit()
    members.write_texts(podcast_id, now)
    return podcast_id
