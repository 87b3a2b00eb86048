"""What is still to do before a podcast's first show: stays on the first page until all of it is done. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Exists, Select, and_, bindparam, func, or_, select

from extensions import db
from models import (
    EpisodeGuide,
    EpisodeTweetConfig,
    LinkPurpose,
    OneTimeLink,
    Podcast,
    PodcastMember,
    Post,
    PostStatus,
    Rehearsal,
    SocialConnection,
    User,
)
from services.registry import get_services

#: more than these at once would be nothing to begin with
MOST = 3
CONNECT = "Every host allows Airhorn to post, in two clicks."
NO_APP = (
    "This server has no X app yet, so nobody can connect. Whoever runs it makes one at X, sets X_CLIENT_ID and "
    "X_CLIENT_SECRET and starts Airhorn again."
)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. `where` names the page on which it is done; `episode_id` where that page is an episode's."""

    name: str
    words: str
    help: str
    is_done: bool
    where: str


@dataclass(frozen=True, slots=True)
class Checklist:
    """The steps of one podcast, at least one of them still open. `episode_id`: its next episode, if any is planned.

    `podcast` None: there is none yet, and making it is the first step.
    """

    podcast: Podcast | None
    steps: tuple[Step, ...]
    episode_id: int | None = None

    @property
    def done(self) -> int:
        return sum(step.is_done for step in self.steps)


def first_checklist() -> Checklist:
    """Of a server without podcasts: what there will be to do. Asks nobody."""
    make = Step(
        "podcast", "Podcast made", "A name is enough, the rest can come later.", is_done=False, where="podcasts.new"
    )
    return Checklist(None, (make, *_steps(None, None)))


def checklists_of(shows: Sequence[Podcast], now: datetime) -> list[Checklist]:
    """Of the podcasts that are not ready yet; one statement. A show that was posted for once needs no list any more."""
    if not shows:
        return []
    asked = {"shows": [show.id for show in shows], "now": now}
    rows = {row.id: row for row in db.session.execute(_unready(), asked)}
    lists = [
        Checklist(show, _steps(show, rows[show.id]), rows[show.id].episode_id) for show in shows if show.id in rows
    ]
    return [one for one in lists if one.done < len(one.steps)][:MOST]


@cache
def _unready() -> Select[Any]:
    """What is done of those of `:shows` that were never posted for. Put together once."""
    was_posted = _any(Post.podcast_id == Podcast.id, Post.status == PostStatus.POSTED)
    at = EpisodeGuide.scheduled_at
    upcoming = select(func.min(EpisodeGuide.id)).where(
        EpisodeGuide.podcast_id == Podcast.id, or_(at.is_(None), at > bindparam("now"))
    )
    query = select(
        Podcast.id,
        _has_hosts().label("hosts"),
        ~_unconnected().label("connected"),
        _has_text().label("text"),
        _any(Rehearsal.podcast_id == Podcast.id, Rehearsal.is_passed.is_(True)).label("rehearsed"),
        upcoming.correlate(Podcast).scalar_subquery().label("episode_id"),
    )
    return query.where(Podcast.id.in_(bindparam("shows", expanding=True)), Podcast.is_active, ~was_posted)


def _any(*conditions: ColumnElement[bool]) -> Exists:
    return select(1).where(*conditions).correlate(Podcast).exists()


def _has_hosts() -> ColumnElement[bool]:
    """More than one on it, or somebody invited."""
    count = select(func.count(PodcastMember.id)).where(PodcastMember.podcast_id == Podcast.id)
    invited = _any(OneTimeLink.podcast_id == Podcast.id, OneTimeLink.purpose == LinkPurpose.INVITATION)
    return or_(count.correlate(Podcast).scalar_subquery() > 1, invited)


def _unconnected() -> Exists:
    works = and_(SocialConnection.is_active, SocialConnection.platform == "x", SocialConnection.trouble.is_(None))
    connected = select(SocialConnection.id).where(SocialConnection.user_id == PodcastMember.user_id, works)
    return (
        select(PodcastMember.id)
        .join(User, User.id == PodcastMember.user_id)
        .where(PodcastMember.podcast_id == Podcast.id, User.is_active, ~connected.exists())
        .correlate(Podcast)
        .exists()
    )


def _has_text() -> ColumnElement[bool]:
    """Somebody looked at what will be said and saved it, for an episode or as a default."""
    saved = (
        select(EpisodeTweetConfig.id)
        .join(EpisodeGuide, EpisodeGuide.id == EpisodeTweetConfig.episode_id)
        .where(EpisodeGuide.podcast_id == Podcast.id, EpisodeTweetConfig.version > 0)
        .correlate(Podcast)
    )
    return or_(Podcast.default_text != "", saved.exists())


def _steps(show: Podcast | None, row: object) -> tuple[Step, ...]:
    def done(name: str) -> bool:
        return bool(getattr(row, name, False))

    return (
        Step(
            "youtube",
            "YouTube channel",
            "Where the show streams, so that its start is noticed.",
            bool(show and show.youtube_channel_id),
            "podcasts.youtube",
        ),
        Step(
            "hosts", "Hosts invited", "Everybody who posts gets a link of their own.", done("hosts"), "podcasts.hosts"
        ),
        Step(
            "connected",
            "X connected",
            CONNECT if get_services().oauth.has_app else NO_APP,
            done("connected"),
            "connections.show",
        ),
        Step("text", "Text checked", "See what will be said, and save it once.", done("text"), "podcasts.tweets"),
        Step(
            "rehearsed",
            "Rehearsal passed",
            "Everything but the posting, for the next episode.",
            done("rehearsed"),
            "podcasts.rehearse",
        ),
    )
