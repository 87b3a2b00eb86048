"""A dry run of the next episode: everything is asked and checked, nothing is sent, nothing else changes."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from extensions import db
from models import Broadcast, EpisodeTweetConfig, PodcastMember, Post, Rehearsal, Role, SocialConnection, User
from sandbox.standin import Fault
from services.audit import Actor
from services.errors import Invalid
from services.rehearsal import rehearse
from services.wallet import Whose, bulk_get_balances
from tests.browser import words
from tests.cast import ago


@pytest.fixture
def engine_name():
    return "sqlite"


def run(show):
    show = db.session.merge(show)
    db.session.refresh(show)
    done = rehearse(show, Actor(), datetime.now(UTC))
    return done, {result["name"]: result["said"] for result in done.results}


def everything(*models):
    rows = [db.session.execute(select(model.__table__).order_by(model.__table__.c[0])).all() for model in models]
    db.session.rollback()
    return rows


def test_a_show_that_is_ready_passes_and_nothing_is_sent_or_changed(cast):
    show = cast.show(hosts=("ada", "bo"))
    cast.episode(show, at=ago(hours=-2))
    db.session.commit()
    before = everything(Broadcast, EpisodeTweetConfig, Post, SocialConnection)
    done, said = run(show)
    assert done.is_passed, (done.trouble, said)
    assert said["Ada"].startswith("Ready as @ada: ")
    assert len(cast.x.asked("GET", "/2/users/me")) == 2
    assert cast.timeline("ada") == []
    assert everything(Broadcast, EpisodeTweetConfig, Post, SocialConnection) == before


def test_what_x_asks_for_telling_who_a_login_is_is_paid_once_a_day(cast):
    show = cast.show(hosts=("ada", "bo"))
    cast.episode(show, at=ago(hours=-2))
    run(show)
    run(show)
    balance = bulk_get_balances([Whose(show.id)])[Whose(show.id)].balance
    assert -balance == cast.x.spent_micros > 0


def test_each_host_is_told_what_is_in_the_way(cast):
    show = cast.show(hosts=("ada", "bo", "cy"))
    db.session.add(PodcastMember(podcast_id=show.id, user_id=cast.user("di").id))
    db.session.commit()
    episode = cast.episode(show, at=ago(hours=-2))
    cast.config(episode, "bo").text = "w" * 300
    cast.config(episode, "cy").enabled = False
    db.session.commit()
    done, said = run(show)
    assert not done.is_passed
    assert said["Bo"] == "Too long by 44 characters."
    assert said["Cy"] == "Switched off: nothing would be posted."
    assert said["Di"].startswith("No X account is connected.")


def test_a_login_that_x_refuses_is_found_before_the_start(cast):
    show = cast.show(hosts=("ada",))
    cast.episode(show, at=ago(hours=-2))
    cast.x.faults = [Fault(method="GET", path="/2/users/me", status=401)]
    _, said = run(show)
    assert "X no longer accepts the connection." in said["Ada"]


def test_youtube_that_does_not_answer_is_found_before_the_start(cast):
    show = cast.show(hosts=("ada",))
    cast.episode(show, at=ago(hours=-2))
    cast.youtube.faults = [Fault(status=500) for _ in range(8)]
    done, _ = run(show)
    assert not done.is_passed
    assert done.trouble


def test_a_start_that_would_be_taken_for_another_episode_is_found(cast):
    show = cast.show(hosts=("ada",))
    cast.episode(show, "Soon", at=ago(hours=-2))
    done, _ = run(show)
    assert done.is_passed
    other = cast.show("Other", hosts=("bo",), youtube_channel_id=db.session.merge(show).youtube_channel_id)
    assert other
    done, _ = run(show)
    assert "would not be announced. Another podcast watches this channel too, and neither has" in done.trouble


def test_without_an_episode_there_is_nothing_to_rehearse(cast):
    show = cast.show(hosts=("ada",))
    with pytest.raises(Invalid, match="Plan one first"):
        run(show)


def test_an_admin_reads_beside_the_button_what_rehearsing_costs(browser, cast):
    show = cast.show(hosts=("ada", "bo"))
    cast.episode(show, at=ago(hours=-2))
    browser.let_in(db.session.execute(select(User).filter_by(name="Ada")).scalar_one())
    path = f"/podcasts/{db.session.merge(show).id}"
    said = "Takes up to $0.02 at X: $0.01 for each host whose login is tried, once a day. Rehearse"
    assert said in words(browser.get(path))
    run(show)
    assert cast.x.spent_micros == 20_000
    db.session.execute(update(PodcastMember).values(role=Role.CONTRIBUTOR))
    db.session.commit()
    assert "whose login is tried" not in words(browser.get(path))


def test_an_admin_rehearses_with_one_click_and_sees_the_dated_result(browser, cast):
    show = cast.show(hosts=("ada",))
    cast.episode(show, at=ago(hours=-2))
    browser.let_in(db.session.execute(select(User)).scalar_one())
    path = f"/podcasts/{db.session.merge(show).id}"
    assert browser.post(f"{path}/rehearse", form=path).status_code == 302
    seen = words(browser.get(path))
    assert "Rehearsal Passed" in seen
    assert "Ada GO Ready as @ada" in seen
    db.session.execute(update(PodcastMember).values(role=Role.CONTRIBUTOR))
    db.session.commit()
    assert browser.post(f"{path}/rehearse", form=path).status_code == 403
    assert len(everything(Rehearsal)[0]) == 1


def test_a_rehearsal_is_called_by_its_episode_and_passes_for_no_other(browser, cast):
    show = cast.show(hosts=("ada",))
    first = cast.episode(show, "Queues", number=112, at=ago(hours=-2))
    cast.episode(show, "Caches", number=113, at=ago(hours=-24))
    run(show)
    browser.let_in(db.session.execute(select(User)).scalar_one())
    seen = words(browser.get(f"/podcasts/{show.id}"))
    assert "Rehearsal Passed Ep 112 · Queues, " in seen
    assert "rehearsed yet" not in seen
    begun = {"episode_id": first.id, "podcast_id": show.id, "verdict": "announced", "state": "ended"}
    db.session.add(Broadcast(video_id="dQw4w9WgXcQ", **begun))
    db.session.commit()
    page = browser.get(f"/podcasts/{show.id}")
    assert "The next episode, Ep 113 · Caches, was not rehearsed yet. This was of another one: Passed" in words(page)
    assert 'class="lamp grey" aria-hidden="true"></span>Passed' in page.text
