"""What people change about themselves: name, address, password, sessions. Deleting is in services/leaving.py."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from extensions import db
from models import LinkPurpose, OneTimeLink, Podcast, PodcastMember, User, UserSession
from services import audit, figures_version, sessions, sign_in
from services.audit import Actor, Kind
from services.checks import HIGHEST_ID, email_address, one_line, zone_name
from services.errors import Conflict, NotFound
from services.passwords import check_strength, hash_password
from services.podcast_settings import default_words
from services.sessions import SignedIn
from services.users import LONGEST_NAME

LONGEST_TEXT = 2_000
#: what a browser calls itself → what people call it; the first that fits, since most also name others
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrom", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "Chromebook"),
    ("Linux", "Linux"),
)


def host_name(text: str) -> str:
    return one_line("the name", text, LONGEST_NAME)


def change_profile(user_id: int, *, name: str, timezone: str, default_text: str, never_repost: bool) -> None:
    """Raises Invalid. What is queued keeps its words."""
    values = {"name": host_name(name), "timezone": zone_name(timezone), "default_text": default_words(default_text)}
    user = db.session.get_one(User, user_id)
    if user.name != values["name"]:
        figures_version.raise_for_user(db.session(), user_id)
    for column, value in values.items():
        setattr(user, column, value)
    user.never_repost = never_repost
    db.session.commit()


def change_email(user_id: int, email: str, by: Actor, now: datetime) -> None:
    """Raises Invalid, and Conflict where somebody else has the address. Links to a new password end."""
    address = email_address(email)
    try:
        db.session.execute(update(User).where(User.id == user_id).values(email=address))
    except IntegrityError:
        db.session.rollback()
        raise Conflict("Somebody here has this address already.") from None
    _end_password_links(user_id)
    audit.note(Kind.EMAIL_CHANGED, by, now)
    db.session.commit()


# Passwords


def change_password(me: SignedIn, current: str, new: str, by: Actor, now: datetime) -> str:
    """Ends every session and begins a new one for this browser, whose token it returns. Raises Invalid, Conflict."""
    user_id, stored, session_id = me.user.id, me.user.password_hash, me.session_id
    sign_in.check_password(me.user, current, by, now)
    about = names_around(user_id)
    before = db.session.get_one(UserSession, session_id)
    agent, address = before.agent, before.address
    db.session.rollback()  # nothing is open while passwords are judged and hashed
    check_strength(new, about)
    fresh = hash_password(new)
    same = update(User).where(User.id == user_id, User.password_hash == stored).values(password_hash=fresh)
    if db.session.execute(same.returning(User.id), execution_options={"synchronize_session": False}).first() is None:
        db.session.rollback()
        raise Conflict("Your password was changed somewhere else just now. Sign in with the new one.")
    sessions.end_all(user_id)
    _end_password_links(user_id)
    audit.note(Kind.PASSWORD_CHANGED, by, now)
    token = sessions.begin(user_id, now, agent=agent, address=by.address or address)
    db.session.commit()
    return token


def names_around(user_id: int) -> list[str]:
    """What whoever knows this person would try as a password: name, address, podcasts."""
    user = db.session.get_one(User, user_id)
    theirs = select(Podcast.name).join(PodcastMember, PodcastMember.podcast_id == Podcast.id)
    podcasts = db.session.execute(theirs.where(PodcastMember.user_id == user_id)).scalars()
    return [user.name, *user.email.rpartition(".")[0].split("@"), user.email, *podcasts]


def _end_password_links(user_id: int) -> None:
    links = delete(OneTimeLink).where(OneTimeLink.user_id == user_id, OneTimeLink.purpose == LinkPurpose.PASSWORD)
    db.session.execute(links, execution_options={"synchronize_session": False})


# Sessions


@dataclass(frozen=True, slots=True)
class SessionView:
    """One browser that is signed in."""

    id: int
    browser: str
    address: str
    created_at: datetime
    seen_at: datetime
    is_this: bool


def sessions_of(me: SignedIn, now: datetime) -> list[SessionView]:
    """The own sessions that have not ended, this one first, then the newest."""
    mine = select(UserSession).where(UserSession.user_id == me.user.id).order_by(UserSession.seen_at.desc())
    found = [row for row in db.session.execute(mine).scalars() if not sessions.has_ended(row, now)]
    views = [
        SessionView(s.id, browser_name(s.agent), s.address, s.created_at, s.seen_at, s.id == me.session_id)
        for s in found
    ]
    return sorted(views, key=lambda view: not view.is_this)


def end_session(session_id: int, by: Actor, now: datetime) -> None:
    """Ends one of the own sessions. Raises NotFound, also for those of others."""
    user_id = by.user_id if 0 < session_id <= HIGHEST_ID else None
    if user_id is None or not sessions.end(session_id, user_id=user_id):
        db.session.rollback()
        raise NotFound("This session has ended already.")
    audit.note(Kind.SIGNED_OUT, by, now)
    db.session.commit()


def browser_name(agent: str) -> str:
    """ "Firefox on Linux", as far as the browser says."""
    browser, system = _first(BROWSERS, agent), _first(SYSTEMS, agent)
    return f"{browser or 'A browser'} on {system}" if system else browser or "A browser"


def _first(names: Iterable[tuple[str, str]], agent: str) -> str:
    return next((name for sign, name in names if sign in agent), "")
