"""All posts that somebody may see: filtered, sorted, page by page, summed up, or from end to end. Reads only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, or_, select

from extensions import db
from models import Broadcast, EpisodeGuide, Podcast, PodcastMember, Post, User
from services import explorer_totals
from services.errors import Invalid
from services.explorer_filters import CAUSE_WORDS, Viewer, Wanted, begins, day_of, is_id

PAGE, BATCH = 50, 1000
#: a stream is counted from its start; what was posted without one, from the click
START = func.coalesce(Broadcast.actual_start_at, Post.created_at)
#: by name of the order: what comes before the id, and whether the largest comes first
ORDERS: Mapping[str, tuple[Any, bool]] = {
    "newest": (None, True),
    "oldest": (None, False),
    "host": (Post.host_name, False),
    "status": (Post.status, False),
}


class Line(NamedTuple):
    """One post with what it belongs to, in the order in which _lines asks for it.

    `seconds`: from the start of the stream, or the click, until X had it. `gone_at`: when X first said that it is not
    there any more.
    """

    id: int
    at: datetime
    podcast_id: int | None
    podcast: str | None
    timezone: str | None
    episode_id: int | None
    episode: str | None
    host: str
    username: str
    status: str
    cause: str | None
    detail: str | None
    trigger: str
    kind: str
    has_link: bool
    text: str
    posted_at: datetime | None
    remote_id: str | None
    gone_at: datetime | None
    started_at: datetime | None

    @property
    def seconds(self) -> float | None:
        if self.posted_at is None or self.started_at is None:
            return None
        return round((self.posted_at - self.started_at).total_seconds(), 1)

    @property
    def url(self) -> str | None:
        return f"https://x.com/i/status/{self.remote_id}" if self.remote_id else None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of posts. `totals`: of all that fits, by status; `after`: what the next page is asked by, or empty.

    `zone`: whose days were asked for.
    """

    lines: list[Line]
    totals: dict[str, int]
    after: str
    zone: str

    @property
    def total(self) -> int:
        return sum(self.totals.values())


def find(viewer: Viewer, wanted: Wanted, after: str = "") -> Found:
    """One page, in three statements whatever the page. Raises Invalid for an `after` that was made up."""
    seen = explorer_totals.seen(viewer, wanted)
    where = [*seen.where, *_fits(wanted, seen.zone)]
    lines = _page(where, wanted, after, PAGE + 1)
    more = len(lines) > PAGE
    totals = explorer_totals.totals(seen, where, wanted)
    return Found(lines[:PAGE], totals, _cursor(wanted, lines[PAGE - 1]) if more else "", seen.zone)


def every_line(viewer: Viewer, wanted: Wanted) -> Iterator[Line]:
    """All that fits, in the order that was asked for. However many there are, BATCH of them are in memory.

    Holds no connection while the caller is busy with what it was given. Who loses a podcast meanwhile, or what he is
    on this server, gets no more.
    """
    after, reader = "", viewer
    while True:
        seen = explorer_totals.seen(reader, wanted)
        where = [*seen.where, *_fits(wanted, seen.zone)]
        lines = _page(where, wanted, after, BATCH)
        db.session.rollback()
        yield from lines
        if len(lines) < BATCH:
            return
        after = _cursor(wanted, lines[-1])
        found = _still(viewer)
        if found is None:
            db.session.rollback()
            return
        reader = found


def _still(viewer: Viewer) -> Viewer | None:
    """What he is by now, never more than when he asked; None: nobody who may see anything."""
    query = select(User.is_admin).where(User.id == viewer.user_id, User.is_active)
    is_admin = db.session.execute(query).scalar_one_or_none()
    return None if is_admin is None else replace(viewer, is_admin=viewer.is_admin and is_admin)


def podcasts_of(viewer: Viewer) -> list[tuple[int, str]]:
    """(id, name) of those that this person may see, by name."""
    query = select(Podcast.id, Podcast.name).order_by(Podcast.name, Podcast.id)
    return [(id, name) for id, name in db.session.execute(query.where(*_of(viewer, Podcast.id)))]


def hosts_of(viewer: Viewer) -> list[tuple[int, str]]:
    """(id, name) of everybody on these podcasts, by name."""
    query = select(User.id, User.name).join(PodcastMember, PodcastMember.user_id == User.id).distinct()
    query = query.where(*_of(viewer, PodcastMember.podcast_id)).order_by(User.name, User.id)
    return [(id, name) for id, name in db.session.execute(query)]


# The query


def _page(where: Sequence[Any], wanted: Wanted, after: str, limit: int) -> list[Line]:
    """The ids first: what they belong to is looked up for those alone that are shown."""
    column, is_falling = ORDERS[wanted.sort or "newest"]
    keys = [Post.id] if column is None else [column, Post.id]
    past = [_past(keys, after, is_falling=is_falling)] if after else []
    order = [key.desc() if is_falling else key for key in keys]
    ids = select(Post.id).where(*where, *past).order_by(*order).limit(limit).subquery()
    rows = db.session.execute(_lines().join(ids, ids.c.id == Post.id).order_by(*order))
    return [Line(*row) for row in rows]


def _lines() -> Any:
    return (
        select(
            Post.id,
            Post.created_at.label("at"),
            Post.podcast_id,
            Podcast.name.label("podcast"),
            Podcast.timezone,
            Post.episode_id,
            EpisodeGuide.title.label("episode"),
            Post.host_name.label("host"),
            Post.username,
            Post.status,
            Post.cause,
            Post.detail,
            Post.trigger,
            Post.text_source.label("kind"),
            Post.has_link,
            Post.text,
            Post.posted_at,
            Post.remote_id,
            Post.gone_at,
            START.label("started_at"),
        )
        .outerjoin(Podcast, Podcast.id == Post.podcast_id)
        .outerjoin(EpisodeGuide, EpisodeGuide.id == Post.episode_id)
        .outerjoin(Broadcast, Broadcast.id == Post.broadcast_id)
    )


def _fits(wanted: Wanted, zone: str) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for typed, column in (
        (wanted.status, Post.status),
        (wanted.trigger, Post.trigger),
        (wanted.kind, Post.text_source),
        (wanted.cause, Post.cause),
    ):
        found += [column == typed] if typed else []
    if wanted.host:
        found.append(Post.user_id == int(wanted.host))
    if wanted.link:
        found.append(Post.has_link.is_(wanted.link == "yes"))
    since, until = day_of(wanted.since), day_of(wanted.until)
    if since:
        found.append(Post.created_at >= begins(since, zone))
    if until:
        found.append(Post.created_at < begins(until + timedelta(days=1), zone))
    return found


def causes_of(viewer: Viewer, wanted: Wanted) -> list[str]:
    """Those of CAUSE_WORDS that some post has of the podcast that is asked for, and the one that is asked for itself.

    All of them where nothing narrows down whose posts are looked through.
    """
    podcast = wanted.podcast if is_id(wanted.podcast) else ""
    if viewer.is_admin and not podcast:
        return list(CAUSE_WORDS)
    where = [*_of(viewer, Post.podcast_id), *([Post.podcast_id == int(podcast)] if podcast else [])]
    query = select(Post.cause).where(*where, Post.cause.is_not(None)).distinct()
    found = {*db.session.execute(query).scalars(), wanted.cause}
    return [code for code in CAUSE_WORDS if code in found]


def _of(viewer: Viewer, podcast_id: Any) -> list[ColumnElement[bool]]:
    """Of the podcasts that the person is on; who runs the server sees all."""
    mine = select(PodcastMember.podcast_id).where(PodcastMember.user_id == viewer.user_id)
    return [] if viewer.is_admin else [podcast_id.in_(mine)]


# Pages


def _cursor(wanted: Wanted, last: Line) -> str:
    """Where the page ended: the sorted value, if any, and the id."""
    value = {"host": last.host, "status": last.status}.get(wanted.sort)
    return f"{last.id}" if value is None else f"{last.id}:{value}"


def _past(keys: list[Any], after: str, *, is_falling: bool) -> ColumnElement[bool]:
    id, _, value = after.partition(":")
    if not is_id(id):
        raise Invalid("This is no page of posts. Start from the first one.")
    last: ColumnElement[bool] = keys[-1] < int(id) if is_falling else keys[-1] > int(id)
    if len(keys) == 1:
        return last
    return or_(keys[0] > value, and_(keys[0] == value, last))
