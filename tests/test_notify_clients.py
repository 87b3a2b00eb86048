"""Discord, Slack and Telegram over real HTTP: what arrives, what is refused, and what stays unknown."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.control import Sandbox
from sandbox.demo import settings_of
from sandbox.notify import BOT_TOKEN
from sandbox.standin import Fault
from services.clients.http import Http
from services.clients.notify import (
    Discord,
    Message,
    Slack,
    Telegram,
    discord_webhook,
    slack_webhook,
    telegram_chat,
)
from services.errors import Invalid, Refused, Unknown

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECRET = "s" * 68
ADDRESSES = {
    "discord": f"1234567890/{SECRET}",
    "slack": f"T0000AAAA/B0000BBBB/{SECRET[:24]}",
    "telegram": "424242",
}
LINK = "https://airhorn.example.com/podcasts/1"
SAMPLE = Message("Deep Dive is live", "2 of 2 posted.", LINK)


@pytest.fixture(params=sorted(ADDRESSES))
def network(request):
    return request.param


@pytest.fixture
def sender(network, messengers):
    return sender_of(network, messengers)


def sender_of(network, messengers, token=BOT_TOKEN):
    kinds = {"discord": Discord, "slack": Slack}
    http = Http()
    return kinds[network](http, messengers.url) if network in kinds else Telegram(http, messengers.url, token)


def failed(sender, network, **message):
    with pytest.raises((Refused, Unknown)) as caught:
        sender.send(ADDRESSES[network], SAMPLE, NOW)
    return caught.value


def test_a_notice_arrives_with_its_link(sender, network, messengers):
    sender.send(ADDRESSES[network], SAMPLE, NOW)
    (one,) = messengers.delivered
    assert (one.network, one.address) == (network, ADDRESSES[network])
    assert one.text == f"Deep Dive is live\n2 of 2 posted.\n{LINK}"


def test_an_address_that_is_gone_is_refused_for_good(sender, network, messengers):
    messengers.gone.add(ADDRESSES[network])
    error = failed(sender, network)
    assert (type(error), error.cause, error.permanent) == (Refused, "notice_gone", True)


@pytest.mark.parametrize(
    "fault, seconds",
    [
        (Fault(status=429, body='{"message": "slow down", "retry_after": 12.5, "global": false}'), 12.5),
        (Fault(status=429, body="rate_limited", headers={"Retry-After": "30"}), 30),
        (Fault(status=429, body='{"ok": false, "error_code": 429, "parameters": {"retry_after": 7}}'), 7),
        (Fault(status=429, body="?"), 60),
        (Fault(status=429, headers={"Retry-After": "999999"}), 3600),
        (Fault(status=429, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), 60),
    ],
)
def test_how_long_to_wait_is_what_the_other_side_says(sender, network, messengers, fault, seconds):
    messengers.faults = [fault]
    error = failed(sender, network)
    assert (error.cause, error.retry_at) == ("notice_rate", NOW + timedelta(seconds=seconds))
    assert not error.permanent


@pytest.mark.parametrize(
    "fault",
    [
        Fault(hang_up="after"),
        Fault(hang_up="before"),
        Fault(status=500),
        Fault(status=503, stored=True),
        Fault(status=302, headers={"Location": "http://127.0.0.1:1/elsewhere"}),
        Fault(body="x" * 100_000),
    ],
)
def test_what_may_have_arrived_is_unknown(sender, network, messengers, fault):
    messengers.faults = [fault]
    error = failed(sender, network)
    assert (type(error), error.cause) == (Unknown, "notice_no_answer")
    assert len(messengers.asked()) == 1


def test_a_server_that_is_not_there_is_refused_for_now(sender, network, messengers):
    messengers.stop()
    error = failed(sender, network)
    assert (type(error), error.cause, error.permanent) == (Refused, "notice_unreachable", False)


def test_a_bot_that_is_not_known_is_not_the_fault_of_the_address(messengers):
    error = failed(sender_of("telegram", messengers, "1:" + "x" * 35), "telegram")
    assert (error.cause, error.permanent) == ("notice_bot", False)


def test_nobody_is_woken_by_a_title(messengers):
    title = "@everyone <!channel> <@123> [look](https://evil.example) **now** & then"
    for network, address in ADDRESSES.items():
        sender_of(network, messengers).send(address, Message(title, "", LINK), NOW)
    discord, slack, telegram = (messengers.texts(one)[0] for one in ("discord", "slack", "telegram"))
    assert "woken" not in discord
    assert r"\<@123\>" in discord
    assert r"\[look\](https://evil.example)" in discord
    assert "&lt;!channel&gt; &lt;@123&gt;" in slack
    assert "&amp; then" in slack
    assert telegram == f"{title}\n{LINK}"


def test_a_long_body_is_cut_and_the_link_stays(sender, network, messengers):
    sender.send(ADDRESSES[network], Message("T" * 200, "*" * 5000, LINK), NOW)
    (one,) = messengers.delivered
    assert len(one.text) <= 2000
    assert one.text.endswith(f"\n{LINK}")


def test_no_secret_is_logged_or_said(sender, network, messengers, caplog):
    caplog.set_level(logging.DEBUG)
    messengers.faults = [Fault(hang_up="after"), Fault(status=404), Fault(status=500)]
    said = [str(failed(sender, network)) for _ in range(3)]
    assert not [text for text in (caplog.text, *said) if SECRET[:20] in text or BOT_TOKEN in text]


def test_in_a_rehearsal_nothing_leaves_this_machine(tmp_path):
    with Sandbox().serving() as sandbox:
        given = settings_of(tmp_path, "http://127.0.0.1:5000", sandbox.url)
        assert {given[name] for name in ("DISCORD_API_URL", "SLACK_API_URL", "TELEGRAM_API_URL")} == {sandbox.url}
        Telegram(Http(), given["TELEGRAM_API_URL"], given["TELEGRAM_BOT_TOKEN"]).send("424242", SAMPLE, NOW)
        Discord(Http(), given["DISCORD_API_URL"]).send(ADDRESSES["discord"], SAMPLE, NOW)
        Slack(Http(), given["SLACK_API_URL"]).send(ADDRESSES["slack"], SAMPLE, NOW)
        assert Http().get(given["HEARTBEAT_URL"]).status == 200
        assert [one.network for one in sandbox.messengers.delivered] == ["telegram", "discord", "slack"]


# What people paste

GOOD = {
    discord_webhook: "https://discord.com/api/webhooks/1234567890/" + "aB3_-" * 12,
    slack_webhook: "https://hooks.slack.com/services/T01ABCDEF/B01ABCDEF/abcdefABCDEF012345678901",
    telegram_chat: "-1001234567890",
}
OTHERS = [
    "http://127.0.0.1/api/webhooks/1234567890/" + "a" * 60,
    "https://127.0.0.1/services/T01ABCDEF/B01ABCDEF/abcdefABCDEF012345678901",
    "http://169.254.169.254/latest/meta-data/",
    "https://[::1]/api/webhooks/1234567890/" + "a" * 60,
    "https://discord.com@evil.example/api/webhooks/1234567890/" + "a" * 60,
    "https://user:pw@discord.com/api/webhooks/1234567890/" + "a" * 60,
    "https://discord.com.evil.example/api/webhooks/1234567890/" + "a" * 60,
    "https://evil.example/#https://discord.com/api/webhooks/1234567890/" + "a" * 60,
    "https://evil.example/?u=https://hooks.slack.com/services/T01ABCDEF/B01ABCDEF/abcdefABCDEF012345678901",
    "http://discord.com/api/webhooks/1234567890/" + "a" * 60,
    "https://discord.com:22/api/webhooks/1234567890/" + "a" * 60,
    "https://discord.com/api/webhooks/1234567890/../../../etc",
    "https://discord.com/api/webhooks/1234567890/" + "a" * 60 + "?wait=true",
    "https://discord.com/api/webhooks/1234567890/" + "a" * 60 + "\nHost: evil",
    "https://discord.com/api/webhooks/١٢٣٤٥٦٧٨/" + "a" * 60,
    "https://hooks.slack.com/services/T01ABCDEF/B01ABCDEF/",
    "https://hooks.slack.com/triggers/T01ABCDEF/1/abcdefABCDEF012345678901",
    "https://dіscord.com/api/webhooks/1234567890/" + "a" * 60,
    "file:///etc/passwd",
    "gopher://hooks.slack.com/services/T01ABCDEF/B01ABCDEF/abcdefABCDEF012345678901",
    "mailto://user:pass@gmail.com",
    "@channel",
    "12345; DROP",
    "0",
    "",
    "x" * 10_000,
]


@pytest.mark.parametrize("check", GOOD)
def test_the_address_that_a_person_copies_is_taken(check):
    kept = check(f"  {GOOD[check]}\n")
    assert GOOD[check].endswith(kept)
    assert "://" not in kept


@pytest.mark.parametrize("check", GOOD)
@pytest.mark.parametrize("typed", OTHERS)
def test_any_other_address_is_refused_with_what_to_paste(check, typed):
    with pytest.raises(Invalid, match=r"^Paste the "):
        check(typed)
