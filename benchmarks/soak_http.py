"""720 simulated hours of the real application: 20 channels, real HTTP to the stand-ins, real database, faults on.

`python -m benchmarks.soak_http --hours 24 --database postgresql` for a shorter one, or another database.
"""

import argparse
import logging
import random
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from benchmarks.bed import ENGINES, Databases, running, wired
from benchmarks.report import Report
from benchmarks.soak_life import Door, Life
from benchmarks.soak_month import Month
from benchmarks.soak_spoils import SHARES
from benchmarks.soak_stage import Stage
from benchmarks.soak_tally import ASKED, LOGIN, OURS, REFUSED, YOUTUBE, Tally, count, units_counted
from benchmarks.soak_world import SECOND, UNITS

CHANNELS, HOSTS, HOURS, SEED = 20, 5, 720, 20_261_122
#: growth from the second quarter of the month to the last
MOST_GROWTH, MOST_DESCRIPTORS = 5.0, 3.0


@dataclass
class Lived:
    """One month: what became of each post, what it took, and the samples of its days."""

    database: str
    life: Life
    tally: Tally
    #: what the stand-ins have seen
    seen: dict[str, Any]
    #: units by day: the most at YouTube, the most by our own count, days on which we counted too few
    units: tuple[int, int, int]
    cpu_seconds: float
    seconds: float


def lived(*, channels: int, hours: int, seed: int, database: str = "sqlite") -> Lived:
    random.seed(seed)
    begun, cpu = time.monotonic(), _cpu()
    facts = {"channels": channels, "hours": hours, "seed": seed}
    with Databases((database,), memory=True) as databases, Stage() as stage, Door() as door:
        urls = stage.open(hosts=HOSTS, **facts)
        settings = wired((urls["youtube"], urls["x"]), databases.fresh(database), databases.folder)
        settings = settings.model_copy(update={"public_url": door.url, "websub_hub_url": urls["hub"]})
        with running(settings) as services:
            # Everything that goes wrong on purpose is told.
            logging.disable(logging.CRITICAL)
            life = Life(Month(**facts), stage, door, HOSTS)
            life.run()
            logging.disable(logging.NOTSET)
            assert services.guard.ground().quarantined_at is None
            seen = stage.seen()
            tally, units = count(life, seen, HOSTS), _units(seen["units"], units_counted())
    return Lived(database, life, tally, seen, units, _cpu() - cpu, time.monotonic() - begun)


def _units(spent: dict[str, int], counted: dict[str, int]) -> tuple[int, int, int]:
    too_few = sum(units > counted.get(day, 0) for day, units in spent.items())
    return max(spent.values(), default=0), max(counted.values(), default=0), too_few


def rows_of(one: Lived) -> list[dict[str, Any]]:
    """Tables of one row each, and one of the quarters."""
    tally, name = one.tally, {"database": one.database}
    asked, spoiled = one.seen["questions"], one.seen["spoiled"]
    delays = _delays("start → post, planned", tally.delays[True]) | _delays("not planned", tally.delays[False])
    return [
        name | _posts(one),
        name | {f"not at X: {why}": tally.missing[why] for why in (OURS, YOUTUBE, LOGIN, REFUSED, ASKED)},
        name | dict(zip(("most units a day", "most counted", "days counted short"), one.units, strict=True)),
        name | delays,
        name | {"requests": sum(asked.values()), "spoiled": sum(spoiled.values())} | _spoiled(asked, spoiled),
        name | {"steps": one.life.steps, "CPU s": one.cpu_seconds, "took s": one.seconds},
        *(name | quarter for quarter in quarters(one.life.samples)),
    ]


def _posts(one: Lived) -> dict[str, Any]:
    tally = one.tally
    return {
        "starts": len(one.life.month.starts()),
        "posts wanted": tally.wanted,
        "posted": tally.posted,
        "double": tally.double,
        "said wrongly": len(tally.wrong),
        **{f"in review, {mode} %": 100 * tally.review[mode] / posts for mode, posts in tally.hosts.items()},
    }


def _delays(name: str, delays: Sequence[timedelta]) -> dict[str, float | None]:
    return {
        f"{name} p50 s": _part(delays, 0.5),
        f"{name} p95 s": _part(delays, 0.95),
        f"{name} worst s": _part(delays, 1),
    }


def _spoiled(asked: dict[str, int], spoiled: dict[str, int]) -> dict[str, float]:
    """The part of each kind of question, in percent."""
    return {f"{kind} %": 100 * spoiled.get(kind, 0) / asked[kind] for kind in SHARES if asked.get(kind)}


def _part(delays: Sequence[timedelta], part: float) -> float | None:
    ordered = sorted(delays)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] / SECOND if ordered else None


def quarters(samples: Sequence[dict[str, float]]) -> list[dict[str, Any]]:
    """Means of the days of each quarter of the month."""
    names = [name for name in samples[0] if name != "day"]
    found = []
    for number in range(4):
        days = samples[number * len(samples) // 4 : (number + 1) * len(samples) // 4]
        if days:
            means = {name: statistics.fmean(day[name] for day in days) for name in names}
            found.append({"quarter": number + 1, "from day": days[0]["day"], **means})
    return found


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(hours: int = HOURS, databases: Sequence[str] = ("sqlite",), seed: int = SEED) -> Report:
    report = Report("soak_http", f"{hours} simulated hours of {CHANNELS} channels over real HTTP, faults on")
    for database in databases:
        one = lived(channels=CHANNELS, hours=hours, seed=seed, database=database)
        report.rows += rows_of(one)
        for sentence in [*one.tally.wrong, *one.tally.ours]:
            sys.stderr.write(f"{sentence}\n")
        report.at_most(f"{database}: double", one.tally.double, 0)
        report.at_most(f"{database}: missed for our own fault", one.tally.missing[OURS], 0)
        report.at_most(f"{database}: said wrongly", len(one.tally.wrong), 0)
        report.at_most(f"{database}: most units of a day", max(one.units[:2]), UNITS)
        parts = quarters(one.life.samples)
        if len(parts) == 4:
            _compare(report, database, parts[1], parts[3])
    return report.finish()


def _compare(report: Report, database: str, early: dict[str, Any], late: dict[str, Any]) -> None:
    growth = 100 * (late["memory MB"] / early["memory MB"] - 1)
    report.at_most(f"{database}: memory grown, %", growth, MOST_GROWTH)
    more = late["descriptors"] - early["descriptors"]
    report.at_most(f"{database}: descriptors more", more, MOST_DESCRIPTORS)


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m benchmarks.soak_http")
    options.add_argument("--hours", type=int, default=HOURS)
    options.add_argument("--database", default="sqlite", help=f"of {', '.join(ENGINES)}; several with commas")
    options.add_argument("--seed", type=int, default=SEED)
    chosen = options.parse_args()
    return 1 if measure(chosen.hours, chosen.database.split(","), chosen.seed).missed else 0


if __name__ == "__main__":
    sys.exit(main())
