"""What the clocks of others say: the Date header of every answer, against our own clock."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

#: hosts that are remembered; they are few, since only configured ones are asked
MOST_HOSTS = 50
#: a longer age in a cache is no age
LONGEST_AGE = 7 * 24 * 3600


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """The time in the Date header, aware UTC."""
    try:
        at = parsedate_to_datetime(headers.get("Date", ""))
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


class Clocks:
    """The last answer of each host says how far its clock is ahead of ours. Safe to share between threads."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._ahead: dict[str, timedelta] = {}

    def note(self, url: str, headers: Mapping[str, str]) -> None:
        """An answer that has just come in. One without a readable Date says nothing."""
        theirs = server_time(headers)
        host = urlsplit(url).netloc
        if theirs is None or (host not in self._ahead and len(self._ahead) >= MOST_HOSTS):
            return
        # An answer from a cache was dated when it was put there.
        age = headers.get("Age", "")
        seconds = int(age) if age.isascii() and age.isdigit() and len(age) < 9 else 0
        self._ahead[host] = theirs + timedelta(seconds=min(seconds, LONGEST_AGE)) - self._clock().replace(microsecond=0)

    def ahead(self) -> dict[str, timedelta]:
        """Host, with a port that is not the usual one → its clock minus ours, to about a second."""
        return dict(self._ahead)
