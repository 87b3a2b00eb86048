"""`python -m benchmarks drafts`: drafts for all hosts of an episode at a provider that takes a second for each.

One by one beside the job's way, in the same run; and what pages take meanwhile. The provider has a process of its own,
as in earnest, on the same cores.
"""

import contextvars
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from flask import current_app
from flask.testing import FlaskClient
from sqlalchemy import select

from benchmarks.ai_stand_in import AiStandIn
from benchmarks.bed import ENGINES, Databases, running, settings_for
from benchmarks.pages import signed_in
from benchmarks.report import Report
from benchmarks.scene import Scene, fill
from extensions import db
from models import EpisodeTweetConfig
from services import draft_wishes
from services.audit import Actor
from services.draft_job import DraftJob
from services.registry import Services
from services.wallet_check import differences

HOSTS, ANSWER_SECONDS, ONE_BY_ONE = 50, 1.0, 5
MOST_SECONDS, MOST_SLOWER = 8.0, 1.5
PAGES = ("home", "planned episode")
#: of pages: first until everything is compiled, then to compare with
FIRST_LOOKS, IDLE_LOOKS = 8, 40


def measure() -> Report:
    title = f"Drafts for {HOSTS} hosts, {ANSWER_SECONDS:.0f} s an answer; {ONE_BY_ONE} of them one by one beside it"
    report = Report("drafts", title)
    with Databases() as databases, AiStandIn() as ai:
        asking = {"ai_provider": "openai", "ai_base_url": f"{ai.url}/v1", "ai_model": "gpt-5-mini", "ai_api_key": "k"}
        for engine in ENGINES:
            with running(settings_for(databases.fresh(engine), databases.folder, **asking)) as services:
                scene = fill(services, HOSTS, episodes=30, posts=1_000)
                ai.latency(ANSWER_SECONDS)
                _measure(report, engine, services, scene)
                report.at_most(f"{engine}: differences between balances and entries", len(differences()), 0)
                db.session.rollback()
    return report.finish()


def _measure(report: Report, engine: str, services: Services, scene: Scene) -> None:
    with signed_in(current_app, scene.token) as client:
        _looks(client, scene, lambda looks: looks < FIRST_LOOKS)
        idle = _looks(client, scene, lambda looks: looks < IDLE_LOOKS)
        each = _one_by_one(services, scene)
        batch, seconds, meanwhile, seen = _all_at_once(services, scene, client)
    done = draft_wishes.progress(batch)
    db.session.rollback()
    report.rows.append(
        {
            "database": engine,
            "all, s": seconds,
            "one by one, s for all": each * HOSTS,
            "by the provider": done.by_ai,
            "progress seen": len(seen),
            "page p95 ms": _p95(meanwhile),
            "page p95 ms, idle": _p95(idle),
        }
    )
    report.at_most(f"{engine}: seconds for {HOSTS} drafts", seconds, MOST_SECONDS)
    report.at_least(f"{engine}: drafts written", done.done, HOSTS)
    report.at_least(f"{engine}: steps of progress seen", len(seen), 5)
    report.at_most(f"{engine}: pages slower meanwhile, times at p95", _p95(meanwhile) / _p95(idle), MOST_SLOWER)


def _one_by_one(services: Services, scene: Scene) -> float:
    """Seconds for one, as a loop over the hosts would take them."""
    query = select(EpisodeTweetConfig.id).where(EpisodeTweetConfig.episode_id == scene.planned_id).limit(ONE_BY_ONE)
    ids = list(db.session.execute(query).scalars())
    db.session.rollback()
    begun = time.monotonic()
    for config_id in ids:
        services.drafts.draft(config_id, "other", Actor(), _now())
    return (time.monotonic() - begun) / len(ids)


def _all_at_once(services: Services, scene: Scene, client: FlaskClient) -> tuple[str, float, list[float], set[int]]:
    """The batch, its seconds, milliseconds of pages meanwhile, and how many were said to be done."""
    app: Any = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    batch, seen = draft_wishes.wish_for_all(scene.planned_id, Actor(), _now()), set[int]()
    took: list[float] = []

    def work() -> None:
        with app.app_context():
            begun = time.monotonic()
            DraftJob(services.drafts).work(_now())
            took.append(time.monotonic() - begun)

    def goes_on(_looks: int) -> bool:
        seen.add(draft_wishes.progress(batch).done)
        db.session.rollback()
        return working.is_alive()

    working = threading.Thread(target=work)
    working.start()
    meanwhile = _looks(client, scene, goes_on)
    working.join()
    return batch, took[0], meanwhile, seen


def _looks(client: FlaskClient, scene: Scene, goes_on: Callable[[int], bool]) -> list[float]:
    """Milliseconds of pages, ten a second, as several people who look now and then."""
    took: list[float] = []
    while goes_on(len(took)):
        begun = time.perf_counter()
        get = partial(client.get, scene.paths[PAGES[len(took) % len(PAGES)]], buffered=True)
        answer = contextvars.Context().run(get)  # with a session of its own, as a request has it
        took.append(1000 * (time.perf_counter() - begun))
        assert answer.status_code == 200
        time.sleep(0.1)
    return took


def _p95(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.95)]


def _now() -> datetime:
    return datetime.now(UTC)
