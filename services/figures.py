"""What came of a podcast's posts, counted in one statement: by span of time, or by host. Reads only.

A post counts when it was made, whatever its trigger; cancelled ones do not count. `failed` are those that did not go
out, missed ones with them. What went out for a start whose beginning is known is timed: on time is within ON_TIME.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, and_, case, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from models import LATEST, Broadcast, Outcome, Post, PostAttempt, PostSnapshot, PostStatus, WalletEntry
from services.periods import Span
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
_COUNTED, _SPREAD, _SPENT = range(3)


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
    keys = {at: _which(spans, at) for at in (Post.created_at, WalletEntry.at)}
    found = _figures(session, podcast_id, (spans[0], spans[-1]), keys)
    return [found.get(number, NOTHING) for number in range(len(spans))]


def by_host(session: Session, podcast_id: int, span: Span) -> dict[int, Figures]:
    """By user id, of all who have any, members or not, in one statement."""
    keys: dict[Any, Any] = {Post.created_at: Post.user_id, WalletEntry.at: WalletEntry.user_id}
    return _figures(session, podcast_id, (span, span), keys)


def _which(spans: Sequence[Span], at: Any) -> ColumnElement[int]:
    later = [(at >= span.since, literal(number)) for number, span in reversed(list(enumerate(spans)))]
    return case(*later, else_=literal(0)) if len(later) > 1 else literal(0)


def _figures(session: Session, podcast_id: int, ends: tuple[Span, Span], keys: Mapping[Any, Any]) -> dict[int, Figures]:
    """By key: counts, spreads and money come as rows of their own, and are put together here."""
    values: dict[int, dict[str, Any]] = {}
    for what, key, *sums in session.execute(_statement(podcast_id, ends, keys)):
        numbers = [int(one) for one in sums]  # PostgreSQL adds up whole numbers to a Decimal
        of_key = values.setdefault(key, {})
        if what == _COUNTED:
            of_key |= dict(zip(COUNTS, numbers, strict=True))
        elif what == _SPREAD:
            of_key[STRETCHES[numbers[0]]] = Half(numbers[1] / HUNDREDTH, numbers[2] / HUNDREDTH)
        else:
            of_key["spend"] = numbers[0]
    return {key: Figures(**of_key) for key, of_key in values.items()}


def _statement(podcast_id: int, ends: tuple[Span, Span], keys: Mapping[Any, Any]) -> Any:
    seen = posts_of(podcast_id, ends, keys[Post.created_at])
    spread = _spread(seen)
    width = len(COUNTS)
    return union_all(
        _row(_COUNTED, seen.c.key, _counts(seen), width).group_by(seen.c.key),
        _row(_SPREAD, spread.c.key, [spread.c.stretch, spread.c.median, spread.c.p95], width),
        _spent(podcast_id, ends, keys[WalletEntry.at], width),
    )


def _row(what: int, key: Any, numbers: Sequence[Any], width: int) -> Select[*tuple[Any, ...]]:
    padding = [literal(0) for _ in range(width - len(numbers))]
    return select(literal(what), key, *numbers, *padding)


def posts_of(podcast_id: int, ends: tuple[Span, Span], key: Any) -> CTE:
    """The posts made from the first span to the last, each with what is known of it: key, status, whose words, times,
    counts; times in hundredths of a second."""
    sent = Post.status == PostStatus.POSTED
    start = and_(sent, Post.trigger == "live", Broadcast.actual_start_at.is_not(None), Post.posted_at.is_not(None))
    seen_live = Broadcast.live_seen_at
    found = and_(start, seen_live.is_not(None))
    begun = and_(start, PostAttempt.started_at.is_not(None))
    engaged = [PostSnapshot.likes, PostSnapshot.reposts, PostSnapshot.replies, PostSnapshot.quotes]
    return (
        select(
            key.label("key"),
            Post.status,
            Post.text_source.label("source"),
            case((start, hundredths(Broadcast.actual_start_at, Post.posted_at))).label("total"),
            case((found, hundredths(Broadcast.actual_start_at, seen_live))).label("detection"),
            case((and_(found, begun), hundredths(seen_live, PostAttempt.started_at))).label("queue"),
            case((begun, hundredths(PostAttempt.started_at, Post.posted_at))).label("x"),
            PostSnapshot.impressions,
            sum(engaged, PostSnapshot.bookmarks.expression).label("engagements"),
        )
        .outerjoin(Broadcast, Broadcast.id == Post.broadcast_id)
        .outerjoin(PostAttempt, and_(PostAttempt.post_id == Post.id, PostAttempt.outcome == Outcome.ACCEPTED))
        .outerjoin(PostSnapshot, and_(PostSnapshot.post_id == Post.id, PostSnapshot.step == literal_step()))
        .where(made_in(podcast_id, ends), key.is_not(None))
        .cte("seen")
    )


def made_in(podcast_id: int, ends: tuple[Span, Span]) -> ColumnElement[bool]:
    """The posts that count: the podcast's, from the first span to the last."""
    since, until = ends[0].since, ends[1].until
    mine = and_(Post.podcast_id == podcast_id, Post.created_at >= since, Post.created_at < until)
    return and_(mine, Post.status != PostStatus.CANCELLED)


def literal_step() -> Any:
    """Written out, since the partial index is used for this very condition only."""
    return literal(LATEST, literal_execute=True)


def _counts(seen: CTE) -> list[Any]:
    """In the order of COUNTS."""
    sent = seen.c.status == PostStatus.POSTED
    conditions = [
        sent,
        seen.c.status.in_(FAILED),
        seen.c.total.is_not(None),
        seen.c.total <= ON_TIME,
        and_(sent, seen.c.source == "own"),
        and_(sent, seen.c.source == "draft"),
        and_(sent, or_(seen.c.source.is_(None), seen.c.source.not_in(("own", "draft")))),
        seen.c.impressions.is_not(None),
    ]
    numbers = [func.count(case((one, 1))) for one in conditions]
    sums = [func.coalesce(func.sum(column), 0) for column in (seen.c.impressions, seen.c.engagements)]
    return [func.count(), *numbers, *sums]


def _spread(seen: CTE) -> CTE:
    """Median and 95th percentile of each stretch, by key: the smallest value that so many reach.

    Equal values are counted first, so that few are left to be put in order.
    """
    stretches = [
        select(seen.c.key, literal(number).label("stretch"), column.label("value"), func.count().label("number"))
        .where(column.is_not(None))
        .group_by(seen.c.key, column)
        for number, column in enumerate(seen.c[name] for name in STRETCHES)
    ]
    values = union_all(*stretches).subquery("taken")
    each = [values.c.key, values.c.stretch]
    ranked = select(
        *each,
        values.c.value,
        func.sum(values.c.number).over(partition_by=each, order_by=values.c.value).label("upto"),
        func.sum(values.c.number).over(partition_by=each).label("whole"),
    ).subquery("ranked")

    def reached(percent: int) -> Any:
        return func.min(case((100 * ranked.c.upto >= percent * ranked.c.whole, ranked.c.value)))

    summed = select(ranked.c.key, ranked.c.stretch, reached(50).label("median"), reached(95).label("p95"))
    return summed.group_by(ranked.c.key, ranked.c.stretch).cte("spread")


def _spent(podcast_id: int, ends: tuple[Span, Span], key: Any, width: int) -> Any:
    """All that was spent meanwhile: posts, drafts and reads."""
    cost = select(key.label("key"), WalletEntry.cost)
    cost = cost.where(WalletEntry.podcast_id == podcast_id, WalletEntry.at >= ends[0].since)
    costs = cost.where(WalletEntry.at < ends[1].until, key.is_not(None)).subquery("costs")
    summed = [func.coalesce(func.sum(costs.c.cost), 0)]
    return _row(_SPENT, costs.c.key, summed, width).group_by(costs.c.key)
