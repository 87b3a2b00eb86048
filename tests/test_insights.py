"""Sentences about a period: each rule speaks at its threshold, not below it, and not about too little."""

from datetime import timedelta

import pytest

from extensions import db
from services import insight_facts, insights, overview_numbers, wallet
from services.audit import NOBODY
from services.figures import Figures, Half
from services.insights import FEW, Facts, HostPast, Plan, Reach
from services.money import DOLLAR
from services.periods import Kind
from services.wallet import Rules, Whose
from tests.season import EVENING, Season, Told
from tests.till import statements

CALM = Figures(posted=FEW, timed=FEW, on_time=FEW)
WEEK = {"now": "this week", "before": "the week before"}


@pytest.fixture
def engine_name():
    return "sqlite"


def said(kind, **facts):
    (text,) = [one.text for one in insights.of(Facts(**WEEK | facts)) if one.kind == kind] or [""]
    return text


def timed(number, on_time, **stretches):
    return Figures(posted=number, timed=number, on_time=on_time, **stretches)


def test_where_nothing_stands_out_nothing_is_said():
    assert insights.of(Facts(**WEEK, current=CALM, previous=CALM, starts=5)) == []


# On time


def test_a_fall_of_ten_points_is_said_with_the_part_of_the_way_that_has_grown():
    now = timed(20, 17, detection=Half(4, 70), queue=Half(1, 2), x=Half(1, 3))
    text = said("on_time", current=now, previous=timed(20, 19, detection=Half(4, 6), x=Half(1, 3)))
    assert text == (
        "On time fell from 95 % the week before to 85 % this week: 3 of 20 posts took longer than a minute. "
        "Most of it passed before the start was seen: the page of YouTube says how starts are noticed."
    )


@pytest.mark.parametrize(
    "now, before", [((20, 18), (20, 19)), ((9, 0), (20, 20)), ((20, 0), (9, 9)), ((20, 20), (20, 5))]
)
def test_a_small_fall_too_few_posts_and_a_rise_are_not(now, before):
    assert said("on_time", current=timed(*now), previous=timed(*before)) == ""


def test_of_too_few_posts_it_is_said_how_many_there_were():
    text = said("few", current=timed(3, 3), previous=timed(1, 1))
    assert (
        text
        == "Too few for a comparison of speed: 3 timed posts this week and 1 the week before. It is made from 10 on."
    )
    assert said("few", current=Figures(), previous=Figures()) == ""


# Hosts


def test_who_posted_before_and_not_any_more_is_named_with_the_number():
    hosts = [HostPast("Ada", 4, 0), HostPast("Bo", 4, 1), HostPast("Cy", 1, 0), HostPast("Di", 2, 0)]
    text = said("dropped", current=CALM, previous=CALM, starts=2, hosts=hosts)
    assert text.startswith("Posted the week before and not this week: Ada (4), Di (2). There were 2 starts")


def test_of_many_hosts_three_are_named_and_the_rest_is_counted():
    hosts = [HostPast(f"Host {n}", 4, 0) for n in range(50)]
    assert "Host 2 (4) and 47 more." in said("dropped", current=CALM, previous=CALM, starts=2, hosts=hosts)


def test_in_a_week_with_one_start_nobody_has_dropped():
    assert said("dropped", current=CALM, previous=CALM, starts=1, hosts=[HostPast("Ada", 4, 0)]) == ""


# Episodes


def reach(*impressions, best=True):
    return [Reach(f"Ep {n}", 2, seen, is_now=best and not n) for n, seen in enumerate(impressions)]


def test_the_best_episode_is_held_against_the_usual_one():
    text = said("best", current=CALM, episodes=reach(1_500, 1_000, 900, 5_000_000))
    assert text == (
        "“Ep 0” was seen most this week: 1,500 times with 2 posts, 1.5 times the usual 1,000. "
        "Read what those posts said."
    )


def test_an_episode_that_went_round_the_world_is_told_in_numbers_that_can_be_read():
    text = said("best", current=CALM, episodes=reach(3_000_004_689, 7_523, 7_000, 8_000))
    assert "3,000,004,689 times with 2 posts, 398,777.7 times the usual 7,523." in text


@pytest.mark.parametrize(
    "episodes",
    [
        reach(1_499, 1_000, 900, 5_000),
        reach(9_000, 1_000, 900),
        reach(0, 0, 0, 0),
        reach(9_000, 1_000, 900, 800, best=False),
        [],
    ],
)
def test_an_ordinary_one_too_few_and_one_of_another_week_are_not_named(episodes):
    assert said("best", current=CALM, episodes=episodes) == ""


# Money


def test_spend_above_the_plan_is_said_with_where_it_leads():
    text = said("spend", current=CALM, plan=Plan("March", 6 * DOLLAR, 10 * DOLLAR, 0.5))
    assert text.startswith("$6.00 was spent in March. At this pace it will be $12.00, and the budget is $10.00.")
    over = said("spend", current=CALM, plan=Plan("March", 11 * DOLLAR, 10 * DOLLAR, 0.99))
    assert over.startswith("$11.00 was spent in March, and the budget is $10.00.")


@pytest.mark.parametrize(
    "spent, budget, over", [(5.5, 10, 0.5), (2.4, 10, 0.24), (0, 10, 1.0), (0, 0, 0.5), (10, 10, 1.0)]
)
def test_within_the_plan_and_early_in_the_month_nothing_is_said_of_money(spent, budget, over):
    plan = Plan("March", round(spent * DOLLAR), budget * DOLLAR, over)
    assert said("spend", current=CALM, plan=plan) == ""


# Read from the database


@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
@pytest.mark.parametrize("hosts", [5, 50])
def test_the_facts_are_those_of_the_podcast_in_four_statements(app, hosts):
    season = Season.begun(hosts, timezone="UTC")
    last = EVENING - timedelta(weeks=1)
    season.tell([Told(host=n, at=last) for n in range(hosts) for _ in range(2)])
    season.tell([Told(host=n, at=EVENING, cost=DOLLAR) for n in range(1, hosts)])
    wallet.set_rules(Whose(season.podcast_id), Rules(budget=DOLLAR), NOBODY, EVENING)
    podcast = season.podcast
    overview = overview_numbers.overview(podcast, Kind.WEEK, EVENING)
    with statements() as asked:
        found = insight_facts.facts(podcast, overview, EVENING, money=True)
    assert len(asked) == 4
    assert [(host.before, host.now) for host in found.hosts] == [(2, 0), *[(2, 1)] * (hosts - 1)]
    assert (found.plan.spent, found.plan.budget, found.plan.month) == ((hosts - 1) * DOLLAR, DOLLAR, "March")
    assert insight_facts.facts(podcast, overview, EVENING, money=False).plan is None
    db.session.rollback()


def test_a_podcast_without_posts_and_without_hosts_has_nothing_to_say(app):
    season = Season.begun(0)
    for kind in Kind:
        overview = overview_numbers.overview(season.podcast, kind, EVENING)
        assert insights.of(insight_facts.facts(season.podcast, overview, EVENING, money=True)) == []
