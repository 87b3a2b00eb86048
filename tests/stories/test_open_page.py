"""The page of an episode that stays open while the show begins: it follows by itself, and loses nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from extensions import db
from models import EpisodeTweetConfig
from tests.stories.conftest import PHONE
from tests.stories.test_my_post import FIELD

KEPT = "Your post is out. What you typed here is kept until you reload."


@pytest.fixture
def show(cast):
    return cast.show(hosts=("ada",))


@pytest.fixture
def path(cast, show):
    episode = cast.episode(show, at=datetime.now(UTC) + timedelta(minutes=10))
    return f"/podcasts/{show.id}/episodes/{episode.id}/tweets"


@pytest.fixture
def page(visit, person, path):
    """Open before the start, and never loaded again."""
    person("ada")
    visitor = visit(PHONE)
    visitor.sign_in("ada")
    opened = visitor.open(path)
    opened.evaluate("window.isSamePage = true")
    yield opened
    assert opened.evaluate("window.isSamePage")


def goes_out(cast, show, page):
    cast.go_live(show)
    cast.check()
    expect(page.locator("[data-live=mine]").get_by_text("Posted", exact=True)).to_be_visible()


def test_once_the_post_is_out_the_page_has_its_link_and_history_and_no_button_that_does_nothing(page, cast, show):
    expect(page.get_by_role("button", name="Save")).to_be_visible()
    goes_out(cast, show, page)
    for name in ("Save", "Write a draft", "Switch off", "Post now", "Use this one", "Write drafts for everybody"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    expect(page.get_by_label(FIELD)).to_have_count(0)
    sent = cast.timeline("ada")[0]
    assert page.locator(".preview .words").inner_text() == sent
    expect(page.locator("[data-live=mine]").get_by_role("link", name="See it on X")).to_be_visible()
    expect(page.locator("[data-live=timeline]").get_by_text("Posted", exact=True)).to_be_visible()
    expect(page.locator("[data-live=timeline]").get_by_role("link", name="Ada’s post on X")).to_be_visible()


def test_what_is_being_typed_when_the_post_goes_out_stays_and_a_line_says_that_it_is_too_late(page, cast, show):
    page.get_by_label(FIELD).fill("Half a thought, not sa")
    goes_out(cast, show, page)
    expect(page.get_by_text(KEPT)).to_be_visible()
    expect(page.get_by_role("link", name="Load the page again")).to_be_visible()
    page.get_by_label(FIELD).press_sequentially("ved")
    page.wait_for_timeout(5_000)
    assert page.get_by_label(FIELD).input_value() == "Half a thought, not saved"
    expect(page.get_by_text(KEPT)).to_have_count(1)
    assert "Half a thought" not in cast.timeline("ada")[0]


def test_who_takes_back_what_was_typed_gets_the_page_as_it_is(page, cast, show):
    page.get_by_label(FIELD).fill("Never mind")
    goes_out(cast, show, page)
    expect(page.get_by_text(KEPT)).to_be_visible()
    page.get_by_label(FIELD).fill("")
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    expect(page.get_by_text(KEPT)).to_have_count(0)


def test_what_could_not_be_saved_is_not_exchanged_either(page, cast, show):
    page.get_by_label(FIELD).fill("x" * 400)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.evaluate("window.isSamePage = true")
    goes_out(cast, show, page)
    expect(page.get_by_text(KEPT)).to_be_visible()
    assert page.get_by_label(FIELD).input_value() == "x" * 400


def test_what_another_window_saved_is_there_and_the_counter_goes_on_counting(page, cast, show):
    elsewhere("From elsewhere {url}", 1)
    expect(page.get_by_label(FIELD)).to_have_value("From elsewhere {url}")
    page.get_by_label(FIELD).fill("12345")
    expect(page.locator("[data-length]")).to_have_text("29")  # with a line break and the link
    expect(page.locator("[data-preview]")).to_contain_text("12345")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.evaluate("window.isSamePage = true")


def elsewhere(text, version):
    """Saved by another window."""
    db.session.execute(db.update(EpisodeTweetConfig).values(text=text, version=version))
    db.session.commit()


def test_who_is_in_the_field_stays_there_with_the_cursor_when_it_is_exchanged(page):
    elsewhere("Before", 1)
    field = page.get_by_label(FIELD)
    expect(field).to_have_value("Before")
    field.focus()
    field.evaluate("field => field.setSelectionRange(2, 4)")
    elsewhere("From elsewhere", 2)
    expect(field).to_have_value("From elsewhere")
    expect(field).to_be_focused()
    assert field.evaluate("field => [field.selectionStart, field.selectionEnd]") == [2, 4]


def test_who_is_on_a_button_stays_on_it_or_where_it_was_when_it_is_gone(page, cast, show):
    button = page.get_by_role("button", name="Write a draft", exact=True)
    button.focus()
    elsewhere("From elsewhere", 1)
    expect(page.get_by_label(FIELD)).to_have_value("From elsewhere")
    expect(button).to_be_focused()
    goes_out(cast, show, page)
    expect(page.locator("[data-live=editor]")).to_be_focused()


def test_a_post_that_waits_is_tried_by_its_host_and_the_page_shows_it_go(page, cast, show, x):
    x.credits_usd = 0
    cast.go_live(show)
    cast.check()
    mine = page.locator("[data-live=mine]")
    expect(mine.get_by_text("Paused", exact=True)).to_be_visible()
    expect(mine).to_contain_text("Next try at")
    x.credits_usd = None
    db.session.execute(db.text("UPDATE send_gates SET until = datetime(until, '-60 seconds')"))
    db.session.commit()
    mine.get_by_role("button", name="Try now").click()
    page.evaluate("window.isSamePage = true")
    expect(mine.get_by_text("Posted", exact=True)).to_be_visible()
    assert len(cast.timeline("ada")) == 1
