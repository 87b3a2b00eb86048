"""The numbers of a season: one host after the other, beside one statement for all, in the same run."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select

from benchmarks.bed import ENGINES, Databases, running, settings_for
from benchmarks.report import Report
from benchmarks.wallet import Way, compare, timed
from extensions import db
from models import (
    Broadcast,
    EntryKind,
    Podcast,
    PodcastMember,
    Post,
    PostAttempt,
    PostSnapshot,
    PostStatus,
    Role,
    SocialConnection,
    User,
    Wallet,
    WalletEntry,
    WalletOwner,
)
from services import trends
from services.host_breakdown import breakdown
from services.metrics_rows import STEPS
from services.overview_numbers import overview, sparklines
from services.periods import Kind, Span, period

HOSTS, SIZES = 50, (1_000, 100_000)
TIMES = {1_000: 30, 100_000: 5}
CHUNK = 5_000
#: so long ago the first episode was; each has all hosts
EPISODES_APART = timedelta(hours=6)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def fill(posts: int) -> Podcast:
    """A podcast of HOSTS hosts with so many posts behind it, the newest of today."""
    session, dice = db.session(), random.Random(6)
    people = [{"email": f"host{n}@example.com", "name": f"Host {n}"} for n in range(HOSTS)]
    users = list(session.execute(insert(User).returning(User.id, sort_by_parameter_order=True), people).scalars())
    show = Podcast(slug="deep-dive", name="Deep Dive", timezone="Europe/Berlin")
    wallet = Wallet(owner=WalletOwner.PODCAST)
    session.add_all([show, wallet])
    session.flush()
    podcast_id, wallet_id = show.id, wallet.id
    members = [{"podcast_id": podcast_id, "user_id": user, "role": Role.CONTRIBUTOR} for user in users]
    session.execute(insert(PodcastMember), members)
    starts = [NOW - timedelta(hours=1) - n * EPISODES_APART for n in range(posts // HOSTS)]
    for begin in range(0, len(starts), CHUNK // HOSTS):
        _tell(starts[begin : begin + CHUNK // HOSTS], podcast_id, wallet_id, users, dice)
    session.commit()
    analyze()
    db.session.remove()
    return db.session.get_one(Podcast, podcast_id)


def analyze() -> None:
    """Lets the database find out how many rows there are of each kind, as it does by itself before long."""
    session = db.session()
    if session.get_bind().dialect.name == "postgresql":
        session.connection(execution_options={"isolation_level": "AUTOCOMMIT"}).exec_driver_sql("VACUUM ANALYZE")
    else:
        session.connection().exec_driver_sql("ANALYZE")
    session.commit()


def _tell(starts: list[datetime], podcast_id: int, wallet_id: int, users: list[int], dice: random.Random) -> None:
    session = db.session()
    streams = [
        {
            "video_id": f"{int(start.timestamp()):011}",
            "podcast_id": podcast_id,
            "actual_start_at": start,
            "live_seen_at": start + timedelta(seconds=dice.uniform(1, 40)),
        }
        for start in starts
    ]
    made = session.execute(insert(Broadcast).returning(Broadcast.id, sort_by_parameter_order=True), streams).scalars()
    rows = [
        _post(stream, id, podcast_id, user, dice)
        for stream, id in zip(streams, made.all(), strict=True)
        for user in users
    ]
    ids = session.execute(insert(Post).returning(Post.id, sort_by_parameter_order=True), rows).scalars().all()
    sent = [(id, row) for id, row in zip(ids, rows, strict=True) if row["posted_at"]]
    session.execute(insert(PostAttempt), [_attempt(id, row) for id, row in sent])
    session.execute(insert(PostSnapshot), [_snapshot(id, post) for id, post in sent])
    same = {"wallet_id": wallet_id, "podcast_id": podcast_id, "kind": EntryKind.CHARGE, "amount": -200_000, "held": 0}
    same |= {"cost": 200_000, "balance_after": 0, "held_after": 0}
    entries = [same | {"user_id": row["user_id"], "at": row["posted_at"], "key": f"post:{id}"} for id, row in sent]
    session.execute(insert(WalletEntry), entries)


def _post(stream: dict[str, Any], id: int, podcast_id: int, user: int, dice: random.Random) -> dict[str, Any]:
    is_out = dice.random() > 0.02
    queued = stream["live_seen_at"] + timedelta(milliseconds=50)
    seen = dice.randint(10, 5_000)
    counts = {"impressions": seen, "engagements": seen // 20 + seen // 90 + seen // 200}
    return {
        "key": f"live:{stream['video_id']}:{user}",
        "podcast_id": podcast_id,
        "broadcast_id": id,
        "user_id": user,
        "text": f"On air https://www.youtube.com/watch?v={stream['video_id']}" if user % 3 else "On air",
        "text_source": dice.choice(["own", "draft", "template"]),
        "status": PostStatus.POSTED if is_out else PostStatus.FAILED,
        "created_at": queued,
        "posted_at": queued + timedelta(milliseconds=dice.randint(200, 4_000)) if is_out else None,
        "not_after": queued,
        "remote_id": f"{stream['video_id']}{user}" if is_out else None,
        "has_link": bool(user % 3),
        **(counts if is_out else dict.fromkeys(counts)),
    }


def _attempt(id: int, row: dict[str, Any]) -> dict[str, Any]:
    begun = row["created_at"] + timedelta(milliseconds=100)
    return {"post_id": id, "token": f"t{id}", "number": 1, "started_at": begun, "outcome": "accepted"}


def _snapshot(id: int, row: dict[str, Any]) -> dict[str, Any]:
    seen = row["impressions"]
    counts = {"impressions": seen, "likes": seen // 20, "reposts": seen // 90, "replies": seen // 200}
    return {"post_id": id, "step": STEPS[-1], "at": row["posted_at"], **counts}


# The old way


def one_by_one(podcast_id: int, span: Span) -> list[tuple[Any, ...]]:
    """Each host, then what that host did, was shown, cost, and is connected by; the delays are sorted here."""
    hosts = select(User.id).join(PodcastMember, PodcastMember.user_id == User.id)
    ids = db.session.execute(hosts.where(PodcastMember.podcast_id == podcast_id)).scalars().all()
    return [_of_host(podcast_id, user, span) for user in ids]


def _of_host(podcast_id: int, user: int, span: Span) -> tuple[Any, ...]:
    mine = (Post.podcast_id == podcast_id, Post.user_id == user)
    within = (Post.created_at >= span.since, Post.created_at < span.until)
    counts = select(Post.status, Post.text_source, func.count()).where(*mine, *within)
    states = db.session.execute(counts.group_by(Post.status, Post.text_source)).all()
    times = select(Broadcast.actual_start_at, Post.posted_at).join(Broadcast, Broadcast.id == Post.broadcast_id)
    rows = db.session.execute(times.where(*mine, *within, Post.posted_at.is_not(None))).all()
    delays = sorted((row.posted_at - row.actual_start_at).total_seconds() for row in rows)
    shown = select(func.sum(PostSnapshot.impressions), func.sum(PostSnapshot.likes)).join(Post)
    reach = db.session.execute(shown.where(*mine, *within, PostSnapshot.step == STEPS[-1])).one()
    spent = select(func.sum(WalletEntry.cost)).where(WalletEntry.podcast_id == podcast_id, WalletEntry.user_id == user)
    cost = db.session.execute(spent.where(WalletEntry.at >= span.since, WalletEntry.at < span.until)).scalar()
    login = select(SocialConnection).where(SocialConnection.user_id == user, SocialConnection.is_active)
    return states, delays[len(delays) // 2] if delays else None, reach, cost, db.session.execute(login).scalar()


# The figures


def measure() -> Report:
    report = Report("overview", f"A season of {HOSTS} hosts: one after the other beside one statement for all")
    return at_each_size(report, _measure)


def at_each_size(report: Report, act: Callable[[Report, str, int], None]) -> Report:
    """On both databases, each time on an empty one."""
    with Databases() as databases:
        for engine in ENGINES:
            for size in SIZES:
                with running(settings_for(databases.fresh(engine), databases.folder)):
                    act(report, engine, size)
    return report.finish()


def _measure(report: Report, engine: str, size: int) -> None:
    podcast, name = fill(size), f"{engine}, {size:,} posts"
    podcast_id, quarter = podcast.id, period(Kind.QUARTER, NOW, podcast.timezone).current
    everything = period(Kind.ALL, NOW, podcast.timezone).current
    for kind in Kind:
        way = _way(podcast, size, f"overview, {kind}", lambda podcast, kind=kind: overview(podcast, kind, NOW))
        report.rows.append(way.row(name, "overview"))
        report.at_most(f"{name}, overview, {kind}: statements", way.statements, 1)
        if size == SIZES[0] or engine == "postgresql":
            limit = 100 if size == SIZES[0] else 400
            report.at_most(f"{name}, overview, {kind}: p95 ms", way.took[int(len(way.took) * 0.95)], limit)
    for what, act in (
        ("12 weeks", lambda podcast: sparklines(podcast, NOW)),
        ("26 weeks", lambda podcast: trends.latency(podcast, NOW)),
        ("hours", lambda podcast: trends.by_hour(podcast, quarter)),
        ("texts", lambda podcast: trends.texts(podcast, quarter)),
    ):
        report.rows.append(_way(podcast, size, what, act).row(name, "trends"))
    span = everything if size == SIZES[0] else quarter
    old = timed("host by host", lambda: one_by_one(podcast_id, span), TIMES[size], reads=True)
    new = timed("two statements", lambda: breakdown(podcast_id, span), TIMES[size], reads=True)
    report.at_most(f"{name}, breakdown: statements", new.statements, 2)
    compare(report, name, "breakdown", old, new, times=20)


def _way(podcast: Podcast, size: int, what: str, act: Callable[[Podcast], Any]) -> Way:
    """With the podcast at hand, as a page has it."""
    db.session.expunge_all()
    return timed(what, lambda: act(podcast), TIMES[size], reads=True)


if __name__ == "__main__":
    measure()
