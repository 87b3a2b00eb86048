"""The page of all causes: what people read, what to do, and the code that stands in the log."""

from html import escape

import pytest
from sqlalchemy import select

from extensions import db
from models import User
from services.causes import SECTIONS
from tests.browser import Browser, words


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def page(app, cast):
    cast.show(hosts=("ada",))
    browser = Browser(app)
    browser.sign_in(db.session.execute(select(User).filter_by(email="ada@example.com")).scalar_one())
    return browser.get("/troubleshooting")


def test_every_cause_is_on_the_page_with_what_to_do(page):
    seen = words(page)
    for section, causes in SECTIONS.items():
        assert section in seen
        for code, cause in causes.items():
            assert f'<dt id="{code}">{escape(cause.text)}</dt>'.replace("&#x27;", "&#39;") in page.text
            assert f"{cause.text} {cause.fix or 'Nothing to do.'} {code}" in seen


def test_every_page_leads_there(page):
    assert 'href="/troubleshooting">Troubleshooting</a>' in page.text
