"""Weeks added up by host equal the live numbers, take the same few statements for any number, and go when old."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from extensions import db
from models import LATEST, HostWeek, PodcastMember, PostSnapshot
from services import host_weeks, periods
from services.host_weeks import SUMS, Show, roll_up
from services.periods import WEEK
from tests.season import EVENING, Season, Told
from tests.test_overview_numbers import NEW_YORK, TOLD, within
from tests.till import statements

MONDAY = date(2026, 2, 23)
SPAN = periods.span_of(MONDAY, MONDAY + WEEK, NEW_YORK)
IN_WEEK = SPAN.since + timedelta(days=1)


@pytest.fixture
def season(app):
    return Season.begun(timezone=NEW_YORK)


def kept():
    """user → row."""
    query = select(HostWeek).execution_options(populate_existing=True)
    found = {one.user_id: one for one in db.session.execute(query).scalars()}
    db.session.expunge_all()
    return found


def show(season):
    return Show(season.podcast_id, NEW_YORK)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(TOLD, max_size=60), shift=st.integers(0, 3))
def test_a_week_equals_a_slow_count_of_each_host(app, told, shift):
    number = db.session.execute(select(db.func.count()).select_from(HostWeek)).scalar()
    season = Season.begun(name=f"Show {number} {shift} {len(told)} {id(told)}", timezone=NEW_YORK)
    if told:
        season.tell(told)
    monday = MONDAY - shift * WEEK
    roll_up(show(season), monday, EVENING)
    span, found = periods.span_of(monday, monday + WEEK, NEW_YORK), kept()
    for host, user in enumerate(season.users):
        expected = season.recount(lambda one, host=host: one.host == host and within(span)(one))
        assert {name: getattr(found[user], name) for name in SUMS} == {name: getattr(expected, name) for name in SUMS}
        spread = [None if one is None else one / 100 for one in (found[user].median, found[user].p95)]
        assert spread == [expected.total.median, expected.total.p95]


def test_the_statements_are_the_same_for_five_members_and_for_five_hundred(app):
    asked = []
    for hosts in (5, 500):
        season = Season.begun(hosts, name=f"Show of {hosts}", timezone=NEW_YORK)
        season.tell([Told(host=n % hosts, at=IN_WEEK) for n in range(hosts)])
        db.session.commit()
        with statements() as found:
            assert roll_up(show(season), MONDAY, EVENING) == hosts
        asked.append(len(found))
    assert asked == [3, 3]


def test_added_up_again_a_week_has_what_came_since(season):
    season.tell([Told(at=IN_WEEK)])
    roll_up(show(season), MONDAY, EVENING)
    season.tell([Told(at=IN_WEEK, counts=(10, 1, 0, 0, 0, 0))])
    roll_up(show(season), MONDAY, EVENING)
    found = kept()[season.users[0]]
    assert (found.posted, found.impressions, found.engagements) == (2, 10, 1)


def test_who_has_left_the_podcast_keeps_the_week(season):
    season.tell([Told(at=IN_WEEK)])
    db.session.execute(delete(PodcastMember).where(PodcastMember.user_id == season.users[0]))
    roll_up(show(season), MONDAY, EVENING)
    assert kept()[season.users[0]].posted == 1


def test_each_finished_week_is_due_once_a_day_until_its_numbers_are_final(season):
    db.session.commit()
    mine = [week for _, week in host_weeks.due(EVENING)]
    assert mine == [MONDAY - n * WEEK for n in range(host_weeks.WEEKS_BACK)]
    assert host_weeks.roll_up_due(EVENING) == len(mine)
    assert host_weeks.roll_up_due(EVENING + timedelta(hours=23)) == 0
    # A day later: only of what ended less than nine days ago X may have said more.
    assert [week for _, week in host_weeks.due(EVENING + timedelta(days=1))] == [MONDAY]


def test_what_is_too_old_goes_and_the_newest_counts_of_a_post_stay(season):
    (post_id,) = season.tell([Told(counts=(10, 1, 0, 0, 0, 0))])
    ages = {1: timedelta(days=366), 6: timedelta(days=364)}
    rows = [{"post_id": post_id, "step": step, "at": EVENING - age} for step, age in ages.items()]
    db.session.execute(insert(PostSnapshot), rows)
    for days in (731, 700):
        week = (EVENING - timedelta(days=days)).date()
        db.session.add(HostWeek(podcast_id=season.podcast_id, user_id=season.users[0], week=week, made_at=EVENING))
    db.session.commit()
    host_weeks.forget(EVENING + timedelta(days=0))
    assert sorted(db.session.execute(select(PostSnapshot.step)).scalars()) == [LATEST, 6]
    assert len(kept()) == 1
