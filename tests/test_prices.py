"""The price list: what is in force when, how it is changed, and what something costs by it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from benchmarks.bed import counting
from extensions import db
from models import PriceList, User
from sandbox.x_limits import PRICES as ASKED_BY_X
from services import prices
from services.audit import NOBODY, Actor
from services.errors import Conflict, Invalid
from tests.browser import Browser
from tests.conftest import ENGINES, NOON

YEARS_AGO, LATER = datetime(2020, 1, 1, tzinfo=UTC), NOON + timedelta(days=7)


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.mark.parametrize("engine_name", ENGINES)
def test_a_new_database_knows_what_x_asks_for(app):
    found = prices.current(NOON)
    assert found.post(has_link=True) == ASKED_BY_X["post_url"]
    assert found.post(has_link=False) == ASKED_BY_X["post"]
    assert found.cost(prices.READ, 3) == 3 * ASKED_BY_X["read"]
    assert found.version == prices.current(YEARS_AGO).version


@pytest.mark.parametrize("engine_name", ENGINES)
def test_a_new_list_holds_from_its_day_on_and_keeps_what_it_does_not_change(app):
    before = prices.current(NOON)
    version = prices.change({"x_post": 20_000, "ai:some/model-1:input": 7}, LATER, Actor(3), NOON)
    assert prices.current(LATER - timedelta(seconds=1)) == before
    after = prices.current(LATER)
    assert (after.version, after.post(has_link=False), after.post(has_link=True)) == (version, 20_000, 200_000)
    assert dict(after.of) == dict(before.of) | {"x_post": (20_000, 1), "ai:some/model-1:input": (7, 1_000_000)}
    assert version != before.version


def test_the_list_in_force_is_one_statement(app):
    db.session.rollback()
    with counting() as counted:
        prices.current(NOON)
    assert counted.statements == 1


@pytest.mark.parametrize(
    "changes, at, said",
    [
        ({"x_post": 1}, NOON - timedelta(seconds=1), "cannot be changed for the past"),
        ({"x_post": 1}, datetime(2026, 12, 1), "does not say in which zone"),
        ({"x_post": -1}, LATER, "between $0.00 and $1,000.00"),
        ({"x_post": 10**30}, LATER, "between"),
        ({"x_post": 0.5}, LATER, "in whole micro-dollars"),
        ({"x_post": "2"}, LATER, "in whole micro-dollars"),
        ({"x_post": True}, LATER, "in whole micro-dollars"),
        ({"coffee": 1}, LATER, "Nothing that is called “coffee” is bought here."),
        ({"ai:a b:input": 1}, LATER, "Nothing that is called"),
        ({"ai:m:thinking": 1}, LATER, "Nothing that is called"),
    ],
)
def test_what_can_be_no_price_is_refused_and_changes_nothing(app, changes, at, said):
    with pytest.raises(Invalid) as refused:
        prices.change(changes, at, NOBODY, NOON)
    assert said in str(refused.value)
    assert db.session.execute(select(func.count()).select_from(PriceList)).scalar_one() == 1


@pytest.mark.parametrize("engine_name", ENGINES)
def test_two_lists_never_begin_at_the_same_instant(app):
    prices.change({"x_post": 1}, LATER, NOBODY, NOON)
    with pytest.raises(Conflict, match="Another price list begins"):
        prices.change({"x_post": 2}, LATER, NOBODY, NOON)
    assert prices.current(LATER).post(has_link=False) == 1


@pytest.mark.parametrize(
    "model, read, written, micros",
    [
        ("claude-haiku-4-5", 1_000_000, 1_000_000, 6_000_000),
        ("gpt-5-mini", 3, 1, 3),  # 0.75 + 2 micro-dollars
        ("gpt-5-mini", 0, 0, 0),
        ("a model that nobody named", 1_000, 100, 4_500),
    ],
)
def test_an_answer_costs_its_tokens_rounded_up_once(app, model, read, written, micros):
    assert prices.current(NOON).tokens(model, read=read, written=written) == micros


def test_a_list_without_a_price_asks_for_nothing():
    nothing = prices.Prices(None, {})
    assert (nothing.post(has_link=True), nothing.tokens("gpt-5", read=9, written=9)) == (0, 0)


def test_the_editor_shows_the_price_in_force(app, cast):
    show = cast.show(hosts=("ada",))
    episode = cast.episode(show)
    path = f"/podcasts/{show.id}/episodes/{episode.id}/tweets"
    now = datetime.now(UTC)
    prices.change({"x_post_link": 250_000}, now, NOBODY, now)
    browser = Browser(app)
    browser.let_in(db.session.execute(select(User)).scalar_one())
    page = browser.get(path).text
    assert 'data-price-with="$0.25" data-price-without="$0.015"' in page
