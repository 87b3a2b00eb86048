"""An episode whose stream is over: nobody stands by any more, and nothing is promised that had to come in time."""

import pytest

from extensions import db
from models import Broadcast, BroadcastState, Podcast, SocialConnection, User
from services import tweets
from tests.browser import Browser, words
from tests.cast import ago


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def page(app, cast):
    """Of a show that was not announced: Ada is ready, Bo is not connected."""
    show = cast.show(hosts=("ada", "bo"))
    episode = cast.episode(show, at=ago(minutes=50))
    bo = db.session.execute(db.select(User.id).filter_by(email="bo@example.com")).scalar_one()
    db.session.execute(db.delete(SocialConnection).filter_by(user_id=bo))
    db.session.add(Broadcast(video_id="v" * 11, episode_id=episode.id, podcast_id=show.id, verdict="not_public"))
    db.session.commit()
    browser = Browser(app)
    path = f"/podcasts/{show.id}/episodes/{episode.id}/tweets"

    def opened(state: BroadcastState, who: str) -> str:
        db.session.execute(db.update(Broadcast).values(state=state))
        db.session.commit()
        browser.let_in(db.session.execute(db.select(User).filter_by(email=f"{who}@example.com")).scalar_one())
        return words(browser.get(path))

    return opened


@pytest.mark.parametrize("who", ["ada", "bo"])
def test_while_it_is_on_there_is_still_time(page, who):
    seen = page(BroadcastState.LIVE, who)
    assert "Connect X in time and it is still posted." in seen
    assert "Ready" in seen


@pytest.mark.parametrize("state", [BroadcastState.ENDED, BroadcastState.VOD])
@pytest.mark.parametrize("who", ["ada", "bo"])
def test_afterwards_there_is_none(page, state, who):
    seen = page(state, who)
    assert "in time and it is still posted" not in seen
    assert "No X account is connected. Connect X" in seen
    assert "The stream was over before this could be posted. Post now, if you still want to." in seen
    for word in ("Ready", "Stand by"):
        assert word not in seen


# A post that waits for its host


@pytest.fixture
def waiting(desk):
    """Ada's post waits for her to connect X again; its show goes by."""
    desk.on_air("ada")
    desk.change(desk.post(), cause="x_auth", not_before=desk.post().not_after)
    return desk.change, desk.post(), desk.broadcast(desk.post())


def seen_by_ada(app, post):
    """What is said of it on the episode's page, at home, and by `flask tweets list`."""
    browser, where = Browser(app), f"/podcasts/{post.podcast_id}/episodes/{post.episode_id}/tweets"
    browser.let_in(db.session.execute(db.select(User)).scalar_one())
    slug = db.session.get_one(Podcast, post.podcast_id).slug
    (row,) = tweets.list_tweets(slug, post.episode_id)
    return words(browser.get(where)).split("What happened")[0], words(browser.get("/")), row.error


def test_what_waits_is_promised_while_its_stream_is_on(app, waiting):
    _, post, _ = waiting
    for said in seen_by_ada(app, post):
        assert "Connect X again in time and it is still posted." in said


@pytest.mark.parametrize("state", [BroadcastState.ENDED, BroadcastState.VOD])
def test_what_waits_is_not_promised_any_more_when_its_stream_is_over(app, waiting, state):
    change, post, broadcast = waiting
    change(broadcast, state=state)
    for said in seen_by_ada(app, post):
        assert "Connect X again" in said
        assert "in time" not in said
        assert "still go out" not in said


def test_what_somebody_sends_by_hand_still_can_go_out(app, waiting):
    change, post, broadcast = waiting
    change(broadcast, state=BroadcastState.ENDED)
    change(post, trigger="now")
    for said in seen_by_ada(app, post):
        assert "in time and it is still posted" in said


def test_a_host_without_a_post_is_told_by_command_that_it_is_too_late(cast):
    show = cast.show(hosts=("ada", "bo"))
    episode = cast.episode(show)
    bo = db.session.execute(db.select(User.id).filter_by(email="bo@example.com")).scalar_one()
    db.session.execute(db.delete(SocialConnection).filter_by(user_id=bo))
    db.session.add(Broadcast(video_id="v" * 11, episode_id=episode.id, state=BroadcastState.ENDED))
    db.session.commit()
    assert [row.error for row in tweets.list_tweets("deep-dive", episode.id)] == [
        "The stream was over before this could be posted. Post now, if you still want to.",
        "No X account is connected. Connect X.",
    ]
