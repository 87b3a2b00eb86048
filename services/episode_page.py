"""One episode as its page shows it: every host's text and state, and what happened, in order. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Row, select

from extensions import db
from models import Broadcast, BroadcastState, EpisodeGuide, Podcast, Post, PostEvent, PostStatus, User, Verdict
from services.hosts import HostView, hosts_with_texts
from services.overview import EpisodeCard, card_of
from services.tweets import post_url
from services.vocabulary import SIGNALS, SILENT, Lamp, Light, light_of_event
from services.youtube_reference import watch_url

MOST_EVENTS = 500
#: steps that are of no use to people while nothing went wrong
ROUTINE = (PostStatus.SENDING,)
PLANNED = Light("Planned start", Lamp.HOLLOW)


@dataclass(slots=True)
class Line:
    """One line of an episode's history. `seconds` counts from the start of the stream, once there was one."""

    at: datetime
    light: Light
    who: list[str] = field(default_factory=list)
    url: str | None = None
    by: str | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class EpisodePage:
    """`broadcast` is the matched one, None before the start; `url` its address."""

    card: EpisodeCard
    timeline: list[Line]
    url: str | None

    @property
    def hosts(self) -> list[HostView]:
        return self.card.hosts


def episode_page(podcast: Podcast, episode: EpisodeGuide) -> EpisodePage:
    """The number of statements does not grow with hosts or posts."""
    matched = select(Broadcast).where(Broadcast.episode_id == episode.id).order_by(Broadcast.id.desc())
    broadcasts = list(db.session.execute(matched).scalars())
    newest = broadcasts[0] if broadcasts else None
    video_id = newest.video_id if newest else episode.video_id or ""
    hosts = hosts_with_texts(episode.id, video_id)
    lines = [*_planned(episode), *(line for b in broadcasts for line in _seen(b)), *_sent(episode.id)]
    lines.sort(key=lambda line: line.at)
    _count_from_start(lines, newest.actual_start_at if newest else None)
    card = card_of(podcast, episode, newest, hosts)
    return EpisodePage(card, lines, watch_url(video_id) if video_id else episode.link or None)


def _count_from_start(lines: list[Line], started_at: datetime | None) -> None:
    for line in lines:
        line.who.sort()
        if started_at and line.at > started_at and line.light != PLANNED:
            line.seconds = round((line.at - started_at).total_seconds())


def _planned(episode: EpisodeGuide) -> list[Line]:
    return [Line(episode.scheduled_at, PLANNED)] if episode.scheduled_at else []


def _seen(broadcast: Broadcast) -> Iterable[Line]:
    """What YouTube showed, and when it was noticed."""
    if broadcast.actual_start_at:
        yield Line(broadcast.actual_start_at, Light("Stream started", Lamp.RED), url=watch_url(broadcast.video_id))
    if broadcast.live_seen_at:
        signal = SIGNALS.get(broadcast.first_signal)
        yield Line(broadcast.live_seen_at, Light("Seen live", Lamp.RED, f"First shown by {signal}." if signal else ""))
    silent = SILENT.get(Verdict(broadcast.verdict))
    if silent:
        at = broadcast.live_seen_at or broadcast.first_seen_at
        yield Line(at, Light("Not announced", Lamp.AMBER, silent))
    if broadcast.state == BroadcastState.ENDED and broadcast.actual_end_at:
        yield Line(broadcast.actual_end_at, Light("Stream ended", Lamp.GREY))


def _sent(episode_id: int) -> list[Line]:
    """The history of every post of the episode. What happened to several hosts at once is one line."""
    query = (
        select(PostEvent, Post, User.name.label("actor"))
        .join(Post, Post.id == PostEvent.post_id)
        .outerjoin(User, User.id == PostEvent.user_id)
        .where(Post.episode_id == episode_id, PostEvent.status.not_in(ROUTINE))
        .order_by(PostEvent.at, PostEvent.id)
        .limit(MOST_EVENTS)
    )
    lines: list[Line] = []
    together: dict[tuple[datetime, Light, str | None], Line] = {}
    for row in db.session.execute(query):
        line = _event(row)
        known = together.get((line.at, line.light, line.by))
        if known is not None and row.PostEvent.status == PostStatus.QUEUED:
            known.who += line.who
            continue
        together[line.at, line.light, line.by] = line
        lines.append(line)
    return lines


def _event(row: Row[PostEvent, Post, str]) -> Line:
    happened, post = row.PostEvent, row.Post
    light = light_of_event(happened.status, happened.cause, happened.detail)
    url = post_url(post) if happened.status == PostStatus.POSTED else None
    return Line(happened.at, light, [post.host_name], url=url, by=row.actor)
