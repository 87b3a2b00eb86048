"""Podcasts and who is on them: made and changed. Posts nothing."""

import re
import unicodedata
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError

from extensions import db
from models import Broadcast, EpisodeGuide, Podcast, PodcastMember, Role, User, YouTubeChannel
from services import audit, matching_by_hand, members
from services.audit import NOBODY, Actor, Kind
from services.checks import one_line, shown, zone_name
from services.clients.values import Channel
from services.errors import Conflict, NotFound
from services.outbox import insert_or_ignore
from services.registry import get_services
from services.users import find_active_user, find_user
from services.youtube_reference import video_id_of

LONGEST_NAME = 100
LONGEST_SLUG = 80
LONGEST_FILTER = 100
LONGEST_CHANNEL_TITLE = 200
#: slugs that are words of our own addresses
RESERVED = frozenset({"new"})
#: how often a slug is chosen again when somebody took it in the same moment
TRIES = 5
#: podcasts that one person can be on when another is made
MOST_PODCASTS = 200


class Unset(Enum):
    """The type of UNSET, which means "leave it as it is" where None has a meaning of its own."""

    UNSET = "unset"


UNSET = Unset.UNSET


def find_podcast(slug: str) -> Podcast:
    """Raises NotFound, also for what can be no slug."""
    podcast = None
    if re.fullmatch(r"[a-z0-9-]{1,80}", slug):
        podcast = db.session.execute(select(Podcast).where(Podcast.slug == slug)).scalar_one_or_none()
    if podcast is None:
        raise NotFound(f"There is no podcast “{shown(slug)}”.")
    return podcast


def locked(podcast_id: int) -> Podcast:
    """The podcast, held against others who change it until the commit. Raises NotFound."""
    query = select(Podcast).where(Podcast.id == podcast_id).with_for_update(key_share=True)
    podcast = db.session.execute(query, execution_options={"populate_existing": True}).scalar_one_or_none()
    if podcast is None:
        raise NotFound("There is no such podcast any more.")
    return podcast


def create_podcast(name: str, *, owner_email: str, channel: str | None = None, timezone: str | None = None) -> Podcast:
    """A new podcast with its owner as admin. `channel` is whatever people paste; YouTube is asked who that is."""
    values = {"name": podcast_name(name), "timezone": zone_name(timezone) if timezone is not None else "UTC"}
    owner_id = find_active_user(owner_email).id
    return make_podcast(owner_id, **values, channel=channel, by=NOBODY, now=datetime.now(UTC))


def podcast_name(text: str) -> str:
    return one_line("the name of the podcast", text, LONGEST_NAME)


def make_podcast(
    owner_id: int, *, name: str, timezone: str, channel: str | None = None, by: Actor, now: datetime
) -> Podcast:
    """A new podcast of this user, who becomes its admin. Raises Invalid for a channel that YouTube does not know,
    Conflict when one person has too many."""
    db.session.rollback()  # nothing is open while YouTube is asked
    resolved = get_services().live.resolve_channel(channel) if channel is not None else None
    for _ in range(TRIES):
        try:
            podcast = _insert({"name": name, "timezone": timezone}, owner_id, resolved)
            audit.note(Kind.PODCAST_CREATED, by, now, podcast_id=podcast.id)
            db.session.commit()
        except IntegrityError:
            db.session.rollback()
        else:
            return podcast
    raise Conflict("Several podcasts with this name are being made right now. Try again.")


def may_create(user: User) -> bool:
    """Admins of the server, and who manages a podcast already."""
    managed = select(PodcastMember.id).where(PodcastMember.user_id == user.id, PodcastMember.role == Role.ADMIN)
    return user.is_admin or db.session.execute(managed.limit(1)).first() is not None


def _insert(values: dict[str, Any], owner_id: int, channel: Channel | None) -> Podcast:
    """In the caller's transaction. The owner is held meanwhile, so that two at once do not pass the limit together."""
    db.session.execute(select(User.id).where(User.id == owner_id).with_for_update(key_share=True))
    theirs = select(func.count(PodcastMember.id)).where(PodcastMember.user_id == owner_id)
    if db.session.execute(theirs).scalar_one() >= MOST_PODCASTS:
        db.session.rollback()
        raise Conflict(f"One person can be on {MOST_PODCASTS} podcasts at most. Leave or delete one first.")
    podcast = Podcast(slug=_free_slug(values["name"]), **values)
    watch(podcast, channel)
    db.session.add(podcast)
    db.session.flush()
    db.session.add(PodcastMember(podcast_id=podcast.id, user_id=owner_id, role=Role.ADMIN))
    db.session.flush()
    return podcast


def watch(podcast: Podcast, channel: Channel | None) -> None:
    """Sets the channel, in the caller's transaction; its row makes that it is looked at soon and its title is known."""
    podcast.youtube_channel_id = channel.id if channel else None
    if channel:
        row = insert_or_ignore(YouTubeChannel, db.session.get_bind().dialect.name)
        db.session.execute(row.values(id=channel.id, title=channel.title[:LONGEST_CHANNEL_TITLE]))


def slug_of(name: str) -> str:
    """The name in a-z, 0-9 and dashes; "podcast" where nothing of it can be written so."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    # Room for a number: two podcasts may have the same long name.
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[: LONGEST_SLUG - 10].rstrip("-") or "podcast"


def _free_slug(name: str) -> str:
    base = slug_of(name)
    alike = select(Podcast.slug).where((Podcast.slug == base) | Podcast.slug.startswith(f"{base}-", autoescape=True))
    taken = RESERVED.union(db.session.execute(alike).scalars())
    if base not in taken:
        return base
    return next(slug for n in range(2, len(taken) + 3) if (slug := f"{base}-{n}") not in taken)


def set_podcast(
    slug: str,
    *,
    channel: str | Unset | None = UNSET,
    title_filter: str | Unset | None = UNSET,
    auto_create: bool | Unset = UNSET,
) -> Podcast:
    """Changes what is given. A channel or title filter of None is switched off; the filter's words are kept."""
    if isinstance(title_filter, str):
        title_filter = one_line("the title filter", title_filter, LONGEST_FILTER)
    resolved = None
    if isinstance(channel, str):
        find_podcast(slug)
        db.session.rollback()  # nothing is open while YouTube is asked
        resolved = get_services().live.resolve_channel(channel)
    podcast = find_podcast(slug)
    if channel is not UNSET:
        watch(podcast, resolved)
    if title_filter is not UNSET:
        podcast.title_filter_on = title_filter is not None
        podcast.title_filter = title_filter or podcast.title_filter
    if auto_create is not UNSET:
        podcast.auto_create_episodes = auto_create
    db.session.commit()
    return podcast


def add_host(slug: str, email: str, role: str = Role.CONTRIBUTOR, *, now: datetime | None = None) -> PodcastMember:
    """Puts a user on the podcast; the next look makes texts for what is planned."""
    wanted = members.role_named(role)
    podcast, user = find_podcast(slug), find_active_user(email)
    taken = f"{user.email} is already on {podcast.name}."
    if not members.add(podcast.id, user.id, wanted):
        db.session.rollback()
        raise Conflict(taken)
    audit.note(Kind.HOST_ADDED, NOBODY, now or datetime.now(UTC), podcast_id=podcast.id, subject_id=user.id, role=role)
    db.session.commit()
    return db.session.execute(select(PodcastMember).filter_by(podcast_id=podcast.id, user_id=user.id)).scalar_one()


def remove_host(slug: str, email: str, *, now: datetime | None = None) -> None:
    """Takes a user off the podcast and cancels the posts there that are not under way. Refuses the last admin."""
    podcast, user = find_podcast(slug), find_user(email)
    members.remove(podcast.id, user.id, NOBODY, now or datetime.now(UTC))


def match_broadcast(slug: str, video: str, episode_id: int, *, now: datetime) -> None:
    """Says which episode of this podcast a stream is. Raises NotFound and Conflict."""
    podcast = find_podcast(slug)
    found = select(Broadcast.id).where(
        Broadcast.video_id == video_id_of(video),
        or_(Broadcast.podcast_id == podcast.id, Broadcast.channel_id == podcast.youtube_channel_id),
    )
    broadcast_id = db.session.execute(found).scalar_one_or_none()
    episode = db.session.get(EpisodeGuide, episode_id)
    is_here = episode is not None and episode.podcast_id == podcast.id
    db.session.rollback()
    if broadcast_id is None or not is_here:
        raise NotFound("This podcast has no such stream or episode.")
    matching_by_hand.match(broadcast_id, episode_id, now)
