"""Small things on a phone: what sticks to the lower edge lies over no text, codes are taken along."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from extensions import db
from models import User
from services import second_step
from services.registry import get_services
from tests.stories.conftest import PHONE

#: where the keyboard takes the rest
LOW = PHONE | {"height": 420}
FIELD = "What I say when the stream starts"
#: how far the text field reaches below the upper edge of the bar, in pixels, at each place that one can scroll to
COVERED = """() => {
  const field = document.getElementById("text"), bar = document.querySelector(".save-bar"), found = [];
  for (let at = 0; at < document.documentElement.scrollHeight; at += 20) {
    scrollTo(0, at);
    found.push(field.getBoundingClientRect().bottom - bar.getBoundingClientRect().top);
  }
  return Math.max(...found);
}"""


@pytest.fixture
def window(visit, person):
    def opened(**options):
        person("ada")
        visitor = visit(PHONE, **options)
        visitor.let_in("ada")
        return visitor

    return opened


def test_the_buttons_stay_in_sight_and_never_lie_over_the_text(window, cast):
    show = cast.show(hosts=("ada", "bo"))
    episode = cast.episode(show, at=datetime.now(UTC) + timedelta(minutes=10))
    path = f"/podcasts/{show.id}/episodes/{episode.id}/tweets"
    page = window().open(path)
    page.set_viewport_size(LOW)
    assert page.evaluate(COVERED) <= 0
    page.get_by_label(FIELD).fill("A long text. " * 30)
    assert page.evaluate(COVERED) <= 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_label(FIELD).evaluate("field => field.scrollIntoView()")
    expect(page.get_by_role("button", name="Save")).to_be_in_viewport()


def test_while_somebody_writes_the_bar_of_a_form_lies_over_nothing(window):
    page = window().open("/profile")
    page.set_viewport_size(LOW)
    bar = page.locator("form > .actions")
    assert bar.evaluate("bar => getComputedStyle(bar).position") == "sticky"
    page.locator("textarea").focus()
    assert bar.evaluate("bar => getComputedStyle(bar).position") == "static"
    # Most of the button is below the edge.
    bar.evaluate("bar => scrollBy(0, bar.getBoundingClientRect().top + 32 - innerHeight)")
    box = page.get_by_role("button", name="Save").bounding_box()
    page.mouse.click(box["x"] + 10, box["y"] + 4)
    expect(page.get_by_text("Saved.")).to_be_visible()


@pytest.mark.parametrize("path", ["/podcasts/{}/episodes/new", "/podcasts/{}/episodes/{}/tweets", "/profile"])
def test_a_text_is_as_high_with_the_focus_as_without_so_that_no_press_misses_its_button(window, cast, path):
    show = cast.show(hosts=("ada",))
    episode = cast.episode(show, at=datetime.now(UTC) + timedelta(minutes=10))
    page = window().open(path.format(show.id, episode.id))
    expect(page.locator("textarea")).not_to_have_count(0)
    for text in page.locator("textarea").all():
        before = text.bounding_box()["height"]
        text.focus()
        assert text.bounding_box()["height"] == before


def test_recovery_codes_are_copied_a_line_each_and_come_as_a_file(window):
    visitor = window(permissions=["clipboard-read", "clipboard-write"])
    user = db.session.execute(db.select(User)).scalar_one()
    second_step.propose(user.id, get_services().vault)
    db.session.get_one(User, user.id).totp_on = True
    db.session.commit()
    page = visitor.open("/profile/second-step")
    page.get_by_text("New recovery codes").click()
    page.get_by_role("button", name="Make new codes").click()
    expect(page.locator("#codes code")).to_have_count(8)
    codes = page.locator("#codes code").all_inner_texts()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "airhorn-recovery-codes.txt"
    assert download.value.path().read_text().split()[-8:] == codes
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").split() == codes
