"""Podcasts and who is on them: made and changed. Posts nothing."""

import re
import unicodedata
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError

from extensions import db
from models import Broadcast, EpisodeGuide, Podcast, PodcastMember, Role, YouTubeChannel
from services import audit, members
from services.audit import NOBODY, Kind
from services.checks import one_line, shown, zone_name
from services.clients.values import Channel
from services.errors import Conflict, Invalid, NotFound
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


def create_podcast(name: str, *, owner_email: str, channel: str | None = None, timezone: str | None = None) -> Podcast:
    """A new podcast with its owner as admin. `channel` is whatever people paste; YouTube is asked who that is."""
    values = {
        "name": one_line("the name of the podcast", name, LONGEST_NAME),
        "timezone": zone_name(timezone) if timezone is not None else "UTC",
    }
    owner_id = find_active_user(owner_email).id
    db.session.rollback()  # nothing is open while YouTube is asked
    resolved = get_services().live.resolve_channel(channel) if channel is not None else None
    for _ in range(TRIES):
        try:
            return _insert(values, owner_id, resolved)
        except IntegrityError:
            db.session.rollback()
    raise Conflict("Several podcasts with this name are being made right now. Try again.")


def _insert(values: dict[str, Any], owner_id: int, channel: Channel | None) -> Podcast:
    podcast = Podcast(slug=_free_slug(values["name"]), **values)
    _watch(podcast, channel)
    db.session.add(podcast)
    db.session.flush()
    db.session.add(PodcastMember(podcast_id=podcast.id, user_id=owner_id, role=Role.ADMIN))
    db.session.commit()
    return podcast


def _watch(podcast: Podcast, channel: Channel | None) -> None:
    """Sets the channel and makes sure that it has a row, so that its title is known and it is looked at soon."""
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
        _watch(podcast, resolved)
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
    get_services().by_hand.match(broadcast_id, episode_id, now)
