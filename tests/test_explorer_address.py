"""The address of the explorer: what a form sent along empty does not stand in it."""

import re
from datetime import UTC, datetime
from html import unescape

import pytest
from sqlalchemy import insert, select

from extensions import db
from models import Post, User
from services.users import LONGEST_NAME
from tests.browser import Browser


@pytest.fixture
def engine_name():
    return "sqlite"


def test_what_was_left_empty_is_not_in_the_address(app, cast):
    browser = Browser(app)
    browser.let_in(cast.user("bo"))
    answer = browser.get("/posts?podcast=&host=&status=posted&since=&sort=oldest")
    assert (answer.status_code, answer.location) == (302, "/posts?status=posted&sort=oldest")
    assert browser.get(answer.location).status_code == 200
    assert browser.get("/posts?podcast=&host=").location == "/posts"


def test_a_filter_that_is_none_is_still_said(app, cast):
    browser = Browser(app)
    browser.let_in(cast.user("bo"))
    answer = browser.get("/posts?host=&status=odd")
    assert browser.get(answer.location).status_code == 422


def test_what_was_chosen_is_said_while_the_form_is_folded_away(app, cast):
    browser = Browser(app)
    show = cast.show("Deep Dive", hosts=("bo",))
    browser.let_in(db.session.execute(select(User)).scalar_one())
    page = browser.get(f"/posts?podcast={show.id}&status=failed&since=2026-11-01").get_data(as_text=True)
    assert "Deep Dive · Failed: needs you · from 2026-11-01" in page
    assert '<details class="card-plain mt-3">' in page
    assert '<details class="card-plain mt-3" open>' in browser.get("/posts?status=odd").get_data(as_text=True)


@pytest.mark.parametrize("name", ["A" * LONGEST_NAME, "ä" * LONGEST_NAME, "50 %: a+b&c=d#e 😀"])
def test_pages_by_host_lead_past_any_name(app, cast, name):
    show, at = cast.show(hosts=("bo",)), datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
    columns = {"host_name": name, "status": "posted", "podcast_id": show.id, "not_after": at}
    rows = [columns | {"key": f"named:{n}", "text": f"Show {n:03} is on"} for n in range(101)]
    db.session.execute(insert(Post), rows)
    db.session.commit()
    browser = Browser(app)
    browser.let_in(db.session.execute(select(User)).scalar_one())
    page, pages = browser.get("/posts?sort=host").get_data(as_text=True), []
    for _ in range(3):
        pages.append(len(re.findall(r"Show \d{3} is on", page)))
        older = re.search(r'href="([^"]*after=[^"]*)"', page)
        page = browser.get(unescape(older[1])).get_data(as_text=True) if older else ""
    assert (pages, page) == ([50, 50, 1], "")
