"""Posts as a table for other programs: line by line, however many there are. Reads only."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from services.explorer import Line
from services.spend_csv import plain_cell

HEAD = (
    *("post", "at", "podcast", "episode", "host", "x_account", "state", "cause", "sent_by", "text_kind", "link"),
    *("posted_at", "seconds", "gone_at", "impressions", "engagements", "url", "text"),
)
#: lines that are handed on together: one by one each would be a write to the network
TOGETHER = 100

#: where an address at X leads: elsewhere in a rehearsal
Outward = Callable[[str], str]
Written = Callable[[Iterable[Line], Outward], Iterator[str]]
#: made once: finding out how to write takes longer than writing a line
_write = json.JSONEncoder(ensure_ascii=False).encode


def as_csv(lines: Iterable[Line], outward: Outward = str) -> Iterator[str]:
    page = io.StringIO()
    writer = csv.writer(page)
    writer.writerow(HEAD)
    for together in _together(lines):
        rows = (_values(line, outward) for line in together)
        writer.writerows([plain_cell(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
        yield page.getvalue()
        page.seek(0)
        page.truncate()
    yield page.getvalue()


def as_json(lines: Iterable[Line], outward: Outward = str) -> Iterator[str]:
    """One array of objects; its names are the columns of the table."""
    before = "["
    for together in _together(lines):
        objects = (_write(dict(zip(HEAD, _values(line, outward), strict=True))) for line in together)
        yield f"{before}\n" + ",\n".join(objects)
        before = ","
    yield "]\n" if before == "," else "[]\n"


def _together(lines: Iterable[Line]) -> Iterator[list[Line]]:
    rest = iter(lines)
    while some := list(islice(rest, TOGETHER)):
        yield some


def _values(line: Line, outward: Outward) -> tuple[Any, ...]:
    """In the order of HEAD."""
    return (
        line.id,
        _instant(line.at),
        line.podcast,
        line.episode,
        line.host,
        line.username,
        line.status,
        line.cause,
        line.trigger,
        line.kind,
        line.link,
        _instant(line.posted_at),
        line.seconds,
        _instant(line.gone_at),
        line.impressions,
        line.engagements,
        line.url and outward(line.url),
        line.text,
    )


def _instant(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None
