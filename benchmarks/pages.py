"""Pages: 50 hosts, 200 episodes, 5,000 posts. Statements and server time of each, and what the first page weighs."""

import contextvars
import gzip
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from flask import Flask, current_app
from flask.testing import FlaskClient
from sqlalchemy import select

from benchmarks import first_pages
from benchmarks.bed import ENGINES, Databases, counting, running, settings_for
from benchmarks.report import Report
from benchmarks.scene import EPISODES, POSTS, Scene, fill
from extensions import db
from models import EpisodeTweetConfig, Post, SocialConnection, User
from services import memory

FEW, MANY = 5, 50
TIMES = 40
MOST_STATEMENTS, MOST_MILLISECONDS = 12, 100
FIRST_KB, LATER_KB = 150, 25
#: no pages: all rows there are, in parts, each of which is read anew with the reader's rights; so time and statements
#: grow with the rows, and what is aimed at is rows a second (benchmarks/explorer.py)
EXPORTS = ("entries", "posts as a table", "posts as JSON")


def measure() -> Report:
    report = Report("pages", f"Pages at {MANY} hosts, {EPISODES} episodes, {POSTS:,} posts")
    with Databases() as databases:
        for engine in ENGINES:
            few = statements(databases, engine, FEW)
            settings = settings_for(databases.fresh(engine), databases.folder)
            with running(settings) as services:
                scene = fill(services, MANY)
                _settle(engine)
                for name, path in scene.paths.items():
                    with signed_in(current_app, scene.token) as client:
                        row = _row(engine, name, path, client)
                    if name in EXPORTS:
                        report.rows.append({"export": f"{engine}, {name}"} | _of_export(row))
                        continue
                    report.rows.append(row | {"at 5 hosts": few[name]})
                    _aim(report, row, few[name])
                if engine == "sqlite":
                    _weigh(report, scene)
                report.rows.append(_one_by_one(engine, scene))
                if engine == "sqlite":
                    report.rows += first_pages.measure(settings.database_url, databases.folder, scene)
    return report.finish()


def _settle(engine: str) -> None:
    """As a server that has run for a while: what it keeps is set apart, and PostgreSQL has counted its rows, which it
    does by itself a minute after many came. SQLite never does.
    """
    memory.settle()
    if engine == "postgresql":
        db.session.connection(execution_options={"isolation_level": "AUTOCOMMIT"}).exec_driver_sql("VACUUM ANALYZE")
        db.session.commit()


def _aim(report: Report, row: dict[str, Any], few: int) -> None:
    """What a page is to reach. `few`: its statements at 5 hosts."""
    where = f"{row['database']}, {row['page']}"
    report.at_most(f"{where}: statements", row["statements"], MOST_STATEMENTS)
    report.at_most(f"{where}: more statements than at 5 hosts", row["statements"] - few, 0)
    report.at_most(f"{where}: server ms, p95", row["p95 ms"], MOST_MILLISECONDS)


def _of_export(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("statements", "median ms", "p95 ms", "kB")}


def statements(databases: Databases, engine: str, hosts: int, **less: int) -> dict[str, int]:
    """How many each page takes once it was there before. `less`: as `fill` takes it."""
    with running(settings_for(databases.fresh(engine), databases.folder)) as services:
        scene = fill(services, hosts, **less)
        with signed_in(current_app, scene.token) as client:
            return {name: _count(client, path) for name, path in scene.paths.items()}


def _row(engine: str, name: str, path: str, client: FlaskClient) -> dict[str, Any]:
    statements = _count(client, path)
    took, worked = zip(*(_timed(client, path) for _ in range(TIMES)), strict=True)
    answer = get(client, path)
    return {
        "database": engine,
        "page": name,
        "statements": statements,
        "median ms": _part(took, 0.5),
        "p95 ms": _part(took, 0.95),
        "of CPU": _part(worked, 0.5),
        "p95 of CPU": _part(worked, 0.95),
        "kB": len(answer.data) / 1000,
    }


def _part(seconds: Sequence[float], part: float) -> float:
    """In milliseconds."""
    return 1000 * sorted(seconds)[int(len(seconds) * part)]


def get(client: FlaskClient, path: str, **options: Any) -> Any:
    answer = contextvars.Context().run(lambda: client.get(path, buffered=True, **options))
    assert answer.status_code == 200, (path, answer.status_code)
    return answer


def _count(client: FlaskClient, path: str) -> int:
    get(client, path)
    with counting() as counted:
        get(client, path)
    return counted.statements


def _timed(client: FlaskClient, path: str) -> tuple[float, float]:
    """Seconds, and seconds of this process's CPU: what else runs on the machine makes the first longer."""
    begun, worked = time.perf_counter(), time.process_time()
    get(client, path)
    return time.perf_counter() - begun, time.process_time() - worked


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


if __name__ == "__main__":
    measure()
