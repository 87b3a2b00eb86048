"""The page of what needs attention: who sees what with which button, put aside and brought back by click, bad input."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from extensions import db
from models import ConfigStatus, Dismissal, Podcast, PodcastMember, User
from tests.browser import Browser, words
from tests.season import Season
from tests.test_needs import Desk, change, user_id


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def desk(cast):
    desk = Desk(cast)
    desk.path = f"/podcasts/{desk.show.id}/attention"
    return desk


@pytest.fixture
def visit(app, desk):
    """A browser of this person."""

    def signed_in(name):
        browser = Browser(app)
        browser.let_in(db.session.get_one(User, user_id(name)))
        return browser

    return signed_in


def kept():
    found = db.session.execute(select(Dismissal.id, Dismissal.item, Dismissal.user_id).order_by(Dismissal.id)).all()
    db.session.rollback()
    return found


def test_where_nothing_is_wrong_the_page_says_what_it_is_for(desk, visit):
    said = words(visit("bo").get(desk.path))
    assert "Nothing right now. Here appear, the most urgent first" in said
    assert "Put aside" not in said


def test_each_thing_has_the_button_that_mends_it_for_whoever_can(desk, visit):
    desk.write(desk.episode("Soon", hours=3), "bo", text="w" * 300)
    desk.episode("Silent", hours=-2)
    desk.stream(state="ended")
    host, admin = (words(visit(name).get(desk.path)) for name in ("bo", "ada"))
    aside = "Put aside Not today For a week For good"
    assert f"Needs you Soon {aside} Others still see it. Too long by 44 characters. Edit" in host
    assert "Never live Silent" in host
    assert "Its planned start is over" in host
    assert "An admin of this podcast can do it." in host
    assert "Change the episode" not in host
    assert "Change the episode" in admin
    assert "This is it" in admin
    aside = (
        "Put aside Only for me Not today For a week For good Nobody on this podcast sees it then, or only you do not."
    )
    assert f"Bo Soon {aside} Too long by 44 characters." in admin


def test_a_click_puts_aside_and_a_click_brings_back(desk, visit):
    desk.stream(state="ended")
    ada = visit("ada")
    (item,) = desk.items()
    answer = ada.post(f"{desk.path}/aside", {"item": item, "for": "week"})
    assert answer.location == desk.path
    said = words(ada.get(desk.path))
    assert "Put aside for everybody on this podcast." in said
    assert "Nothing but what was put aside." in said
    (row,) = kept()
    ada.post(f"{desk.path}/{row.id}/back")
    assert kept() == []
    assert "No planned episode fits" in words(ada.get(desk.path)).partition("What needs a person")[2]


def test_an_admin_puts_aside_for_everybody_or_for_nobody_else(desk, visit):
    desk.stream(state="ended")
    ada = visit("ada")
    (item,) = desk.items()
    answer = ada.post(f"{desk.path}/aside", {"item": item, "for": "week", "whose": "own"})
    assert "Put aside for you." in words(ada.get(answer.location))
    assert [row.user_id for row in kept()] == [desk.ids["ada"]]
    assert (desk.items("ada"), desk.items("bo")) == ([], [item])
    ada.post(f"{desk.path}/{kept()[0].id}/back")
    assert desk.items("ada") == [item]


def test_a_post_that_can_still_go_out_is_not_put_aside_without_saying_so(desk, visit):
    late = desk.now + timedelta(minutes=30)
    desk.post(desk.episode("On air"), "bo", "queued", ConfigStatus.POSTING, cause="x_auth", not_after=late)
    bo = visit("bo")
    said = words(bo.get(desk.path))
    assert re.search(r"Others still see it\. The post can still go out until .{5,30}, and nothing here reminds", said)
    bo.post(f"{desk.path}/aside", {"item": desk.items("bo")[0], "for": "today"})
    assert "It can still go out until" in words(bo.get(desk.path)).partition("Nothing but what was put aside.")[2]


def test_what_holds_up_the_whole_server_is_said_once_and_its_account_at_x_to_nobody(desk, visit):
    detail = "X says: Your enrolled account [17] does not have any credits."
    for title in ("Queues", "Caches"):
        episode = desk.episode(title)
        for host in ("ada", "bo"):
            late = desk.now + timedelta(minutes=30)
            desk.post(episode, host, "queued", ConfigStatus.POSTING, cause="x_credits", detail=detail, not_after=late)
    home = words(visit("bo").get("/"))
    needs = home.partition("Needs a person")[2]
    assert needs.count("run out of X credits") == 1
    assert "Bo, Ada Posting is paused" in needs
    assert "The operator tops up; posting resumes by itself. 4 posts wait, and the first of them can go out" in needs
    assert "[17]" not in home
    page = words(visit("bo").get(desk.path)).partition("What needs a person")[2]
    assert page.count("run out of X credits") == 1
    change(User, User.id == desk.ids["ada"], is_admin=True)
    needs = words(visit("ada").get("/")).partition("Needs a person")[2]
    assert "Top up at X's developer console; posting resumes by itself." in needs
    assert "See what is held back" in needs


def test_one_click_puts_aside_all_who_were_shown_together_and_nobody_else(desk, visit, cast):
    def joins(name):
        db.session.add(PodcastMember(podcast_id=desk.show.id, user_id=cast.user(name).id))
        db.session.commit()

    joins("cy")
    joins("di")
    ada, both = visit("ada"), desk.items()
    names = re.search(r'name="item" value="([^"]*)"', ada.get(desk.path).text)[1]
    assert names.split() == both
    joins("eve")
    ada.post(f"{desk.path}/aside", {"item": names, "for": "good"})
    assert [row.item for row in kept()] == both
    assert len(desk.items()) == 1


def test_from_the_first_page_one_comes_back_to_the_first_page(desk, visit):
    desk.stream(state="ended")
    bo = visit("bo")
    assert "No planned episode fits" in words(bo.get("/"))
    (item,) = desk.items("bo")
    answer = bo.post(f"{desk.path}/aside", {"item": item, "for": "good", "from": "home"})
    assert answer.location == "/"
    home = bo.get("/")
    assert "No planned episode fits" not in words(home)
    assert re.search(r"Put aside: 1 of [^.]+\.", words(home))
    assert f'href="{desk.path}#aside"' in home.text
    assert [row.user_id for row in kept()] == [desk.ids["bo"]]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"item": "nonsense", "for": "week"},
        {"item": "x" * 200_000, "for": "good"},
        {"item": ["stream:1:unmatched", "stream:1:unmatched"], "for": ["today", "good"]},
        {"item": "stream:1:unmatched", "for": "2020-01-01"},
        {"item": "stream:1:unmatched", "for": "9" * 5_000},
        {"item": "stream:1:unmatched", "for": "week", "until": "1970-01-01", "user_id": "1", "from": "//evil.example"},
    ],
)
def test_what_is_odd_is_refused_with_a_sentence_or_read_as_what_fits(desk, visit, sent):
    desk.stream(state="ended")
    ada = visit("ada")
    answer = ada.post(f"{desk.path}/aside", sent)
    assert (answer.status_code, answer.location) == (302, desk.path)
    assert len(kept()) <= 1
    assert all(item == "stream:1:unmatched" for _, item, _ in kept())


def test_things_of_another_podcast_cannot_be_put_aside_or_brought_back_here(desk, visit, cast):
    other = cast.show("Small Talk", hosts=("cy",), youtube_channel_id=None)
    theirs = f"/podcasts/{other.id}/attention"
    cy = visit("cy")
    cy.post(f"{theirs}/aside", {"item": "channel:none", "for": "good"})
    (row,) = kept()
    ada = visit("ada")
    assert ada.get(theirs).status_code == 404
    assert ada.post(f"{theirs}/aside", {"item": "channel:none", "for": "good"}).status_code == 404
    assert ada.post(f"{desk.path}/{row.id}/back").status_code == 404
    assert ada.post(f"{desk.path}/aside", {"item": "channel:none", "for": "good"}).status_code == 302
    assert kept() == [row]


@pytest.mark.parametrize("hosts", [0, 1, 50])
def test_the_page_stands_with_any_number_of_hosts(app, cast, hosts):
    season = Season.begun(hosts, youtube_channel_id="UC" + "c" * 22)
    admin = cast.user("eve", is_admin=True)
    browser = Browser(app)
    browser.let_in(admin)
    page = browser.get(f"/podcasts/{season.podcast_id}/attention")
    assert page.text.count("No X account is connected.") == min(1, hosts)
    assert ("Host 0, Host 1, Host 10 and 47 more" in page.text) == (hosts == 50)
    assert len(page.data) < 20_000


def test_a_page_of_an_archived_podcast_still_opens(desk, visit):
    db.session.get_one(Podcast, desk.show.id).is_active = False
    db.session.commit()
    desk.episode(hours=-2)
    assert visit("ada").get(desk.path).status_code == 200
