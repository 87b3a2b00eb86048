"""Push in figures: what came in and what became of it, in `/metrics` and in `flask scheduler status`."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from extensions import db
from models import Broadcast, PushSubscription, Verdict, YouTubeChannel
from sandbox.hub_wire import ask as over_http
from services.metrics import exposition
from services.push_figures import push_figures
from tests.push_stage import *  # noqa: F403 - its fixtures

SECOND = timedelta(seconds=1)


@pytest.fixture
def engine_name():
    return "sqlite"


def told(settings, name):
    """Label → value of one figure, of whichever process."""
    db.session.rollback()
    families = text_string_to_metric_families(exposition(settings, datetime.now(UTC)).decode())
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return {value: one.value for one in samples for label, value in one.labels.items() if label != "process"}


def test_every_way_a_delivery_can_go_is_counted_once(push, settings):
    channel = push.subscribed()
    before = told(settings, "airhorn_pushes_total")
    assert set(before.values()) == {0}
    push.send(channel, b"<feed/>")
    for _ in range(3):  # one look now, one in twenty seconds, and that one is enough for the third
        push.send(channel)
    push.send(channel, secret="another")
    push.send(channel, b"a" * 70_000)
    over_http("POST", push.callback(channel), push.body(channel), {}, at=push.hub.now())
    over_http("POST", f"{push.door.url}/websub/{'a' * 43}", push.body(channel), {}, at=push.hub.now())
    after = told(settings, "airhorn_pushes_total")
    once = ("repeated", "forged", "foreign", "too_large", "unsigned", "unknown")
    assert after == dict.fromkeys(once, 1) | {"accepted": 2, "locked": 0, "put_off": 0}


def test_a_secret_of_ours_that_does_not_open_is_no_forgery(push, settings):
    channel = push.subscribed()
    push.change(channel, secret=b"nonsense")
    push.send(channel)
    assert told(settings, "airhorn_pushes_total")["locked"] == 1


def test_subscriptions_are_told_by_state_and_one_whose_lease_is_over_is_not_among_the_active(push, settings):
    _, lapsed, denied = (push.subscribed(name) for name in ("One", "Two", "Three"))
    push.change(lapsed, lease_until=datetime.now(UTC) - SECOND)
    push.change(denied, state="denied")
    found = told(settings, "airhorn_push_subscriptions")
    assert {state: number for state, number in found.items() if number} == {"active": 1, "lapsed": 1, "denied": 1}


def test_a_push_that_no_look_followed_grows_older_until_one_does(push):
    channel = push.subscribed()
    push.send(channel)
    pushed_at = push.channel(channel).pushed_at
    assert push_figures(pushed_at + 7 * SECOND).waiting == 7
    db.session.execute(update(YouTubeChannel).values(last_look_at=pushed_at + SECOND))
    db.session.commit()
    assert push_figures(pushed_at + 7 * SECOND).waiting == 0


def test_a_channel_that_nobody_watches_any_more_waits_for_no_look(push):
    channel = push.subscribed()
    push.send(channel)
    push.change(channel, state="leaving")
    assert push_figures(push.channel(channel).pushed_at + 7 * SECOND).waiting == 0


def seen_live(n, signal, after):
    at = datetime.now(UTC) - timedelta(minutes=n)
    times = {"actual_start_at": at, "live_seen_at": at + after * SECOND, "live_signal_at": at}
    return Broadcast(video_id=f"{n:011}", verdict=Verdict.ANNOUNCED, live_signal=signal, **times)


def test_how_soon_a_push_led_to_a_start_is_told_and_other_looks_do_not_count(app, settings):
    db.session.add_all([seen_live(5, "push", 2), seen_live(6, "push", 4), seen_live(7, "uploads", 60)])
    db.session.commit()
    assert told(settings, "airhorn_push_to_seen_seconds") == {"0.5": 2, "0.95": 4, "1": 4}


def test_the_status_says_how_push_goes_to_machines_and_to_people(push, runner):
    channel = push.subscribed()
    push.send(channel)
    db.session.execute(update(PushSubscription).values(pushes=5))
    db.session.execute(update(YouTubeChannel).values(last_look_at=datetime.now(UTC)))
    db.session.add_all([seen_live(5, "push", 2), seen_live(6, "push", 4)])
    db.session.commit()
    found = json.loads(runner.invoke(args=["scheduler", "status", "--json"]).stdout)["push"]
    assert (found["active"], found["denied"], found["accepted"], found["waiting_seconds"]) == (1, 0, 5, 0)
    assert (found["to_seen_p50_seconds"], found["to_seen_p95_seconds"]) == (2, 4)
    assert datetime.fromisoformat(found["last_at"]) == push.row(channel).last_push_at
    said = runner.invoke(args=["scheduler", "status"]).stdout
    assert "push: wanted 0, asked 0, active 1, denied 0, leaving 0, lapsed 0, accepted 5, " in said
