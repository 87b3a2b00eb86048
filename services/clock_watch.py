"""Whether this machine's clock is right, by those of YouTube and X. Asks nobody: their last answers say it."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from config import Settings
from services.durations import duration

log = logging.getLogger(__name__)

#: more than this is said; expiry, leases and one-time codes are judged by this clock
MOST = timedelta(seconds=60)


class ClockWatch:
    """`ahead` gives host → its clock minus ours."""

    def __init__(self, settings: Settings, ahead: Callable[[], Mapping[str, timedelta]]) -> None:
        asked = (settings.youtube_api_url, settings.youtube_web_url, settings.x_api_url)
        self._hosts = {urlsplit(url).netloc for url in asked}
        self._ahead = ahead
        self._is_said = False

    def behind(self) -> int | None:
        """Seconds that our clock is behind, below zero when it is ahead; None before anybody answered.

        The smallest difference counts: one server with a wrong clock makes ours no worse.
        """
        found = [ahead for host, ahead in self._ahead().items() if host in self._hosts]
        nearest = min(found, key=abs, default=None)
        return None if nearest is None else round(nearest.total_seconds())

    def check(self) -> int | None:
        """The same, with one line in the log when it becomes too much."""
        seconds = self.behind()
        is_off = is_wrong(seconds)
        if is_off and not self._is_said:
            log.warning("this machine's clock differs from those of YouTube and X", extra={"seconds_behind": seconds})
        self._is_said = is_off
        return seconds


def is_wrong(behind: int | None) -> bool:
    return behind is not None and abs(behind) > MOST.total_seconds()


def sentence(process: str, behind: int) -> str:
    """For people."""
    differs = f"{duration(abs(behind))} {'behind' if behind > 0 else 'ahead of'}"
    return (
        f"The clock of {process} is {differs} those of YouTube and X. "
        "Set it right, for example with NTP: what is too late is judged by it."
    )
