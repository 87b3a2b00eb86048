"""When a lease is over: past its end, or ending so far ahead that the clock must have gone back since it was taken."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_

#: no lease here is longer; a longer one was written by a clock that ran ahead
TOO_FAR = timedelta(minutes=10)


def is_held(until: datetime | None, now: datetime) -> bool:
    """Whether its owner may still count on it."""
    return until is not None and now < until <= now + TOO_FAR


def over(until: Any, now: datetime, *, longest: timedelta = TOO_FAR) -> ColumnElement[bool]:
    """The same for a column, turned round. `longest`: where a setting allows longer leases."""
    return or_(until <= now, until > now + max(TOO_FAR, longest))
