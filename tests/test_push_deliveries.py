"""What the hub delivers, honest or forged, over real HTTP: at most one look at a channel, and nothing else."""

import hashlib
import hmac
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import event, select

from extensions import Base, db
from sandbox import hub_payloads as payloads
from sandbox.hub import sign
from sandbox.hub_wire import ask as over_http
from services.push_deliveries import Judged
from services.push_looks import LOOKS_A_DAY, next_look
from services.registry import get_services
from tests.processes import eventually
from tests.push_stage import *  # noqa: F403 - its fixtures

#: kept by others while a test runs
PASSING = frozenset({"sign_in_throttles"})
GENUINE = (Judged.ACCEPTED, Judged.REPEATED)


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def channel(push):
    return push.subscribed()


def everything():
    """All rows of all tables."""
    db.session.rollback()
    rows = {t.name: list(db.session.execute(select(t))) for t in Base.metadata.sorted_tables if t.name not in PASSING}
    db.session.rollback()
    return rows


# Honest


@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
def test_a_delivery_has_channel_and_video_looked_at_now_and_does_nothing_else(push, channel):
    before, at = everything(), datetime.now(UTC)
    sent = push.send(channel)
    assert (sent.status, sent.answer) == (204, b"")
    look = push.channel(channel)
    assert at <= look.pushed_at <= datetime.now(UTC)
    assert look.next_look_at == look.pushed_at
    after = everything()
    assert {name for name in after if after[name] != before[name]} == {
        "broadcasts",
        "push_subscriptions",
        "youtube_channels",
    }
    [named] = after["broadcasts"]
    assert (named.video_id, named.channel_id, named.state) == ("v" * 11, channel, "new")
    assert named.next_look_at == look.pushed_at
    row = push.row(channel)
    assert (row.pushes, row.last_push_at) == (1, look.pushed_at)


def test_a_look_that_is_due_earlier_stays_where_it_is(push, channel):
    early = datetime.now(UTC) - timedelta(seconds=5)
    db.session.execute(db.text("UPDATE youtube_channels SET next_look_at = :at"), {"at": early.replace(tzinfo=None)})
    db.session.commit()
    push.send(channel)
    assert push.channel(channel).next_look_at == early


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512"])
def test_every_hash_that_hubs_use_is_understood(push, channel, algorithm):
    push.hub.algorithm = algorithm
    push.hub.publish(channel, push.body(channel))
    wait_for(lambda: push.row(channel).pushes == 1)


def test_a_deleted_video_is_a_reason_to_look_too(push, channel):
    push.send(channel, payloads.tombstone(channel, "v" * 11, author="Ada", when=datetime.now(UTC)))
    assert push.wishes(channel) == (1, True)


def test_the_other_spelling_of_the_topic_is_the_same_channel(push, channel):
    now = datetime.now(UTC)
    other = payloads.topic(channel, payloads.SPELLINGS[1])
    body = payloads.entry(channel, "v" * 11, "T", author="A", published=now, updated=now, self_link=other)
    push.send(channel, body)
    assert push.wishes(channel) == (1, True)


def test_the_answer_says_nothing_and_sets_nothing(push, channel):
    sent = push.send(channel)
    assert not [name for name in sent.headers if name.lower() in ("set-cookie", "x-ratelimit-limit", "retry-after")]
    assert sent.headers["X-Content-Type-Options"] == "nosniff"


# Too many


@pytest.mark.slow
def test_a_thousand_duplicates_ask_for_two_looks_and_are_all_acknowledged(push, channel):
    body, statuses = push.body(channel), []

    def send():
        statuses.extend(push.send(channel, body).status for _ in range(100))

    with written() as statements:
        together(send, times=10)
    assert statuses == [204] * 1000
    assert push.row(channel).looks <= 2 + elapsed_looks(push, channel)
    assert len(statements) <= 3 * push.row(channel).looks


def elapsed_looks(push, channel) -> int:
    """One more for every 20 seconds that a slow machine took."""
    row = push.row(channel)
    return int((datetime.now(UTC) - row.verified_at) / timedelta(seconds=20))


def test_looks_are_twenty_seconds_apart_however_often_the_hub_speaks(push, channel):
    take, start, looks = push.service.deliveries.take, datetime.now(UTC), set()
    held, body = push.held(channel), push.body(channel)
    path = held.callback.rpartition("/")[2]
    for second in range(61):
        take(path, sign(body, held.secret), body, start + timedelta(seconds=second))
        looks.add(push.row(channel).look_at)
    assert sorted((look - start).total_seconds() for look in looks) == [0, 20, 40, 60, 80]


def test_what_is_said_while_a_look_waits_is_not_lost():
    now = datetime(2026, 3, 4, tzinfo=UTC)
    assert next_look(None, now) == now
    assert next_look(now - timedelta(seconds=1), now) == now + timedelta(seconds=19)
    assert next_look(now - timedelta(seconds=20), now) == now
    assert next_look(now + timedelta(hours=1), now) == now  # a clock that went back


def test_a_clock_that_was_set_back_does_not_silence_the_hub(push, channel):
    held, body, now = push.held(channel), push.body(channel), datetime.now(UTC)
    path, signed = held.callback.rpartition("/")[2], sign(body, held.secret)
    push.change(channel, look_at=now + timedelta(hours=2))
    for hours in (1, 0):
        push.service.deliveries.take(path, signed, body, now + timedelta(hours=hours))
    assert push.row(channel).pushes == 2
    assert push.row(channel).look_at == now


def test_a_day_of_replays_asks_for_a_hundred_looks(push, channel):
    held, body = push.held(channel), push.body(channel)
    path, signed = held.callback.rpartition("/")[2], sign(body, held.secret)
    start = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)  # one in the morning in California
    for n in range(LOOKS_A_DAY + 50):
        assert push.service.deliveries.take(path, signed, body, start + timedelta(seconds=21 * n)) in GENUINE
    assert push.row(channel).pushes == LOOKS_A_DAY
    push.service.deliveries.take(path, signed, body, start + timedelta(days=1))
    assert push.row(channel).pushes == LOOKS_A_DAY + 1


@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
def test_several_processes_share_one_count(push, channel, make_app):
    held, body, now = push.held(channel), push.body(channel), datetime.now(UTC)
    apps = [make_app() for _ in range(4)]

    def take(app):
        with app.app_context():
            push_of(app).deliveries.take(held.callback.rpartition("/")[2], sign(body, held.secret), body, now)

    threads = [threading.Thread(target=take, args=(app,)) for app in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    row = push.row(channel)
    assert 1 <= row.pushes <= 2  # now, and once more in twenty seconds
    assert row.look_at - now in (timedelta(0), timedelta(seconds=20))


def push_of(app):
    return app.extensions["airhorn"].push


@pytest.mark.slow
def test_a_flood_writes_next_to_nothing_and_pages_are_served(push, channel):
    """Forged and honest ones mixed, from many sides, while somebody reads pages."""
    stop, pages = threading.Event(), []

    def flood():
        for n in range(120):
            push.send(channel, secret=None if n % 2 else "forged")

    def read():
        while not stop.is_set():
            pages.append(over_http("GET", f"{push.door.url}/healthz", b"", {}, at=datetime.now(UTC)).status)

    reader = threading.Thread(target=read)
    reader.start()
    with written(also=("SELECT",)) as statements:
        together(flood, times=8)
    stop.set()
    reader.join()
    assert set(pages) == {200}
    # Whose callback it is, once for each who asks at the same time; the look, now and every twenty seconds; the video.
    assert len(statements) <= 8 + 4 * (2 + elapsed_looks(push, channel))


# Forged


def forged(push, channel):
    """Name → (body, headers) of everything that must change nothing."""
    body, held = push.body(channel), push.held(channel)
    good, other = sign(body, held.secret), push.held(push.subscribed("Small Talk", hosts=("cy",)))
    digest = good.partition("=")[2]
    elsewhere = push.body(other.channel_id)
    bomb, outside, huge = payloads.bomb(), payloads.outside(), payloads.huge(70_000)
    named = {
        "unsigned": (body, {}),
        "empty signature": (body, {"X-Hub-Signature": ""}),
        "wrong signature": (body, {"X-Hub-Signature": good[:-1] + ("0" if good[-1] != "0" else "1")}),
        "signature of nothing": (body, {"X-Hub-Signature": sign(b"", held.secret)}),
        "changed body": (body + b" ", {"X-Hub-Signature": good}),
        "other algorithm": (body, {"X-Hub-Signature": f"sha256={digest}"}),
        "weak algorithm": (body, {"X-Hub-Signature": f"md5={hmac.new(held.secret.encode(), body, 'md5').hexdigest()}"}),
        "plain hash": (body, {"X-Hub-Signature": f"sha1={hashlib.sha1(body).hexdigest()}"}),
        "another subscription's": (body, {"X-Hub-Signature": sign(body, other.secret)}),
        "another header": (body, {"X-Hub-Signature-256": good}),
        "wrong topic": (elsewhere, {"X-Hub-Signature": sign(elsewhere, held.secret)}),
        "unknown channel": (push.body("UC" + "z" * 22), {}),
        "nothing": (b"", {"X-Hub-Signature": sign(b"", held.secret)}),
        "bomb": (bomb, {"X-Hub-Signature": sign(bomb, held.secret)}),
        "outside": (outside, {"X-Hub-Signature": sign(outside, held.secret)}),
        "too large": (huge, {"X-Hub-Signature": sign(huge, held.secret)}),
        "form": (b"hub.mode=subscribe", {"Content-Type": "application/x-www-form-urlencoded"}),
        "json": (b"{}", {"Content-Type": "application/json", "X-Hub-Signature": sign(b"{}", held.secret)}),
    }
    return held.callback, named


def test_what_is_forged_is_acknowledged_and_changes_nothing(push, channel, caplog):
    callback, named = forged(push, channel)
    before = everything()
    with written() as statements:
        for name, (body, headers) in named.items():
            sent = push.hub.send("POST", callback, body, {"Content-Type": "application/atom+xml"} | headers)
            assert (sent.status, sent.answer) == (204, b""), name
    assert everything() == before
    assert not statements


def test_ten_megabytes_are_not_read(push, channel):
    before = everything()
    sent = push.send(channel, payloads.huge())
    assert sent.status in (204, None)  # who goes on sending may miss the answer
    assert everything() == before
    assert push.send(channel).status == 204


@pytest.mark.parametrize("path", ["a" * 43, "a", "a" * 5000, "é" * 43, "%00", "a" * 42 + "%2F", "x/y", ""])
def test_nobody_is_told_that_nobody_subscribed(push, channel, path):
    before = everything()
    for method in ("POST", "GET"):
        status = over_http(method, f"{push.door.url}/websub/{quoted(path)}", b"x", {}, at=datetime.now(UTC)).status
        assert status == 404
    assert everything() == before


def quoted(path):
    return path.replace("é", "%C3%A9")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "SUBSCRIBE", "HEAD"])
def test_other_verbs_do_nothing(push, channel, method):
    push.change(channel, asked_at=datetime.now(UTC), verified_at=None)
    before, held = everything(), push.held(channel)
    query = f"?hub.mode=subscribe&hub.challenge=c&hub.topic={payloads.topic(channel).replace('?', '%3F')}"
    body = push.body(channel)
    sent = push.hub.send(method, held.callback + query, body, push.hub.headers(held, body))
    assert sent.status in (404, 405)
    assert everything() == before


def test_what_verifies_does_not_deliver_and_the_other_way_round(push, channel):
    push.change(channel, asked_at=datetime.now(UTC), verified_at=None)
    before, held = everything(), push.held(channel)
    query = f"?hub.mode=subscribe&hub.challenge=c&hub.topic={payloads.topic(channel).replace('?', '%3F')}"
    assert push.hub.send("POST", held.callback + query, b"", {}).status == 204
    body = push.body(channel)
    assert push.hub.send("GET", held.callback, body, push.hub.headers(held, body)).status == 404
    assert everything() == before


# Coming back


def visit(push, channel, mode="subscribe", topic=None, **more):
    query = {"hub.mode": mode, "hub.topic": topic or payloads.topic(channel), "hub.challenge": "echo"}
    return push.hub._visit(push.callback(channel), query | {f"hub.{name}": value for name, value in more.items()})


def asked(push):
    """A channel that the hub was asked for and has not come back on."""
    push.hub.silent = True
    channel = push.show("Night Shift", hosts=("eve",))
    push.ask()
    return channel


HOSTILE = "<script>alert(1)</script>\"'&%0d%0aSet-Cookie: a=b"


def test_a_challenge_is_echoed_as_plain_text_whatever_it_is(push):
    channel = asked(push)
    sent = visit(push, channel, challenge=HOSTILE)
    assert (sent.status, sent.answer) == (200, HOSTILE.encode())
    assert sent.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert sent.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in sent.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in sent.headers
    assert push.row(channel).state == "active"


@pytest.mark.parametrize("spelling", payloads.SPELLINGS)
def test_both_spellings_of_the_topic_are_verified(push, spelling):
    channel = asked(push)
    assert visit(push, channel, topic=payloads.topic(channel, spelling)).status == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"mode": "unsubscribe"},
        {"mode": "denied", "topic": payloads.topic("UC" + "z" * 22)},
        {"mode": "publish"},
        {"mode": ""},
        {"topic": payloads.topic("UC" + "z" * 22)},
        {"topic": "https://evil.example.com/"},
        {"challenge": ""},
        {"challenge": "x" * 1025},
    ],
    ids=str,
)
def test_what_was_not_asked_for_is_not_confirmed_nor_echoed(push, changed):
    channel = asked(push)
    before = everything()
    sent = visit(push, channel, **{"challenge": HOSTILE} | changed)
    assert sent.status == 404
    assert b"alert" not in sent.answer
    assert everything() == before


def test_nobody_is_confirmed_who_comes_before_he_was_asked_or_an_hour_after(push):
    channel = asked(push)
    push.change(channel, asked_at=None)
    assert visit(push, channel).status == 404
    push.change(channel, asked_at=datetime.now(UTC) - timedelta(minutes=61))
    assert visit(push, channel).status == 404
    assert push.row(channel).state == "asked"
    push.change(channel, asked_at=datetime.now(UTC) - timedelta(minutes=59))
    assert visit(push, channel).status == 200


def test_a_hub_that_makes_sure_of_a_lease_is_confirmed_and_changes_nothing(push, channel):
    before = everything()
    sent = visit(push, channel, lease_seconds="864000")
    assert (sent.status, sent.answer) == (200, b"echo")
    assert visit(push, channel, mode="unsubscribe").status == 404
    assert everything() == before
    push.change(channel, lease_until=datetime.now(UTC) - timedelta(seconds=1))
    assert visit(push, channel).status == 404


def test_a_text_with_nul_characters_is_no_parameter(push):
    channel = asked(push)
    assert visit(push, channel, challenge="a\0b").status == 400
    assert visit(push, channel, reason="\0", mode="denied").status == 400
    assert push.row(channel).state == "asked"


# Helpers


def wait_for(condition):
    return eventually(condition, timeout=60)


def together(work, *, times):
    threads = [threading.Thread(target=work) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class written:  # noqa: N801 - used as a function
    """Collects the statements that change something."""

    def __init__(self, also=()):
        self._kinds = ("INSERT", "UPDATE", "DELETE", *also)

    def __enter__(self):
        self.statements = []
        event.listen(db.engine, "before_cursor_execute", self._note)
        return self.statements

    def __exit__(self, *_):
        event.remove(db.engine, "before_cursor_execute", self._note)

    def _note(self, _connection, _cursor, statement, *_):
        if statement.startswith(self._kinds):
            self.statements.append(statement)


def test_new_keys_seal_the_secrets_anew(push, channel, make_app):
    fresh = Fernet.generate_key().decode()
    keys = push.cast.services.settings.token_encryption_keys
    with make_app(token_encryption_keys=(fresh, *keys)).app_context():
        get_services().tokens.reseal()
    with make_app(token_encryption_keys=(fresh,)).app_context():
        body, held = push.body(channel), push.held(channel)
        path = held.callback.rpartition("/")[2]
        assert get_services().push.deliveries.take(path, sign(body, held.secret), body, datetime.now(UTC)) in GENUINE
        assert push.row(channel).pushes == 1
        push.change(channel, secret=b"sealed by a key that is gone")
        get_services().tokens.reseal()
    assert push.row(channel).secret == b"sealed by a key that is gone"
