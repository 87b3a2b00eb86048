"""Log lines: what comes from outside can neither begin a line nor hide one, as text and as JSON."""

import json
import logging
import sys

import pytest

from services.logs import JsonFormatter, TextFormatter

TEXT = TextFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
HOSTILE = (
    "Ada\n2026-11-24 20:00:00,000 ERROR   services: the database is gone",
    "Ada\r\n2026-11-24 20:00:00,000 CRITICAL routes: all posts were deleted",
    "\x1b[2J\x1b[31mred\x1b[0m",
    "\x9b31m\x07\x08\x08\x7f",
    '","level":"CRITICAL","message":"forged"}\n{"level":"ERROR"',
    "one\u2028two\u2029three\x85four\x0bfive\x0csix",
    "\u202egnp.exe\u2066\u200f",
    "\ud800",
    "%s %(message)s {0} ${x}",
)


def record(text, *, error=None, **extra):
    made = logging.LogRecord("routes", logging.WARNING, "x.py", 1, "name is %s", (text,), error)
    vars(made).update(extra)
    return made


def failed(text):
    try:
        raise ValueError(text)
    except ValueError:
        return sys.exc_info()


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_as_text_it_stays_on_its_line(text):
    line = TEXT.format(record(text, path=f"/{text}"))
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    assert line.encode()


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_as_json_it_stays_in_its_field(text):
    line = JsonFormatter().format(record(text, path=f"/{text}"))
    assert len(line.splitlines()) == 1
    entry = json.loads(line)
    assert (entry["level"], entry["message"], entry["path"]) == ("WARNING", f"name is {text}", f"/{text}")


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_the_text_of_an_exception_is_set_in_below_its_line(text):
    first, *trace = TEXT.format(record("x", error=failed(text))).split("\n")
    assert "name is x" in first
    assert len(trace) >= 4
    assert all(line.startswith("  | ") and line.isprintable() for line in trace)
    entry = json.loads(JsonFormatter().format(record("x", error=failed(text))))
    assert "ValueError" in entry["trace"]
