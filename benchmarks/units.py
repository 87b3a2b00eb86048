"""Figure 4: units and requests of a day, with one weekly show each, by the real planner in simulated time.

Run as a module it lives through one day and prints what it cost.
"""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.bed import Databases, add_podcasts, running, settings_for
from benchmarks.report import HERE, Report
from benchmarks.simulated_day import World, delays, live_through, units_spent

SIZES = (1, 10, 100, 1_000)
#: with fewer channels the uploads lists are the rule, and feeds are not asked at all
SIZES_WITH_FEEDS = (100, 1_000)
DAILY_UNITS = 10_000
AT_ONCE = 2


def measure() -> Report:
    report = Report("units", "YouTube units and requests of a day, one weekly show a channel, simulated")
    tasks = [{"channels": size, "feeds_fail": False} for size in SIZES]
    tasks += [{"channels": size, "feeds_fail": True} for size in SIZES_WITH_FEEDS]
    with Databases(("sqlite",), memory=True) as databases, ThreadPoolExecutor(AT_ONCE) as pool:
        for task in tasks:
            task |= {"database": databases.fresh("sqlite"), "folder": str(databases.folder)}
        # The long ones first, so that they do not wait for the short ones.
        longest = sorted(tasks, key=lambda task: -task["channels"])
        found = sorted(pool.map(_lived, longest), key=lambda row: (row["feeds"] == "fail", row["channels"]))
    report.rows += found
    report.at_most("most units of a day", max(row["units"] for row in found), DAILY_UNITS)
    report.at_most("starts never seen while feeds work", sum(r["never seen"] for r in found if r["feeds"] == "work"), 0)
    return report.finish()


def _lived(task: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.units"],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        cwd=HERE.parent,
        timeout=900,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def worker(task: dict[str, Any]) -> dict[str, Any]:
    """One day of so many channels."""
    world = World(task["channels"], feeds_fail=task["feeds_fail"])
    settings = settings_for(task["database"], Path(task["folder"]), youtube_daily_units=DAILY_UNITS)
    begun = time.monotonic()
    with running(settings):
        add_podcasts(world.channel_ids)
        live_through(world, settings)
        ledger = units_spent()
        planned, unplanned, missed = delays(world)
    sent = world.asked["videos"] + world.asked["uploads"]
    assert sent <= ledger.discovery + ledger.watch, "more was asked than counted"
    return {
        "channels": task["channels"],
        "feeds": "fail" if task["feeds_fail"] else "work",
        "units": ledger.discovery + ledger.watch,
        "uploads": ledger.discovery,
        "videos": ledger.watch,
        "units/channel": sent / task["channels"],
        "requests/channel": world.asked.total() / task["channels"],
        "planned p50 s": _part(planned, 0.5),
        "p95 s": _part(planned, 0.95),
        "unplanned p50 s": _part(unplanned, 0.5),
        "p95 s ": _part(unplanned, 0.95),
        "starts": len(planned) + len(unplanned) + missed,
        "never seen": missed,
        "took s": time.monotonic() - begun,
    }


def _part(delays: list[float], part: float) -> float | None:
    """The delay that this part of the starts does not exceed."""
    return delays[min(len(delays) - 1, int(part * len(delays)))] if delays else None


if __name__ == "__main__":
    print(json.dumps(worker(json.load(sys.stdin))))
