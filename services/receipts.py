"""The receipt of each start: planned, begun, signal, confirmed, queued, accepted; how long it took. Reads only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, select

from extensions import db
from models import Broadcast, Post, PostStatus, Verdict
from services.checks import instant, shown
from services.durations import duration
from services.errors import Invalid

#: what is summed up where nobody says which period
PERIOD = timedelta(days=30)
MOST_POSTS = 200_000
#: what brought the look that found a start
LOOKS = {
    "watch": "the watch on its planned start",
    "push": "YouTube’s push",
    "uploads": "the channel’s uploads list",
    "feed": "the channel’s feed",
    "playlist_feed": "the feed of its uploads",
    "page": "the channel’s page",
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """One host's post for a start; `at` is when X had it, None while it has not."""

    host: str
    at: datetime | None
    status: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """One start. `signal` is what brought the look that found it live; `confirmed_at` when YouTube said so."""

    video_id: str
    title: str
    planned_at: datetime | None
    started_at: datetime | None
    signal: str
    signal_at: datetime | None
    confirmed_at: datetime | None
    queued_at: datetime | None
    posts: Sequence[Accepted]

    @property
    def found_by(self) -> str:
        return LOOKS.get(self.signal, "")

    @property
    def posted(self) -> int:
        return sum(post.at is not None for post in self.posts)

    @property
    def last_at(self) -> datetime | None:
        return max((post.at for post in self.posts if post.at is not None), default=None)

    @property
    def to_confirmed(self) -> float | None:
        return _between(self.started_at, self.confirmed_at)

    @property
    def to_last(self) -> float | None:
        return _between(self.started_at, self.last_at)

    @property
    def from_confirmed(self) -> float | None:
        return _between(self.confirmed_at, self.last_at)

    @property
    def push_to_confirmed(self) -> float | None:
        """Only of a start that a push led to."""
        return _between(self.signal_at, self.confirmed_at) if self.signal == "push" else None

    @property
    def sentence(self) -> str:
        """For people: how soon it was seen, by what, and how soon the posts were out."""
        after = f" {duration(self.to_confirmed)} after it began" if self.to_confirmed is not None else ""
        by = f", by {self.found_by}" if self.found_by else ""
        said = [f"Seen live{after}{by}."]
        if self.posts and self.to_last is not None:
            said.append(f"{self.posted} of {len(self.posts)} posts were out {duration(self.to_last)} after it began.")
        return " ".join(said)


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds that half, 95 % and all of `number` took at most."""

    number: int
    p50: float | None
    p95: float | None
    worst: float | None


@dataclass(frozen=True, slots=True)
class Stats:
    """Every start of a period that was announced. Which look found how many, and how long it took."""

    since: datetime
    until: datetime
    starts: int
    posts: int
    posted: int
    by_signal: dict[str, int]
    to_last: Spread
    to_confirmed: Spread
    from_confirmed: Spread
    push_to_confirmed: Spread

    @property
    def found_by(self) -> list[tuple[str, int]]:
        """In words: what found how many, most first."""
        return [(LOOKS.get(signal, "a look that was not noted"), count) for signal, count in self.by_signal.items()]


def _between(begin: datetime | None, end: datetime | None) -> float | None:
    """Seconds, never below zero: two clocks differ by a little."""
    return max(0.0, (end - begin).total_seconds()) if begin is not None and end is not None else None


def receipt_of(broadcast: Broadcast, posts: Iterable[Post | None]) -> Receipt | None:
    """What is known of one start; None before it was seen live. `posts` may hold those of other reasons. Pure."""
    if broadcast.live_seen_at is None:
        return None
    ours = [post for post in posts if post is not None and post.trigger == "live"]
    return _receipt(broadcast, [Accepted(post.host_name, post.posted_at, post.status) for post in ours])


def _receipt(row: Any, posts: Sequence[Accepted]) -> Receipt:
    return Receipt(
        video_id=row.video_id,
        title=row.title,
        planned_at=row.scheduled_start_at,
        started_at=row.actual_start_at,
        signal=row.live_signal,
        signal_at=row.live_signal_at,
        confirmed_at=row.live_seen_at,
        queued_at=row.announced_at,
        posts=posts,
    )


def receipts(since: datetime, until: datetime) -> list[Receipt]:
    """The announced starts that were seen live in this period, oldest first. One statement, however many."""
    started = [Broadcast.id, Broadcast.video_id, Broadcast.title, Broadcast.scheduled_start_at]
    started += [Broadcast.actual_start_at, Broadcast.live_signal, Broadcast.live_signal_at]
    ours = and_(Post.broadcast_id == Broadcast.id, Post.trigger == "live", Post.status != PostStatus.CANCELLED)
    query = (
        select(*started, Broadcast.live_seen_at, Broadcast.announced_at)
        .add_columns(Post.id.label("post_id"), Post.host_name, Post.posted_at, Post.status)
        .outerjoin(Post, ours)
        .where(Broadcast.live_seen_at >= since, Broadcast.live_seen_at < until)
        .where(Broadcast.verdict == Verdict.ANNOUNCED)
        .order_by(Broadcast.live_seen_at.desc(), Broadcast.id.desc(), Post.posted_at, Post.id)
        .limit(MOST_POSTS)
    )
    found: dict[int, tuple[Any, list[Accepted]]] = {}
    for row in db.session.execute(query):
        posts = found.setdefault(row.id, (row, []))[1]
        if row.post_id is not None:
            posts.append(Accepted(row.host_name, row.posted_at, row.status))
    return [_receipt(row, posts) for row, posts in reversed(found.values())]


def stats(since: datetime, until: datetime) -> Stats:
    """How long it took in this period, from the start of a stream to its last post."""
    return summed(receipts(since, until), since, until)


def summed(found: Sequence[Receipt], since: datetime, until: datetime) -> Stats:
    """Pure."""
    by_signal: dict[str, int] = {}
    for receipt in found:
        by_signal[receipt.signal or "unknown"] = by_signal.get(receipt.signal or "unknown", 0) + 1
    return Stats(
        since=since,
        until=until,
        starts=len(found),
        posts=sum(len(receipt.posts) for receipt in found),
        posted=sum(receipt.posted for receipt in found),
        by_signal=dict(sorted(by_signal.items(), key=lambda one: -one[1])),
        to_last=spread(receipt.to_last for receipt in found),
        to_confirmed=spread(receipt.to_confirmed for receipt in found),
        from_confirmed=spread(receipt.from_confirmed for receipt in found),
        push_to_confirmed=spread(receipt.push_to_confirmed for receipt in found),
    )


def spread(seconds: Iterable[float | None]) -> Spread:
    """By the nearest rank: a value that really was, never one between two. Pure."""
    known = sorted(one for one in seconds if one is not None)
    if not known:
        return Spread(0, None, None, None)
    half, most = (known[-(-part * len(known) // 100) - 1] for part in (50, 95))
    return Spread(len(known), half, most, known[-1])


def period(since: str | None, until: str | None, now: datetime) -> tuple[datetime, datetime]:
    """What was typed as a period: days or instants; without them the last 30 days. Raises Invalid."""
    end = _moment("--until", until) if until else now
    begin = _moment("--since", since) if since else end - PERIOD
    if begin >= end:
        raise Invalid("--since must be before --until.")
    return begin, end


def _moment(what: str, text: str) -> datetime:
    """A day begins at midnight UTC."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        pass
    else:
        return instant(what, f"{day.isoformat()}T00:00Z")
    try:
        return instant(what, text)
    except Invalid:
        raise Invalid(
            f"{what} “{shown(text)}” is no day or time. Write it like 2030-01-31 or 2030-01-31T20:00+01:00."
        ) from None


def as_json(found: Stats, each: Sequence[Receipt]) -> dict[str, Any]:
    """For `flask scheduler stats --json`: seconds as numbers, instants in ISO 8601."""
    spreads = ("to_last", "to_confirmed", "from_confirmed")
    names = {"to_last": "start_to_last_post", "to_confirmed": "start_to_seen", "from_confirmed": "seen_to_last_post"}
    return {
        "since": found.since.astimezone(UTC).isoformat(),
        "until": found.until.astimezone(UTC).isoformat(),
        "starts": found.starts,
        "posts": found.posts,
        "posted": found.posted,
        "found_by": found.by_signal,
        **{names[name]: _of_spread(getattr(found, name)) for name in spreads},
        "each": [_of_receipt(one) for one in each],
    }


def _of_spread(one: Spread) -> dict[str, Any]:
    return {"number": one.number, "p50": one.p50, "p95": one.p95, "worst": one.worst}


def _of_receipt(one: Receipt) -> dict[str, Any]:
    return {
        "video": one.video_id,
        "title": one.title,
        "planned_at": one.planned_at,
        "started_at": one.started_at,
        "found_by": one.signal or None,
        "signal_at": one.signal_at,
        "seen_at": one.confirmed_at,
        "queued_at": one.queued_at,
        "posts": [{"host": post.host, "accepted_at": post.at, "status": post.status} for post in one.posts],
    }
