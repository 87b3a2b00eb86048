"""`python -m tests.chaos.mutants`: Airhorn with seven usual mistakes; the chaos suite must notice each.

Each mistake is a patch that is applied to a copy of the source tree; then the part of the suite that is named runs in
the copy and must fail, with something wrong in its output. Without a patch the same parts must pass.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Report

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "instance", "docs", "__pycache__", "*.sqlite*", "node_modules", ".mypy_cache", ".ruff_cache"
)
#: what a run that noticed something says; a run that broke down for another reason says none of it
NOTICED = re.compile(
    r"I[123]: [^\n]*|inside: [^\n]*|, wrong +\d+ [^\n]*NO|^E  +(?:AssertionError: )?assert [^\n]*", re.MULTILINE
)
UNBROKEN = "none: must pass"


@dataclass(frozen=True)
class Change:
    """One place of a patch; `old` stands in the file exactly once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    name: str
    changes: tuple[Change, ...]
    #: modules or test files with their arguments
    suite: tuple[str, ...]


MACHINE = ("pytest", "tests/chaos/test_machine.py", "-q", "-n", "0", "-p", "no:randomly")
KILLS = ("tests.chaos.kill_matrix", "--runs", "2", "--engines", "sqlite", "--only", "after a post is sent whole")
SLEEPERS = ("pytest", "tests/chaos/test_sleepers.py", "-q", "-n", "0", "-k", "sqlite")
SWITCHES = ("tests.chaos.races", "--only", "switch-off", "--interleavings", "600")
KEYS = ("tests.chaos.races", "--only", "one key", "--interleavings", "50")
REFRESHES = ("tests.chaos.races", "--only", "refresh", "--interleavings", "50")

POSTING, OUTBOX = "services/social_posting.py", "services/outbox.py"
MUTANTS = (
    Mutant(
        "a lease that is over: queued again",
        (
            Change(POSTING, "                to=PostStatus.UNKNOWN,", "                to=PostStatus.QUEUED,"),
            Change(
                POSTING,
                '                outcome=AttemptOutcome.UNKNOWN,\n                cause="x_interrupted",',
                '                outcome=AttemptOutcome.NOT_ACCEPTED,\n                cause="x_interrupted",',
            ),
        ),
        KILLS,
    ),
    Mutant(
        "a time-out: sent again",
        (
            Change(
                "services/clients/http.py",
                'return Unknown(f"The request was sent, but no complete answer came ({kind}).", cause="no_answer")',
                'return Refused(f"No complete answer came ({kind}).", cause="no_answer")',
            ),
            Change(
                "services/clients/x.py",
                '"no_answer": "x_no_answer"',
                '"no_answer": "x_unreachable"',
            ),
        ),
        MACHINE,
    ),
    Mutant(
        "a 5xx: sent again",
        (
            Change(
                "services/clients/x_answers.py",
                'return Unknown(f"X had a problem ({status}).", cause="x_server_error", http_status=status)',
                'return Refused(f"X had a problem ({status}).", cause="x_server_error", http_status=status)',
            ),
        ),
        MACHINE,
    ),
    Mutant(
        "no unique key",
        (
            Change(
                "migrations/versions/0001_the_first_schema.py",
                '        sa.UniqueConstraint("key", name=op.f("uq_posts_key")),\n',
                "",
            ),
        ),
        KEYS,
    ),
    Mutant(
        "an answer settles whichever attempt is under way",
        (Change(OUTBOX, "    if first.token is not None:\n", '    if first.token == "":\n'),),
        SLEEPERS,
    ),
    Mutant(
        "switching off without compare-and-set",
        (
            Change(OUTBOX, "Post.status == first.expected]", "Post.status != PostStatus.POSTED]"),
            Change(
                "services/tweet_scheduler.py",
                "newest_first.with_for_update(key_share=True), execution_options",
                "newest_first, execution_options",
            ),
        ),
        SWITCHES,
    ),
    Mutant(
        "everybody refreshes",
        (
            Change("services/tokens.py", "                or_(is_stale, in_doubt),\n", ""),
            Change(
                "services/tokens.py",
                "        lease_over = and_(",
                "        is_stale = in_doubt = None\n        lease_over = and_(",
            ),
        ),
        REFRESHES,
    ),
)


@dataclass(frozen=True)
class Ran:
    """One run of a part of the suite."""

    status: int
    noticed: tuple[str, ...]
    output: str
    seconds: float


def run(suite: Sequence[str], changes: Sequence[Change]) -> Ran:
    """In a copy of the tree with these changes."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="airhorn-mutant-") as name:
        tree = Path(name) / "tree"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        for change in changes:
            _apply(tree, change)
        environment = os.environ | {"PYTHONPATH": str(tree), "CHAOS_EXAMPLES": "100", "CHAOS_NO_SHRINKING": "1"}
        done = subprocess.run(
            [sys.executable, "-m", *suite], cwd=tree, env=environment, capture_output=True, text=True, timeout=900
        )
    output = done.stdout + done.stderr
    noticed = tuple(dict.fromkeys(" ".join(found.strip(", ").split()) for found in NOTICED.findall(output)))
    return Ran(done.returncode, noticed, output, time.monotonic() - begun)


def _apply(tree: Path, change: Change) -> None:
    path = tree / change.file
    text = path.read_text()
    assert text.count(change.old) == 1, f"{change.file} has changed: {text.count(change.old)} places for {change.old!r}"
    path.write_text(text.replace(change.old, change.new))


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.chaos.mutants")
    options.add_argument("--only", default="", help="only mutants whose name holds this")
    chosen = options.parse_args()
    mutants = [mutant for mutant in MUTANTS if chosen.only in mutant.name]
    report = Report("mutants", "Airhorn broken on purpose")
    wanted: list[tuple[str, tuple[str, ...], tuple[Change, ...]]] = [
        *[(UNBROKEN, suite, ()) for suite in dict.fromkeys(mutant.suite for mutant in mutants)],
        *[(mutant.name, mutant.suite, mutant.changes) for mutant in mutants],
    ]
    for name, suite, changes in wanted:
        ran = run(suite, changes)
        is_right = (ran.status != 0 and bool(ran.noticed)) if changes else ran.status == 0
        said = ran.noticed[0][:70] if ran.noticed else ""
        row = {"mistake": name, "suite": _shown(suite), "right": is_right, "noticed": said}
        report.rows.append({**row, "seconds": round(ran.seconds, 1)})
        sys.stderr.write(f"{report.rows[-1]}\n" if is_right else f"{name}: {ran.status}\n{ran.output[-3000:]}\n")
    caught = sum(row["right"] for row in report.rows if not row["mistake"].startswith("none"))
    report.at_least("mutants caught", caught, len(mutants))
    report.at_most(
        "parts that fail without one", sum(not row["right"] for row in report.rows) - (len(mutants) - caught), 0
    )
    return 1 if report.finish().missed else 0


def _shown(suite: Sequence[str]) -> str:
    return " ".join(part for part in suite[:2] if part != "pytest").removeprefix("tests.chaos.").removesuffix(" --only")


if __name__ == "__main__":
    sys.exit(main())
