"""Weeks added up by host equal the live numbers, take the same few statements for any number, and go when old."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from extensions import db
from models import HostWeek, PodcastMember, Post, PostSnapshot
from services import host_weeks, periods, podcast_settings
from services.audit import Actor
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
    assert list(db.session.execute(select(PostSnapshot.step)).scalars()) == [6]
    assert db.session.execute(select(Post.impressions, Post.engagements)).one() == (10, 1)
    assert len(kept()) == 1


def test_of_a_podcast_without_anybody_weeks_are_looked_at_once_a_day(app):
    season, job = Season.begun(0), host_weeks.RollUp()
    db.session.commit()
    job.run(EVENING)
    with statements() as asked:
        assert job.run(EVENING + timedelta(hours=23)) == 0
    assert len(asked) == 2
    db.session.add(PodcastMember(podcast_id=season.podcast_id, user_id=Season.begun(1, "Other").users[0]))
    db.session.commit()
    assert job.run(EVENING + timedelta(hours=24)) == 2 * host_weeks.WEEKS_BACK


def test_in_another_zone_all_weeks_are_added_up_anew(app, cast):
    show = cast.show(hosts=("ada",), timezone="UTC")
    (ada,) = db.session.execute(select(PodcastMember.user_id)).scalars()
    # three on Monday morning is Sunday in New York
    season = Season(show.id, [ada])
    season.tell([Told(at=datetime(2026, 3, 2, 3, 0, tzinfo=UTC))])
    db.session.commit()
    now = datetime(2026, 4, 1, tzinfo=UTC)
    host_weeks.roll_up_due(now)
    assert posted() == {date(2026, 3, 2): 1}
    wanted = podcast_settings.Wanted(
        name=show.name, timezone=NEW_YORK, language="en", default_text="", version=podcast_settings.version_of(show)
    )
    show_id = show.id
    db.session.rollback()
    podcast_settings.change(show_id, wanted, Actor(ada), now)
    assert roll_up(Show(show_id, "UTC"), date(2026, 3, 2), now) == 0  # one that began before
    host_weeks.roll_up_due(now)
    assert posted() == {date(2026, 2, 23): 1}


def posted():
    """Monday → posts, where there are any."""
    found = dict(db.session.execute(select(HostWeek.week, HostWeek.posted).where(HostWeek.posted > 0)).all())
    db.session.rollback()
    return found
