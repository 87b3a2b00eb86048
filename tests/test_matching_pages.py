"""Streams that nothing was announced for: an admin says with one click which episode each was."""

import re

import pytest
from sqlalchemy import delete, insert, select, update

from extensions import db
from models import AuditEvent, Broadcast, EpisodeGuide, Podcast, PodcastMember, Role, User
from services.overview import MOST_OPEN
from tests.browser import words
from tests.cast import ago


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def surprise(browser, cast):
    """A stream of Ada's show that fits no episode; one is planned for another day. (podcast id, broadcast, episode)."""
    show = cast.show(hosts=("ada",), auto_create_episodes=False)
    episode_id = cast.episode(show, "Queues", at=ago(days=-3)).id
    cast.go_live(show, "Surprise", at=ago(seconds=20))
    cast.check()
    broadcast_id = db.session.execute(select(Broadcast.id)).scalar_one()
    podcast_id = db.session.merge(show).id
    browser.let_in(db.session.execute(select(User)).scalar_one())
    return podcast_id, broadcast_id, episode_id


def match(browser, podcast_id, broadcast_id, **form):
    return browser.post(f"/podcasts/{podcast_id}/streams/{broadcast_id}/match", form).status_code


def test_one_click_announces_it_as_a_planned_episode(browser, cast, surprise):
    assert "Which episode of Deep Dive it is" in words(browser.get("/"))
    podcast_id, broadcast_id, episode_id = surprise
    assert match(browser, podcast_id, broadcast_id, episode=str(episode_id)) == 302
    cast.check()
    assert len(cast.timeline("ada")) == 1
    assert cast.posts()[0].episode_id == episode_id
    assert db.session.execute(select(AuditEvent.kind)).scalars().all()[-1] == "matched"
    assert (
        match(browser, podcast_id, broadcast_id, episode=str(episode_id)) == 302
    )  # told that it was announced already
    assert "announced already" in words(browser.get("/"))


def test_one_click_makes_an_episode_of_its_title(browser, cast, surprise):
    podcast_id, broadcast_id, _ = surprise
    assert match(browser, podcast_id, broadcast_id, episode="new") == 302
    cast.check()
    titles = db.session.execute(select(EpisodeGuide.title).order_by(EpisodeGuide.id)).scalars().all()
    db.session.rollback()
    assert titles == ["Queues", "Surprise"]
    assert len(cast.timeline("ada")) == 1


def test_neither_streams_nor_episodes_of_others_can_be_named(browser, cast, surprise):
    podcast_id, broadcast_id, _ = surprise
    other = cast.show("Small Talk", hosts=("ada",))
    theirs, other_id = cast.episode(other).id, db.session.merge(other).id
    assert match(browser, podcast_id, broadcast_id, episode=str(theirs)) == 404
    assert match(browser, other_id, broadcast_id, episode=str(theirs)) == 404
    for number in (0, 2**31, 2**70):
        assert match(browser, podcast_id, number, episode="new") == 404
    assert match(browser, podcast_id, broadcast_id, episode=str(2**40)) in (302, 404)
    for odd in ("", "-1", "1e3", "²", "new "):
        assert match(browser, podcast_id, broadcast_id, episode=odd) == 302
    assert db.session.execute(select(Broadcast.episode_id)).scalar_one() is None


def test_contributors_see_the_reason_and_no_button(browser, surprise):
    db.session.execute(update(PodcastMember).values(role=Role.CONTRIBUTOR))
    db.session.commit()
    podcast_id, broadcast_id, episode_id = surprise
    seen = words(browser.get("/"))
    assert "No planned episode fits" in seen
    assert "Which episode of" not in seen
    assert match(browser, podcast_id, broadcast_id, episode=str(episode_id)) == 403


def test_nothing_of_an_archived_podcast_is_announced_by_a_click(browser, cast, surprise):
    podcast_id, broadcast_id, episode_id = surprise
    browser.post(f"/podcasts/{podcast_id}/archive")
    for episode in (str(episode_id), "new"):
        assert match(browser, podcast_id, broadcast_id, episode=episode) == 302
        assert "This podcast is archived" in words(browser.get("/"))
    cast.check()
    assert cast.timeline("ada") == []


@pytest.fixture
def shared(browser, cast):
    """Two shows of Ada's on one channel, each with an episode next week, and a stream that could be either's."""
    dive = cast.show(hosts=("ada",), auto_create_episodes=False)
    talk = cast.show("Small Talk", hosts=("ada",), youtube_channel_id=dive.youtube_channel_id)
    planned = {show.name: cast.episode(show, f"{show.name} next week", at=ago(days=-7)).id for show in (dive, talk)}
    cast.go_live(dive, "Surprise", at=ago(seconds=20))
    cast.check()
    ids = {name: podcast_id for podcast_id, name in db.session.execute(select(Podcast.id, Podcast.name))}
    browser.let_in(db.session.execute(select(User)).scalar_one())
    return ids, db.session.execute(select(Broadcast.id)).scalar_one(), planned


def offered(browser):
    """What can be chosen on the first page, by the address that it is sent to."""
    forms = re.findall(r'action="(/podcasts/[^"]+/match)">(.*?)</form>', browser.get("/").text, re.DOTALL)
    return {address: re.findall(r'<option value="(\w+)"', form) for address, form in forms}


def test_a_stream_on_a_shared_channel_is_offered_to_each_of_its_podcasts_with_its_own_episodes(browser, shared):
    ids, broadcast_id, planned = shared
    assert offered(browser) == {
        f"/podcasts/{ids[name]}/streams/{broadcast_id}/match": ["new", str(planned[name])] for name in ids
    }
    labels = re.findall(r'for="(episode-[^"]+)"', browser.get("/").text)
    assert len(set(labels)) == len(labels) == 2


def test_once_it_is_matched_to_one_the_other_is_not_asked_any_more(browser, cast, shared):
    ids, broadcast_id, planned = shared
    assert match(browser, ids["Small Talk"], broadcast_id, episode=str(planned["Small Talk"])) == 302
    assert offered(browser) == {}
    cast.check()
    assert [post.episode_id for post in cast.posts()] == [planned["Small Talk"]]


def test_an_archived_podcast_on_the_channel_is_not_asked(browser, shared):
    ids, broadcast_id, _ = shared
    db.session.execute(update(Podcast).where(Podcast.name == "Small Talk").values(is_active=False))
    db.session.commit()
    assert list(offered(browser)) == [f"/podcasts/{ids['Deep Dive']}/streams/{broadcast_id}/match"]


def test_a_stream_known_as_another_podcasts_is_not_shown_to_who_is_not_on_that(browser, shared):
    ids, *_ = shared
    db.session.execute(delete(PodcastMember).where(PodcastMember.podcast_id == ids["Small Talk"]))
    db.session.execute(update(Broadcast).values(podcast_id=ids["Small Talk"]))
    db.session.commit()
    assert "Surprise" not in words(browser.get("/"))


def test_many_episodes_of_one_podcast_leave_room_for_those_of_the_other(browser, cast, shared):
    ids, broadcast_id, planned = shared
    rows = [{"podcast_id": ids["Deep Dive"], "title": f"{n}", "scheduled_at": ago(days=-1)} for n in range(MOST_OPEN)]
    db.session.execute(insert(EpisodeGuide), rows)
    db.session.commit()
    found = offered(browser)
    assert len(found[f"/podcasts/{ids['Deep Dive']}/streams/{broadcast_id}/match"]) == MOST_OPEN + 1
    assert str(planned["Small Talk"]) in found[f"/podcasts/{ids['Small Talk']}/streams/{broadcast_id}/match"]
