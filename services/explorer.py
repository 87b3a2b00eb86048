"""All posts that somebody may see: filtered, sorted, page by page, summed up, or from end to end. Reads only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from extensions import db
from models import Broadcast, EpisodeGuide, Podcast, PodcastMember, Post, PostStatus, User
from services.causes import SECTIONS
from services.checks import HIGHEST_ID, shown
from services.errors import Invalid
from services.vocabulary import EVENT_WORDS

PAGE, BATCH = 50, 1000
LONGEST, LONGEST_ID = 60, 10
#: a stream is counted from its start; what was posted without one, from the click
START = func.coalesce(Broadcast.actual_start_at, Post.created_at)
TRIGGERS = {"live": "A start", "now": "A click"}
KINDS = {
    "own": "Own words",
    "draft": "A draft",
    "template": "The host’s usual text",
    "podcast": "The podcast’s usual text",
    "builtin": "Airhorn’s own",
}
LINKS = {"yes": "With a link", "no": "Without a link"}
CAUSE_WORDS = {
    code: cause.text
    for name in ("Sending to X", "Before sending", "How it ended without being sent", "After an unknown outcome")
    for code, cause in SECTIONS.get(name, {}).items()
}
STATUSES = {status.value: EVENT_WORDS[status].word for status in PostStatus}
#: by name: the columns, and whether the largest comes first. The id decides between equals.
SORTS: Mapping[str, tuple[str, Any, bool]] = {
    "newest": ("Newest first", None, True),
    "oldest": ("Oldest first", None, False),
    "host": ("By host", Post.host_name, False),
    "status": ("By state", Post.status, False),
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks; values only, since an answer may be written long after the request."""

    user_id: int
    is_admin: bool
    timezone: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for, as it was typed; empty is everything. `since` and `until` are days of the asking person."""

    podcast: str = ""
    host: str = ""
    status: str = ""
    trigger: str = ""
    kind: str = ""
    link: str = ""
    cause: str = ""
    since: str = ""
    until: str = ""
    sort: str = ""

    @property
    def kept(self) -> dict[str, str]:
        """For an address: what is not empty."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name))}


@dataclass(frozen=True, slots=True)
class Line:
    """One post with what it belongs to. `seconds`: from the start of the stream, or the click, until X had it."""

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
    """A page of posts. `totals`: of all that fits, by status; `after`: what the next page is asked by, or empty."""

    lines: list[Line]
    totals: dict[str, int]
    after: str

    @property
    def total(self) -> int:
        return sum(self.totals.values())


def typed(arguments: Mapping[str, str]) -> Wanted:
    """As it was typed, for showing it again. Names that are not known are left out."""
    return Wanted(**{one.name: arguments.get(one.name, "").strip()[:LONGEST] for one in fields(Wanted)})


def asked(arguments: Mapping[str, str]) -> Wanted:
    """Raises Invalid for what is no filter."""
    wanted = typed(arguments)
    _one_of("status", wanted.status, STATUSES)
    _one_of("trigger", wanted.trigger, TRIGGERS)
    _one_of("kind", wanted.kind, KINDS)
    _one_of("link", wanted.link, LINKS)
    _one_of("cause", wanted.cause, CAUSE_WORDS)
    _one_of("sort", wanted.sort, SORTS)
    _id("podcast", wanted.podcast)
    _id("host", wanted.host)
    since, until = _day(wanted.since), _day(wanted.until)
    if since and until and until < since:
        raise Invalid("The last day is before the first one.")
    return wanted


def find(viewer: Viewer, wanted: Wanted, after: str = "") -> Found:
    """One page, in two statements whatever the page. Raises Invalid for an `after` that was made up."""
    session = db.session()
    lines = [Line(**row) for row in session.execute(_page(viewer, wanted, after, PAGE + 1)).mappings()]
    more = len(lines) > PAGE
    totals = select(Post.status, func.count()).select_from(Post).where(*_where(viewer, wanted)).group_by(Post.status)
    counted = session.execute(totals).all()
    return Found(lines[:PAGE], {row[0]: row[1] for row in counted}, _cursor(wanted, lines[PAGE - 1]) if more else "")


def every_line(viewer: Viewer, wanted: Wanted) -> Iterator[Line]:
    """All that fits, in the order that was asked for. However many there are, BATCH of them are in memory.

    Holds no connection while the caller is busy with what it was given.
    """
    after = ""
    while True:
        lines = [Line(**row) for row in db.session.execute(_page(viewer, wanted, after, BATCH)).mappings()]
        db.session.rollback()
        yield from lines
        if len(lines) < BATCH:
            return
        after = _cursor(wanted, lines[-1])


def podcasts_of(viewer: Viewer) -> list[tuple[int, str]]:
    """(id, name) of those that this person may see, by name."""
    query = select(Podcast.id, Podcast.name).order_by(Podcast.name, Podcast.id)
    return [(id, name) for id, name in db.session.execute(query.where(*_seen(viewer, Podcast.id)))]


def hosts_of(viewer: Viewer) -> list[tuple[int, str]]:
    """(id, name) of everybody on these podcasts, by name."""
    query = select(User.id, User.name).join(PodcastMember, PodcastMember.user_id == User.id).distinct()
    query = query.where(*_seen(viewer, PodcastMember.podcast_id)).order_by(User.name, User.id)
    return [(id, name) for id, name in db.session.execute(query)]


# The query


def _page(viewer: Viewer, wanted: Wanted, after: str, limit: int) -> Select[Any]:
    _, column, is_falling = SORTS[wanted.sort or "newest"]
    keys = [Post.id] if column is None else [column, Post.id]
    query: Select[Any] = _lines().where(*_where(viewer, wanted))
    if after:
        query = query.where(_past(keys, after, is_falling=is_falling))
    return query.order_by(*(key.desc() if is_falling else key for key in keys)).limit(limit)


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
            _has_link().label("has_link"),
            Post.text,
            Post.posted_at,
            Post.remote_id,
            START.label("started_at"),
        )
        .outerjoin(Podcast, Podcast.id == Post.podcast_id)
        .outerjoin(EpisodeGuide, EpisodeGuide.id == Post.episode_id)
        .outerjoin(Broadcast, Broadcast.id == Post.broadcast_id)
    )


def _has_link() -> ColumnElement[bool]:
    """As good as X's own judgement for what Airhorn writes: a link is spelled out."""
    return Post.text.contains("://")


def _where(viewer: Viewer, wanted: Wanted) -> list[ColumnElement[bool]]:
    found = list(_seen(viewer, Post.podcast_id))
    for typed, column in (
        (wanted.status, Post.status),
        (wanted.trigger, Post.trigger),
        (wanted.kind, Post.text_source),
        (wanted.cause, Post.cause),
    ):
        found += [column == typed] if typed else []
    for typed, id in ((wanted.podcast, Post.podcast_id), (wanted.host, Post.user_id)):
        found += [id == int(typed)] if typed else []
    if wanted.link:
        found.append(_has_link() if wanted.link == "yes" else ~_has_link())
    since, until = _day(wanted.since), _day(wanted.until)
    if since:
        found.append(Post.created_at >= _begins(since, viewer.timezone))
    if until:
        found.append(Post.created_at < _begins(until + timedelta(days=1), viewer.timezone))
    return found


def _seen(viewer: Viewer, podcast_id: Any) -> list[ColumnElement[bool]]:
    """Of the podcasts that the person is on; who runs the server sees all."""
    if viewer.is_admin:
        return []
    member = PodcastMember.user_id == viewer.user_id
    return [podcast_id.in_(select(PodcastMember.podcast_id).where(member))]


# Pages


def _cursor(wanted: Wanted, last: Line) -> str:
    """Where the page ended: the sorted value, if any, and the id."""
    value = {"host": last.host, "status": last.status}.get(wanted.sort)
    return f"{last.id}" if value is None else f"{last.id}:{value}"


def _past(keys: list[Any], after: str, *, is_falling: bool) -> ColumnElement[bool]:
    id, _, value = after.partition(":")
    if not _is_id(id):
        raise Invalid("This is no page of posts. Start from the first one.")
    last: ColumnElement[bool] = keys[-1] < int(id) if is_falling else keys[-1] > int(id)
    if len(keys) == 1:
        return last
    return or_(keys[0] > value, and_(keys[0] == value, last))


# What was typed


def _one_of(name: str, typed: str, known: Mapping[str, Any]) -> None:
    if typed and typed not in known:
        raise Invalid(f"“{shown(typed)}” is no {name} that posts have. Choose one from the list.")


def _id(name: str, typed: str) -> None:
    if typed and not _is_id(typed):
        raise Invalid(f"“{shown(typed)}” is no {name}. Choose one from the list.")


def _begins(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _is_id(typed: str) -> bool:
    return typed.isascii() and typed.isdigit() and len(typed) <= LONGEST_ID and 0 < int(typed) <= HIGHEST_ID


def _day(typed: str) -> date | None:
    if not typed:
        return None
    try:
        found = date.fromisoformat(typed)
    except ValueError:
        found = None
    if found is None or not 2000 <= found.year <= 2200:
        raise Invalid(f"“{shown(typed)}” is no day. Write it like 2026-11-24.")
    return found
