"""Pages: 50 hosts, 200 episodes, 5,000 posts. Statements and server time of each, and what the first page weighs."""

import contextvars
import gzip
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask, current_app
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from benchmarks.bed import ENGINES, Databases, add_podcasts, counting, running, settings_for
from benchmarks.report import Report
from extensions import db
from models import (
    Broadcast,
    EpisodeGuide,
    EpisodeTweetConfig,
    Notice,
    Podcast,
    PodcastMember,
    Post,
    PostEvent,
    Role,
    SocialConnection,
    User,
)
from services import memory, sessions
from services.registry import Services

FEW, MANY = 5, 50
EPISODES, POSTS = 200, 5_000
TIMES = 40
MOST_STATEMENTS, MOST_MILLISECONDS = 12, 100
FIRST_KB, LATER_KB = 150, 25


@dataclass(frozen=True)
class Scene:
    """What the addresses of the pages need."""

    podcast_id: int
    #: one that was posted about, and one that is planned
    episode_id: int
    planned_id: int
    token: str

    @property
    def paths(self) -> dict[str, str]:
        podcast = f"/podcasts/{self.podcast_id}"
        return {
            "home": "/",
            "podcasts": "/podcasts",
            "new podcast": "/podcasts/new",
            "podcast": podcast,
            "hosts": f"{podcast}/hosts",
            "attention": f"{podcast}/attention",
            "settings": f"{podcast}/settings",
            "draft rules": f"{podcast}/settings/drafts",
            "spend": f"{podcast}/spend",
            "entries": f"{podcast}/spend/entries.csv",
            "numbers": f"{podcast}/numbers",
            "numbers of hosts": f"{podcast}/numbers/hosts",
            "trends": f"{podcast}/numbers/trends",
            "wallets": f"{podcast}/spend/wallets",
            "limits": f"{podcast}/spend/rules",
            "youtube": f"{podcast}/settings/youtube",
            "episode": f"{podcast}/episodes/{self.episode_id}/tweets",
            "planned episode": f"{podcast}/episodes/{self.planned_id}/tweets",
            "new episode": f"{podcast}/episodes/new",
            "edit episode": f"{podcast}/episodes/{self.episode_id}/edit",
            "connections": "/connections",
            "profile": "/profile",
            "voice": "/profile/voice",
            "sessions": "/profile/sessions",
            "posts": "/posts",
            "posts as a table": "/posts/posts.csv",
            "posts as JSON": "/posts/posts.json",
            "notices": "/notices",
            "notices elsewhere": "/profile/notices",
            "people": "/admin/people",
            "prices": "/admin/prices",
            "system": "/admin/system",
            "tonight": "/admin/tonight",
            "audit": "/admin/audit",
        }


def measure() -> Report:
    report = Report("pages", f"Pages at {MANY} hosts, {EPISODES} episodes, {POSTS:,} posts")
    with Databases() as databases:
        for engine in ENGINES:
            few = statements(databases, engine, FEW)
            settings = settings_for(databases.fresh(engine), databases.folder)
            with running(settings) as services:
                scene = fill(services, MANY)
                memory.settle()  # as a process that serves does
                for name, path in scene.paths.items():
                    with signed_in(current_app, scene.token) as client:
                        row = _row(engine, name, path, client)
                    report.rows.append(row | {"at 5 hosts": few[name]})
                    where = f"{engine}, {name}"
                    report.at_most(f"{where}: statements", row["statements"], MOST_STATEMENTS)
                    report.at_most(f"{where}: more statements than at 5 hosts", row["statements"] - few[name], 0)
                    report.at_most(f"{where}: server ms, p95", row["p95 ms"], MOST_MILLISECONDS)
                if engine == "sqlite":
                    _weigh(report, scene)
                report.rows.append(_one_by_one(engine, scene))
    return report.finish()


def statements(databases: Databases, engine: str, hosts: int, **less: int) -> dict[str, int]:
    """How many each page takes once it was there before. `less`: as `fill` takes it."""
    with running(settings_for(databases.fresh(engine), databases.folder)) as services:
        scene = fill(services, hosts, **less)
        with signed_in(current_app, scene.token) as client:
            return {name: _count(client, path) for name, path in scene.paths.items()}


def _row(engine: str, name: str, path: str, client: FlaskClient) -> dict[str, Any]:
    statements = _count(client, path)
    took = sorted(_timed(client, path) for _ in range(TIMES))
    answer = get(client, path)
    return {
        "database": engine,
        "page": name,
        "statements": statements,
        "median ms": 1000 * took[len(took) // 2],
        "p95 ms": 1000 * took[int(len(took) * 0.95)],
        "kB": len(answer.data) / 1000,
    }


def get(client: FlaskClient, path: str, **options: Any) -> Any:
    answer = contextvars.Context().run(lambda: client.get(path, buffered=True, **options))
    assert answer.status_code == 200, (path, answer.status_code)
    return answer


def _count(client: FlaskClient, path: str) -> int:
    get(client, path)
    with counting() as counted:
        get(client, path)
    return counted.statements


def _timed(client: FlaskClient, path: str) -> float:
    begun = time.perf_counter()
    get(client, path)
    return time.perf_counter() - begun


@contextmanager
def signed_in(app: Flask, token: str) -> Iterator[FlaskClient]:
    """Somebody with a session, as a browser has it."""
    db.session.rollback()
    client = app.test_client()
    with client.session_transaction() as session:
        session["token"] = token
    yield client


def _weigh(report: Report, scene: Scene) -> None:
    """What the first page costs on the wire: with all that it names, and when only itself is asked for again."""
    with signed_in(current_app, scene.token) as client:
        page = get(client, "/", headers={"Accept-Encoding": "gzip"})
        html = len(page.data)
        text = gzip.decompress(page.data).decode() if page.headers.get("Content-Encoding") == "gzip" else page.text
        parts = set(re.findall(r'(?:href|src)="(/(?:static|bootstrap)[^"]+)"', text))
        static = sum(len(get(client, path, headers={"Accept-Encoding": "gzip"}).data) for path in parts)
    report.rows.append({"what": "home over the wire", "first kB": (html + static) / 1000, "later kB": html / 1000})
    report.at_most("home, first time: kB over the wire", (html + static) / 1000, FIRST_KB)
    report.at_most("home, later: kB over the wire", html / 1000, LATER_KB)


def _one_by_one(engine: str, scene: Scene) -> dict[str, Any]:
    """The old way to read one episode: for each host his text, his name, his post and his connection."""
    db.session.rollback()
    begun = time.perf_counter()
    with counting() as counted:
        configs = list(db.session.execute(select(EpisodeTweetConfig).filter_by(episode_id=scene.episode_id)).scalars())
        for config in configs:
            db.session.execute(select(User).where(User.id == config.user_id)).scalar_one()
            db.session.execute(select(Post).where(Post.config_id == config.id)).scalars().all()
            db.session.execute(select(SocialConnection).where(SocialConnection.user_id == config.user_id)).first()
    took = time.perf_counter() - begun
    db.session.rollback()
    return {"old way": f"{engine}: an episode host by host", "statements": counted.statements, "ms": 1000 * took}


def fill(services: Services, hosts: int, *, episodes: int = EPISODES, posts: int = POSTS, podcasts: int = 1) -> Scene:
    """One show with so many hosts, episodes before and after now, and posts with their history for the past ones.

    `podcasts`: how many its admin is on; the others have nobody else.
    """
    now = datetime.now(UTC)
    people = [{"email": f"host{n}@example.com", "name": f"Host {n:02}", "is_admin": n == 0} for n in range(hosts)]
    user_ids = list(db.session.execute(insert(User).returning(User.id, sort_by_parameter_order=True), people).scalars())
    podcast = Podcast(slug="deep-dive", name="Deep Dive", youtube_channel_id="UC" + "a" * 22)
    db.session.add(podcast)
    db.session.flush()
    members = [{"podcast_id": podcast.id, "user_id": id, "role": Role.ADMIN} for id in user_ids]
    db.session.execute(insert(PodcastMember), members)
    connections = [_connection(services, user_id, now) for user_id in user_ids]
    db.session.execute(insert(SocialConnection), connections)
    past = episodes - 10
    at = [now + timedelta(days=n - past, hours=1) for n in range(episodes)]
    rows = [{"podcast_id": podcast.id, "title": f"Queues, part {n}", "scheduled_at": at[n]} for n in range(episodes)]
    made = db.session.execute(insert(EpisodeGuide).returning(EpisodeGuide.id, sort_by_parameter_order=True), rows)
    episode_ids = list(made.scalars())
    posting = episode_ids[max(0, past - posts // hosts) : past]
    _add_texts(user_ids, episode_ids, set(posting))
    _add_posts(podcast.id, posting, now)
    db.session.execute(insert(Notice), [_notice(n, user_ids[0], podcast.id, now) for n in range(hosts)])
    for other in add_podcasts([f"UC{n:022}" for n in range(1, podcasts)]) if podcasts > 1 else ():
        db.session.add(PodcastMember(podcast_id=other, user_id=user_ids[0], role=Role.ADMIN))
    token = sessions.begin(user_ids[0], now)
    scene = Scene(podcast.id, episode_ids[past - 1], episode_ids[past], token)
    db.session.commit()
    return scene


def _notice(number: int, user_id: int, podcast_id: int, now: datetime) -> dict[str, Any]:
    words = {"kind": "live", "title": "Deep Dive is live: 50 of 50 posted", "body": "Queues", "link": "/"}
    return {"key": f"live:{number}", "user_id": user_id, "podcast_id": podcast_id, "at": now, **words}


def _connection(services: Services, user_id: int, now: datetime) -> dict[str, Any]:
    owner = f"x:{1000 + user_id}"
    return {
        "user_id": user_id,
        "platform_user_id": str(1000 + user_id),
        "username": f"host{user_id}",
        "access_token": services.vault.seal("access", f"{owner}:access"),
        "refresh_token": services.vault.seal("refresh", f"{owner}:refresh"),
        "expires_at": now + timedelta(hours=2),
    }


def _add_texts(user_ids: list[int], episode_ids: list[int], posted: set[int]) -> None:
    rows = [
        {"episode_id": episode, "user_id": user, "status": "posted" if episode in posted else "pending"}
        for episode in episode_ids
        for user in user_ids
    ]
    for start in range(0, len(rows), 1000):
        db.session.execute(insert(EpisodeTweetConfig), rows[start : start + 1000])


def _add_posts(podcast_id: int, episode_ids: list[int], now: datetime) -> None:
    """The posts of these episodes, each with two lines of history, and the broadcasts they belong to."""
    videos = [
        {
            "video_id": f"v{id:010}",
            "channel_id": "UC" + "a" * 22,
            "title": f"Queues {id}",
            "state": "ended",
            "verdict": "announced",
            "podcast_id": podcast_id,
            "episode_id": id,
            "actual_start_at": now - timedelta(hours=2),
            "live_seen_at": now - timedelta(hours=2),
        }
        for id in episode_ids
    ]
    db.session.execute(insert(Broadcast), videos)
    query = select(EpisodeTweetConfig.id, EpisodeTweetConfig.episode_id, EpisodeTweetConfig.user_id)
    configs = db.session.execute(query.where(EpisodeTweetConfig.episode_id.in_(episode_ids))).all()
    posts = [
        {
            "key": f"live:{config.id}",
            "config_id": config.id,
            "podcast_id": podcast_id,
            "episode_id": config.episode_id,
            "user_id": config.user_id,
            "host_name": f"Host {config.user_id}",
            "username": f"host{config.user_id}",
            "text": "We are live with Deep Dive: Queues",
            "status": "posted",
            "remote_id": str(10**12 + config.id),
            "not_after": now,
            "posted_at": now - timedelta(hours=2),
        }
        for config in configs
    ][:POSTS]
    made = db.session.execute(insert(Post).returning(Post.id), posts)
    ids = list(made.scalars())
    events = [{"post_id": id, "at": now, "status": status} for id in ids for status in ("queued", "posted")]
    db.session.execute(insert(PostEvent), events)


if __name__ == "__main__":
    measure()
