"""One host and his post: written, switched, sent, unconfirmed; with the mouse, the thumb and the keyboard."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from extensions import db
from sandbox.standin import Fault
from tests.stories.conftest import PHONE, WIDE

FIELD = "What I say when the stream starts"
HARD = 'It\'s "live" & <b>now</b>\n\n</textarea><script>x()</script> {brace} 👩🏽‍💻🇩🇪 café'
CJK = "漢" * 100
#: what the host says → the word on the page afterwards, and how many posts are out
ANSWERS = [("It is there", "Posted", 0), ("Post it again", "Posted", 1), ("Leave it", "Cancelled", 0)]


@pytest.fixture
def show(cast):
    return cast.show(hosts=("ada", "bo"))


@pytest.fixture
def episode(cast, show):
    return cast.episode(show, at=datetime.now(UTC) + timedelta(minutes=10))


@pytest.fixture
def path(show, episode):
    return f"/podcasts/{show.id}/episodes/{episode.id}/tweets"


@pytest.fixture
def window(visit, person, path):
    person("ada")
    visitor = visit(PHONE)
    visitor.let_in("ada")
    visitor.open(path)
    return visitor


def save(page, text):
    page.get_by_label(FIELD).fill(text)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_be_visible()


@pytest.mark.parametrize("text", ["Plain", f"\n{HARD}".replace("{brace}", ""), CJK, "مرحبا", "a\nb"])
def test_a_text_survives_being_saved_and_opened_again(window, path, text):
    save(window.page, text)
    page = window.open(path)
    kept = page.get_by_label(FIELD).input_value()
    assert kept.strip() == text.strip()
    save(page, kept)
    assert window.open(path).get_by_label(FIELD).input_value() == kept


@pytest.mark.parametrize(
    "text", ["Live: {title} {url}", "It's & <b>on</b>\n👩🏽‍💻 {url} 漢字", "Come over to example.com"]
)
def test_counter_and_preview_are_what_x_receives(window, cast, show, text):
    page = window.page
    page.get_by_label(FIELD).fill(text)
    counted = int(page.locator("[data-length]").inner_text())
    save(page, text)
    assert int(page.locator("[data-length]").inner_text()) == counted
    cast.go_live(show)
    cast.check()
    expect(page.get_by_text("Posted", exact=True).first).to_be_visible()
    page.reload()
    sent = cast.timeline("ada")[0]
    assert page.locator(".preview .words").inner_text() == sent


def test_who_switches_off_in_the_last_moment_is_not_posted_for(window, cast, show):
    page = window.page
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("Off", exact=True).first).to_be_visible()
    cast.go_live(show)
    cast.check()
    expect(page.locator("[data-live=hosts]").get_by_text("Posted", exact=True)).to_be_visible()
    assert cast.timeline("ada") == []
    assert len(cast.timeline("bo")) == 1
    page.get_by_role("button", name="Switch on").click()
    expect(page.locator("[data-live=mine]").get_by_text("Posted", exact=True)).to_be_visible()
    assert len(cast.timeline("ada")) == 1


@pytest.mark.parametrize(("answer", "word", "there"), ANSWERS)
def test_a_post_that_x_did_not_confirm_is_decided_by_its_host(window, person, cast, show, episode, answer, word, there):
    person("ada").never_repost = True
    cast.config(episode, "bo").enabled = False
    db.session.commit()
    cast.x.faults.append(Fault(method="POST", path="^/2/tweets$", status=503))
    cast.go_live(show)
    cast.check()
    page = window.page
    page.get_by_role("button", name=answer).click()
    expect(page.locator("[data-live=mine]").get_by_text(word, exact=True)).to_be_visible()
    assert len(cast.timeline("ada")) == there


def test_two_tabs_that_edit_the_same_text_lose_nothing(window, visit, path):
    other = window.context.new_page()
    other.goto(f"{window.site}{path}")
    save(window.page, "Mine, saved first")
    other.get_by_label(FIELD).fill("Mine, typed in the other tab")
    other.get_by_role("button", name="Save").click()
    expect(other.get_by_text("Mine, saved first").first).to_be_visible()
    assert other.get_by_label(FIELD).input_value() == "Mine, typed in the other tab"


def tab_to(page, wanted):
    """Presses Tab until what has the focus is the field or button of this name."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate("[document.activeElement.id, document.activeElement.textContent.trim()]")
        if wanted in focused:
            return
    raise AssertionError(f"{wanted} cannot be reached")


def test_everything_is_done_by_keyboard(window):
    page = window.page
    tab_to(page, "Skip to the content")
    page.keyboard.press("Enter")
    tab_to(page, "text")
    page.keyboard.press("Control+A")
    page.keyboard.type("By keyboard {url}")
    tab_to(page, "Save")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_be_visible()
    assert page.get_by_label(FIELD).input_value() == "By keyboard {url}"


def test_a_double_click_on_post_now_is_one_post(window, cast, episode, path):
    episode.link = "https://example.com/show"
    db.session.commit()
    page = window.open(path)
    page.get_by_role("button", name="Post now").dblclick()
    expect(page.locator("[data-live=mine]").get_by_text("Posted", exact=True)).to_be_visible()
    assert len(cast.timeline("ada")) == 1


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_light_or_dark_is_chosen_and_kept(visit, person, cast, size):
    cast.show(hosts=("ada",))
    person("ada")
    visitor = visit(size, color_scheme="light")
    page = visitor.sign_in("ada")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Dark").click()
    page.wait_for_load_state()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    assert visitor.open("/podcasts").evaluate("getComputedStyle(document.body).backgroundColor") != light


def test_a_page_that_answered_a_form_keeps_itself_current(window, cast, show):
    page = window.page
    page.get_by_label(FIELD).fill("x" * 400)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("heading", name="Everybody").click()
    cast.go_live(show)
    cast.check()
    expect(page.locator("[data-live=episode]").get_by_text("On air", exact=True)).to_be_visible()


def test_the_words_of_a_draft_go_into_the_field_and_what_stood_there_comes_back(window):
    page = window.page
    page.get_by_role("button", name="Write a draft").click()
    field = page.get_by_label(FIELD)
    field.fill("My own, not sa")
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_hidden()
    page.get_by_role("button", name="Edit its words").first.click()
    draft = page.get_by_role("button", name="Edit its words").first.get_attribute("value")
    assert "{title}" in draft
    expect(field).to_have_value(draft)
    expect(page.get_by_text("They are not saved yet.")).to_be_visible()
    undo.click()
    expect(field).to_have_value("My own, not sa")
    expect(undo).to_be_hidden()
