"""All posts that somebody may see: filtered, sorted, page by page, summed up, or from end to end. Reads only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, literal_column, select, tuple_

from extensions import db
from models import Broadcast, EpisodeGuide, Podcast, PodcastMember, Post, User
from services import explorer_totals
from services.errors import Invalid
from services.explorer_filters import CAUSE_WORDS, Viewer, Wanted, begins, day_of, is_id
from services.explorer_totals import Seen, Where
from services.sql_plans import compared, of_no_index, unsought

PAGE, BATCH = 50, 1000
#: so many are found and sorted sooner than a page of them is met with on the way past all others
FEW = 10_000
#: of more days than these most posts are
LONG = timedelta(days=366)
#: of every post; the indexes made for these lists are for statements that say so, see models/post.py
EXPLORED: ColumnElement[bool] = Post.id > literal_column("0")
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
    there any more. `impressions` and `engagements`: the newest counts that X showed.
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
    impressions: int | None
    engagements: int | None
    started_at: datetime | None

    @property
    def seconds(self) -> float | None:
        if self.posted_at is None or self.started_at is None:
            return None
        return max(0.0, round((self.posted_at - self.started_at).total_seconds(), 1))

    @property
    def link(self) -> bool | None:
        """None: the text was never written as it would be sent, so that nobody knows."""
        return self.has_link if self.has_link or self.kind else None

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
    """One page, in three statements at most, whatever the page. Raises Invalid for an `after` that was made up."""
    past, seen = _past(wanted, after), explorer_totals.seen(viewer, wanted)
    totals = explorer_totals.totals(seen, _counted(seen, wanted), wanted)
    number = sum(totals.values())
    are_few = number <= FEW
    where = [*_where(seen, wanted, Post.created_at if are_few else unsought(Post.created_at)), *past]
    lines = _page(where, wanted, PAGE + 1, are_few=are_few) if number else []
    more = len(lines) > PAGE
    return Found(lines[:PAGE], totals, _cursor(wanted, lines[PAGE - 1]) if more else "", seen.zone)


def every_line(viewer: Viewer, wanted: Wanted) -> Iterator[Line]:
    """All that fits, in the order that was asked for. However many there are, BATCH of them are in memory.

    Holds no connection while the caller is busy with what it was given. Who loses a podcast meanwhile, or what he is
    on this server, gets no more.
    """
    after, reader = "", viewer
    while True:
        seen = explorer_totals.seen(reader, wanted)
        lines = _page([*_where(seen, wanted), *_past(wanted, after)], wanted, BATCH)
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


def _page(where: Where, wanted: Wanted, limit: int, *, are_few: bool = False) -> list[Line]:
    """The ids first: what they belong to is looked up for those alone that are shown.

    Few are found by what they have in common, and sorted then; of many the index is followed that has their order,
    until the page is full. What a database believes of how many fit is often wrong, and following an index past nearly
    all posts takes longer than all else.
    """
    keys, is_falling = _keys(wanted)
    first = [of_no_index(keys[0]), *keys[1:]] if are_few else keys
    inner, outer = ([key.desc() if is_falling else key for key in order] for order in (first, keys))
    ids = select(Post.id).where(*where).order_by(*inner).limit(limit).subquery()
    rows = db.session.execute(_lines().join(ids, ids.c.id == Post.id).order_by(*outer))
    return [Line(*row) for row in rows]


def _keys(wanted: Wanted) -> tuple[list[Any], bool]:
    """What decides the order, the id last; and whether the largest comes first."""
    column, is_falling = ORDERS[wanted.sort or "newest"]
    return [Post.id] if column is None else [column, Post.id], is_falling


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
            Post.impressions,
            Post.engagements,
            START.label("started_at"),
        )
        .outerjoin(Podcast, Podcast.id == Post.podcast_id)
        .outerjoin(EpisodeGuide, EpisodeGuide.id == Post.episode_id)
        .outerjoin(Broadcast, Broadcast.id == Post.broadcast_id)
    )


def _where(seen: Seen, wanted: Wanted, at: Any = Post.created_at) -> Where:
    has_index = wanted.cause or ORDERS[wanted.sort or "newest"][0] is not None
    found = [*seen.where(), *_fits(wanted, Post.user_id), *_within(at, wanted, seen.zone)]
    return [*found, EXPLORED] if has_index else found


def _counted(seen: Seen, wanted: Wanted) -> Where:
    """The same, for counting: all that can be asked for is in one index, but for the cause, which has its own."""
    user_id, podcast_id = unsought(Post.user_id), unsought(Post.podcast_id)
    is_compared = seen.podcasts is not None and _is_long(wanted)
    at = compared(Post.created_at) if is_compared else unsought(Post.created_at)
    return [*seen.where(podcast_id), *_fits(wanted, user_id), *_within(at, wanted, seen.zone), EXPLORED]


def _fits(wanted: Wanted, user_id: Any) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for typed, column in (
        (wanted.status, Post.status),
        (wanted.trigger, Post.trigger),
        (wanted.kind, Post.text_source),
        (wanted.cause, Post.cause),
    ):
        found += [column == typed] if typed else []
    if wanted.host:
        found.append(user_id == int(wanted.host))
    if wanted.link:
        found.append(Post.has_link.is_(wanted.link == "yes"))
    if wanted.link == "no":
        found.append(Post.text_source != "")  # whose words they are is known of every text that was written
    return found


def _is_long(wanted: Wanted) -> bool:
    """Whether the days leave out so little that no index helps to find the others."""
    since, until = day_of(wanted.since), day_of(wanted.until)
    return since is not None and until is not None and until - since > LONG


def _within(at: Any, wanted: Wanted, zone: str) -> list[ColumnElement[bool]]:
    since, until = day_of(wanted.since), day_of(wanted.until)
    found: list[ColumnElement[bool]] = []
    if since:
        found.append(at >= begins(since, zone))
    if until:
        found.append(at < begins(until + timedelta(days=1), zone))
    return found


def causes_of(viewer: Viewer, wanted: Wanted) -> list[str]:
    """Those of CAUSE_WORDS that some post has of the podcast that is asked for, and the one that is asked for itself.

    All of them where nothing narrows down whose posts are looked through.
    """
    podcast = wanted.podcast if is_id(wanted.podcast) else ""
    if viewer.is_admin and not podcast:
        return list(CAUSE_WORDS)
    where = [*_of(viewer, Post.podcast_id), *([Post.podcast_id == int(podcast)] if podcast else [])]
    query = select(Post.cause).where(*where, Post.cause.is_not(None), EXPLORED).distinct()
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


def _past(wanted: Wanted, after: str) -> list[ColumnElement[bool]]:
    """What comes after there; nothing is asked where it is empty."""
    if not after:
        return []
    id, _, value = after.partition(":")
    if not is_id(id):
        raise Invalid("This is no page of posts. Start from the first one.")
    keys, is_falling = _keys(wanted)
    if len(keys) > 1:
        return [tuple_(*keys) > tuple_(value, int(id))]
    return [Post.id < int(id) if is_falling else Post.id > int(id)]
