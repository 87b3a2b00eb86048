"""Lists that people page and search through: their podcasts, and the episodes of one. Reads only."""

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, case, func, literal, not_, or_, select

from extensions import db
from models import (
    Broadcast,
    BroadcastState,
    ConfigStatus,
    EpisodeGuide,
    EpisodeTweetConfig,
    Podcast,
    PodcastMember,
    User,
    UtcDateTime,
    YouTubeChannel,
)
from services.ahead import OVERDUE, has_begun, has_stream, is_over
from services.lamps import lamps_of
from services.members import Member, members_of
from services.overview import EpisodeCard, card_of
from services.podcasts import may_create
from services.vocabulary import Lamp, Light

PAGE = 25
LONGEST_QUERY = 100
#: more than people can plan; what starts unplanned comes on top
MOST_SEARCHED = 10_000
#: stands for "no time set": after everything that has one
FAR = datetime(9999, 1, 1, tzinfo=UTC)


# My podcasts


@dataclass(frozen=True, slots=True)
class Row:
    """One podcast of the list. `role` None: seen as an admin of the server only; `next_at` the next planned start."""

    podcast: Podcast
    role: str | None
    hosts: int
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Mine:
    """All podcasts of one person, archived ones apart."""

    active: list[Row]
    archived: list[Row]
    may_create: bool


def mine(user: User, now: datetime) -> Mine:
    """The podcasts this person is on; all of them for an admin of the server. By name."""
    here = and_(PodcastMember.podcast_id == Podcast.id, PodcastMember.user_id == user.id)
    on_it = select(func.count(PodcastMember.id)).where(PodcastMember.podcast_id == Podcast.id)
    ahead = select(func.min(EpisodeGuide.scheduled_at)).where(
        EpisodeGuide.podcast_id == Podcast.id, EpisodeGuide.scheduled_at > now, ~has_begun()
    )
    query = (
        select(
            Podcast,
            PodcastMember.role,
            on_it.correlate(Podcast).scalar_subquery().label("hosts"),
            ahead.correlate(Podcast).scalar_subquery().label("next_at"),
        )
        .outerjoin(PodcastMember, here)
        .order_by(func.lower(Podcast.name), Podcast.id)
    )
    if not user.is_admin:
        query = query.where(PodcastMember.id.is_not(None))
    rows = [Row(row.Podcast, row.role, row.hosts, row.next_at) for row in db.session.execute(query)]
    return Mine(
        [r for r in rows if r.podcast.is_active], [r for r in rows if not r.podcast.is_active], may_create(user)
    )


# The episodes of one


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two rows of the list: before (`is_back`) or after one of them."""

    is_back: bool
    is_ahead: bool
    at: datetime
    episode_id: int

    def __str__(self) -> str:
        signs = ("b" if self.is_back else "a") + ("n" if self.is_ahead else "p")
        return f"{signs}.{_microseconds(self.at)}.{self.episode_id}"


@dataclass(frozen=True, slots=True)
class PastEpisode:
    """An episode whose time is over: what became of it, counted and not host by host."""

    podcast: Podcast
    episode: EpisodeGuide
    broadcast: Broadcast | None
    posted: int = 0
    wanted: int = 0

    @property
    def light(self) -> Light:
        is_over = self.posted or (self.broadcast is not None and self.broadcast.state == BroadcastState.ENDED)
        return Light("Over", Lamp.GREY) if is_over else Light("No stream seen", Lamp.GREY)


@dataclass(frozen=True, slots=True)
class EpisodeList:
    """One page of episodes: what is on air or to come soonest first, then what is over, newest first."""

    next: list[EpisodeCard]
    past: list[PastEpisode]
    q: str
    older: Cursor | None
    newer: Cursor | None
    members: list[Member]
    channel: YouTubeChannel | None

    @property
    def is_first(self) -> bool:
        return self.newer is None


def episodes_of(podcast: Podcast, now: datetime, *, q: str = "", at: str = "") -> EpisodeList:
    """The page at a cursor, or the first; `q` searches title, number and guests. The statements do not grow."""
    q = " ".join(q.split())[:LONGEST_QUERY]
    cursor = cursor_of(at)
    asked: dict[str, Any] = {"podcast": podcast.id, "since": now - OVERDUE}
    if q:
        asked["found"] = _matching(podcast.id, q)
    rows, has_more = _rows(asked, cursor)
    ids = [row.EpisodeGuide.id for row in rows]
    seen = db.session.execute(_seen(), {"podcast": podcast.id, "episodes": ids}).all()
    matched = {row.Broadcast.episode_id: row.Broadcast for row in seen if row.Broadcast is not None}
    channel = seen[0].YouTubeChannel if seen else None
    ahead = [row.EpisodeGuide for row in rows if row.is_ahead]
    past = [row.EpisodeGuide for row in rows if not row.is_ahead]
    hosts, counts = lamps_of(ahead, {podcast.id: podcast}, now), _counts([e.id for e in past])
    is_back = cursor is not None and cursor.is_back
    return EpisodeList(
        next=[card_of(podcast, e, matched.get(e.id), hosts[e.id], channel=channel) for e in ahead],
        past=[PastEpisode(podcast, e, matched.get(e.id), *counts.get(e.id, (0, 0))) for e in past],
        q=q,
        older=_cursor(rows[-1], is_back=False) if rows and (is_back or has_more) else None,
        newer=_cursor(rows[0], is_back=True) if rows and cursor and (not is_back or has_more) else None,
        members=members_of(podcast.id),
        channel=channel,
    )


@cache
def _seen() -> Select[YouTubeChannel, Broadcast]:
    """The channel of `:podcast` beside each stream of `:episodes`, the newest last. Put together once."""
    mine = Broadcast.episode_id.in_(bindparam("episodes", expanding=True))
    query = select(YouTubeChannel, Broadcast).select_from(Podcast).where(Podcast.id == bindparam("podcast"))
    query = query.outerjoin(YouTubeChannel, YouTubeChannel.id == Podcast.youtube_channel_id)
    return query.outerjoin(Broadcast, mine).order_by(Broadcast.id)


def _counts(episode_ids: list[int]) -> dict[int, tuple[int, int]]:
    """By episode: how many hosts were posted for, and of how many who wanted to be."""
    rows = db.session.execute(_counted(), {"episodes": episode_ids})
    return {row.episode_id: (row.posted, row.wanted) for row in rows}


@cache
def _counted() -> Any:
    """Put together once."""
    config = EpisodeTweetConfig
    is_off = or_(config.status == ConfigStatus.CANCELLED, and_(config.status == ConfigStatus.PENDING, ~config.enabled))
    counted = select(
        config.episode_id,
        func.sum(case((config.status == ConfigStatus.POSTED, 1), else_=0)).label("posted"),
        func.sum(case((is_off, 0), else_=1)).label("wanted"),
    )
    return counted.where(config.episode_id.in_(bindparam("episodes", expanding=True))).group_by(config.episode_id)


def _rows(asked: dict[str, Any], cursor: Cursor | None) -> tuple[list[Any], bool]:
    """The rows of a page in their order, and whether more follow in the direction of the cursor. `asked`: of _part."""
    is_back = cursor is not None and cursor.is_back
    parts = [False, True] if is_back else [True, False]  # is ahead
    if cursor is not None:
        parts = parts[parts.index(cursor.is_ahead) :]
    found: list[Any] = []
    for is_ahead in parts:
        if len(found) > PAGE:
            break
        limits: dict[str, Any] = {"most": PAGE + 1 - len(found)}
        if cursor is not None and cursor.is_ahead == is_ahead:
            limits |= {"at": cursor.at, "beyond": cursor.episode_id}
        part = _part(is_ahead=is_ahead, is_back=is_back, begins="at" not in limits, is_search="found" in asked)
        found += db.session.execute(part, asked | limits).all()
    page = found[:PAGE]
    return page[::-1] if is_back else page, len(found) > PAGE


@cache
def _part(*, is_ahead: bool, is_back: bool, begins: bool, is_search: bool) -> Select[EpisodeGuide, bool]:
    """What is ahead, soonest first, or what is not, newest first; turned round on the way back. Each put together once.

    `begins`: from its first row on, not from a cursor on.
    """
    key, id, which = _key(is_ahead), EpisodeGuide.id, _is_ahead()
    rises = is_ahead != is_back
    part = select(EpisodeGuide, which.label("is_ahead")).where(EpisodeGuide.podcast_id == bindparam("podcast"))
    part = part.where(which if is_ahead else not_(which))
    if is_search:
        part = part.where(id.in_(bindparam("found", expanding=True)))
    if not begins:
        at: BindParameter[datetime] = bindparam("at", type_=UtcDateTime)
        last: BindParameter[int] = bindparam("beyond")
        beyond, next_id = (key > at, id > last) if rises else (key < at, id < last)
        part = part.where(or_(beyond, and_(key == at, next_id)))
    return part.order_by(*(key, id) if rises else (key.desc(), id.desc())).limit(bindparam("most"))


def _key(is_ahead: bool) -> ColumnElement[Any]:
    without_time = literal(FAR, UtcDateTime) if is_ahead else EpisodeGuide.created_at
    return func.coalesce(EpisodeGuide.scheduled_at, without_time, type_=UtcDateTime)


def _is_ahead() -> ColumnElement[bool]:
    """On air, or nothing of it was seen and its time is not long past."""
    is_planned = or_(EpisodeGuide.scheduled_at.is_(None), EpisodeGuide.scheduled_at > bindparam("since"))
    return or_(has_stream(Broadcast.state == BroadcastState.LIVE), and_(is_planned, ~is_over()))


def _matching(podcast_id: int, q: str) -> list[int]:
    """Compared here: databases disagree about letter case beyond ASCII, and guests are JSON to them."""
    query = select(EpisodeGuide.id, EpisodeGuide.title, EpisodeGuide.number, EpisodeGuide.guests)
    rows = db.session.execute(
        query.where(EpisodeGuide.podcast_id == podcast_id).order_by(EpisodeGuide.id.desc()).limit(MOST_SEARCHED)
    )
    wanted = folded(q)
    number = wanted.removeprefix("ep").removeprefix("isode").strip(" #.")
    return [
        row.id
        for row in rows
        if wanted in folded(row.title)
        or (number and number == str(row.number))
        or any(wanted in folded(guest) for guest in row.guests)
    ]


def folded(text: str) -> str:
    """Without letter case and accents: who searches types neither."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c))


def _cursor(row: Any, *, is_back: bool) -> Cursor:
    episode = row.EpisodeGuide
    at = episode.scheduled_at or (FAR if row.is_ahead else episode.created_at)
    return Cursor(is_back, bool(row.is_ahead), at, episode.id)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def cursor_of(text: str) -> Cursor | None:
    """The cursor in an address; None, so the first page, for whatever is none."""
    signs, _, rest = text.partition(".")
    since, _, episode_id = rest.partition(".")
    if signs not in ("an", "ap", "bn", "bp") or not _is_number(since) or not _is_number(episode_id):
        return None
    try:
        at = _EPOCH + timedelta(microseconds=int(since))
    except OverflowError:
        return None
    return Cursor(signs[0] == "b", signs[1] == "n", at, min(int(episode_id), 2**31 - 1))


def _is_number(text: str) -> bool:
    return len(text) <= 18 and text.isascii() and text.isdigit()
