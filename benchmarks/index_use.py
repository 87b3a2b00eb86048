"""Whether every list and every job finds its rows by an index: PostgreSQL, 100,000 posts of 200 podcasts, its plans.

A podcast is a two-hundredth of what is there, so whoever reads a large table from end to end for it has lost its index.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from flask import current_app
from sqlalchemy import event, inspect, select, text

from benchmarks.bed import Databases, running, settings_for
from benchmarks.pages import get, signed_in
from benchmarks.report import Report
from benchmarks.scene import Scene
from extensions import db
from models import EpisodeGuide, Podcast, PodcastMember
from services import sessions
from services.scheduler import DEADLINES

SHOWS, HOSTS, EPISODES = 200, 5, 100
#: a table of so many rows is not read from end to end for one podcast, person or post
LARGE = 10_000
JOBS_SECONDS = 60
NIGHTLY = ("HAVING wallets.balance", "HAVING sum(wallet_entries.amount)")
#: an instant of an episode: the last one of each show is to come, of one show after the other
_AT = "now() - (:episodes - e) * interval '36 hours' + CASE e WHEN :episodes THEN s ELSE 0 END * interval '12 hours'"
_FILL = f"""
INSERT INTO users (email, name) SELECT 'host' || n || '@example.com', 'Host ' || n FROM generate_series(1, :hosts) n;
INSERT INTO podcasts (slug, name) SELECT 'show-' || s, 'Show ' || s FROM generate_series(1, :shows) s;
INSERT INTO podcast_members (podcast_id, user_id, role)
  SELECT (n - 1) / :each + 1, n, CASE n % :each WHEN 1 THEN 'admin' ELSE 'contributor' END
  FROM generate_series(1, :hosts) n;
INSERT INTO episode_guides (podcast_id, title, scheduled_at)
  SELECT s, 'Queues, part ' || e, {_AT} FROM generate_series(1, :shows) s, generate_series(1, :episodes) e;
INSERT INTO broadcasts (video_id, channel_id, title, state, verdict, podcast_id, episode_id, published_at,
                        actual_start_at, live_seen_at, first_seen_at, announced_at, actual_end_at, closed_at)
  SELECT 'v' || lpad(id::text, 10, '0'), 'UC' || lpad(podcast_id::text, 22, '0'), title, 'ended', 'announced',
         podcast_id, id, scheduled_at, scheduled_at, scheduled_at + interval '4 s', scheduled_at, scheduled_at,
         scheduled_at + interval '1 hour', scheduled_at + interval '1 hour'
  FROM episode_guides WHERE scheduled_at <= now();
INSERT INTO episode_tweet_configs (episode_id, user_id, status)
  SELECT g.id, m.user_id, CASE WHEN g.scheduled_at <= now() THEN 'posted' ELSE 'pending' END
  FROM episode_guides g JOIN podcast_members m ON m.podcast_id = g.podcast_id;
INSERT INTO posts (key, config_id, podcast_id, episode_id, broadcast_id, user_id, host_name, username, text,
                   text_source, has_link, status, cause, not_after, created_at, posted_at, remote_id, video_id,
                   impressions, engagements)
  SELECT 'live:' || c.id, c.id, g.podcast_id, g.id, b.id, c.user_id, 'Host ' || c.user_id, 'host' || c.user_id,
         'On air https://youtu.be/x', 'own', true, CASE WHEN c.id % 50 = 0 THEN 'failed' ELSE 'posted' END,
         CASE WHEN c.id % 50 = 0 THEN 'x_auth' END, g.scheduled_at, g.scheduled_at,
         CASE WHEN c.id % 50 > 0 THEN g.scheduled_at + interval '6 s' END,
         CASE WHEN c.id % 50 > 0 THEN (1000000 + c.id)::text END, b.video_id,
         CASE WHEN c.id % 50 > 0 THEN c.id % 1000 END, CASE WHEN c.id % 50 > 0 THEN c.id % 10 END
  FROM episode_tweet_configs c JOIN episode_guides g ON g.id = c.episode_id JOIN broadcasts b ON b.episode_id = g.id;
INSERT INTO post_attempts (post_id, token, number, started_at, outcome)
  SELECT id, 't' || id, 1, created_at, CASE status WHEN 'posted' THEN 'accepted' ELSE 'not_accepted' END FROM posts;
INSERT INTO post_events (post_id, at, status)
  SELECT p.id, p.created_at, s.status FROM posts p, (VALUES ('queued'), ('posted')) AS s(status);
INSERT INTO post_snapshots (post_id, step, at, impressions)
  SELECT p.id, s.step, p.posted_at, p.impressions FROM posts p, (VALUES (6), (168)) AS s(step)
  WHERE p.status = 'posted';
INSERT INTO wallets (owner, podcast_id) SELECT 'podcast', id FROM podcasts;
INSERT INTO wallets (owner, podcast_id, user_id) SELECT 'host', podcast_id, user_id FROM podcast_members;
INSERT INTO wallet_entries (wallet_id, podcast_id, user_id, at, kind, amount, held, cost, balance_after, held_after,
                            key)
  SELECT w.id, p.podcast_id, p.user_id, p.posted_at, 'charge', -200000, 0, 200000,
         -200000 * row_number() OVER (PARTITION BY w.id ORDER BY p.id), 0, 'attempt:' || p.id
  FROM posts p JOIN wallets w ON w.podcast_id = p.podcast_id AND w.owner = 'podcast' WHERE p.status = 'posted'
  ORDER BY p.id;
UPDATE wallets w SET balance = (SELECT coalesce(sum(amount), 0) FROM wallet_entries e WHERE e.wallet_id = w.id);
UPDATE wallets SET stops_posts = owner = 'podcast', pays = owner = 'host', is_limited = owner = 'host';
INSERT INTO notices (key, kind, user_id, podcast_id, title, at, read_at)
  SELECT 'posted:' || id, 'posted', user_id, podcast_id, 'Posted', now() - id % 50 * interval '1 day', now() FROM posts;
INSERT INTO audit_events (at, kind, actor_id, podcast_id)
  SELECT created_at, 'episode_made', user_id, podcast_id FROM posts WHERE id % 2 = 0;
INSERT INTO drafts (config_id, made_at, writer, status, text, cost)
  SELECT config_id, created_at, 'builtin', 'accepted', text, 0 FROM posts;
INSERT INTO draft_wishes (config_id, asked_at, not_before, ended_at)
  SELECT config_id, at, at, at FROM (SELECT config_id, now() - id % 25 * interval '1 day' AS at FROM posts) AS asked;
INSERT INTO host_weeks (podcast_id, user_id, week, made_at)
  SELECT m.podcast_id, m.user_id, date_trunc('week', now())::date - 7 * w, now()
  FROM podcast_members m, generate_series(1, 20) w;
"""


def fill() -> Scene:
    """Fills the application's empty PostgreSQL database; the scene is that of one show and its admin."""
    numbers = {"shows": SHOWS, "each": HOSTS, "hosts": SHOWS * HOSTS, "episodes": EPISODES}
    for statement in _FILL.strip().removesuffix(";").split(";\n"):
        db.session.execute(text(statement), numbers)
    db.session.commit()
    db.session.connection(execution_options={"isolation_level": "AUTOCOMMIT"}).exec_driver_sql("VACUUM ANALYZE")
    db.session.commit()
    db.session.remove()
    return _scene()


def _scene() -> Scene:
    podcast_id = db.session.execute(select(Podcast.id).order_by(Podcast.id).offset(SHOWS // 2)).scalars().first() or 0
    member = select(PodcastMember.user_id).where(PodcastMember.podcast_id == podcast_id, PodcastMember.role == "admin")
    mine = select(EpisodeGuide.id).where(EpisodeGuide.podcast_id == podcast_id).order_by(EpisodeGuide.scheduled_at)
    *_, last, planned = db.session.execute(mine).scalars()
    token = sessions.begin(db.session.execute(member).scalars().one(), datetime.now(UTC))
    db.session.commit()
    return Scene(podcast_id, last, planned, token)


Asked = list[tuple[str, Any]]


@contextmanager
def listening() -> Iterator[Asked]:
    """What the application asks of its database meanwhile, in all its threads: each statement once."""
    asked: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            asked.setdefault(statement, parameters[0] if many else parameters)

    found: Asked = []
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
        found += asked.items()


def read_whole(asked: Iterable[tuple[str, Any]]) -> dict[str, set[str]]:
    """The large tables that a statement reads from end to end, by statement; those that read none are left out."""
    large, found = _large_tables(), {}
    for statement, parameters in asked:
        answer = db.session.connection().exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        plan = answer.scalar_one()
        tables = set(_scanned((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])) & large
        if tables:
            found[statement] = tables
    db.session.rollback()
    return found


def _large_tables() -> set[str]:
    query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples >= :large"
    return set(db.session.execute(text(query), {"large": LARGE}).scalars())


def _scanned(plan: dict[str, Any]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for part in plan.get("Plans", ()):
        yield from _scanned(part)


def ask_for_pages(scene: Scene) -> None:
    """Every page of the podcast's admin, who does not run the server."""
    with signed_in(current_app, scene.token) as client:
        for path in paths(scene):
            get(client, path)


def let_jobs_run(scheduler: Any, until: Callable[[], bool] = lambda: True) -> None:
    """Each job of the scheduler once at least, and on until that is so. Raises TimeoutError after a minute."""
    ends, missing = time.monotonic() + JOBS_SECONDS, set(DEADLINES)
    scheduler.start()
    try:
        while missing or not until():
            if time.monotonic() > ends:
                raise TimeoutError(f"jobs that have not run: {', '.join(sorted(missing)) or 'none'}")
            time.sleep(0.05)
            missing -= {name for name, run in list(scheduler._runs.items()) if run.finished is not None}  # noqa: SLF001
    finally:
        scheduler.stop()


def without_nightly(asked: Asked) -> Asked:
    """The check of a night that entries sum to balances reads them all."""
    return [one for one in asked if not any(part in one[0] for part in NIGHTLY)]


def missing_indexes() -> list[str]:
    """Indexes of the models that the database does not have, has for other columns, or has and does not use."""
    inspector, found = inspect(db.engine), []
    is_postgresql = db.engine.dialect.name == "postgresql"
    invalid = set(db.session.execute(text(_INVALID)).scalars()) if is_postgresql else set()
    db.session.rollback()
    for table in db.metadata.sorted_tables:
        there = {str(one["name"]): one["column_names"] for one in inspector.get_indexes(table.name)}
        for index in table.indexes:
            name, columns = str(index.name), [getattr(one, "name", None) for one in index.expressions]
            if name not in there or name in invalid or (None not in columns and there[name] != columns):
                found.append(f"{name} of {table.name}")
    return sorted(found)


_INVALID = "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid"


def paths(scene: Scene) -> Sequence[str]:
    return [path for path in scene.paths.values() if not path.startswith("/admin")]


def measure() -> Report:
    report = Report("index_use", f"Pages whose statements read a large table from end to end, {SHOWS} podcasts")
    with (
        Databases(("postgresql",)) as databases,
        running(settings_for(databases.fresh("postgresql"), databases.folder)),
    ):
        begun = time.perf_counter()
        scene = fill()
        report.rows.append({"what": "filling", "s": time.perf_counter() - begun})
        with listening() as asked:
            ask_for_pages(scene)
        found = read_whole(asked)
        report.rows += [{"what": statement, "tables": ", ".join(sorted(tables))} for statement, tables in found.items()]
        report.at_most(f"of {len(asked)} statements read a large table from end to end", len(found), 0)
    return report.finish()


if __name__ == "__main__":
    measure()
