"""What an operator looks at before a show: would it be announced, how soon, how long did it take. Reads only."""

from dataclasses import dataclass
from datetime import datetime

from config import Settings
from services import receipts
from services.receipts import PERIOD, Stats
from services.tonight import Tonight, tonight


@dataclass(frozen=True, slots=True)
class TonightPage:
    """The plan of the next 24 hours, and the figures of the last 30 days."""

    plan: Tonight
    stats: Stats


def tonight_page(settings: Settings, now: datetime) -> TonightPage:
    """Always the same number of statements, whatever there is."""
    return TonightPage(tonight(settings, now), receipts.stats(now - PERIOD, now))
