"""The numbers of a season: equal to a slow and obvious count, and in few statements however many there are."""

import dataclasses
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extensions import db
from services import figures, host_breakdown, trends
from services.errors import Invalid
from services.figures import NO_HALF
from services.host_breakdown import breakdown
from services.overview_numbers import overview, sparklines
from services.periods import Kind, period, weeks
from services.sql_time import MOST
from tests.season import EVENING, Season, Told
from tests.till import statements

NEW_YORK = "America/New_York"
#: on both sides of the borders of weeks, months and quarters, and of a change of the clocks
DAYS = st.integers(-200 * 24 * 4, 20 * 24 * 4).map(lambda quarters: EVENING + timedelta(minutes=15 * quarters))
WAYS = st.none() | st.tuples(st.integers(0, 9_000), st.integers(0, 300), st.integers(0, 200))
COUNTS = st.none() | st.tuples(*[st.integers(0, 2**40)] + [st.integers(0, 500)] * 5)
TOLD = st.builds(
    Told,
    host=st.none() | st.integers(0, 2),
    at=DAYS,
    status=st.sampled_from(["posted"] * 6 + ["failed", "missed", "cancelled", "queued", "unknown", "review"]),
    trigger=st.sampled_from(["live", "live", "now"]),
    source=st.sampled_from(["own", "draft", "template", "podcast", "builtin", ""]),
    text=st.sampled_from(["On air", "On air https://www.youtube.com/watch?v=dQw4w9WgXcQ"]),
    way=WAYS,
    counts=COUNTS,
    cost=st.sampled_from([0, 15_000, 200_000]),
)
SEASONS = settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def season(app):
    return Season.begun(timezone=NEW_YORK)


def within(span):
    return lambda one: span.since <= one.at < span.until


@pytest.mark.slow
@SEASONS
@given(told=st.lists(TOLD, max_size=60), kind=st.sampled_from(Kind))
def test_both_periods_and_every_week_are_what_counting_one_by_one_gives(app, told, kind):
    season = Season.begun(timezone=NEW_YORK)
    if told:
        season.tell(told)
    found = overview(season.podcast, kind, EVENING)
    assert found.current == season.recount(within(found.period.current))
    assert found.previous == (season.recount(within(found.period.previous)) if found.period.previous else None)
    for week in sparklines(season.podcast, EVENING):
        assert week.figures == season.recount(within(week.span))
    db.session.rollback()


@SEASONS
@given(told=st.lists(TOLD, max_size=60), kind=st.sampled_from(Kind))
def test_every_hosts_numbers_are_what_counting_one_by_one_gives(app, told, kind):
    season = Season.begun(timezone=NEW_YORK)
    if told:
        season.tell(told)
    span = period(kind, EVENING, NEW_YORK).current
    found = {row.user_id: row.figures for row in breakdown(season.podcast_id, span).rows}
    expected = {
        user: season.recount(lambda one, host=host: one.host == host and within(span)(one))
        for host, user in enumerate(season.users)
    }
    no_stretches = dict.fromkeys(("detection", "queue", "x"), NO_HALF)
    assert found == {user: dataclasses.replace(one, **no_stretches) for user, one in expected.items()}
    db.session.rollback()


@SEASONS
@given(told=st.lists(TOLD, max_size=40))
def test_hours_and_texts_have_each_post_once(app, told):
    season = Season.begun(timezone=NEW_YORK)
    if told:
        season.tell(told)
    span = period(Kind.ALL, EVENING, NEW_YORK).current
    out = [one for one in told if one.status == "posted" and within(span)(one)]
    hours = trends.by_hour(season.podcast, span)
    local = [one.at.astimezone(ZoneInfo(NEW_YORK)) for one in out]
    assert {when: reach.posted for when, reach in hours.items()} == {
        when: sum((one.weekday(), one.hour) == when for one in local)
        for when in {(one.weekday(), one.hour) for one in local}
    }
    found = trends.texts(season.podcast, span)
    own, linked = ([one for one in out if is_so(one)] for is_so in (lambda one: one.source == "own", has_link))
    for reach, posts in ((found.own_or_drafted.one, own), (found.link_or_none.one, linked)):
        counts = [one.counts for one in posts if one.counts]
        sums = (sum(one[0] for one in counts), sum(sum(one[1:]) for one in counts))
        assert (reach.posted, reach.measured, reach.impressions, reach.engagements) == (len(posts), len(counts), *sums)
    db.session.rollback()


def has_link(one):
    return "https://" in one.text


def test_a_post_at_the_sixtieth_second_is_on_time_and_one_after_it_is_not(season):
    season.tell([Told(way=(5_900, 50, 50)), Told(way=(5_900, 50, 51)), Told(trigger="now"), Told(status="failed")])
    found = overview(season.podcast, Kind.WEEK, EVENING).current
    assert (found.timed, found.on_time, found.on_time_share) == (2, 1, 0.5)
    assert found.failed_share == 0.25


def test_a_clock_that_was_wrong_for_years_breaks_no_page(season):
    years = 3 * 365 * 24 * 3600 * 100
    season.tell([Told(way=(years, 20, 40)), Told(way=(400, years, 40)), Told(way=(-years, 20, years))])
    found = overview(season.podcast, Kind.ALL, EVENING).current
    assert (found.timed, found.on_time, found.total.p95) == (3, 1, MOST / 100)
    assert breakdown(season.podcast_id, period(Kind.ALL, EVENING, NEW_YORK).current).rows


def test_a_podcast_without_posts_has_zeros_and_no_shares(season):
    found = overview(season.podcast, Kind.MONTH, EVENING)
    assert found.current == found.previous == figures.NOTHING
    assert found.current.on_time_share is found.current.engagement_rate is found.current.total.median is None
    assert trends.by_hour(season.podcast, found.period.current) == {}


def test_another_podcasts_posts_are_not_counted(season):
    Season.begun(name="Elsewhere").tell([Told(cost=200_000)])
    assert overview(season.podcast, Kind.ALL, EVENING).current == figures.NOTHING
    assert [row.figures for row in breakdown(season.podcast_id, period(Kind.ALL, EVENING, "UTC").current).rows] == [
        figures.NOTHING
    ] * 3


@pytest.mark.slow
def test_ten_thousand_posts_in_an_hour_are_counted_in_one_statement(season):
    told = [Told(host=n % 3, at=EVENING + timedelta(milliseconds=300 * n)) for n in range(10_000)]
    season.tell(told)
    podcast = season.podcast
    with statements() as asked:
        found = overview(podcast, Kind.WEEK, EVENING)
    assert found.current.announcements == 10_000
    assert len(asked) == 1


@pytest.mark.parametrize("hosts", [0, 1, 5, 50, 500])
def test_a_breakdown_takes_two_statements_however_many_members(app, hosts):
    season = Season.begun(hosts)
    if hosts:
        season.tell([Told(host=n % hosts) for n in range(3)])
    podcast_id, span = season.podcast_id, period(Kind.ALL, EVENING, "UTC").current
    with statements() as asked:
        found = breakdown(podcast_id, span)
    assert len(found.rows) == hosts
    assert len(asked) == 2
    db.session.rollback()


def test_the_other_numbers_take_one_statement_each(season):
    season.tell([Told()])
    podcast, span = season.podcast, period(Kind.ALL, EVENING, NEW_YORK).current
    for ask in (
        lambda: overview(podcast, Kind.QUARTER, EVENING),
        lambda: sparklines(podcast, EVENING),
        lambda: trends.latency(podcast, EVENING),
        lambda: trends.by_hour(podcast, span),
        lambda: trends.texts(podcast, span),
    ):
        with statements() as asked:
            ask()
        assert len(asked) == 1


def test_a_breakdown_sorts_by_any_column_with_those_who_have_nothing_last(season):
    season.tell([Told(host=1, way=(700, 0, 0)), Told(host=2, way=(300, 0, 0), source="draft"), Told(host=2)])
    span = period(Kind.WEEK, EVENING, NEW_YORK).current

    def names(sort, **more):
        return [row.name[-1] for row in breakdown(season.podcast_id, span, sort=sort, **more).rows]

    assert names("posted", descending=True) == ["2", "1", "0"]
    assert names("median") == ["2", "1", "0"]
    assert names("median", descending=True) == ["1", "2", "0"]
    assert names("name") == ["0", "1", "2"]
    assert names("draft", descending=True) == ["2", "1", "0"]
    for column in host_breakdown.SORTABLE:
        assert sorted(names(column)) == ["0", "1", "2"]


@pytest.mark.parametrize("sort", ["", "user_id; DROP TABLE posts", "figures"])
def test_a_column_that_is_none_is_refused(season, sort):
    with pytest.raises(Invalid, match="is no column to sort by"):
        breakdown(season.podcast_id, period(Kind.WEEK, EVENING, NEW_YORK).current, sort=sort)


def test_the_average_is_of_the_hosts_who_have_a_value(season):
    season.tell([Told(host=1, way=(700, 0, 0)), Told(host=2, way=(300, 0, 0)), Told(host=2, way=None)])
    average = breakdown(season.podcast_id, period(Kind.WEEK, EVENING, NEW_YORK).current).average
    assert (average["median"], average["posted"], average["engagement"]) == (5.0, 1.0, None)


def test_whoever_has_no_login_is_said_to_lack_it(season):
    rows = breakdown(season.podcast_id, period(Kind.WEEK, EVENING, NEW_YORK).current).rows
    assert {row.trouble for row in rows} == {"no_connection"}


def test_few_posts_are_not_held_against_others(season):
    own = [Told(counts=(10, 1, 0, 0, 0, 0))] * 10
    season.tell([*own, *[Told(source="draft", counts=(5, 0, 0, 0, 0, 0))] * 9])
    span = weeks(EVENING, NEW_YORK)[-1]
    assert not trends.texts(season.podcast, span).own_or_drafted.is_enough
    season.tell([Told(source="draft", counts=(5, 0, 0, 0, 0, 0))])
    found = trends.texts(season.podcast, span).own_or_drafted
    assert found.is_enough
    assert (found.one.impressions_each, found.other.impressions_each) == (10.0, 5.0)


def test_hours_go_by_the_podcasts_clock(season):
    season.tell([Told(at=datetime(2026, 3, 2, 3, 30, tzinfo=UTC)), Told(at=datetime(2026, 3, 9, 3, 30, tzinfo=UTC))])
    found = trends.by_hour(season.podcast, period(Kind.ALL, EVENING + timedelta(days=9), NEW_YORK).current)
    assert set(found) == {(6, 22), (6, 23)}  # Sundays: the clocks went forward in between
