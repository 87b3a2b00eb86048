"""Numbers that are kept: how many of a day's pages find them ready, and how much sooner they are there."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import current_app
from sqlalchemy import select, update

from benchmarks.bed import ENGINES, Databases, counting, running, settings_for
from benchmarks.overview import HOSTS, fill
from benchmarks.pages import get, signed_in
from benchmarks.report import Report
from extensions import db, reading
from models import PodcastMember, Role, User
from services import figures_version, kept_numbers, sessions
from services.access import podcast_for
from services.audit import Actor
from services.periods import Kind
from services.registry import Services

POSTS = 1_000
#: people who look again and again, their pages, and after how many of them something changes
READERS, LOADS, CHANGE_EVERY = 6, 400, 40
TIMES = 60
HITS, MILLISECONDS = 0.8, 15.0
PAGES = ("numbers", "numbers", "numbers/hosts", "numbers/trends", "numbers?period=week", "numbers?period=quarter")


def measure() -> Report:
    report = Report("cache", f"Kept numbers at {HOSTS} hosts, {POSTS:,} posts: computed beside kept")
    with Databases() as databases:
        for engine in ENGINES:
            with running(settings_for(databases.fresh(engine), databases.folder)) as services:
                _measure(report, engine, services)
    return report.finish()


def _measure(report: Report, engine: str, services: Services) -> None:
    podcast_id = fill(POSTS).id
    readers = _readers(podcast_id)
    share = reload_pages(services, podcast_id, [token for _, token in readers])
    report.rows.append({"engine": engine, "what": f"{LOADS} pages by {READERS} people", "found ready": share})
    report.at_least(f"{engine}: share of numbers found ready", share, HITS)
    for what, is_kept in (("computed", False), ("kept", True)):
        row = _timed(podcast_id, readers[0][0], is_kept=is_kept)
        report.rows.append({"engine": engine, "overview": what} | row)
        if is_kept:
            report.at_most(f"{engine}: overview from what is kept, p95 ms", row["p95 ms"], MILLISECONDS)
            report.at_most(f"{engine}: overview from what is kept, statements", row["statements"], 2)
    page = _page(podcast_id, readers[0][1])
    report.rows.append({"engine": engine, "page": "overview, kept"} | page)


def _readers(podcast_id: int) -> list[tuple[int, str]]:
    """(user id, token) of some of its people, one of whom may see its money."""
    ids = select(PodcastMember.user_id).where(PodcastMember.podcast_id == podcast_id).order_by(PodcastMember.id)
    users = db.session.execute(ids.limit(READERS)).scalars().all()
    db.session.execute(update(PodcastMember).where(PodcastMember.user_id == users[0]).values(role=Role.ADMIN))
    now = datetime.now(UTC)
    found = [(user, sessions.begin(user, now)) for user in users]
    db.session.commit()
    return found


def reload_pages(services: Services, podcast_id: int, tokens: Sequence[str]) -> float:
    """Pages as people reload them while posts go out, by the same dice each time. Returns the share of hits."""
    dice, before = random.Random(6), services.numbers.counts()
    for number in range(LOADS):
        if number % CHANGE_EVERY == 0:
            change(podcast_id)
        with signed_in(current_app, dice.choice(tokens)) as client:
            get(client, f"/podcasts/{podcast_id}/{dice.choice(PAGES)}")
    after = services.numbers.counts()
    return (after.hits - before.hits) / (after.asked - before.asked)


def change(podcast_id: int) -> None:
    """As a post does that goes out."""
    figures_version.raise_for(db.session(), [podcast_id])
    db.session.commit()


def _timed(podcast_id: int, user_id: int, *, is_kept: bool) -> dict[str, Any]:
    """With the right to it, which is asked of the database each time."""

    def ask() -> None:
        reading()
        user = db.session.get_one(User, user_id)
        now = datetime.now(UTC)
        access = podcast_for(user, podcast_id, Actor(user_id, ""), now)
        kept_numbers.overview(access, Kind.MONTH, now)
        kept_numbers.sparklines(access, now)
        db.session.remove()

    ask()
    took = [_once(ask, None if is_kept else podcast_id) for _ in range(TIMES)]
    if not is_kept:
        change(podcast_id)
    with counting() as counted:
        ask()
    return _row(took) | {"statements": counted.statements}


def _once(ask: Callable[[], None], changed: int | None) -> float:
    if changed is not None:
        change(changed)
    begun = time.perf_counter()
    ask()
    return 1000 * (time.perf_counter() - begun)


def _page(podcast_id: int, token: str) -> dict[str, Any]:
    with signed_in(current_app, token) as client:
        path = f"/podcasts/{podcast_id}/numbers"
        get(client, path)
        return _row([_once(lambda: get(client, path), None) for _ in range(TIMES)])


def _row(took: Sequence[float]) -> dict[str, Any]:
    ordered = sorted(took)
    return {f"p{part} ms": ordered[min(len(ordered) - 1, len(ordered) * part // 100)] for part in (50, 95, 99)}


if __name__ == "__main__":
    measure()
