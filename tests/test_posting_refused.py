"""What X plainly refuses, E9 to E14, and what never gets that far, E18: the state, the words, and the way out."""

from typing import Any

import pytest

from extensions import db
from models import EpisodeTweetConfig, Post, User
from sandbox.standin import Fault
from services.clients.x_answers import Tokens, XUser
from tests.desk import Desk, spoil

#: several posts at once: one is settled in a short transaction while others are on the wire
pytestmark = pytest.mark.calls_in_transaction


def refused(desk: Desk, post: Post) -> list[tuple[str | None, str | None, int | None]]:
    return [(one.outcome, one.cause, one.http_status) for one in desk.attempts(post)]


def reconnect(desk: Desk, host: str = "ada") -> None:
    account = desk.x.add_account(host)
    who = XUser(account.id, account.username, account.name, None)
    tokens = Tokens(account.access_token, account.refresh_token, 7200, frozenset())
    desk.cast.services.connections.connect(desk.connection(host).user_id, who, tokens, desk.at)


# Refused for good: E9, E14

FOR_GOOD = {
    "e9 400": (400, "x_text_refused", "Edit it and press Post now."),
    "e9 413": (413, "x_text_refused", "X refused this text."),
    "e9 422": (422, "x_text_refused", "X refused this text."),
    "e14 403": (403, "x_forbidden", "X refused this post."),
    "e14 404": (404, "x_forbidden", "then press Post now."),
    "e14 410": (410, "x_forbidden", "X refused this post."),
    "e14 451": (451, "x_forbidden", "X refused this post."),
}


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True], ids=("default", "strict"))
@pytest.mark.parametrize("name", FOR_GOOD)
def test_e9_and_e14_a_refusal_for_good_fails_at_once_with_the_words_of_x(desk, x, name, strict):
    status, cause, words = FOR_GOOD[name]
    spoil(x, status=status, body='{"detail":"Not this one."}', headers={"Content-Type": "application/json"})
    desk.on_air("ada", strict=strict)
    post = desk.drain()
    assert (post.status, post.cause) == ("failed", cause)
    assert refused(desk, post) == [("not_accepted", cause, status)]
    assert words in desk.words(post)
    assert "X says: Not this one." in desk.words(post)
    assert desk.config(post).status == "failed"
    desk.find_out(until=20)
    assert (x.attempts(), desk.texts()) == (1, [])


# E10: the token is not accepted


def test_e10_a_first_401_is_answered_with_a_renewed_token_and_posts_once(desk, x):
    desk.on_air("ada")
    x.expire_token(x.account("ada"))
    post = desk.drain()
    assert refused(desk, post) == [("not_accepted", "x_auth", 401), ("accepted", None, None)]
    assert (post.status, len(desk.refreshes()), len(desk.texts())) == ("posted", 1, 1)
    assert desk.connection().trouble is None


def test_e10_a_second_401_waits_for_the_person_and_reconnecting_in_time_posts_it(desk, x):
    desk.on_air("ada")
    spoil(x, status=401, times=2)
    post = desk.drain()
    assert (post.status, post.cause, post.not_before) == ("queued", "x_auth", post.not_after)
    assert "Connect X again in time and it is still posted." in desk.words(post)
    assert (desk.connection().trouble, len(desk.refreshes()), post.attempts) == ("x_auth", 1, 2)
    assert desk.later(60).drain().status == "queued"
    reconnect(desk)
    assert desk.drain().status == "posted"
    assert (len(desk.texts()), x.attempts()) == (1, 3)


def test_e10_nobody_reconnects_and_the_post_is_missed_with_the_reason(desk, x):
    desk.on_air("ada")
    spoil(x, status=401, times=2)
    desk.drain()
    post = desk.later(1800).drain()
    assert (post.status, post.cause) == ("missed", "too_late")
    assert "X no longer accepts the connection." in desk.words(post)


def test_e10_a_401_for_a_token_that_somebody_renewed_meanwhile_costs_no_second_refresh(desk, x):
    desk.on_air("ada")
    stale = desk.connection().token_version

    def renew_meanwhile(request: Any) -> None:
        if request.path == "/2/tweets" and not desk.refreshes():
            x.expire_token(x.account("ada"))

    x.watchers.append(renew_meanwhile)
    assert desk.drain().status == "posted"
    assert desk.connection().token_version == stale + 1
    assert len(desk.refreshes()) == 1


# E12: a duplicate


def test_e12_a_duplicate_of_something_that_is_not_there_fails_and_asks_for_other_words(desk, x):
    spoil(x, status=403, body='{"detail":"You are not allowed to create a Tweet with duplicate content."}')
    desk.on_air("ada")
    post = desk.drain()
    assert (post.status, post.cause) == ("unknown", "x_duplicate")
    post = desk.find_out(until=200)
    assert (post.status, post.cause) == ("failed", "x_duplicate")
    assert desk.words(post) == "X says this text was already posted. Make it unique, for example add {title}."
    assert [one.outcome for one in desk.attempts(post)] == ["not_accepted"]


def test_e12_a_duplicate_that_is_on_the_timeline_is_the_post(desk, x):
    desk.on_air("ada", text="Live now: {url}")
    stored = x.post_by_hand(x.account("ada"), desk.post().text)
    desk.drain()
    post = desk.later(1).look_up()
    assert (post.status, post.remote_id) == ("posted", stored.id)


def test_e12_without_an_answer_from_the_timeline_nothing_is_decided(desk, x):
    spoil(x, status=403, body='{"detail":"duplicate content"}')
    desk.on_air("ada")
    desk.drain()
    x.faults.append(Fault(method="GET", path="/tweets$", status=503))
    assert desk.later(1).look_up().status == "unknown"


# E13: locked, or not allowed to post


def test_e13_a_locked_account_fails_at_once_and_its_owner_is_told_what_to_do(desk, x):
    x.lock_account(x.add_account("ada"))
    desk.on_air("ada")
    post = desk.drain()
    assert (post.status, post.cause) == ("failed", "x_locked")
    assert "X has locked this account." in desk.words(post)
    assert "Unlock it on x.com, then press Post now." in desk.words(post)
    desk.later(61).drain()
    assert x.attempts() == 1


def test_e13_a_missing_scope_waits_for_the_person_and_reconnecting_posts_it(desk, x):
    desk.on_air("ada")
    x.strip_scope(x.account("ada"), "tweet.write")
    post = desk.drain()
    assert (post.status, post.cause, desk.connection().trouble) == ("queued", "x_scope", "x_scope")
    assert "Connect X again and allow posting." in desk.words(post)
    reconnect(desk)
    assert desk.later(1).drain().status == "posted"


# E18: refused here


def test_e18_a_text_that_cannot_be_posted_fails_alone_and_nothing_of_it_is_sent(desk, x, cast):
    show = cast.show(hosts=("ada", "bo"))
    episode = cast.episode(show, at=desk.at)
    config = db.session.get_one(EpisodeTweetConfig, cast.config(episode, "ada").id)
    config.text = "No such {thing}"  # as an older version may have saved it
    db.session.commit()
    cast.youtube.go_live(show.youtube_channel_id, "Queues", at=desk.at)
    desk.look()
    desk.drain()
    failed = desk.post("ada")
    assert (failed.status, failed.cause, desk.post("bo").status) == ("failed", "text_invalid", "posted")
    assert "Unknown placeholder {thing}" in desk.words(failed)
    assert desk.attempts(failed) == []
    assert x.attempts() == 1


# Ends without being sent


def test_who_leaves_or_is_switched_off_before_it_is_sent_is_cancelled_with_the_reason(desk, x, cast):
    desk.on_air("ada", "bo", "cy")
    cast.services.tweets.set_tweet(desk.post("ada").config_id, enabled=False, now=desk.at)
    bo = db.session.get_one(User, desk.post("bo").user_id)
    bo.is_active = False
    db.session.commit()
    post = desk.post("cy")
    db.session.execute(Post.__table__.update().where(Post.id == post.id).values(podcast_id=None))
    db.session.commit()
    desk.drain()
    causes = [(desk.post(host).status, desk.post(host).cause) for host in ("ada", "bo", "cy")]
    assert causes == [("cancelled", "switched_off"), ("cancelled", "user_inactive"), ("cancelled", "member_gone")]
    assert x.attempts() == 0


def test_a_stream_that_is_over_before_the_post_is_sent_misses_it(desk, x, cast):
    video = desk.on_air("ada")
    cast.youtube.end(video, at=desk.at)
    desk.later(1).look()
    post = desk.drain()
    assert (post.status, post.cause, x.attempts()) == ("missed", "stream_over", 0)


def test_a_retry_waits_while_nobody_knows_whether_the_stream_is_still_on(desk, x):
    desk.on_air("ada")
    spoil(x, status=429, headers={"x-rate-limit-reset": "0"})
    desk.drain()
    post = desk.later(960).drain()
    assert (post.status, post.cause, x.attempts()) == ("queued", "youtube_silent", 1)
    desk.look()
    assert desk.later(11).drain().status == "posted"
