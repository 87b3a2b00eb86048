"""A person's decisions: Post now, what became of an unconfirmed post, which episode a stream was."""

import contextlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from extensions import db
from models import Broadcast, PostStatus, Verdict
from sandbox.standin import Fault
from services import matching_by_hand
from services.audit import NOBODY
from services.errors import Conflict, Invalid
from services.registry import get_services
from tests.cast import Cast, ago


def now() -> datetime:
    return datetime.now(UTC)


def planned(cast: Cast, **columns: object) -> int:
    """Ada alone on a show with an episode of today. Returns her config's id."""
    show = cast.show(hosts=("ada",))
    episode = cast.episode(show, at=ago(hours=-1), **columns)
    config_id = cast.config(episode, "ada").id
    db.session.commit()
    return config_id


def test_post_now_sends_with_the_episodes_video_and_the_start_does_not_announce_again(cast: Cast) -> None:
    config_id = planned(cast, video_id="abcdefghijk")
    cast.services.by_hand.post_now(config_id, now())
    assert cast.services.posting.drain().posted == 1
    (text,) = cast.timeline("ada")
    assert "https://www.youtube.com/watch?v=abcdefghijk" in text
    assert [post.has_link for post in cast.posts()] == [True]
    cast.youtube.schedule(next(iter(cast.youtube.channels)), "Queues", start=now(), video_id="abcdefghijk")
    cast.youtube.go_live("abcdefghijk", at=ago(seconds=5))
    cast.check()
    assert len(cast.timeline("ada")) == 1


def test_post_now_without_any_link_asks_first(cast: Cast) -> None:
    config_id = planned(cast)
    with pytest.raises(Invalid, match="without a link"):
        cast.services.by_hand.post_now(config_id, now())
    cast.services.by_hand.post_now(config_id, now(), without_link=True)
    cast.services.posting.drain()
    assert "http" not in cast.timeline("ada")[0]
    assert [post.has_link for post in cast.posts()] == [False]


def test_post_now_without_a_connection_says_so_and_changes_nothing(cast: Cast) -> None:
    show = cast.show(hosts=("ada",), connected=False)
    config = cast.config(cast.episode(show, video_id="abcdefghijk"), "ada")
    with pytest.raises(Invalid, match="No X account is connected"):
        cast.services.by_hand.post_now(config.id, now())
    assert cast.posts() == []


def test_a_second_click_is_told_that_the_first_was_faster(cast: Cast) -> None:
    config_id = planned(cast, video_id="abcdefghijk")
    cast.services.by_hand.post_now(config_id, now())
    with pytest.raises(Conflict, match="already being sent"):
        cast.services.by_hand.post_now(config_id, now())
    cast.services.posting.drain()
    with pytest.raises(Conflict, match="already out"):
        cast.services.by_hand.post_now(config_id, now())


@pytest.mark.calls_in_transaction
def test_two_clicks_and_the_start_at_the_same_moment_make_one_post(cast: Cast, make_app: Callable[..., Flask]) -> None:
    config_id = planned(cast)
    cast.youtube.go_live(next(iter(cast.youtube.channels)), "Queues", at=ago(seconds=5))
    apps = [make_app() for _ in range(3)]
    barrier = threading.Barrier(3)

    def click(app: Flask) -> None:
        with app.app_context():
            barrier.wait()
            with contextlib.suppress(Conflict):
                get_services().by_hand.post_now(config_id, now(), without_link=True)
            get_services().posting.drain()

    def start(app: Flask) -> None:
        with app.app_context():
            barrier.wait()
            get_services().tweets.check_and_post_live_tweets()

    threads = [
        threading.Thread(target=work, args=(app,)) for work, app in zip((click, click, start), apps, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cast.check()
    assert len(cast.timeline("ada")) == 1


def in_review(cast: Cast, fault: Fault) -> int:
    """A post whose outcome nobody knows after all look-ups, in strict mode. Returns its id."""
    config_id = planned(cast, video_id="abcdefghijk")
    cast.x.faults = [fault]
    post_id = cast.services.by_hand.post_now(config_id, now())
    cast.services.posting.drain()
    later = now()
    for seconds in (5, 20, 50, 95, 96):
        cast.services.confirming.look_up(later + timedelta(seconds=seconds))
    assert cast.posts()[0].status == PostStatus.REVIEW
    return post_id


def test_a_person_who_says_again_sends_the_same_text_once_more(cast: Cast) -> None:
    post_id = in_review(cast, Fault(method="POST", path="/2/tweets", hang_up="before"))
    sentence = cast.services.by_hand.resolve(post_id, "again", NOBODY, now())
    assert sentence == "It is sent again, word for word."
    cast.services.posting.drain()
    assert len(cast.timeline("ada")) == 1
    assert cast.posts()[0].status == PostStatus.POSTED


@pytest.mark.parametrize("second", ["again", "there", "leave"])
def test_of_two_answers_to_the_same_question_the_second_changes_nothing(cast: Cast, second: str) -> None:
    """Two windows, a double click, a form that is sent once more: before it is sent, and after."""
    post_id = in_review(cast, Fault(method="POST", path="/2/tweets", hang_up="before"))
    cast.services.by_hand.resolve(post_id, "again", NOBODY, now())
    with pytest.raises(Conflict, match="decided a moment ago"):
        cast.services.by_hand.resolve(post_id, second, NOBODY, now())
    cast.services.posting.drain()
    with contextlib.suppress(Conflict):  # or it is told that the post is out
        cast.services.by_hand.resolve(post_id, second, NOBODY, now())
    cast.services.posting.drain()
    assert (cast.posts()[0].status, cast.x.attempts(), len(cast.timeline("ada"))) == (PostStatus.POSTED, 2, 1)


def test_what_x_calls_a_double_of_an_unconfirmed_post_is_out(cast: Cast) -> None:
    cast.x.visibility_delay = 10_000
    post_id = in_review(cast, Fault(method="POST", path="/2/tweets", hang_up="after"))
    cast.services.by_hand.resolve(post_id, "again", NOBODY, now())
    cast.services.posting.drain()
    later = now()
    for seconds in (1, 5, 20, 50, 95, 96, 190):
        cast.services.confirming.look_up(later + timedelta(seconds=seconds))
    assert cast.posts()[0].status == PostStatus.POSTED
    assert len(cast.timeline("ada")) == 1


def test_before_it_is_sent_again_the_timeline_is_read_once_more(cast: Cast) -> None:
    cast.x.visibility_delay = 10_000
    post_id = in_review(cast, Fault(method="POST", path="/2/tweets", hang_up="after"))
    cast.x.visibility_delay = 0
    assert "after all" in cast.services.by_hand.resolve(post_id, "again", NOBODY, now())
    assert cast.posts()[0].status == PostStatus.POSTED
    assert len(cast.timeline("ada")) == 1


@pytest.mark.parametrize(("answer", "status"), [("there", PostStatus.POSTED), ("leave", PostStatus.CANCELLED)])
def test_the_other_answers_send_nothing(cast: Cast, answer: str, status: PostStatus) -> None:
    post_id = in_review(cast, Fault(method="POST", path="/2/tweets", hang_up="before"))
    cast.services.by_hand.resolve(post_id, answer, NOBODY, now())
    cast.services.posting.drain()
    assert (cast.posts()[0].status, cast.timeline("ada")) == (status, [])
    with pytest.raises(Conflict):
        cast.services.by_hand.resolve(post_id, answer, NOBODY, now())


def test_a_stream_that_matched_nothing_is_announced_after_one_click(cast: Cast) -> None:
    show = cast.show(hosts=("ada",), auto_create_episodes=False)
    episode_id = cast.episode(show, at=ago(days=-3)).id
    cast.go_live(show, "Surprise", at=ago(seconds=5))
    cast.check()
    broadcast = db.session.execute(db.select(Broadcast)).scalar_one()
    assert broadcast.verdict == Verdict.UNMATCHED
    matching_by_hand.match(broadcast.id, episode_id, now())
    cast.check()
    assert len(cast.timeline("ada")) == 1
    assert cast.posts()[0].episode_id == episode_id
