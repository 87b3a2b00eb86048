"""Periods are a podcast's local days, the last one whole, whatever the clocks do meanwhile."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import Invalid
from services.periods import Kind, index_of, kind_of, midnight, period, weeks

ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Pacific/Auckland",
    "America/Havana",
    "Asia/Beirut",
)


def at(*when):
    return datetime(*when, tzinfo=UTC)


@pytest.mark.parametrize(
    "kind, now, zone, current, previous",
    [
        (Kind.WEEK, at(2026, 11, 22, 12), "UTC", (date(2026, 11, 16), date(2026, 11, 22)), date(2026, 11, 9)),
        (Kind.WEEK, at(2026, 11, 22, 12), "Pacific/Auckland", (date(2026, 11, 23), date(2026, 11, 29)), None),
        (Kind.MONTH, at(2026, 3, 1, 3), "America/New_York", (date(2026, 2, 1), date(2026, 2, 28)), date(2026, 1, 1)),
        (Kind.MONTH, at(2026, 1, 31), "UTC", (date(2026, 1, 1), date(2026, 1, 31)), date(2025, 12, 1)),
        (Kind.QUARTER, at(2026, 11, 22), "UTC", (date(2026, 10, 1), date(2026, 12, 31)), date(2026, 7, 1)),
        (Kind.QUARTER, at(2026, 1, 1), "UTC", (date(2026, 1, 1), date(2026, 3, 31)), date(2025, 10, 1)),
    ],
)
def test_a_period_is_the_local_one_of_today_and_the_one_before_it_ends_where_it_begins(
    kind, now, zone, current, previous
):
    found = period(kind, now, zone)
    assert (found.current.first, found.current.last) == current
    assert previous in (None, found.previous.first)
    assert found.previous.until == found.current.since


def test_the_last_day_is_whole_also_when_the_clocks_go_back_on_it():
    found = period(Kind.WEEK, at(2026, 10, 20), "Europe/Berlin")  # until Sunday the 25th, a day of 25 hours
    assert found.current.until - found.current.since == timedelta(days=7, hours=1)
    assert index_of([found.current], at(2026, 10, 25, 22, 59)) == 0
    assert index_of([found.current], at(2026, 10, 25, 23)) is None


def test_a_day_whose_midnight_is_skipped_begins_with_the_first_instant_it_has():
    begun = midnight(date(2026, 3, 29), "Asia/Beirut")
    assert begun == at(2026, 3, 28, 22)
    assert begun.astimezone(ZoneInfo("Asia/Beirut")).hour == 1


def test_a_midnight_that_comes_twice_is_the_first():
    assert midnight(date(2026, 11, 1), "America/Havana") == at(2026, 11, 1, 4)


def test_all_there_is_has_nothing_before_it():
    found = period(Kind.ALL, at(2026, 11, 22, 12), "Pacific/Auckland")
    assert found.previous is None
    assert found.current.until == at(2026, 11, 23, 11)


def test_what_is_no_period_is_refused():
    assert kind_of("week") is Kind.WEEK
    with pytest.raises(Invalid, match=r"“fortnight” is no period. There are: week, month, quarter, all."):
        kind_of("fortnight")


@given(
    now=st.datetimes(datetime(2001, 1, 1), datetime(2037, 1, 1)),
    zone=st.sampled_from(ZONES),
    kind=st.sampled_from([Kind.WEEK, Kind.MONTH, Kind.QUARTER]),
)
def test_now_is_always_within_and_the_periods_end_at_local_midnights(now, zone, kind):
    now = now.replace(tzinfo=UTC)
    found = period(kind, now, zone)
    assert index_of(found.spans, now) == 1
    for span in found.spans:
        local = [instant.astimezone(ZoneInfo(zone)) for instant in (span.since, span.until - timedelta(seconds=1))]
        assert [one.date() for one in local] == [span.first, span.last]
    twelve = weeks(now, zone)
    assert index_of(twelve, now) == 11
    assert all(one.until == other.since for one, other in itertools.pairwise(twelve))
