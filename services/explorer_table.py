"""Posts as a table for other programs: line by line, however many there are. Reads only."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from services.explorer import Line
from services.spend_csv import plain_cell

HEAD = (
    *("post", "at", "podcast", "episode", "host", "x_account", "state", "cause", "sent_by", "text_kind", "link"),
    *("posted_at", "seconds", "gone_at", "url", "text"),
)
#: lines that are handed on together: one by one each would be a write to the network
TOGETHER = 100

#: where an address at X leads: elsewhere in a rehearsal
Outward = Callable[[str], str]
Written = Callable[[Iterable[Line], Outward], Iterator[str]]


def as_csv(lines: Iterable[Line], outward: Outward = str) -> Iterator[str]:
    page = io.StringIO()
    writer = csv.writer(page)
    writer.writerow(HEAD)
    for count, line in enumerate(lines, start=1):
        writer.writerow(
            [plain_cell(value) if isinstance(value, str) else value for value in _row(line, outward).values()]
        )
        if count % TOGETHER == 0:
            yield page.getvalue()
            page.seek(0)
            page.truncate()
    yield page.getvalue()


def as_json(lines: Iterable[Line], outward: Outward = str) -> Iterator[str]:
    """One array of objects; its names are the columns of the table."""
    before, together = "[", []
    for line in lines:
        together.append(f"{before}\n{json.dumps(_row(line, outward), ensure_ascii=False)}")
        before = ","
        if len(together) >= TOGETHER:
            yield "".join(together)
            together = []
    yield "".join(together) + ("]\n" if before == "," else "[]\n")


def _row(line: Line, outward: Outward) -> dict[str, Any]:
    values = (
        *(line.id, _instant(line.at), line.podcast, line.episode, line.host, line.username, line.status, line.cause),
        *(
            line.trigger,
            line.kind,
            line.has_link,
            _instant(line.posted_at),
            line.seconds,
            _instant(line.gone_at),
            line.url and outward(line.url),
            line.text,
        ),
    )
    return dict(zip(HEAD, values, strict=True))


def _instant(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None
