"""The hub's stand-in does what the real one does: takes, verifies, delivers, and errs when it is told to."""

import re
import threading
from datetime import timedelta

import pytest
import requests
from defusedxml import ElementTree
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from sandbox import hub_payloads as payloads
from sandbox.hub import HUB_TROUBLE, Hub, sign
from sandbox.standin import Fault, Quiet
from sandbox.youtube import YouTube
from tests.processes import eventually
from tests.youtube_visitor import NAMES, NOON, Clock


class Subscriber:
    """Somebody who subscribed: echoes challenges, remembers deliveries, and answers as it is told."""

    def __init__(self):
        self.visits, self.deliveries, self.statuses, self.echo = [], [], [], None
        self.server = make_server(
            "127.0.0.1", 0, Request.application(self.answer), threaded=True, request_handler=Quiet
        )
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.port}/callback"

    def answer(self, request):
        if request.method == "GET":
            self.visits.append(request.args.to_dict())
            return Response(request.args.get("hub.challenge", "") if self.echo is None else self.echo)
        self.deliveries.append((dict(request.headers), request.get_data()))
        return Response(status=self.statuses.pop(0) if self.statuses else 204, headers={"Location": "/elsewhere"})

    def videos(self):
        return [found[1].decode() for _, body in self.deliveries if (found := re.search(rb"video:([\w-]{11})", body))]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def youtube(clock):
    return YouTube(now=clock)  # not served: it only tells what happens


@pytest.fixture
def hub(clock, youtube):
    with Hub(seed=7, now=clock).serving() as served:
        served.by_hand = True
        yield served.follow(youtube)


@pytest.fixture
def reader():
    made = Subscriber()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def channel(youtube):
    return youtube.add_channel("The Ü & Show")


def form(reader, channel, **changed):
    asked = {"callback": reader.url, "mode": "subscribe", "topic": payloads.topic(channel), "secret": "s3cret"}
    return {f"hub.{name}": value for name, value in (asked | changed).items() if value is not None}


def subscribe(hub, reader, channel, *, path="/subscribe", **changed):
    answer = requests.post(hub.url + path, data=form(reader, channel, **changed), timeout=60)
    hub.work()
    return answer


# Taking


@pytest.mark.parametrize("path", ["/", "/subscribe"])
def test_a_request_is_taken_and_verified_afterwards(hub, reader, channel, path):
    answer = requests.post(hub.url + path, data=form(reader, channel), timeout=60)
    assert (answer.status_code, reader.visits) == (202, [])
    hub.work()
    (visit,) = reader.visits
    assert visit["hub.challenge"]
    assert visit | {"hub.challenge": ""} == {
        "hub.mode": "subscribe",
        "hub.topic": payloads.topic(channel),
        "hub.challenge": "",
        "hub.lease_seconds": "432000",
    }
    assert len(hub.held) == 1


def test_in_sync_it_is_verified_before_the_answer(hub, reader, channel):
    assert subscribe(hub, reader, channel, verify="sync").status_code == 204
    reader.echo = "something else"
    assert subscribe(hub, reader, channel, verify="sync").status_code == 409


@pytest.mark.parametrize("asked, granted", [(None, 432_000), ("60", 60), ("999999999", 864_000)])
def test_the_lease_is_what_was_asked_within_ten_days(hub, reader, channel, clock, asked, granted):
    subscribe(hub, reader, channel, lease_seconds=asked)
    assert reader.visits[0]["hub.lease_seconds"] == str(granted)
    assert next(iter(hub.held.values())).lease_until == NOON + timedelta(seconds=granted)


def test_the_token_of_old_subscribers_is_given_back(hub, reader, channel):
    subscribe(hub, reader, channel, verify_token="mine")
    assert reader.visits[0]["hub.verify_token"] == "mine"


@pytest.mark.slow
@pytest.mark.parametrize(
    "changed",
    [
        *({"callback": url} for url in (None, "", "ftp://127.0.0.1/", "http:///x", "http://127.0.0.1/#part")),
        *({"mode": mode} for mode in (None, "publish", "denied")),
        *({"topic": topic} for topic in (None, "https://example.com/", "https://www.youtube.com/feeds/videos.xml")),
        *({"lease_seconds": lease} for lease in ("0", "-5", "long")),
        {"secret": "s" * 200},
    ],
    ids=str,
)
def test_what_cannot_be_subscribed_is_refused_in_plain_words(hub, reader, channel, changed):
    answer = subscribe(hub, reader, channel, **changed)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text
    assert not reader.visits


def test_only_posts_are_taken_and_only_there(hub):
    assert requests.get(f"{hub.url}/subscribe", timeout=60).status_code == 405
    assert requests.post(f"{hub.url}/other", timeout=60).status_code == 404


def test_in_bad_weeks_it_is_busy_for_new_ones_and_delivers_to_old_ones(hub, reader, channel, youtube):
    subscribe(hub, reader, channel)
    hub.busy = True
    answer = subscribe(hub, reader, channel)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "120")
    assert answer.text == "Transient error; please try again later"
    video = youtube.upload(channel, "Film")
    hub.work()
    assert reader.videos() == [video]


def test_chance_is_the_same_in_every_run(clock, reader, channel):
    def statuses():
        with Hub(seed=3, now=clock).serving() as hub:
            hub.by_hand, hub.mishaps, hub.chance = True, list(HUB_TROUBLE), 0.5
            return [subscribe(hub, reader, channel).status_code for _ in range(20)]

    first = statuses()
    assert first == statuses()
    assert set(first) == {202, 500, 503}


def test_it_can_be_slow_or_never_answer(hub, reader, channel):
    hub.faults = [Fault(delay=0.5), Fault(hang_up="before")]
    assert subscribe(hub, reader, channel).elapsed.total_seconds() >= 0.5
    with pytest.raises(requests.ConnectionError):
        subscribe(hub, reader, channel)


# Verifying


@pytest.mark.parametrize("echo", ["", "wrong", "{challenge} "])
def test_a_wrong_echo_leaves_everything_as_it_was(hub, reader, channel, echo):
    reader.echo = echo
    subscribe(hub, reader, channel)
    assert not hub.held
    reader.echo = None
    subscribe(hub, reader, channel)
    before = dict(hub.held)
    reader.echo = echo
    subscribe(hub, reader, channel, mode="unsubscribe")
    assert hub.held == before


def test_unsubscribing_is_verified_as_well(hub, reader, channel):
    subscribe(hub, reader, channel)
    subscribe(hub, reader, channel, mode="unsubscribe")
    assert reader.visits[-1]["hub.mode"] == "unsubscribe"
    assert not hub.held


def test_it_may_deny_at_any_time_or_in_place_of_verifying(hub, reader, channel):
    subscribe(hub, reader, channel)
    hub.deny(*next(iter(hub.held)), "No more")
    assert reader.visits[-1] == {"hub.mode": "denied", "hub.topic": payloads.topic(channel), "hub.reason": "No more"}
    assert not hub.held
    hub.denial = "Never"
    subscribe(hub, reader, channel)
    assert (reader.visits[-1]["hub.mode"], hub.held) == ("denied", {})


def test_it_may_come_back_unasked_and_say_anything_of_the_lease(hub, reader, channel):
    hub.verify_again(reader.url, payloads.topic(channel))
    assert reader.visits[-1]["hub.challenge"] == "again"
    hub.lease = "forever"
    subscribe(hub, reader, channel)
    assert reader.visits[-1]["hub.lease_seconds"] == "forever"


def test_a_callback_keeps_its_own_query(hub, reader, channel):
    subscribe(hub, reader, channel, callback=reader.url + "?id=7")
    assert reader.visits[0]["id"] == "7"


# Delivering


def test_a_delivery_looks_like_the_documented_one(hub, reader, channel, youtube):
    subscribe(hub, reader, channel)
    video = youtube.upload(channel, "Q & <A>")
    hub.work()
    ((headers, body),) = reader.deliveries
    assert headers["Content-Type"] == "application/atom+xml"
    assert headers["User-Agent"] == "FeedFetcher-Google; (+http://www.google.com/feedfetcher.html)"
    assert headers["X-Hub-Signature"] == sign(body, "s3cret")
    assert "rel=self" in headers["Link"]
    assert "rel=hub" in headers["Link"]
    feed = ElementTree.fromstring(body)
    entry = feed.find("a:entry", NAMES)
    told = {name: entry.findtext(name, namespaces=NAMES) for name in ("yt:videoId", "yt:channelId", "a:title")}
    assert told == {"yt:videoId": video, "yt:channelId": channel, "a:title": "Q & <A>"}
    assert re.fullmatch(r"2026-04-26T12:00:00\.\d{9}\+00:00", entry.findtext("a:updated", namespaces=NAMES))
    assert b"media" not in body


def test_without_a_secret_nothing_is_signed(hub, reader, channel, youtube):
    subscribe(hub, reader, channel, secret=None)
    youtube.upload(channel, "Film")
    hub.work()
    assert "X-Hub-Signature" not in reader.deliveries[0][0]


def test_what_is_told_is_what_is_made_edited_or_removed_and_no_planned_start_nor_end(hub, reader, channel, youtube):
    subscribe(hub, reader, channel)
    told = []

    def said():
        hub.work()
        told.append(len(reader.deliveries))

    room = youtube.schedule(channel, "Soon", start=NOON + timedelta(hours=1))
    said()
    youtube.go_live(room)
    said()
    youtube.end(room)
    said()
    unplanned = youtube.go_live(channel, "Now")
    said()
    youtube.retitle(unplanned, "Right now")
    said()
    youtube.delete(unplanned)
    said()
    youtube.set_privacy(room, "private")
    said()
    youtube.set_privacy(room, "public")
    said()
    youtube.schedule(channel, "Hidden", start=None, privacy="unlisted")
    said()
    assert told == [1, 1, 1, 2, 3, 4, 5, 6, 6]
    removed = reader.deliveries[3][1].decode()
    assert f'<at:deleted-entry ref="yt:video:{unplanned}" when="2026-04-26T12:00:00+00:00">' in removed
    assert "yt:channelId" not in removed


def test_a_start_that_is_to_come_is_told_when_it_is_true(hub, reader, channel, youtube, clock):
    subscribe(hub, reader, channel)
    youtube.go_live(channel, "Later", at=NOON + timedelta(minutes=5))
    hub.work()
    assert not reader.deliveries
    clock.forward(minutes=5)
    hub.work()
    assert len(reader.deliveries) == 1


@pytest.mark.parametrize("spelling", payloads.SPELLINGS)
def test_the_feed_names_itself_in_either_spelling(hub, reader, channel, youtube, spelling):
    hub.spelling = spelling
    subscribe(hub, reader, channel)
    youtube.upload(channel, "Film")
    hub.work()
    assert payloads.topic(channel, spelling).encode() in reader.deliveries[0][1]


@pytest.mark.parametrize("status", [500, 404, 302])
def test_what_is_not_acknowledged_comes_again_later_and_not_for_ever(hub, reader, channel, youtube, clock, status):
    subscribe(hub, reader, channel)
    reader.statuses = [status] * 20
    youtube.upload(channel, "Film")
    counts = []
    for _ in range(4):
        hub.work()
        counts.append(len(reader.deliveries))
        clock.forward(seconds=30)
    assert counts == [1, 2, 3, 4]
    for _ in range(10):
        clock.forward(minutes=10)
        hub.work()
    assert len(reader.deliveries) == 5


def test_a_lease_that_is_over_ends_deliveries(hub, reader, channel, youtube, clock):
    subscribe(hub, reader, channel, lease_seconds="60")
    clock.forward(seconds=59)
    youtube.upload(channel, "Film")
    hub.work()
    clock.forward(seconds=1)
    youtube.upload(channel, "Other film")
    hub.work()
    assert len(reader.deliveries) == 1


def test_a_renewal_makes_the_lease_longer(hub, reader, channel, youtube, clock):
    subscribe(hub, reader, channel, lease_seconds="60")
    clock.forward(seconds=30)
    subscribe(hub, reader, channel, lease_seconds="60")
    clock.forward(seconds=45)
    youtube.upload(channel, "Film")
    hub.work()
    assert len(reader.deliveries) == 1


def test_deliveries_get_lost_double_late_and_out_of_order_by_chance(hub, reader, channel, youtube, clock):
    subscribe(hub, reader, channel)
    hub.lost, hub.doubled, hub.lateness, hub.shuffled = 0.3, 0.3, 3600.0, True
    made = [youtube.upload(channel, f"Film {n}") for n in range(40)]
    hub.work()
    at_once = len(reader.videos())
    clock.forward(hours=1)
    hub.work()
    seen = reader.videos()
    assert at_once < len(seen)
    assert 0 < len(set(made) - set(seen)) < 40
    assert len(seen) > len(set(seen))
    assert seen != sorted(seen, key=made.index)


def test_everything_that_was_asked_and_sent_is_in_the_journals(hub, reader, channel, youtube):
    subscribe(hub, reader, channel)
    youtube.upload(channel, "Film")
    hub.work()
    assert [entry.form()["hub.mode"] for entry in hub.asked("POST")] == ["subscribe"]
    assert [(sent.method, sent.status) for sent in hub.sent] == [("GET", 200), ("POST", 204)]


def test_a_subscriber_who_is_gone_does_not_stop_the_others(hub, reader, channel, youtube):
    subscribe(hub, reader, channel)
    other = Subscriber()
    subscribe(hub, other, channel)
    other.server.shutdown()
    other.server.server_close()
    youtube.upload(channel, "Film")
    hub.work()
    assert len(reader.deliveries) == 1


def test_by_itself_it_works_in_a_thread(hub, reader, channel, youtube):
    hub.by_hand = False
    requests.post(hub.url, data=form(reader, channel), timeout=60)
    eventually(lambda: hub.held, timeout=60)
    youtube.upload(channel, "Film")
    eventually(lambda: reader.deliveries, timeout=60)


def test_what_somebody_else_sends_is_at_hand():
    assert len(payloads.huge()) > 10_000_000
    assert b"ENTITY" in payloads.bomb()
    assert b"file:///" in payloads.outside()
