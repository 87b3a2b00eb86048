"""Words that a newcomer stumbled over: who is meant, what is still possible, what to do next."""

import pytest
from sqlalchemy import select

from extensions import db
from models import Podcast, User
from sandbox.standin import Fault
from services.causes import explain
from tests.browser import Browser, words


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def ada(app, cast):
    cast.show(hosts=("ada", "bo"), connected=False)
    browser = Browser(app)
    browser.sign_in(db.session.execute(select(User).filter_by(email="ada@example.com")).scalar_one())
    return browser


def test_what_somebody_else_has_to_do_bears_that_name_only(ada):
    seen = words(ada.get("/")).split("Needs a person")[1]
    assert "Needs you Deep Dive" in seen
    assert "Bo Deep Dive" in seen
    assert "Needs you Bo" not in seen


def test_nothing_is_promised_for_what_is_over():
    assert "in time and it is still posted" in explain("x_auth")
    assert explain("x_auth", is_over=True) == "X no longer accepts the connection. Connect X again."


def test_a_new_podcast_can_be_made_while_youtube_is_away(ada, youtube):
    youtube.faults = [Fault(hang_up="before") for _ in range(3)]
    typed = {"name": "Night Shift", "timezone": "UTC", "channel": "@nightshift"}
    answer = ada.post("/podcasts/new", typed, form="/podcasts/new")
    assert answer.status_code == 422
    assert "Leave the field empty and set it later." in words(answer)


def test_two_podcasts_of_one_channel_are_told_to_filter_until_one_does(ada, cast, youtube):
    (podcast,) = db.session.execute(select(Podcast)).scalars()
    typed = {"name": "Night Shift", "timezone": "UTC", "channel": podcast.youtube_channel_id}
    said, same = "Give one of them a title filter", "Give one of them another filter"
    made = ada.post("/podcasts/new", typed, form="/podcasts/new")
    assert said in words(ada.get(made.location))
    settings = f"{made.location}/settings/youtube"
    assert "Another podcast watches" not in words(filtered(ada, settings, "Night"))
    assert same in words(filtered(ada, f"/podcasts/{podcast.id}/settings/youtube", "night "))
    assert "Another podcast watches" not in words(filtered(ada, settings, "Night Shift"))


def filtered(browser, path, title):
    version = browser.get(path).text.split('name="version"')[1].split('value="')[1].split('"')[0]
    typed = {"action": "save", "version": version, "title_filter": title, "title_filter_on": "y"}
    assert browser.post(path, typed, form=path).status_code == 302
    return browser.get(path)
