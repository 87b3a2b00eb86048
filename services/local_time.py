"""Times of day as people type them in a podcast's own zone, made instants and back. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from services.checks import plausible, shown
from services.errors import Invalid

A_WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class LocalTime:
    """An instant that was typed; `remark` is a sentence about the clock change where there is something to say."""

    at: datetime
    remark: str = ""


def written(at: datetime, zone: str) -> str:
    """As a form field takes it: "2026-11-24T20:00", in the zone."""
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")


def instant_of(text: str, zone: str, *, before: datetime | None = None) -> LocalTime:
    """The instant meant by a time without offset in this zone.

    A skipped hour is refused, of a doubled one the first is meant. What still reads as `before` does stays that very
    instant, with its seconds and its half of a doubled hour.
    """
    if before is not None and text.strip() == written(before, zone):
        return LocalTime(before)
    local = _parsed(text)
    if _is_skipped(local, zone):
        raise Invalid(f"On that day the clocks in {zone} go forward, and {local:%H:%M} does not exist. Choose another.")
    first, second = (local.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return LocalTime(plausible("the time", first))
    remark = f"The clocks go back that day and {local:%H:%M} comes twice: the first one is meant."
    return LocalTime(plausible("the time", first), remark)


def weekly_after(at: datetime, zone: str, now: datetime) -> LocalTime:
    """The same weekday and time of day, one week later, or as many as it takes to be ahead.

    Where that hour is skipped by the clock, it is the one after it.
    """
    local = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    weeks = 1 + max(0, int((now - at) / A_WEEK))
    while True:
        later = (local + weeks * A_WEEK).replace(tzinfo=ZoneInfo(zone))
        if later.astimezone(UTC) > now:
            break
        weeks += 1
    remark = "The clocks change that day: check the time." if _is_skipped(local + weeks * A_WEEK, zone) else ""
    return LocalTime(plausible("the time", later.astimezone(UTC)), remark)


def _parsed(text: str) -> datetime:
    try:
        local = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Invalid(f"“{shown(text)}” is no date and time. Write it like 2030-01-31T20:00.") from None
    if local.tzinfo is not None:
        raise Invalid("Leave the offset away: the time is in the zone of the podcast.")
    plausible("the time", local.replace(tzinfo=UTC))  # before any reckoning at the ends of the calendar
    return local


def _is_skipped(local: datetime, zone: str) -> bool:
    there = local.replace(tzinfo=ZoneInfo(zone))
    return there.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local.replace(fold=0)
