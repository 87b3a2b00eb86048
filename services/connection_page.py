"""What a person's page says of his login at X: whose it is, what it may, how long it lasts. Reads only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from extensions import db
from models import EpisodeGuide, Podcast, PodcastMember, RefreshState, SocialConnection
from services.ahead import has_begun
from services.causes import CAUSES, explain
from services.tokens import FRESH_FOR, IN_DOUBT
from services.vocabulary import Lamp, Light

#: a post may go out for so long after the planned start
ON_AIR_FOR = timedelta(hours=1)
SCOPE_WORDS = {
    "tweet.write": "post for you",
    "tweet.read": "read your posts, to see that they are out",
    "users.read": "see whose account it is",
    "offline.access": "stay connected without asking you again",
}


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The next planned episode of this person."""

    title: str
    at: datetime
    zone: str


@dataclass(frozen=True, slots=True)
class ConnectionPage:
    """`light` says how the login is; `until` is the end of the token in use, where that matters to people."""

    light: Light
    username: str | None = None
    connected_at: datetime | None = None
    scopes: tuple[str, ...] = ()
    until: datetime | None = None
    upcoming: Upcoming | None = None
    covers: bool = False


def connection_page(user_id: int, now: datetime) -> ConnectionPage:
    """Two statements, whatever is there."""
    query = select(SocialConnection).where(
        SocialConnection.user_id == user_id, SocialConnection.platform == "x", SocialConnection.is_active
    )
    connection = db.session.execute(query).scalar_one_or_none()
    upcoming = _upcoming(user_id, now)
    if connection is None:
        return ConnectionPage(Light("Not connected", Lamp.HOLLOW, CAUSES["no_connection"].text), upcoming=upcoming)
    light, until = _weather(connection, now)
    end = upcoming.at + ON_AIR_FOR if upcoming else now
    return ConnectionPage(
        light=light,
        username=connection.username,
        connected_at=connection.connected_at,
        scopes=tuple(words for scope, words in SCOPE_WORDS.items() if scope in connection.scopes.split()),
        until=until,
        upcoming=upcoming,
        covers=light.lamp == Lamp.GREEN and (until is None or until > end),
    )


def _weather(connection: SocialConnection, now: datetime) -> tuple[Light, datetime | None]:
    """How the tokens are, and when they end for good if they do."""
    ends = connection.expires_at
    if connection.refresh_state == RefreshState.REVOKED or connection.trouble not in (None, IN_DOUBT):
        return Light("Needs you", Lamp.AMBER, explain(connection.trouble or "x_auth")), None
    if connection.trouble == IN_DOUBT:
        return Light("In doubt", Lamp.AMBER, f"{explain(IN_DOUBT)} Connect X again to be sure."), ends
    if connection.refresh_token is not None:
        return Light("Good", Lamp.GREEN, "It is renewed by itself whenever it is used. There is nothing to do."), None
    if ends is not None and ends < now + FRESH_FOR:
        return Light("Needs you", Lamp.AMBER, "The login has ended and cannot be renewed. Connect X again."), ends
    return Light("Good", Lamp.GREEN, "It cannot be renewed by itself: connect X again before it ends."), ends


def _upcoming(user_id: int, now: datetime) -> Upcoming | None:
    query = (
        select(EpisodeGuide.title, EpisodeGuide.scheduled_at, Podcast.timezone)
        .join(Podcast, Podcast.id == EpisodeGuide.podcast_id)
        .join(PodcastMember, PodcastMember.podcast_id == Podcast.id)
        .where(PodcastMember.user_id == user_id, Podcast.is_active, EpisodeGuide.scheduled_at > now, ~has_begun())
        .order_by(EpisodeGuide.scheduled_at)
        .limit(1)
    )
    row = db.session.execute(query).first()
    return Upcoming(row.title, row.scheduled_at, row.timezone) if row else None
