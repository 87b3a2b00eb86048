"""How long numbers are kept that grow with time: each day what is too old goes. Decides nothing about what it means."""

from datetime import datetime, timedelta

from models import QuotaDay
from services import host_weeks
from services.batches import take_away

#: days of units spent at YouTube; pages show the one of today
UNITS_KEPT = timedelta(days=30)


def forget(now: datetime) -> None:
    """Any number of processes may do it."""
    host_weeks.forget(now)
    take_away(QuotaDay, QuotaDay.day < (now - UNITS_KEPT).date())
