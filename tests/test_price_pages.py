"""The price list's page: what is in force and planned, and new prices from a day on."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from extensions import db
from models import PriceList
from services import prices
from services.audit import NOBODY
from tests.browser import Browser, words

HERE = "/admin/prices"


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def browser(app, cast):
    browser = Browser(app)
    browser.let_in(cast.user("root", is_admin=True, timezone="Europe/Berlin"))
    return browser


@pytest.fixture
def save(browser):
    """Saves the form as the page has it, with these prices and fields changed."""

    def save(changed=None, **fields):
        of = prices.current(datetime.now(UTC))
        data = {f"price:{item}": f"{micros / 1_000_000:.6f}" for item, (micros, _) in of.of.items()}
        data |= {f"price:{item}": value for item, value in (changed or {}).items()} | {"version": str(of.version)}
        db.session.rollback()
        return browser.post(HERE, data | fields)

    return save


def lists():
    found = db.session.execute(select(func.count()).select_from(PriceList)).scalar_one()
    db.session.rollback()
    return found


def now_costs(item):
    found = prices.current(datetime.now(UTC)).of.get(item)
    db.session.rollback()
    return found


def test_the_page_says_what_is_in_force_and_where_it_is_from(browser):
    page = browser.get(HERE)
    said = words(page)
    assert "In force since Mon 20 Apr, 02:00 Berlin" in said
    assert "Those of AI models are a first guess" in said
    assert "Any other model, a million tokens read" in said
    assert 'name="price:x_post_link" required type="text" value="0.20"' in page.text
    assert 'value="0.015"' in page.text


def test_a_price_holds_from_now_on_where_no_day_is_given(browser, save):
    answer = save({"x_post_link": "0.25", "ai:gpt-5:input": "$1.5"})
    assert answer.status_code == 302
    assert "Saved: these prices hold from" in words(browser.get(answer.location))
    assert now_costs("x_post_link") == (250_000, 1)
    assert now_costs("ai:gpt-5:input") == (1_500_000, 1_000_000)
    assert now_costs("x_post") == (15_000, 1)


def test_a_planned_list_is_shown_with_what_it_changes(browser, save):
    at = (datetime.now(UTC) + timedelta(days=9)).replace(hour=11, minute=0)
    assert save({"x_post": "0.02"}, at=f"{at:%Y-%m-%dT%H:%M}").status_code == 302
    said = words(browser.get(HERE)).partition("Planned")[2]
    assert "Post without link $0.015 → $0.02" in said
    assert "Post with link" not in said.partition("A planned list")[0]
    assert now_costs("x_post") == (15_000, 1)


def test_a_model_is_added_with_both_its_prices(save):
    assert save(model="local/llama-3", read="0", written="0").status_code == 302
    assert now_costs("ai:local/llama-3:output") == (0, 1_000_000)


@pytest.mark.parametrize(
    "changed, fields, said",
    [
        ({"x_post": "-1"}, {}, "A price is between $0.00 and $1,000.00."),
        ({"x_post": "1" + "0" * 30}, {}, "A price is between"),
        ({"x_post": "0.0000001"}, {}, "finer than a millionth of a dollar"),
        ({"x_post": "free"}, {}, "“free” is no amount of money"),
        ({"x_post": ""}, {}, "is no amount of money"),
        ({}, {}, "No price differs from the list in force"),
        ({"x_post": "1"}, {"at": "2020-01-01T00:00"}, "Prices cannot be changed for the past"),
        ({"x_post": "1"}, {"at": "soon"}, "“soon” is no date and time"),
        ({"x_post": "1"}, {"at": "0001-01-01T00:00"}, "between the years"),
        ({}, {"model": "gpt-6"}, "A model needs its name and both prices."),
        ({}, {"read": "1", "written": "2"}, "A model needs its name and both prices."),
        ({}, {"model": "a b", "read": "1", "written": "2"}, "Nothing that is called"),
        ({}, {"model": "m", "read": "1", "written": "x"}, "“x” is no amount of money"),
    ],
)
def test_what_can_be_no_price_is_kept_with_why(save, changed, fields, said):
    answer = save(changed, **fields)
    assert answer.status_code == 422
    assert said in words(answer)
    for value in (*changed.values(), *fields.values()):
        assert f'value="{value}"' in answer.text
    assert lists() == 1


def test_who_saves_an_old_page_looks_at_the_new_prices_first(browser, save):
    now = datetime.now(UTC)
    version = str(prices.current(now).version)
    prices.change({"x_post": 99_000}, now, NOBODY, now)
    answer = save({"x_read": "0.01", "x_post": "0.015"}, version=version)
    assert answer.status_code == 409
    assert "The price list has changed since this page was opened." in words(answer)
    assert 'name="price:x_read" required type="text" value="0.01"' in answer.text
    assert now_costs("x_post") == (99_000, 1)


def test_the_same_form_sent_twice_makes_one_list(save):
    save({"x_post": "0.02"})
    assert save({}).status_code == 422
    assert lists() == 2
