"""`python -m tests.chaos.fuzz [--inputs N] [--seed S]`: prints a table, writes benchmarks/results/fuzz.json."""

import argparse
import os
import sys

from benchmarks.report import Report
from tests.chaos.fuzz.parsers import PARSERS
from tests.chaos.fuzz.runner import fingerprint, fuzz_all

WHOLE = 1_000_000


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.chaos.fuzz")
    options.add_argument("--inputs", type=int, default=WHOLE, help="inputs in all, an equal share for each parser")
    options.add_argument("--seed", type=int, default=2026)
    options.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    chosen = options.parse_args()
    rows = fuzz_all(chosen.inputs, chosen.seed, processes=chosen.processes)
    title = f"Spoiled inputs for {len(PARSERS)} parsers, seed {chosen.seed}, fingerprint {fingerprint(rows)}"
    report = Report("fuzz", title, [row.shown() for row in rows])
    report.at_least("inputs in all", sum(row.inputs for row in rows), min(chosen.inputs, WHOLE))
    report.at_least("inputs of the least tried parser", min(row.inputs for row in rows), chosen.inputs / 20)
    report.at_most("unhandled", sum(row.unhandled for row in rows), 0)
    report.at_most("most memory of a parser, MiB", max(row.memory_kib for row in rows) / 1024, 64)
    report.finish()
    for example in [example for row in rows for example in row.examples]:
        sys.stderr.write(f"{example}\n")
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
