"""The rules of the house that no linter knows."""

import ast
import json
import re
from functools import cache
from pathlib import Path

import pytest

from config import ROOT
from services.causes import CAUSES, explain

COMMANDS = [path.name for path in sorted(ROOT.glob("commands*.py"))]
TOP = [ROOT / name for name in ("app.py", *COMMANDS, "config.py", "config_values.py", "console.py", "extensions.py")]
OURS = TOP + [
    p for d in ("models", "routes", "services", "sandbox", "migrations") for p in sorted((ROOT / d).rglob("*.py"))
]
TESTS = sorted((ROOT / "tests").rglob("*.py"))


@cache
def imports(path: Path) -> set[str]:
    """The full names of everything a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("name", ["app.py", *COMMANDS, "console.py"])
def test_the_top_level_reaches_the_wire_through_services_only(name: str) -> None:
    assert not {n for n in imports(ROOT / name) if n.startswith(("services.clients", "requests", "tweepy"))}


def test_models_are_reached_by_services_and_migrations_only_below_the_top() -> None:
    assert "models" not in {n.split(".")[0] for n in imports(ROOT / "extensions.py") | imports(ROOT / "config.py")}


def test_tweepy_is_named_in_one_file() -> None:
    assert [p.relative_to(ROOT).as_posix() for p in OURS if any(n.split(".")[0] == "tweepy" for n in imports(p))] == [
        "services/clients/x.py"
    ]


@pytest.mark.slow
def test_tests_replace_nothing_of_ours() -> None:
    assert [p.name for p in TESTS if any(n.startswith(("unittest.mock", "mock")) for n in imports(p))] == []


def test_search_list_is_never_polled() -> None:
    asks = re.compile(r"/search\b")
    assert [p.name for p in (ROOT / "services").rglob("*.py") if asks.search(p.read_text())] == []


def test_only_services_commit() -> None:
    commits = re.compile(r"\.commit\(\)")
    shy = [p for d in ("models", "routes") for p in (ROOT / d).rglob("*.py")]
    shy += [ROOT / name for name in COMMANDS]
    assert [p.name for p in shy if commits.search(p.read_text())] == []


def used_causes() -> set[str]:
    """Every literal given as a cause anywhere in the services."""
    found: set[str] = set()
    for path in (ROOT / "services").rglob("*.py"):
        code = path.read_text()
        for node in ast.walk(ast.parse(code)) if "cause=" in code else ():
            if isinstance(node, ast.keyword) and node.arg == "cause" and isinstance(node.value, ast.Constant):
                found.add(str(node.value.value))
    return found - {"None"}


#: causes of the transport itself, which the clients translate, and of the stand-ins' buttons, which are only shown
INNER = {"unreachable", "no_answer", "too_large", "sandbox"}


def test_every_cause_has_its_words() -> None:
    assert used_causes() - INNER <= set(CAUSES)


@pytest.mark.parametrize("cause", sorted(CAUSES))
def test_the_words_of_a_cause_are_whole_sentences(cause: str) -> None:
    for sentence in (CAUSES[cause].text, CAUSES[cause].fix, CAUSES[cause].own_fix):
        assert not sentence or (sentence[0].isupper() and sentence.endswith(".") and "!" not in sentence)
    # What names the server's own account at X is kept from hosts.
    assert explain(cause, "X says no.").count("X says no.") == (not CAUSES[cause].own_fix)


def test_the_list_of_parts_names_what_is_pinned():
    pinned = set(re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    parts = json.loads((ROOT / "sbom.json").read_text())["components"]
    assert {(part["name"], part["version"]) for part in parts} == pinned, "run `make sbom`"
