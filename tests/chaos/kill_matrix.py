"""`python -m tests.chaos.kill_matrix --runs 25`: kills real workers at every named point, on both databases.

Prints a table and writes benchmarks/results/kill_matrix.json. `--default-times 20` runs so many at once with the times
of earnest instead. Exit 1 when anything was doubled, lost or said wrongly.
"""

import argparse
import queue
import resource
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import update

from benchmarks.report import Report
from models import Post
from sandbox.x import X
from tests.chaos.aftermath import MOST, joined, part
from tests.chaos.bed import Bed, bed, opened
from tests.chaos.forker import Forker
from tests.chaos.plans import PLANS
from tests.chaos.run import Case, NeverReached, Outcome, Run

ENGINES = ("sqlite", "postgresql")
LANES = 8


def cases(runs: int, engines: Sequence[str], seed: int, *, only: str = "", **more: Any) -> list[Case]:
    """Every plan, `runs` times on each database: in turn at an X that refuses doubles, where half of the hosts are in
    default mode, and at one that takes them, where all are in strict mode. What only default mode does: at the former.
    """
    return [
        Case(plan, engine, n % 2 == 0 or plan.again, seed + n, **more)
        for n in range(runs)
        for plan in PLANS
        if only in plan.name
        for engine in engines
    ]


def warm(made: Bed, forker: Forker, engines: Sequence[str]) -> None:
    for engine in engines:
        with TemporaryDirectory(dir=made.folder) as name, made.database(engine, Path(name)) as url:
            own = opened(url)
            with own.begin() as connection:
                connection.execute(update(Post).values(not_before=datetime.now(UTC) + timedelta(days=1)))
            own.dispose()
            forker.warm(made.settings(url, Path(name), "http://127.0.0.1:9").model_dump(mode="json"))


def play(wanted: Sequence[Case], made: Bed, forker: Forker, *, lanes: int = LANES) -> Iterator[Outcome]:
    """Runs them in so many lanes at once, each with an X of its own; they mostly wait. Yields as they end."""
    todo: queue.SimpleQueue[Case | None] = queue.SimpleQueue()
    done: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    for case in [*wanted, *[None] * lanes]:
        todo.put(case)
    for _ in range(lanes):
        threading.Thread(target=_lane, args=(todo, done, made, forker), daemon=True).start()
    for _ in wanted:
        yield done.get()


def _lane(todo: Any, done: Any, made: Bed, forker: Forker) -> None:
    x = X()
    x.client_id, x.client_secret = "client", "client-secret"
    with x.serving():
        while (case := todo.get()) is not None:
            try:
                done.put(_run(case, made, forker, x))
            except Exception:  # noqa: BLE001 - one run that fails is one line in the result
                done.put(Outcome(case, found=[f"no result: {traceback.format_exc()[-3000:]}"]))


def _run(case: Case, made: Bed, forker: Forker, x: X) -> Outcome:
    try:
        return Run(made, forker, x, case).go()
    except NeverReached:
        return Run(made, forker, x, replace(case, is_early=True)).go()


def row_of(name: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    ended: dict[str, dict[str, int]] = {"default": {}, "strict": {}}
    for one in outcomes:
        for mode, counts in one.ended.items():
            for status, count in counts.items():
                ended[mode][status] = ended[mode].get(status, 0) + count
    return {
        "killed": name,
        "runs": len(outcomes),
        "kills": sum(one.kills for one in outcomes),
        "posts": sum(sum(counts.values()) for counts in ended.values()),
        "double": sum(one.double for one in outcomes),
        "lost": sum(one.lost for one in outcomes),
        "wrong": sum(one.wrong for one in outcomes),
        "no result": sum(not one.ended for one in outcomes),
        "review default %": _share(ended["default"]),
        "review strict %": _share(ended["strict"]),
        "slowest s": round(max((one.seconds for one in outcomes), default=0.0), 1),
        **_times([s for seconds in joined(one.after for one in outcomes).values() for s in seconds]),
    }


def _times(seconds: Sequence[float]) -> dict[str, float | None]:
    """From a worker's SIGKILL to the end of a post."""
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {f"killed → end, {name} s": part(seconds, share) for name, share in shares.items()}


def _share(counts: dict[str, int]) -> float:
    return round(100 * counts.get("review", 0) / max(1, sum(counts.values())), 1)


def report(outcomes: Sequence[Outcome], name: str, title: str, *, is_default: bool = False) -> Report:
    made = Report(name, title)
    for plan in PLANS:
        mine = [one for one in outcomes if one.case.plan is plan]
        if mine:
            made.rows.append(row_of(plan.name, mine))
    whole = row_of("all", outcomes)
    made.rows.append(whole)
    for what in ("double", "lost", "wrong", "no result"):
        made.at_most(what, whole[what], 0)
    made.at_least("kills a run", whole["kills"] / max(1, len(outcomes)), 1)
    for left, seconds in joined(one.after for one in outcomes).items():
        made.rows.append({"when the worker died": left, "posts": len(seconds), **_times(seconds)})
        if is_default:
            made.at_most(f"{left}: p99 s", part(seconds, 0.99) or 0.0, MOST[left])
    for one in [one for one in outcomes if one.found][:20]:
        sys.stderr.write(f"{one.case}:\n  " + "\n  ".join(one.found) + "\n")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(prog="python -m tests.chaos.kill_matrix")
    options.add_argument("--runs", type=int, default=25, help="runs of each point on each database")
    options.add_argument("--seed", type=int, default=2026)
    options.add_argument("--engines", default=",".join(ENGINES))
    options.add_argument("--only", default="", help="only points whose name holds this")
    options.add_argument("--lanes", type=int, default=LANES)
    options.add_argument("--default-times", type=int, default=0, help="instead: so many runs at once, times of earnest")
    chosen = options.parse_args(arguments)
    engines = tuple(chosen.engines.split(","))
    begun = time.monotonic()
    if chosen.default_times:
        every = cases(1, engines, chosen.seed, only=chosen.only, is_default=True)
        wanted = [every[n * len(every) // chosen.default_times] for n in range(chosen.default_times)]
        name, lanes = "kill_matrix_default_times", len(wanted)
    else:
        wanted, name, lanes = cases(chosen.runs, engines, chosen.seed, only=chosen.only), "kill_matrix", chosen.lanes
    with bed(engines) as made, Forker() as forker:
        warm(made, forker, engines)
        outcomes = list(play(wanted, made, forker, lanes=lanes))
    used = [sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    sys.stderr.write(f"CPU seconds: driver {used[0]:.0f}, workers {used[1]:.0f}\n")
    title = f"Workers killed at {len({case.plan.name for case in wanted})} points, seed {chosen.seed}"
    title = f"{title}, {time.monotonic() - begun:.0f} s"
    result = report(outcomes, name, title, is_default=bool(chosen.default_times)).finish()
    return 1 if result.missed else 0


if __name__ == "__main__":
    sys.exit(main())
