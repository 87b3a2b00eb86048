"""What came of a podcast's posts, counted in one statement: by span of time, or by host. Reads only.

A post counts when it was made, whatever its trigger; cancelled ones do not count. `failed` are those that did not go
out, missed ones with them. What went out for a start whose beginning is known is timed: on time is within ON_TIME.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, case, func, literal, null, select, union_all
from sqlalchemy.orm import Session

from models import Broadcast, Outcome, Post, PostAttempt, PostStatus, WalletEntry
from models.types import UtcDateTime
from services.periods import Span
from services.sql_ranks import nearest_ranks
from services.sql_time import hundredths

#: hundredths of a second after the start of the stream
ON_TIME = 60 * 100
HUNDREDTH = 100
FAILED = (PostStatus.FAILED, PostStatus.MISSED)
#: the stretches of the way from the start to the post
STRETCHES = ("total", "detection", "queue", "x")
#: what is counted of posts, in this order
COUNTS = (
    *("announcements", "posted", "failed", "timed", "on_time", "own", "draft", "template"),
    *("measured", "impressions", "engagements"),
)
_COUNTED, _SPENT = range(2)
#: what became of a post, and whose words went out: as numbers, since texts would be compared wherever they are counted
_OWN, _DRAFT, _TEMPLATE, _FAILED = range(4)


@dataclass(frozen=True, slots=True)
class Half:
    """Seconds that half and 95 % of the posts took at most, by the nearest rank; None where there are none."""

    median: float | None = None
    p95: float | None = None


NO_HALF = Half()


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted. Money is in micro-dollars; shares are between 0 and 1, None where there is nothing to share."""

    announcements: int = 0
    posted: int = 0
    failed: int = 0
    timed: int = 0
    on_time: int = 0
    own: int = 0
    draft: int = 0
    template: int = 0
    measured: int = 0
    impressions: int = 0
    engagements: int = 0
    spend: int = 0
    #: from the start of the stream to the post; and its stretches: until it was seen, sent, and taken by X
    total: Half = NO_HALF
    detection: Half = NO_HALF
    queue: Half = NO_HALF
    x: Half = NO_HALF

    @property
    def on_time_share(self) -> float | None:
        return share(self.on_time, self.timed)

    @property
    def failed_share(self) -> float | None:
        """Of those whose end is known."""
        return share(self.failed, self.failed + self.posted)

    @property
    def engagement_rate(self) -> float | None:
        """Likes, reposts, replies, quotes and bookmarks for each time that a post was shown."""
        return share(self.engagements, self.impressions)


NOTHING = Figures()


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def by_span(session: Session, podcast_id: int, spans: Sequence[Span]) -> list[Figures]:
    """For each of these spans, oldest first and end to end, in one statement."""
    edges = {_edge(number): span.since for number, span in enumerate(spans)}
    found = _figures(session, _statement(len(spans)), podcast_id, edges | {"until": spans[-1].until})
    return [found.get(number, NOTHING) for number in range(len(spans))]


def by_host(session: Session, podcast_id: int, span: Span) -> dict[int, Figures]:
    """By user id, of all who have any, members or not, in one statement. The stretches of the way are left out."""
    return _figures(session, _statement(None), podcast_id, {_edge(0): span.since, "until": span.until})


def _figures(session: Session, statement: Any, podcast_id: int, edges: Mapping[str, datetime]) -> dict[int, Figures]:
    """By key: what was counted and what was spent come as rows of their own, and are put together here."""
    values: dict[int, dict[str, Any]] = {}
    for key, what, *found in session.execute(statement, {"podcast_id": podcast_id, **edges}):
        values.setdefault(key, {}).update(_counted(found) if what == _COUNTED else {"spend": int(found[0])})
    return {key: Figures(**of_key) for key, of_key in values.items()}


def _counted(found: Sequence[Any]) -> dict[str, Any]:
    # PostgreSQL adds up whole numbers to a Decimal.
    counts = {name: int(number) for name, number in zip(COUNTS, found, strict=False)}
    halves = zip(STRETCHES, found[len(COUNTS) :], strict=False)
    return counts | {name: Half(*(one / HUNDREDTH for one in ranks)) for name, ranks in halves if ranks}


@cache
def _statement(spans: int | None) -> Any:
    """By so many spans, or by host: None. Kept, since putting it together takes as long as asking it."""
    by_host = spans is None
    stretches = STRETCHES[:1] if by_host else STRETCHES
    seen = _posts(Post.user_id if by_host else _which(Post.created_at, spans or 1), len(stretches))
    ranks = [nearest_ranks(seen.c[name]) for name in stretches]
    counted = _by_key(select(literal(_COUNTED), *_counts(seen), *ranks), seen.c.key, spans)
    costs = _costs(WalletEntry.user_id if by_host else _which(WalletEntry.at, spans or 1))
    padding = [literal(0) for _ in COUNTS[1:]] + [null() for _ in ranks]
    spent = _by_key(select(literal(_SPENT), func.coalesce(func.sum(costs.c.cost), 0), *padding), costs.c.key, spans)
    return union_all(counted, spent)


def _by_key(query: Any, key: Any, spans: int | None) -> Any:
    """Of a single span all is one group, for which nothing has to be sorted."""
    if spans == 1:
        return select(literal(0).label("key"), *query.selected_columns)
    return select(key, *query.selected_columns).group_by(key)


def _which(at: Any, spans: int) -> ColumnElement[int]:
    """The number of the span that has this instant."""
    if spans == 1:
        return literal(0)
    later = [(at >= _at(_edge(number)), literal(number)) for number in range(spans - 1, 0, -1)]
    return case(*later, else_=literal(0))


def _edge(number: int) -> str:
    """Where the span of this number begins."""
    return f"since_{number}"


def _at(name: str) -> Any:
    return bindparam(name, type_=UtcDateTime())


def _posts(key: Any, stretches: int) -> Any:
    """The posts made from the first span to the last, each with what is known of it: key, status, whose words, times,
    counts; times in hundredths of a second. What is not asked for is not looked up."""
    sent = Post.status == PostStatus.POSTED
    start = and_(sent, Post.trigger == "live", Broadcast.actual_start_at.is_not(None), Post.posted_at.is_not(None))
    found = and_(start, Broadcast.live_seen_at.is_not(None))
    begun = PostAttempt.started_at.is_not(None)
    ways = (
        case((start, hundredths(Broadcast.actual_start_at, Post.posted_at))),
        case((found, hundredths(Broadcast.actual_start_at, Broadcast.live_seen_at))),
        case((and_(found, begun), hundredths(Broadcast.live_seen_at, PostAttempt.started_at))),
        case((and_(start, begun), hundredths(PostAttempt.started_at, Post.posted_at))),
    )
    times = [way.label(name) for way, name in zip(ways[:stretches], STRETCHES, strict=False)]
    query = select(key.label("key"), _kind(sent), *times, Post.impressions, Post.engagements)
    query = query.select_from(Post).outerjoin(Broadcast, Broadcast.id == Post.broadcast_id)
    if len(times) > 1:
        taken = and_(PostAttempt.post_id == Post.id, PostAttempt.outcome == Outcome.ACCEPTED)
        query = query.outerjoin(PostAttempt, taken)
    mine = (Post.podcast_id == bindparam("podcast_id"), *_between(Post.created_at))
    query = query.where(*mine, Post.status != PostStatus.CANCELLED, key.is_not(None))
    # Both databases would put the times into each place that counts them, and reckon them as often.
    return query.offset(0).subquery("seen")


def _kind(sent: ColumnElement[bool]) -> Any:
    words = case((Post.text_source == "own", _OWN), (Post.text_source == "draft", _DRAFT), else_=_TEMPLATE)
    return case((sent, words), (Post.status.in_(FAILED), _FAILED)).label("kind")


def _between(at: Any) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return at >= _at(_edge(0)), at < _at("until")


def made_in(podcast_id: int, ends: tuple[Span, Span]) -> ColumnElement[bool]:
    """The posts that count: the podcast's, from the first span to the last."""
    since, until = ends[0].since, ends[1].until
    mine = and_(Post.podcast_id == podcast_id, Post.created_at >= since, Post.created_at < until)
    return and_(mine, Post.status != PostStatus.CANCELLED)


def _counts(seen: Any) -> list[Any]:
    """In the order of COUNTS."""
    sums = [func.coalesce(func.sum(column), 0) for column in (seen.c.impressions, seen.c.engagements)]
    return [
        func.count(),
        _count(seen.c.kind < _FAILED),
        _count(seen.c.kind == _FAILED),
        func.count(seen.c.total),
        _count(seen.c.total <= ON_TIME),
        *(_count(seen.c.kind == words) for words in (_OWN, _DRAFT, _TEMPLATE)),
        func.count(seen.c.impressions),
        *sums,
    ]


def _count(which: ColumnElement[bool]) -> Any:
    return func.count(case((which, 1)))


def _costs(key: Any) -> Any:
    """All that was spent meanwhile: posts, drafts and reads."""
    cost = select(key.label("key"), WalletEntry.cost).where(WalletEntry.podcast_id == bindparam("podcast_id"))
    return cost.where(*_between(WalletEntry.at), key.is_not(None)).subquery("costs")
