"""An episode whose stream is over: nobody stands by any more, and nothing is promised that had to come in time."""

import pytest

from extensions import db
from models import Broadcast, BroadcastState, SocialConnection, User
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
    assert "Connect X; in time it will still be posted." in seen
    assert "Ready" in seen


@pytest.mark.parametrize("state", [BroadcastState.ENDED, BroadcastState.VOD])
@pytest.mark.parametrize("who", ["ada", "bo"])
def test_afterwards_there_is_none(page, state, who):
    seen = page(state, who)
    assert "in time it will still be posted" not in seen
    assert "No X account is connected. Connect X" in seen
    assert "The stream was over before this could be posted. Post now, if you still want to." in seen
    for word in ("Ready", "Stand by"):
        assert word not in seen
