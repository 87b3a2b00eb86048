"""All entries of a podcast as a table for other programs: line by line, however many there are. Reads only."""

import csv
import io
import unicodedata
from collections.abc import Iterator
from datetime import UTC

from services import money
from services.spend_words import line_words
from services.wallet_history import Only, every_line

HEAD = (
    *("entry", "at", "wallet", "kind", "what", "host", "episode", "amount_usd", "cost_usd", "held_usd"),
    *("balance_usd", "held_after_usd", "by", "note", "episode_id", "post_id", "draft_id", "price_list_id"),
)
#: what spreadsheets take a cell for a formula by, also behind spaces and what nobody sees
_FORMULA = frozenset("=+-@\t\r\n＝＋－＠\N{MINUS SIGN}")
PODCAST = "podcast"


def plain_cell(text: str | None) -> str:
    """Words as words: what would be a formula gets an apostrophe, which spreadsheets do not show."""
    text = text or ""
    if text[:1].isalnum():  # as nearly all are; what begins a formula is neither letter nor digit, and is seen
        return text
    first = next((char for char in text if char in _FORMULA or not _is_unseen(char)), "")
    return f"'{text}" if first in _FORMULA else text


def _is_unseen(char: str) -> bool:
    """Spaces of all sorts, and the marks of Unicode that are written and not shown."""
    return char.isspace() or unicodedata.category(char) == "Cf"


def lines(podcast_id: int, only: Only, *, for_admin: bool) -> Iterator[str]:
    """Newest first. Amounts are dollars with all their decimals, times are UTC.

    What was left in the podcast's wallet is for admins: it tells what the others spent.
    """
    page = io.StringIO()
    writer = csv.writer(page)
    writer.writerow(HEAD)
    for line in every_line(podcast_id, only):
        words = (line.wallet or PODCAST, line.kind, line_words(line), line.host, line.episode)
        amounts = (line.amount, line.cost, line.held)
        left = (line.balance_after, line.held_after) if for_admin or line.wallet is not None else (None, None)
        writer.writerow(
            [
                line.id,
                line.at.astimezone(UTC).isoformat(timespec="seconds"),
                *map(plain_cell, words),
                *map(money.plain, amounts),
                *("" if micros is None else money.plain(micros) for micros in left),
                *map(plain_cell, (line.actor, line.note)),
                *(line.episode_id, line.post_id, line.draft_id, line.price_list_id),
            ]
        )
        yield page.getvalue()
        page.seek(0)
        page.truncate()
    yield page.getvalue()  # the head, where there is nothing else
