"""One episode as its page shows it: every host's text and state, and what happened, in order. Reads only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, select

from extensions import db
from models import (
    Broadcast,
    BroadcastState,
    EpisodeGuide,
    Podcast,
    Post,
    PostEvent,
    PostStatus,
    User,
    Verdict,
    YouTubeChannel,
)
from services import own_editor, prices
from services.ahead import OVER
from services.durations import duration
from services.hosts import HostView, hosts_with_texts
from services.lamps import after_the_show
from services.overview import EpisodeCard, card_of
from services.own_editor import Editor, editor_of
from services.prices import Prices
from services.receipts import LOOKS, Receipt, receipt_of
from services.tweets import post_url
from services.vocabulary import SILENT, Lamp, Light, light_of_event
from services.youtube_reference import watch_url

MOST_EVENTS = 500
#: steps that are of no use to people while nothing went wrong
ROUTINE = (PostStatus.SENDING,)
PLANNED = Light("Planned start", Lamp.HOLLOW)
#: the same that happened to several hosts so shortly after one another is one line
TOGETHER = timedelta(seconds=2)


class Host(NamedTuple):
    """Whom a line is about, and the address of the post if it tells of one."""

    name: str
    url: str = ""


@dataclass(slots=True)
class Line:
    """One line of an episode's history. `seconds` counts from the start of the stream, once there was one."""

    at: datetime
    light: Light
    who: list[Host] = field(default_factory=list)
    url: str | None = None
    by: str | None = None
    seconds: float | None = None
    #: a planned start that the stream came before: nothing is to come any more
    is_early: bool = False

    @property
    def is_planned(self) -> bool:
        return self.light == PLANNED


@dataclass(frozen=True, slots=True)
class EpisodePage:
    """`url` is the stream's address; `mine` what the reader may edit, None for who is not a host here."""

    card: EpisodeCard
    hosts: Sequence[HostView]
    timeline: list[Line]
    url: str | None
    mine: Editor | None
    video_id: str
    #: of the newest start, once there was one
    receipt: Receipt | None = None
    #: what is asked now, where the reader is a host; his editor shows what will be asked at the start
    listed: Prices | None = None


def episode_page(podcast: Podcast, episode: EpisodeGuide, host: User | None, now: datetime) -> EpisodePage:
    """`host`: the reader, if he is one of the hosts. The number of statements does not grow with hosts or posts."""
    seen = db.session.execute(_watched(podcast, episode)).all()
    channel, broadcasts = seen[0].YouTubeChannel, [row.Broadcast for row in seen if row.Broadcast is not None]
    newest = broadcasts[0] if broadcasts else None
    video_id = newest.video_id if newest else episode.video_id or ""
    hosts = after_the_show(hosts_with_texts(episode.id, video_id, now), newest)
    lines = [*_planned(episode, broadcasts), *(line for b in broadcasts for line in _seen(b)), *_sent(episode.id)]
    lines.sort(key=lambda line: (not line.is_early, line.at))
    _count_from_start(lines, newest.actual_start_at if newest else None)
    card = card_of(podcast, episode, newest, hosts, channel=channel)
    mine = listed = None
    if host is not None:
        asked = prices.known(now)
        at_start, listed = asked.at(max(now, episode.scheduled_at or now)), asked.at(now)
        mine = editor_of(podcast, episode, host, video_id, hosts, prices=at_start)
    url = watch_url(video_id) if video_id else episode.link or None
    receipt = receipt_of(newest, [host.post for host in hosts]) if newest else None
    return EpisodePage(card, hosts, lines, url, mine, video_id, receipt=receipt, listed=listed)


def _watched(podcast: Podcast, episode: EpisodeGuide) -> Select[YouTubeChannel, Broadcast]:
    """The podcast's channel beside each broadcast of the episode, newest first; one row at least, of None at worst."""
    return (
        select(YouTubeChannel, Broadcast)
        .select_from(Podcast)
        .outerjoin(YouTubeChannel, YouTubeChannel.id == Podcast.youtube_channel_id)
        .outerjoin(Broadcast, Broadcast.episode_id == episode.id)
        .where(Podcast.id == podcast.id)
        .order_by(Broadcast.id.desc())
    )


def retyped(page: EpisodePage, host: User, typed: Mapping[str, Any], *, needs_link: bool = False) -> EpisodePage:
    """The page with what was sent and could not be kept in its editor."""
    if page.mine is None:
        return page
    card = page.card
    mine = own_editor.retyped(page.mine, card.podcast, card.episode, host, page.video_id, **typed)
    return replace(page, mine=replace(mine, needs_link=needs_link))


def _count_from_start(lines: list[Line], started_at: datetime | None) -> None:
    for line in lines:
        line.who.sort()
        if started_at and line.at > started_at and not line.is_planned:
            line.seconds = (line.at - started_at).total_seconds()


def _planned(episode: EpisodeGuide, broadcasts: Iterable[Broadcast]) -> list[Line]:
    """Where the stream came first, what was planned is what the story begins with."""
    at = episode.scheduled_at
    if at is None:
        return []
    begun = (one for one in broadcasts if one.state in (BroadcastState.LIVE, *OVER))
    seen = [one.actual_start_at or one.live_seen_at or one.first_seen_at for one in begun]
    return [Line(at, PLANNED, is_early=any(start < at for start in seen))]


def _seen(broadcast: Broadcast) -> Iterable[Line]:
    """What YouTube showed, and when it was noticed."""
    if broadcast.actual_start_at:
        yield Line(broadcast.actual_start_at, Light("Stream started", Lamp.RED), url=watch_url(broadcast.video_id))
    if broadcast.live_seen_at:
        look = LOOKS.get(broadcast.live_signal)
        yield Line(broadcast.live_seen_at, Light("Seen live", Lamp.RED, f"By {look}." if look else ""))
    silent = SILENT.get(Verdict(broadcast.verdict))
    if silent:
        at = broadcast.live_seen_at or broadcast.first_seen_at
        yield Line(at, Light("Not announced", Lamp.AMBER, silent))
    if broadcast.state == BroadcastState.ENDED and broadcast.actual_end_at:
        yield Line(broadcast.actual_end_at, Light("Stream ended", Lamp.GREY))


def _sent(episode_id: int) -> list[Line]:
    """The history of every post of the episode."""
    return _together(_event(row) for row in db.session.execute(_events(), {"episode": episode_id}))


@cache
def _events() -> Select[Any]:
    """Single columns of `:episode`: nothing else of its posts is shown here. Put together once."""
    return (
        select(PostEvent.at, PostEvent.status, PostEvent.cause, PostEvent.detail, User.name.label("actor"))
        .add_columns(Post.host_name, Post.username, Post.remote_id, Post.posted_at)
        .join(Post, Post.id == PostEvent.post_id)
        .outerjoin(User, User.id == PostEvent.user_id)
        .where(Post.episode_id == bindparam("episode"), PostEvent.status.not_in(ROUTINE))
        .order_by(PostEvent.at, PostEvent.id)
        .limit(MOST_EVENTS)
    )


def _together(lines: Iterable[Line]) -> list[Line]:
    """What happened to several hosts at once is one line, at the time of the first."""
    found: list[Line] = []
    for line in lines:
        last = found[-1] if found else None
        same = last is not None and (last.light, last.by) == (line.light, line.by)
        if last is not None and same and line.at - last.at < TOGETHER:
            last.who += [host for host in line.who if host not in last.who]
        else:
            found.append(line)
    return found


def _event(row: Any) -> Line:
    light = light_of_event(row.status, row.cause, row.detail)
    is_out = row.status == PostStatus.POSTED
    url = post_url(row) if is_out else None
    if is_out and row.posted_at and row.at - row.posted_at >= TOGETHER:
        earlier = f"It was out {duration(row.at - row.posted_at)} before that."
        light = replace(light, note=f"{light.note} {earlier}".lstrip())
    return Line(row.at, light, [Host(row.host_name, url or "")], by=row.actor)
