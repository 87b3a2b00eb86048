"""What a figure hands over: a table on the terminal and the same as JSON, with the machine it was measured on."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"


@dataclass
class Report:
    """One figure: rows of numbers, and targets with what was reached."""

    name: str
    title: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    targets: list[dict[str, Any]] = field(default_factory=list)

    @property
    def missed(self) -> list[str]:
        return [f"{self.name}: {t['what']} {t['reached']} (target {t['target']})" for t in self.targets if not t["met"]]

    def at_most(self, what: str, reached: float, target: float) -> None:
        self._target(what, reached, f"≤ {target}", reached <= target)

    def at_least(self, what: str, reached: float, target: float) -> None:
        self._target(what, reached, f"≥ {target}", reached >= target)

    def _target(self, what: str, reached: float, target: str, met: bool) -> None:
        self.targets.append({"what": what, "reached": round(reached, 3), "target": target, "met": met})

    def finish(self) -> "Report":
        """Prints the tables and writes results/<name>.json."""
        print(f"\n{self.title}\n{'=' * len(self.title)}")
        for group in _alike(self.rows):
            print(table(group), end="\n\n")
        if self.targets:
            print(table(self.targets))
        RESULTS.mkdir(exist_ok=True)
        facts = {"figure": self.title, **machine(), "rows": self.rows, "targets": self.targets}
        (RESULTS / f"{self.name}.json").write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
        return self


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same keys as aligned text."""
    cells = [list(rows[0]), *([_shown(value) for value in row.values()] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:.2f}"
    return "–" if value is None else str(value)


def _alike(rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Rows grouped by their columns, in the order of first appearance."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    return list(groups.values())


def machine() -> dict[str, Any]:
    """When, what and where: without these a number says nothing."""
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": asked.stdout.strip() if asked.returncode == 0 else None,
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "load_before": round(os.getloadavg()[0], 2),
        },
    }
