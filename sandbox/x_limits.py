"""X's rate limits (windows, headers) and its prices."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

QUARTER = timedelta(minutes=15)
DAY = timedelta(hours=24)

# api.x.com prices of August 2026, in millionths of a dollar: docs.x.com, getting-started/pricing
PRICES = {"post": 15_000, "post_url": 200_000, "delete": 10_000, "read": 5_000, "user": 10_000}


@dataclass(frozen=True)
class Limit:
    """So many requests per window, for each user and for the whole app. None: not limited."""

    user: tuple[int, timedelta] | None = None
    app: tuple[int, timedelta] | None = None


def self_serve() -> dict[str, Limit]:
    """The table for self-serve apps: docs.x.com, fundamentals/rate-limits."""
    chunked = Limit(user=(1_875, QUARTER), app=(180_000, DAY))
    return {
        "POST /2/tweets": Limit(user=(100, QUARTER), app=(10_000, DAY)),
        "DELETE /2/tweets/:id": Limit(user=(50, QUARTER)),
        "GET /2/tweets": Limit(user=(5_000, QUARTER), app=(3_500, QUARTER)),
        "GET /2/tweets/:id": Limit(user=(900, QUARTER), app=(450, QUARTER)),
        "GET /2/users/:id/tweets": Limit(user=(900, QUARTER), app=(10_000, QUARTER)),
        "GET /2/users/me": Limit(user=(75, QUARTER)),
        "POST /2/media/upload": Limit(user=(500, QUARTER), app=(50_000, DAY)),
        "POST /2/media/chunked": chunked,
        "GET /2/media/upload": chunked,
        "POST /2/media/metadata": Limit(user=(500, QUARTER), app=(50_000, DAY)),
    }


@dataclass
class _Window:
    size: int
    ends: datetime
    used: int = 0

    @property
    def left(self) -> int:
        return max(0, self.size - self.used)

    def headers(self, prefix: str) -> dict[str, str]:
        return {
            f"{prefix}-limit": str(self.size),
            f"{prefix}-remaining": str(self.left),
            f"{prefix}-reset": str(int(self.ends.timestamp())),
        }


@dataclass
class Windows:
    """Counts requests in fixed windows that begin with their first request."""

    table: dict[str, Limit]
    _open: dict[tuple[str, str], _Window] = field(default_factory=dict)

    def take(self, endpoint: str, user: str | None, now: datetime, *, legacy: bool) -> tuple[bool, dict[str, str]]:
        """Counts one request. Returns whether it was within all limits, and the headers of its answer."""
        windows = self._windows(endpoint, user, now)
        daily = self._daily(endpoint, user, now) if legacy else {}
        counted = [*windows, *daily.values()]
        allowed = all(window.left for window in counted)
        for window in counted:
            window.used += allowed
        headers: dict[str, str] = {}
        if windows:
            # The header speaks of the user's window, unless it is the app's that stands in the way.
            speaks = next((window for window in windows if not window.left), windows[0])
            headers |= speaks.headers("x-rate-limit")
        for prefix, window in daily.items():
            headers |= window.headers(prefix)
        return allowed, headers

    def _windows(self, endpoint: str, user: str | None, now: datetime) -> list[_Window]:
        limit = self.table.get(endpoint, Limit())
        found = []
        if limit.user and user:
            found.append(self._window((endpoint, user), *limit.user, now))
        if limit.app:
            found.append(self._window((endpoint, "app"), *limit.app, now))
        return found

    def _daily(self, endpoint: str, user: str | None, now: datetime) -> dict[str, _Window]:
        """The 24-hour counters of the old plans, on posting only."""
        if endpoint != "POST /2/tweets" or not user:
            return {}
        return {
            "x-app-limit-24hour": self._window((endpoint, "app day"), 1_200_000, DAY, now),
            "x-user-limit-24hour": self._window((endpoint, f"{user} day"), 25, DAY, now),
        }

    def _window(self, key: tuple[str, str], size: int, length: timedelta, now: datetime) -> _Window:
        window = self._open.get(key)
        if window is None or window.ends <= now:
            window = self._open[key] = _Window(size, now + length)
        window.size = size
        return window


@dataclass
class Wallet:
    """Prepaid credits. They may go a little below zero; then everything is refused. `left` None: unlimited."""

    left: int | None = None
    spent: Counter[str] = field(default_factory=Counter)
    _read: set[tuple[str, str]] = field(default_factory=set)

    @property
    def empty(self) -> bool:
        return self.left is not None and self.left <= 0

    def charge(self, price: str) -> None:
        self.spent[price] += PRICES[price]
        if self.left is not None:
            self.left -= PRICES[price]

    def charge_read(self, price: str, resource: str, now: datetime) -> None:
        """The same resource costs once a UTC day."""
        key = (f"{now:%Y-%m-%d}", f"{price} {resource}")
        if key not in self._read:
            self._read.add(key)
            self.charge(price)
