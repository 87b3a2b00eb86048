"""The hub's client: what its answers mean, which channel a topic is of, whose signature fits, what a delivery names."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sandbox import hub_payloads as payloads
from sandbox.hub import Hub
from sandbox.standin import Fault
from services.clients.http import Http
from services.clients.websub import (
    LARGEST_DELIVERY,
    Subscription,
    WebSubHub,
    channel_of,
    channels_in,
    is_signed,
    topic_of,
)
from services.errors import Outcome, Refused, Unknown

NOW = datetime(2026, 3, 4, 18, 0, tzinfo=UTC)
CHANNEL, OTHER = "UC" + "a" * 22, "UC" + "b" * 22
XML, PLAIN = (f"https://www.youtube.com{path}feeds/videos.xml" for path in ("/xml/", "/"))


@pytest.fixture
def hub():
    with Hub().serving() as served:
        yield served


def wanted(hub, **changed):
    values = {"callback": f"{hub.url}/nobody", "topic": topic_of(XML, CHANNEL), "secret": "s" * 43}
    return Subscription(**values, lease_seconds=432_000, **changed)


def ask(hub, **changed):
    """What it raised, or None."""
    try:
        WebSubHub(Http(), f"{hub.url}/subscribe").ask(wanted(hub, **changed), NOW)
    except Outcome as error:
        return error
    return None


# Asking


def test_the_request_is_the_form_that_hubs_know(hub):
    assert ask(hub) is None
    (entry,) = hub.asked("POST", "/subscribe")
    assert entry.form() == {
        "hub.mode": "subscribe",
        "hub.topic": f"https://www.youtube.com/xml/feeds/videos.xml?channel_id={CHANNEL}",
        "hub.callback": f"{hub.url}/nobody",
        "hub.verify": "async",
        "hub.lease_seconds": "432000",
        "hub.secret": "s" * 43,
    }


@pytest.mark.parametrize("status", [200, 202, 204])
def test_every_2xx_means_taken(hub, status):
    hub.faults = [Fault(status=status)]
    assert ask(hub) is None


@pytest.mark.parametrize(
    "status, cause",
    [
        *((status, "hub_refused") for status in (400, 403, 404)),
        *((status, "hub_busy") for status in (429, 500, 503)),
        *((status, "hub_odd_answer") for status in (301, 302)),
    ],
)
def test_a_status_is_a_refusal_with_its_cause(hub, status, cause):
    hub.faults = [
        Fault(status=status, body="Restricted topic", headers={"Content-Type": "text/plain", "Location": "/"})
    ]
    failed = ask(hub)
    assert isinstance(failed, Refused)
    assert (failed.cause, failed.http_status, str(failed)) == (cause, status, f"It said {status}: “Restricted topic”.")


def test_words_of_a_hub_are_one_short_line_and_never_a_page(hub):
    long = Fault(status=400, body="a\n\tb\x00\u202e" + "c" * 5000, headers={"Content-Type": "text/plain"})
    hub.faults = [long, Fault(status=400, body="<h1>No</h1>", headers={"Content-Type": "text/html"})]
    assert str(ask(hub)) == f"It said 400: “a b{'c' * 197}”."
    assert str(ask(hub)) == "It said 400."


@pytest.mark.parametrize(
    "said, seconds",
    [
        ("120", 120),
        ("0", 0),
        ("Wed, 04 Mar 2026 18:05:00 GMT", 300),
        ("99999999", 86_400),
        ("Wed, 04 Mar 2099 18:05:00 GMT", 86_400),
        *((odd, None) for odd in ("-5", "soon", "", "1e9", "9" * 40, "Wed, 04 Mar 2020 18:05:00 GMT", "²")),
        ("Wed, 99 Mar 2026 18:05:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_a_day_at_most(hub, said, seconds):
    hub.faults = [Fault(status=503, headers={"Retry-After": said.encode().decode("latin-1")})]
    failed = ask(hub)
    assert isinstance(failed, Refused)
    assert failed.retry_at == (None if seconds is None else NOW + timedelta(seconds=seconds))


def test_a_hub_that_is_not_there_is_a_refusal_and_one_that_drops_the_answer_is_not(hub):
    hub.faults = [Fault(hang_up="after"), Fault(hang_up="before"), Fault(cut=0)]
    for _ in range(2):
        failed = ask(hub)
        assert isinstance(failed, Unknown)
        assert failed.cause == "hub_no_answer"
    hub.stop()
    with pytest.raises(Refused) as caught:
        WebSubHub(Http(), "http://127.0.0.1:9/").ask(Subscription("http://127.0.0.1/", "t", "s", lease_seconds=1), NOW)
    assert caught.value.cause == "hub_unreachable"


def test_a_secret_is_not_shown_by_whoever_prints_a_subscription(hub):
    assert "sss" not in repr(wanted(hub))


# Topics


@pytest.mark.parametrize("spelling", [XML, PLAIN, XML.replace("https", "http"), PLAIN.replace("www.", "")])
def test_both_spellings_of_a_topic_are_of_the_same_channel(spelling):
    assert channel_of(topic_of(spelling, CHANNEL)) == CHANNEL


@pytest.mark.parametrize(
    "topic",
    [
        None,
        "",
        XML,
        f"{XML}?channel_id=",
        f"{XML}?channel_id={CHANNEL}x",
        f"{XML}?channel_id={CHANNEL}&channel_id={OTHER}",
        f"{XML}?playlist_id={CHANNEL}",
        f"https://www.youtube.com/other?channel_id={CHANNEL}",
        f"javascript:/feeds/videos.xml?channel_id={CHANNEL}",
        f"{XML}?channel_id={CHANNEL}" + "&a=b" * 1000,
        f"{XML}?" + "a=b&" * 20 + f"channel_id={CHANNEL}",
        "https://[::1/feeds/videos.xml",
        CHANNEL,
    ],
)
def test_what_is_no_topic_of_one_channel_is_of_none(topic):
    assert channel_of(topic) is None


# Signatures


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512"])
def test_a_signature_fits_its_body_and_secret_only(algorithm):
    good = f"{algorithm}={hmac.new(b'secret', b'body', algorithm).hexdigest()}"
    assert is_signed(b"body", good, "secret")
    assert is_signed(b"body", f" {good.upper()} ", "secret")
    assert not is_signed(b"body ", good, "secret")
    assert not is_signed(b"body", good, "other")
    assert not is_signed(b"body", good[:-1], "secret")


def test_a_hash_of_another_kind_or_none_does_not_fit():
    digest = hmac.new(b"secret", b"body", hashlib.sha1).hexdigest()
    weak = hmac.new(b"secret", b"body", hashlib.md5).hexdigest()
    plain = hashlib.sha1(b"body").hexdigest()
    odd = [
        None,
        "",
        "sha1",
        "sha1=",
        f"md5={weak}",
        f"sha256={digest}",
        digest,
        f"={digest}",
        f"sha1={plain}",
        "sha1=é",
    ]
    assert [one for one in [*odd, "new=1", "__class__=1"] if is_signed(b"body", one, "secret")] == []


# Deliveries


def entry(channel=CHANNEL, **more):
    return payloads.entry(channel, "v" * 11, "Queues & <locks>", author="Ada", published=NOW, updated=NOW, **more)


def test_a_delivery_names_the_channel_of_its_entry():
    assert channels_in(entry()) == {CHANNEL}
    assert channels_in(entry(self_link=topic_of(PLAIN, OTHER))) == {CHANNEL}


def test_a_deleted_video_names_its_channel_too():
    assert channels_in(payloads.tombstone(CHANNEL, "v" * 11, author="Ada", when=NOW)) == {CHANNEL}


def test_the_documented_example_is_read():
    body = Path(__file__).with_name("fixtures").joinpath("youtube/push.xml").read_bytes()
    assert channels_in(body) == {"UCaaaaaaaaaaaaaaaaaaaaaa"}


def test_a_feed_without_entries_names_the_channel_of_its_own_address():
    feed = f'<feed xmlns="http://www.w3.org/2005/Atom"><link rel="self" href="{topic_of(XML, CHANNEL)}"/></feed>'
    assert channels_in(feed.encode()) == {CHANNEL}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<feed/>",
        b"{}",
        b"\xff\xfe\x00",
        b'<?xml version="1.0" encoding="klingon"?><feed/>',
        payloads.bomb(),
        payloads.outside(),
        payloads.huge(LARGEST_DELIVERY + 1),
        b"<a>" * 20_000,
        b"<a>" * 9_000 + b"</a>" * 9_000,
        entry("UC"),
        entry("UC" + "a" * 21 + "/"),
        entry().replace(b"?>", b"?><!DOCTYPE feed>", 1),
        entry().replace(b"Queues", b"Q" * LARGEST_DELIVERY),
    ],
    ids=range(14),
)
def test_what_is_no_feed_of_a_channel_names_nobody(body):
    assert channels_in(body) == frozenset()


@given(some.binary(max_size=2000))
def test_no_bytes_break_the_parser(body):
    assert channels_in(body) == frozenset()


@given(some.data())
def test_no_change_to_a_real_delivery_breaks_the_parser_or_names_what_is_no_channel(data):
    seeds = [entry(), payloads.tombstone(CHANNEL, "v" * 11, author="Ada", when=NOW)]
    body = bytearray(data.draw(some.sampled_from(seeds)))
    for _ in range(data.draw(some.integers(1, 6))):
        at = data.draw(some.integers(0, len(body)))
        length = data.draw(some.integers(0, 40))
        body[at : at + length] = data.draw(some.sampled_from(PIECES) | some.binary(max_size=12))
    for channel in channels_in(bytes(body)):
        assert len(channel) == 24
        assert channel.startswith("UC")
        assert channel.isascii()


PIECES = [
    *(b"<entry>", b"</entry>", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"&#0;", b"<![CDATA[", b"]]>", b"<?xml?>"),
    *(b"<!--", b'xmlns:yt="x"', b"yt:channelId", OTHER.encode(), b"\x00", b"\xef\xbb\xbf", b"UTF-16", b"/channel/"),
]
