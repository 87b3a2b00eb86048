"""Figure 1: one show of 50 hosts goes live, X answers in 300 ms. From the start seen to the last post accepted."""

import time

from benchmarks.bed import ENGINES, Databases, Started, measure_start
from benchmarks.report import Report
from benchmarks.stand_ins import StandIns
from services.clients.http import Http
from services.clients.x import XClient

HOSTS = 50
TIMES = 3


def measure() -> Report:
    report = Report("go_live", f"One go-live, {HOSTS} hosts, X answers in 300 ms")
    with StandIns() as stand_ins, Databases() as databases:
        one_by_one = _one_by_one(stand_ins)
        worst = 0.0
        for engine in ENGINES:
            runs = [measure_start(databases, stand_ins, engine, shows=1, hosts=HOSTS) for _ in range(TIMES)]
            slowest = max(runs, key=lambda run: run.seconds_to_last_post)
            worst = max(worst, slowest.seconds_to_last_post)
            report.rows.append(_row(engine, runs, slowest))
            report.at_most(f"{engine}: seconds to the last post", slowest.seconds_to_last_post, 2.5)
            report.at_most(f"{engine}: SQL statements a post", slowest.counted.statements / HOSTS, 9)
            report.at_most(f"{engine}: commits a post", slowest.counted.commits / HOSTS, 3)
    report.rows.append({"old way": "one by one over the same client, no database", "seconds": one_by_one})
    report.at_least("times faster than one by one", one_by_one / worst, 6)
    return report.finish()


def _row(engine: str, runs: list[Started], slowest: Started) -> dict[str, object]:
    return {
        "database": engine,
        "posts": slowest.posts,
        "fastest s": min(run.seconds_to_last_post for run in runs),
        "slowest s": slowest.seconds_to_last_post,
        "whole check s": slowest.seconds_of_check,
        "statements": slowest.counted.statements,
        "commits": slowest.counted.commits,
    }


def _one_by_one(stand_ins: StandIns) -> float:
    """The old way: a loop over the hosts, each waiting for the one before."""
    stand_ins.reset()
    accounts = stand_ins.accounts([f"host{n}" for n in range(HOSTS)])
    stand_ins.latency(x=0.3)
    client = XClient(Http(), stand_ins.x_url)
    begun = time.monotonic()
    for account in accounts:
        client.post(account["access_token"], "We are live! https://www.youtube.com/watch?v=dQw4w9WgXcQ", deadline=20)
    return time.monotonic() - begun


if __name__ == "__main__":
    measure()
