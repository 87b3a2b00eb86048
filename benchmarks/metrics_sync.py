"""Reading what X shows of 10,000 posts of 50 hosts: post by post beside a hundred at a time, with the statements."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select

from benchmarks.bed import ENGINES, Databases, counting, running, settings_for
from benchmarks.report import Report
from extensions import db
from models import Podcast, PodcastMember, Post, PostSnapshot, User
from sandbox.x import X
from services.clients.http import Http
from services.clients.x import XClient
from services.clients.x_answers import Tokens, XUser
from services.registry import Services

HOSTS, POSTS, ONE_BY_ONE = 50, 10_000, 100
MOST_STATEMENTS = 200
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SCOPES = frozenset({"tweet.read", "tweet.write", "users.read", "offline.access"})


def measure() -> Report:
    report = Report("metrics_sync", f"Public counts of {POSTS:,} posts of {HOSTS} hosts")
    with Databases() as databases:
        for engine in ENGINES:
            with X().serving() as x:
                x.now = lambda: NOW
                settings = settings_for(
                    databases.fresh(engine), databases.folder, x_api_url=x.url, x_client_id="c", x_client_secret="s"
                )
                with running(settings) as services:
                    _measure(report, engine, services, x)
    return report.finish()


def _measure(report: Report, engine: str, services: Services, x: X) -> None:
    tokens = fill(services, x)
    old = one_by_one(XClient(Http(), x.url), tokens)
    db.session.execute(PostSnapshot.__table__.delete())
    db.session.commit()
    begun = time.perf_counter()
    with counting() as counted:
        done = services.metrics.sync(NOW)
    took = time.perf_counter() - begun
    stored = db.session.execute(select(func.count(func.distinct(PostSnapshot.post_id)))).scalar_one()
    db.session.rollback()
    report.rows.append({"database": engine, "way": "post by post", "posts": ONE_BY_ONE, **old})
    each = {"statements a post": counted.statements / POSTS, "ms a post": 1000 * took / POSTS}
    new = {"statements": counted.statements, **each}
    report.rows.append({"database": engine, "way": "a hundred at a time", "posts": POSTS, **new})
    report.at_least(f"{engine}: posts read and stored", min(done.read, stored), POSTS)
    report.at_most(f"{engine}: statements for {POSTS:,} posts", counted.statements, MOST_STATEMENTS)
    report.at_least(f"{engine}: times faster", old["ms a post"] / new["ms a post"], 5)


def fill(services: Services, x: X) -> dict[int, str]:
    """One podcast whose hosts are connected and have posted two hours ago. Returns each host's access token."""
    session, at, tokens = db.session(), NOW - timedelta(hours=2), dict[int, str]()
    show = Podcast(slug="deep-dive", name="Deep Dive")
    session.add(show)
    session.flush()
    podcast_id, rows = show.id, list[dict[str, Any]]()
    session.commit()
    for number in range(HOSTS):
        user_id, account = _host(services, x, podcast_id, number)
        tokens[user_id] = account.access_token
        for n in range(POSTS // HOSTS):
            post = x.post_by_hand(account, f"On air {number} {n}")
            post.metrics |= {"impression_count": 90 + n, "like_count": 5}
            same = {"podcast_id": podcast_id, "user_id": user_id, "platform_user_id": account.id, "text": post.text}
            times = {"created_at": at, "posted_at": at, "not_after": at}
            rows.append({"key": f"live:{post.id}", "status": "posted", "remote_id": post.id, **same, **times})
    session.execute(insert(Post), rows)
    session.commit()
    return tokens


def _host(services: Services, x: X, podcast_id: int, number: int) -> tuple[int, Any]:
    user = User(email=f"host{number}@example.com", name=f"Host {number}")
    db.session.add(user)
    db.session.flush()
    db.session.add(PodcastMember(podcast_id=podcast_id, user_id=user.id))
    user_id = user.id
    db.session.commit()
    account = x.add_account(f"host{number}")
    tokens = Tokens(account.access_token, account.refresh_token, 7200, SCOPES)
    services.connections.connect(user_id, XUser(account.id, account.username, account.name, None), tokens, NOW)
    return user_id, account


def one_by_one(x: XClient, tokens: dict[int, str]) -> dict[str, float]:
    """The old way: each post is asked about, looked up and stored by itself."""
    begun, first = time.perf_counter(), next(iter(tokens))
    with counting() as counted:
        ids = db.session.execute(select(Post.id).where(Post.user_id == first).limit(ONE_BY_ONE)).scalars().all()
        for id in ids:
            post = db.session.execute(select(Post).where(Post.id == id)).scalar_one()
            remote_id = post.remote_id or ""
            db.session.commit()
            found = x.metrics(tokens[first], [remote_id]).found[remote_id]
            db.session.add(PostSnapshot(post_id=id, step=1, at=NOW, impressions=found.impressions))
            db.session.commit()
    took = time.perf_counter() - begun
    each = {"statements a post": counted.statements / len(ids), "ms a post": 1000 * took / len(ids)}
    return {"statements": counted.statements, **each}


if __name__ == "__main__":
    measure()
