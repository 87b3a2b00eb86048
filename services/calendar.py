"""The calendar of a podcast's planned episodes, behind a link that only its people have. Reads only."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from icalendar import Calendar, Event
from sqlalchemy import select

from extensions import db
from models import EpisodeGuide, Podcast
from services.ahead import was_over_before_its_time
from services.checks import HIGHEST_ID
from services.errors import NotFound

LASTS = timedelta(hours=1)
#: what is older is history and not planned any more
KEPT = timedelta(days=90)
MOST_EVENTS = 1_000
PRODUCT = "-//Airhorn//Planned episodes//EN"


def token_of(podcast: Podcast, key: str) -> str:
    """The secret part of the link. Nothing is stored: raising the epoch makes a new one."""
    about = f"calendar:{podcast.id}:{podcast.calendar_epoch}".encode()
    digest = hmac.new(key.encode(), about, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def podcast_behind(podcast_id: int, token: str, keys: Sequence[str]) -> Podcast:
    """The podcast whose link this is, under the current key or an earlier one. Raises NotFound, also when archived."""
    podcast = db.session.get(Podcast, podcast_id) if 0 < podcast_id <= HIGHEST_ID else None
    given = token.encode()
    if podcast is None or not podcast.is_active or not any(_is_same(token_of(podcast, k), given) for k in keys):
        raise NotFound("There is no such calendar. Ask an admin of the podcast for its link.")
    return podcast


def _is_same(token: str, given: bytes) -> bool:
    return hmac.compare_digest(token.encode(), given)


def feed(podcast: Podcast, now: datetime, *, host: str, url_of: Callable[[int], str]) -> bytes:
    """The planned episodes as iCalendar. `host` makes the ids of events unique, `url_of` is an episode's page."""
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", _line(podcast.name))
    planned = (
        select(EpisodeGuide)
        .where(
            EpisodeGuide.podcast_id == podcast.id,
            EpisodeGuide.scheduled_at > now - KEPT,
            ~was_over_before_its_time(),
        )
        .order_by(EpisodeGuide.scheduled_at.desc(), EpisodeGuide.id)
        .limit(MOST_EVENTS)
    )
    for episode in db.session.execute(planned).scalars():
        calendar.add_component(_event(podcast, episode, f"episode-{episode.id}@{host}", url_of(episode.id)))
    return bytes(calendar.to_ical())


def _event(podcast: Podcast, episode: EpisodeGuide, uid: str, url: str) -> Event:
    """The same bytes as long as the episode is the same."""
    number = f"Ep {episode.number} · " if episode.number is not None else ""
    event = Event()
    event.add("uid", uid)
    event.add("dtstamp", episode.created_at.replace(microsecond=0))
    event.add("sequence", episode.version)
    event.add("summary", _line(f"{podcast.name}: {number}{episode.title}"))
    event.add("dtstart", episode.scheduled_at)
    event.add("duration", LASTS)
    event.add("url", url)
    if episode.guests:
        event.add("description", _line(f"With {', '.join(episode.guests)}"))
    return event


def _line(text: str) -> str:
    """One line without control characters: titles may come from YouTube."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
