"""What our code never does: run text as code, build statements of text, trust without looking, or think too long."""

import ast
import contextlib
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import ROOT
from services.addresses import plain_address
from services.checks import email_address, instant, one_line, zone_name
from services.errors import AirhornError
from services.tweet_text import validate_template

TOP = ("app.py", "config.py", "config_values.py", "console.py", "extensions.py")
OURS = [ROOT / name for name in TOP] + [
    path
    for folder in ("commands*.py", "models/**/*.py", "routes/**/*.py", "services/**/*.py")
    for path in sorted(ROOT.glob(folder))
]
#: names that run text as code, or make objects of anything that is sent
RUNNING = {"eval", "exec", "compile", "__import__"}
MAKING = {"pickle", "marshal", "shelve", "dill", "yaml", "jsonpickle"}
#: what takes SQL as text
STATEMENTS = {"text", "execute", "executemany", "exec_driver_sql", "literal_column", "scalars", "scalar"}


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """(name of what is called, call) for every call in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield name, node


def is_built(node: ast.expr) -> bool:
    """Whether a text is put together of parts: by f"", %, + or format."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return any(
            isinstance(side, ast.Constant) and isinstance(side.value, str) for side in (node.left, node.right)
        ) or (is_built(node.left) or is_built(node.right))
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("format", "join")


@pytest.mark.parametrize(
    "source, is_wrong",
    [
        ('text(f"SELECT {a}")', True),
        ('text("SELECT " + a)', True),
        ('text("SELECT %s" % a)', True),
        ('text("SELECT {}".format(a))', True),
        ('text("".join(a))', True),
        ('text("SELECT 1")', False),
        ("execute(select(a).where(b == c))", False),
    ],
)
def test_the_rule_sees_what_it_should(source, is_wrong):
    call = ast.parse(source, mode="eval").body
    assert is_built(call.args[0]) == is_wrong


def test_no_statement_is_built_of_text():
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in OURS
        for name, call in calls(path)
        if name in STATEMENTS and call.args and is_built(call.args[0])
    ]
    assert found == []


def test_no_text_is_run_as_code():
    plain = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in OURS
        for name, call in calls(path)
        if name in RUNNING and isinstance(call.func, ast.Name)
    ]
    assert plain == []


def test_no_object_is_made_of_bytes_from_outside():
    imported = {
        (path.name, name.split(".")[0])
        for path in OURS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    assert [one for one in sorted(imported) if one[1] in MAKING] == []


OFF = {"shell": True, "verify": False, "check_hostname": False, "debug": True, "autoescape": False}


def test_no_guard_is_switched_off():
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno} {given.arg}"
        for path in OURS
        for _name, call in calls(path)
        for given in call.keywords
        if given.arg in OFF and isinstance(given.value, ast.Constant) and given.value.value is OFF[given.arg]
    ]
    assert found == []


def test_no_template_switches_escaping_off():
    off = re.compile(r"\|\s*safe\b|autoescape\s+false|Markup\(")
    templates = sorted((ROOT / "templates").rglob("*.html"))
    assert [path.name for path in [*templates, *OURS] if off.search(path.read_text())] == []
    inline = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)
    assert [path.name for path in templates if inline.search(path.read_text())] == []


def test_every_form_that_changes_something_carries_the_token_of_its_session():
    """Tests send forms with a token that no page showed them."""
    without, forms = [], 0
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for rest in path.read_text().split("<form")[1:]:
            form = rest.partition("</form>")[0]
            included = [
                (ROOT / "templates" / name).read_text() for name in re.findall(r'{% include "([^"]+)" %}', form)
            ]
            if 'method="post"' in form:
                forms += 1
                without += [path.name] if not any("csrf" in text for text in (form, *included)) else []
    assert without == []
    assert forms >= 30


# Patterns


def patterns() -> dict[tuple[str, str], re.Pattern[str]]:
    """(pattern, method) of every pattern of ours, with the methods that its module uses it by."""
    found = {}
    for path in OURS:
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = vars(importlib.import_module(".".join(parts).removesuffix(".__init__")))
        uses_any = "re" in module or any(isinstance(one, re.Pattern) for one in module.values())
        for name, call in calls(path) if uses_any else ():
            if not isinstance(call.func, ast.Attribute):
                continue
            owner = getattr(call.func.value, "id", "")
            first = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
            if owner == "re" and name in METHODS and isinstance(first, str):
                found[first, METHODS[name]] = re.compile(first)
            elif isinstance(module.get(owner), re.Pattern) and name in METHODS:
                found[module[owner].pattern, METHODS[name]] = module[owner]
        for value in module.values():
            kept = value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else ()
            found |= {(one.pattern, "search"): one for one in kept if isinstance(one, re.Pattern)}
    return found


METHODS = {"match": "match", "fullmatch": "fullmatch"} | dict.fromkeys(
    ("search", "sub", "subn", "split", "findall", "finditer"), "search"
)
#: patterns that only see what was cut before: the start of each and how much it can be
CUT = {"(?:(?<![A-Za-z0-9_])|(?<=[Rr][Tt]))[@": 5_000}
LONG = 120_000


def one_name(text):
    return one_line("the name", text, 100)


def an_instant(text):
    return instant("the time", text)


PIECES = (
    *(
        "a",
        "0",
        " ",
        "-",
        ".",
        "_",
        "@",
        "/",
        "{",
        "}",
        "{a}",
        '"',
        "'",
        "&",
        "&amp;",
        "&#0",
        "$",
        "#",
        "\n",
        "\t",
        "é",
        "日",
    ),
    *(
        "a.",
        "a-",
        "a@",
        ".a",
        "a ",
        "0:",
        "=",
        " = ",
        ":",
        '\\"',
        "xn--",
        "https://",
        "youtube.com/",
        "with ",
        "Bearer ",
        "x=",
    ),
    *(
        'href="',
        'content="',
        'name="csrf_token" value="',
        'data-tick="',
        "P1D",
        "T1H",
        "1Y",
        "UC",
        "%",
        "\\",
        "]",
        "a{",
        "<a ",
    ),
)
PATTERNS = patterns()


CHECKS = (email_address, zone_name, one_name, an_instant, validate_template, plain_address)


def worst(length: int = LONG) -> Iterator[str]:
    """Long repetitions that almost fit: each piece alone, before and after something that cannot fit."""
    for piece in PIECES:
        body = (piece * (length // len(piece)))[:length]
        yield f"{body}\x00"
        yield f"a@{body}!"


@pytest.mark.slow
@pytest.mark.timeout(60)  # what grows with the square takes longer at this length, what does not a few seconds
@pytest.mark.parametrize("pattern, method", sorted(PATTERNS), ids=lambda text: ascii(text)[:60])
def test_no_pattern_thinks_long_about_what_somebody_typed(pattern, method):
    length = next((length for start, length in CUT.items() if pattern.startswith(start)), LONG)
    ask = getattr(PATTERNS[pattern, method], method)
    for text in worst(length):
        ask(text)


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_no_check_thinks_long_either(check):
    for text in worst():
        with contextlib.suppress(AirhornError):
            check(text)


def test_there_are_patterns_to_try():
    assert len(PATTERNS) >= 30
