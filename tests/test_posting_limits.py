"""What X does not take now, E11 and E15: credits are gone, a limit is used up. Who must wait, and until when."""

from datetime import timedelta

import pytest

from sandbox.x_limits import Limit
from tests.conftest import ENGINES
from tests.desk import spoil

#: several posts at once: one is settled in a short transaction while others are on the wire
pytestmark = pytest.mark.calls_in_transaction


# E11: no credits


@pytest.mark.parametrize("how", ["402", "usage cap"])
def test_e11_without_credits_all_wait_one_probes_and_a_top_up_sends_all_at_once(desk, x, how):
    def broke(yes: bool) -> None:
        x.credits_usd = 0 if yes and how == "402" else None
        x.usage_cap = yes and how != "402"

    broke(True)
    desk.on_air("ada", "bo", "cy")
    post = desk.drain()
    assert (post.status, post.cause) == ("queued", "x_credits")
    assert "Posting is paused: this server has run out of X credits." in desk.words(post)
    sent = x.attempts()
    desk.later(200).drain()
    assert x.attempts() == sent
    desk.look()
    desk.later(101).drain()
    assert x.attempts() == sent + 1
    desk.drain()
    desk.later(100).drain()
    assert x.attempts() == sent + 1
    broke(False)
    desk.look()
    desk.later(201).drain()
    assert [desk.post(host).status for host in ("ada", "bo", "cy")] == ["posted"] * 3
    assert x.attempts() == sent + 4


def test_e11_the_probe_is_not_spent_while_nothing_waits(desk, x):
    x.credits_usd = 0
    desk.on_air("ada")
    desk.drain()
    x.credits_usd = None
    desk.later(1800).drain()
    assert desk.post().status == "missed"
    for _ in range(5):
        desk.later(70).drain()
    desk.on_air("bo")
    assert desk.drain().status == "posted"


def test_e11_what_is_too_late_ends_also_while_nobody_may_send(desk, x):
    desk.on_air("ada", minutes_ago=28)
    desk.on_air("bo", minutes_ago=27)
    x.credits_usd = 0
    desk.drain()
    desk.later(200).drain()
    assert [desk.post(host).status for host in ("ada", "bo")] == ["missed", "missed"]
    assert "run out of X credits" in desk.words(desk.post("ada"))


def test_e11_an_answer_that_was_on_its_way_does_not_open_the_gate(desk, x):
    """Fifty at once: some are still accepted after the first was refused. That says nothing about the money."""
    spoil(x, status=402, body="{}", hold=0)
    desk.on_air("ada", "bo", "cy", "di")
    desk.drain()
    states = sorted(desk.post(host).status for host in ("ada", "bo", "cy", "di"))
    assert states == ["posted", "posted", "posted", "queued"]
    assert x.attempts() == 4
    desk.later(200).drain()
    assert x.attempts() == 4


# E15: the limit


def test_e15_a_used_up_limit_waits_for_its_reset_and_holds_the_whole_account(desk, x):
    x.rate_limits["POST /2/tweets"] = Limit(user=(1, timedelta(seconds=120)))
    desk.on_air("ada")
    desk.drain()
    show = desk.cast.show("Second", hosts=("ada",))
    desk.cast.youtube.go_live(show.youtube_channel_id, "Second", at=desk.at)
    desk.look()
    post = desk.drain()
    assert (post.status, post.cause) == ("queued", "x_rate")
    assert "X's limit for this account is used up for now." in desk.words(post)
    show = desk.cast.show("Third", hosts=("ada", "bo"))
    desk.cast.youtube.go_live(show.youtube_channel_id, "Third", at=desk.at)
    desk.look()
    desk.drain()
    assert (x.attempts(), desk.post("bo").status, len(desk.texts("ada"))) == (3, "posted", 1)
    x.rate_limits["POST /2/tweets"] = Limit()
    desk.look()
    desk.later(121).drain()
    assert len(desk.texts("ada")) == 3


@pytest.mark.parametrize("engine_name", ENGINES[:1], indirect=True)
@pytest.mark.parametrize("reset", ["soon", "-5", "99999999999", ""])
def test_e15_a_reset_that_makes_no_sense_is_a_quarter_of_an_hour(desk, x, reset):
    spoil(x, status=429, headers={"x-rate-limit-reset": reset})
    desk.on_air("ada")
    post = desk.drain()
    assert post.status == "queued"
    assert abs(post.not_before - desk.at - timedelta(minutes=15)) < timedelta(seconds=30)


@pytest.mark.parametrize("engine_name", ENGINES[:1], indirect=True)
def test_e15_the_wait_is_counted_from_the_time_of_the_sending_and_not_from_the_clock_on_the_wall(desk, x):
    spoil(x, status=429)
    desk.later(3 * 3600).on_air("ada")
    post = desk.drain()
    assert abs(post.not_before - desk.at - timedelta(minutes=15)) < timedelta(seconds=30)


def test_e15_a_limit_that_outlasts_the_time_is_missed_at_once(desk, x):
    spoil(x, status=429)
    desk.on_air("ada", minutes_ago=20)
    post = desk.drain()
    assert (post.status, post.cause) == ("missed", "x_rate")
    assert "X's limit for this account is used up" in desk.words(post)
