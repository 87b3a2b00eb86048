"""The whole way, as a newcomer goes it: the first account, a show, X, an episode, a rehearsal, the start, the post."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from services import first_admin
from tests.browser import PASSWORD
from tests.stories.conftest import PHONE, WIDE


def first_account(visitor):
    link = first_admin.offer(datetime.now(UTC))
    page = visitor.open(link[link.index("/setup/") :])
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    return page


def new_podcast(page, channel):
    page.get_by_role("link", name="Podcast made").click()
    page.get_by_label("Name").fill("Deep Dive")
    page.get_by_label("Time zone").fill("Australia/Sydney")
    page.get_by_label("Channel").fill(f"https://www.youtube.com/channel/{channel}")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name="Deep Dive")).to_be_visible()


def connect_x(page, name):
    page.get_by_role("navigation", name="Airhorn").get_by_role("link", name="Connections").click()
    page.get_by_role("button", name="Connect X", exact=True).click()
    page.get_by_role("link", name=f"Authorize as @{name}").click()
    expect(page.get_by_text("covers").or_(page.get_by_text("Renewed by itself")).first).to_be_visible()


def plan(page, title):
    page.get_by_role("navigation", name="Airhorn").get_by_role("link", name="Podcasts").click()
    page.get_by_role("link", name="Deep Dive").click()
    page.get_by_role("link", name="New episode").click()
    page.get_by_label("Title").fill(title)
    soon = (datetime.now(UTC) + timedelta(minutes=10)).astimezone(ZoneInfo("Australia/Sydney"))
    page.get_by_label(re.compile("^(Date|Start|When|Planned|Time)")).fill(soon.strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("button", name="Plan it").click()
    expect(page.get_by_label("What I say when the stream starts")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_newcomer_comes_from_the_first_link_to_a_post_on_x(visit, cast, size):
    channel = cast.youtube.add_channel("Deep Dive")
    cast.x.add_account("ada", name="Ada")
    cast.x.consent = "ask"
    visitor = visit(size)
    page = first_account(visitor)
    new_podcast(page, channel)
    connect_x(page, "ada")
    plan(page, "Queues")
    page.get_by_label("What I say when the stream starts").fill("On air: {title} {url}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text=re.compile("saved|Saved"))).to_be_visible()
    page.get_by_role("link", name="‹ Deep Dive").click()
    page.get_by_role("button", name="Rehearse").click()
    expect(page.get_by_text("Passed", exact=True)).to_be_visible()
    assert not cast.timeline("ada")
    video = cast.youtube.go_live(channel, "Queues")
    cast.check()
    page.get_by_role("link", name="Queues").first.click()
    expect(page.get_by_text("Posted", exact=True).first).to_be_visible()
    assert cast.timeline("ada") == [f"On air: Queues https://www.youtube.com/watch?v={video}"]
    no_sideways(page)


def no_sideways(page):
    """Nothing on a phone has to be scrolled sideways."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.slow
def test_who_is_invited_comes_to_his_next_episode_and_connects(visit, person, cast):
    show = cast.show(hosts=("ada",))
    cast.episode(show, at=datetime.now(UTC) + timedelta(hours=1))
    cast.x.add_account("bo", name="Bo")
    cast.x.consent = "ask"
    person("ada")
    page = visit().sign_in("ada")
    page.get_by_role("link", name="Deep Dive").first.click()
    page.get_by_role("navigation", name="Deep Dive").get_by_role("link", name="Hosts").click()
    page.get_by_label("E-mail").fill("bo@example.com")
    page.get_by_role("button", name="Make an invitation").click()
    link = page.get_by_label("Hand it over now").input_value()
    guest = visit(PHONE)
    page = guest.open(link[link.index("/invitations/") :])
    page.get_by_label("Name").fill("Bo")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_label("What I say when the stream starts")).to_be_visible()
    expect(page.get_by_text("No X account is connected").first).to_be_visible()
    page.get_by_role("link", name="Connect X").first.click()
    page.get_by_role("button", name="Connect X", exact=True).click()
    page.get_by_role("link", name="Authorize as @bo").click()
    expect(page.get_by_text("@bo").first).to_be_visible()
    cast.go_live(show)
    cast.check()
    page.get_by_role("navigation", name="Airhorn").get_by_role("link", name="Home").click()
    expect(page.get_by_text("2 of 2 posted")).to_be_visible()
    assert len(cast.timeline("bo")) == 1
