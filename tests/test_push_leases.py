"""Subscriptions at the hub over real HTTP: asked, granted, renewed, refused, denied, run out, given up."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from extensions import db
from models import PushState, PushSubscription
from sandbox import hub_payloads as payloads
from sandbox.standin import Fault
from services.causes import explain
from services.push_leases import granted
from tests.processes import eventually
from tests.push_stage import *  # noqa: F403 - its fixtures


@pytest.fixture
def engine_name(request):
    return "sqlite"


def minutes_until(at) -> int:
    return round((at - datetime.now(UTC)).total_seconds() / 60)


def days_until(at) -> float:
    return round((at - datetime.now(UTC)) / timedelta(days=1), 2)


# Asking


@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
def test_every_channel_of_an_active_podcast_is_subscribed_once_with_a_secret_of_its_own(push):
    first, second = push.show(), push.show("Small Talk", hosts=("cy",))
    push.cast.show("Again", hosts=("ada",), youtube_channel_id=first)
    push.cast.show("Over", hosts=("ada",), is_active=False)
    push.cast.show("Nowhere", hosts=("ada",), youtube_channel_id=None)
    assert push.ask().taken == 2
    eventually(lambda: push.held(first) and push.held(second), timeout=60)
    assert push.row(first).state == push.row(second).state == PushState.ACTIVE
    one, two = push.held(first), push.held(second)
    assert len(push.hub.asked("POST")) == 2
    assert one.callback != two.callback
    assert one.secret != two.secret
    assert len(one.secret) >= 40
    assert one.secret.encode() not in push.row(first).secret
    assert not push.asked_inside
    assert push.ask().taken == 0


def test_the_callback_says_nothing_of_the_channel(push):
    channel = push.subscribed()
    path = push.held(channel).callback.rpartition("/")[2]
    assert len(path) == 43
    assert channel not in path


def test_a_lease_is_renewed_at_about_half_of_what_was_granted(push):
    push.hub.lease = "864000"
    row = push.row(push.subscribed())
    assert days_until(row.lease_until) == 10
    assert 5 <= days_until(row.next_ask_at) <= 6


def test_renewals_are_spread(push):
    channels = [push.show(f"Show {n}", hosts=()) for n in range(12)]
    push.ask()
    eventually(lambda: all(push.row(channel).state == PushState.ACTIVE for channel in channels), timeout=60)
    hours = {round(days_until(push.row(channel).next_ask_at) * 24) for channel in channels}
    assert len(hours) > 4


def test_a_renewal_keeps_the_subscription_its_secret_and_its_callback(push):
    channel = push.subscribed()
    before = push.held(channel)
    push.wait(days=3.2)
    assert push.ask().taken == 1
    assert push.row(channel).state == PushState.ACTIVE
    eventually(lambda: push.held(channel).lease_until > before.lease_until, timeout=60)
    assert days_until(push.row(channel).lease_until) == 5
    after = push.held(channel)
    assert (after.callback, after.secret) == (before.callback, before.secret)


def test_no_more_than_forty_are_asked_for_in_one_run(push):
    push.hub.silent = True
    now = datetime.now(UTC)
    push.cast.show(hosts=())
    rows = [{"channel_id": f"UC{n:022}", "path": f"{n:043}", "secret": b"", "next_ask_at": now} for n in range(50)]
    for n, row in enumerate(rows):
        push.cast.show(f"Show {n}", hosts=(), youtube_channel_id=row["channel_id"])
        row["secret"] = push.cast.services.vault.seal("s", f"hub:{row['channel_id']}")
    db.session.execute(PushSubscription.__table__.insert(), rows)
    db.session.commit()
    assert [push.ask().taken for _ in range(3)] == [40, 11, 0]
    assert not push.asked_inside


def test_another_public_address_is_told_to_the_hub_at_once(push, make_app):
    channel = push.subscribed()
    push.change(channel, callback="https://old.example.com/websub/x")
    assert push.ask().taken == 1
    assert push.ask().taken == 0
    assert push.row(channel).callback == push.callback(channel)


def test_a_secret_that_no_key_opens_is_replaced_at_the_next_request(push):
    channel = push.subscribed()
    push.change(channel, secret=b"sealed by a key that is gone", next_ask_at=datetime.now(UTC))
    assert push.ask().taken == 1
    eventually(lambda: push.row(channel).next_ask_at > datetime.now(UTC) + timedelta(days=1), timeout=60)
    assert push.send(channel).status == 204
    assert push.wishes(channel) == (1, True)


# Trouble


@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
def test_a_hub_that_is_busy_is_asked_again_after_2_5_15_30_and_60_minutes(push):
    channel = push.show()
    push.hub.faults = [Fault(method="POST", status=503) for _ in range(7)]
    waits = []
    for _ in range(7):
        assert push.ask().failed == 1
        waits.append(minutes_until(push.row(channel).next_ask_at))
        assert push.ask().failed == 0
        push.wait(minutes=waits[-1] + 0.1)
    assert waits == [2, 5, 15, 30, 60, 60, 60]
    row = push.row(channel)
    assert (row.state, row.error_cause, row.failures) == (PushState.WANTED, "hub_busy", 7)
    push.ask()
    eventually(lambda: push.row(channel).state == PushState.ACTIVE, timeout=60)
    assert (push.row(channel).failures, push.row(channel).error_cause) == (0, None)


@pytest.mark.parametrize("retry_after, minutes", [("600", 10), ("30", 2), ("-1", 2), ("soon", 2), ("99999999", 1440)])
def test_what_the_hub_says_about_waiting_counts_when_it_is_longer(push, retry_after, minutes):
    channel = push.show()
    push.hub.faults = [Fault(method="POST", status=503, headers={"Retry-After": retry_after})]
    push.ask()
    assert minutes_until(push.row(channel).next_ask_at) == minutes


def test_the_hub_in_its_bad_weeks_goes_on_delivering_and_is_asked_again(push):
    channel = push.subscribed()
    push.hub.busy = True
    push.wait(days=3.2)
    assert push.ask().failed == 1
    row = push.row(channel)
    assert (row.state, row.error_cause) == (PushState.ACTIVE, "hub_busy")
    assert row.error == "It said 503: “Transient error; please try again later”."
    assert minutes_until(row.next_ask_at) == 2
    assert push.send(channel).status == 204
    assert push.wishes(channel) == (1, True)


@pytest.mark.parametrize(
    "fault, cause",
    [
        (Fault(status=400, body="Restricted topic", headers={"Content-Type": "text/plain"}), "hub_refused"),
        (Fault(status=302, headers={"Location": "http://127.0.0.1:9/"}), "hub_odd_answer"),
        (Fault(hang_up="before"), "hub_no_answer"),
        (Fault(hang_up="after"), "hub_no_answer"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_each_refusal_has_its_cause_and_a_next_try(push, fault, cause):
    channel = push.show()
    push.hub.silent = True
    push.hub.faults = [fault]
    assert push.ask().failed == 1
    row = push.row(channel)
    assert (row.state, row.error_cause, minutes_until(row.next_ask_at)) == (PushState.WANTED, cause, 2)


@pytest.mark.parametrize("seconds", [0.0, 1.0], ids=["before the hub comes back", "after it"])
def test_an_answer_that_was_lost_does_not_lose_the_subscription(push, seconds):
    channel = push.show()
    push.hub.faults = [Fault(hang_up="after", hold=seconds)]
    assert push.ask().failed == 1
    eventually(lambda: push.row(channel).state == PushState.ACTIVE, timeout=60)
    row = push.row(channel)
    assert (row.error_cause, row.failures) == (None, 0)
    assert days_until(row.next_ask_at) > 2


def test_a_hub_that_never_comes_back_is_noticed_and_asked_again(push):
    channel = push.show()
    push.hub.silent = True
    push.ask()
    assert push.row(channel).state == PushState.ASKED
    push.wait(minutes=10.1)
    assert push.ask().taken == 0
    row = push.row(channel)
    assert (row.error_cause, row.failures, minutes_until(row.next_ask_at)) == ("hub_silent", 1, 2)
    push.hub.silent = False
    push.wait(minutes=2.1)
    push.ask()
    eventually(lambda: push.row(channel).state == PushState.ACTIVE, timeout=60)


def test_a_hub_that_says_no_is_not_believed_when_it_comes_all_the_same(push):
    channel = push.show()
    push.hub.refusal = "Restricted topic"
    push.ask()
    assert push.hub.verify_again(push.callback(channel), payloads.topic(channel)).status == 404
    assert push.row(channel).state == PushState.WANTED


@pytest.mark.parametrize("state", ["asked", "active"])
def test_a_denial_at_any_time_is_noted_and_asked_about_later(push, state):
    if state == "active":
        channel = push.subscribed()
    else:
        channel = push.show()
        push.hub.silent = True
        push.ask()
    sent = push.hub.deny(push.callback(channel), payloads.topic(channel), "The <b>owner</b>\nsaid no" + "x" * 999)
    assert (sent.status, sent.answer) == (200, b"")
    row = push.row(channel)
    assert (row.state, row.error_cause, row.lease_until) == (PushState.DENIED, "hub_denied", None)
    assert row.error.startswith("It said: “The <b>owner</b> said no")
    assert len(row.error) < 250
    assert minutes_until(row.next_ask_at) == 6 * 60
    push.hub.silent = False
    push.wait(hours=6.1)
    push.ask()
    eventually(lambda: push.row(channel).state == PushState.ACTIVE, timeout=60)


def test_a_request_that_is_denied_in_place_of_verified_is_noted(push):
    push.hub.denial = "Not on my watch"
    channel = push.show()
    push.ask()
    eventually(lambda: push.row(channel).state == PushState.DENIED, timeout=60)
    assert push.row(channel).error == "It said: “Not on my watch”."


def test_a_lease_that_ran_out_is_said_and_asked_for_at_once(push, caplog):
    channel = push.subscribed()
    push.hub.refusal = "Restricted topic"
    push.wait(days=5.1)
    push.ask()
    row = push.row(channel)
    assert (row.state, row.error_cause) == (PushState.WANTED, "hub_refused")
    assert "leases at the hub ran out" in caplog.text
    push.hub.refusal = None
    push.wait(minutes=2.1)
    push.ask()
    eventually(lambda: push.row(channel).state == PushState.ACTIVE, timeout=60)


def test_a_lease_over_has_words_of_its_own_until_the_hub_was_asked(push):
    channel = push.subscribed()
    push.wait(days=5.1)
    push.service.stop()  # everything ends before the hub can be asked
    push.ask()
    row = push.row(channel)
    assert (row.state, row.error_cause, row.asked_at) == (PushState.WANTED, "hub_lease_over", None)
    assert "ran out" in explain(row.error_cause)


# What the hub grants


@pytest.mark.slow
@pytest.mark.parametrize(
    "said, days",
    [
        ("432000", 5),
        ("86400", 1),
        ("864000", 10),
        ("99999999999999999999", 10),
        ("0", 10 / 1440),
        ("-5", 10 / 1440),
        ("1", 10 / 1440),
        ("five days", 5),
        ("", 5),
        ("1e9", 5),
        ("nan", 5),
        ("٣", 5),
        ("9" * 5000, 5),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_hub_may_say_what_it_likes_about_a_lease(push, said, days):
    assert granted(said) == timedelta(days=days)
    push.hub.lease = said[:1000]
    row = push.row(push.subscribed())
    assert days_until(row.lease_until) == round(days, 2)
    assert datetime.now(UTC) < row.next_ask_at < row.lease_until


# Giving up


@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
def test_a_channel_that_no_podcast_watches_any_more_is_unsubscribed(push):
    channel = push.subscribed()
    other = push.subscribed("Small Talk", hosts=("cy",))
    push.archive()
    assert push.ask().taken == 1
    eventually(lambda: push.find(channel) is None, timeout=60)
    eventually(lambda: push.held(channel) is None, timeout=60)  # once it has our answer
    assert push.held(other) is not None
    assert push.hub.asked("POST")[-1].form()["hub.mode"] == "unsubscribe"


def test_what_the_hub_was_never_asked_for_is_just_forgotten(push):
    channel = push.show()
    push.service._keep_up(datetime.now(UTC))
    db.session.commit()
    assert push.find(channel) is not None
    push.archive()
    push.ask()
    assert push.find(channel) is None
    assert not push.hub.asked("POST")


def test_a_podcast_that_comes_back_before_the_hub_let_go_keeps_its_subscription(push):
    channel = push.subscribed()
    path = push.row(channel).path
    push.hub.busy = True
    push.archive()
    push.ask()
    assert push.row(channel).state == PushState.LEAVING
    push.hub.busy = False
    db.session.execute(db.text("UPDATE podcasts SET is_active = true"))
    db.session.commit()
    push.ask()
    eventually(lambda: push.row(channel).state == PushState.ACTIVE, timeout=60)
    assert push.row(channel).path == path


def test_a_hub_that_does_not_let_go_is_left_alone_after_five_tries(push):
    channel = push.subscribed()
    push.hub.busy = True
    push.archive()
    for _ in range(5):
        assert push.ask().failed == 1
        push.wait(hours=1.1)
    assert push.find(channel) is None
    assert push.ask().failed == 0


def test_nothing_is_delivered_after_unsubscribing(push):
    channel = push.subscribed()
    held = push.held(channel)
    push.archive()
    push.ask()
    eventually(lambda: push.find(channel) is None, timeout=60)
    push.service.deliveries._known.clear()
    sent = push.hub.send("POST", held.callback, push.body(channel), push.hub.headers(held, push.body(channel)))
    assert sent.status == 404


# Where the hub cannot come back


@pytest.mark.parametrize(
    "public, hub_url, is_on",
    [
        ("https://airhorn.example.com", "https://hub.example.com/", True),
        ("http://127.0.0.1:5000", "https://hub.example.com/", False),
        ("https://127.0.0.1", "https://hub.example.com/", False),
        ("https://localhost", "https://hub.example.com/", False),
        ("https://10.0.0.7", "https://hub.example.com/", False),
        ("https://[fd00::7]", "https://hub.example.com/", False),
        ("https://8.8.8.8", "https://hub.example.com/", True),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5001/subscribe", True),
        ("http://127.0.0.1:5000", "http://localhost:5001/subscribe", True),
    ],
)
def test_push_is_on_where_the_hub_can_come_back(make_app, public, hub_url, is_on):
    app = make_app(public_url=public, websub_hub_url=hub_url)
    with app.app_context():
        service = app.extensions["airhorn"].push
        assert service.is_on is is_on


def test_where_push_is_off_nobody_is_asked_and_nothing_is_stored(push, make_app, hub):
    push.show()
    with make_app(websub_hub_url="https://hub.example.com/").app_context():
        service = make_app(websub_hub_url="https://hub.example.com/").extensions["airhorn"].push
        assert service.ask_due(datetime.now(UTC)).taken == 0
        assert db.session.execute(select(func.count()).select_from(PushSubscription)).scalar() == 0
        db.session.rollback()
