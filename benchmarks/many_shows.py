"""Figure 2: 100 shows of 3 hosts go live in the same second, X answers in 300 ms."""

from benchmarks.bed import ENGINES, Databases, measure_start
from benchmarks.report import Report
from benchmarks.stand_ins import StandIns

SHOWS, HOSTS = 100, 3


def measure() -> Report:
    report = Report("many_shows", f"{SHOWS} shows of {HOSTS} hosts go live in the same second, X answers in 300 ms")
    with StandIns() as stand_ins, Databases() as databases:
        for engine in ENGINES:
            started = measure_start(databases, stand_ins, engine, shows=SHOWS, hosts=HOSTS)
            report.rows.append(
                {
                    "database": engine,
                    "posts": started.posts,
                    "seen to last post s": started.seconds_to_last_post,
                    "whole check s": started.seconds_of_check,
                    "statements a post": started.counted.statements / started.posts,
                    "commits a post": started.counted.commits / started.posts,
                }
            )
            report.at_most(f"{engine}: seconds to the last post", started.seconds_to_last_post, 8)
    one_by_one = SHOWS * HOSTS * 0.3
    report.rows.append({"old way": "one by one: 300 ms a post, computed, not measured", "seconds": one_by_one})
    return report.finish()


if __name__ == "__main__":
    measure()
