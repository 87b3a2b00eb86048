"""A flood at the hub's address: what changes nothing is answered at the door, without application and database."""

import io
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from flask import request_started
from sqlalchemy import event

from extensions import db
from sandbox import hub_payloads as payloads
from sandbox.hub import sign
from sandbox.hub_wire import ask as over_http
from services.push_deliveries import Judged
from tests.processes import eventually
from tests.push_stage import *  # noqa: F403 - its fixtures


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def channel(push):
    """One whose callback is known, and whose next look is to come anyway."""
    channel = push.subscribed()
    for _ in range(2):
        push.send(channel)
    return channel


@contextmanager
def counted(app) -> Iterator[list[str]]:
    """The requests that reach the application, and the statements."""
    found: list[str] = []
    engine = db.engine

    def note(_connection, _cursor, statement, *_):
        found.append(statement)

    def asked(_app, **_):
        found.append("request")

    event.listen(engine, "before_cursor_execute", note)
    with request_started.connected_to(asked, app):
        yield found
    event.remove(engine, "before_cursor_execute", note)


def nothings(push, channel):
    """Name → (body, headers) of deliveries to a known callback that change nothing."""
    body, secret = push.body(channel), push.held(channel).secret
    return {
        "forged": (body, {"X-Hub-Signature": sign(body, "another")}),
        "unsigned": (body, {}),
        "empty": (b"", {"X-Hub-Signature": "sha1="}),
        "of another channel": (elsewhere := push.body("UC" + "z" * 22), {"X-Hub-Signature": sign(elsewhere, secret)}),
        "no feed": (b"{}", {"X-Hub-Signature": sign(b"{}", secret)}),
        "too large": (huge := payloads.huge(70_000), {"X-Hub-Signature": sign(huge, secret)}),
        "one more of many": (body, {"X-Hub-Signature": sign(body, secret)}),
    }


def test_what_changes_nothing_never_reaches_the_application(app, push, channel):
    callback, named = push.callback(channel), nothings(push, channel)
    with counted(app) as found:
        for name, (body, headers) in named.items():
            sent = over_http("POST", callback, body, headers, at=push.hub.now())
            assert (sent.status, sent.answer) == (204, b""), name
    assert found == []


def test_its_answer_is_the_same_as_that_to_a_genuine_one(push, channel):
    push.wait(seconds=60)
    genuine = push.send(channel)
    forged = push.send(channel, secret="another")
    passing = ("date", "connection")
    seen = [{(k.lower(), v) for k, v in one.headers.items() if k.lower() not in passing} for one in (genuine, forged)]
    assert seen[0] == seen[1]
    assert genuine.status == forged.status == 204


def test_of_a_flood_to_strange_addresses_only_a_few_are_looked_for_and_known_ones_are_still_heard(push, channel):
    deliveries, now = push.service.deliveries, datetime.now(UTC)

    def strange():
        return deliveries.take(secrets.token_urlsafe(32), "sha1=0", b"", now)

    eventually(lambda: strange() == Judged.PUT_OFF, timeout=60, every=0)
    held, body, later = push.held(channel), push.body(channel), now + timedelta(minutes=5)
    path, signed = held.callback.rpartition("/")[2], sign(body, held.secret)
    assert deliveries.take(path, signed, body, later) == Judged.ACCEPTED
    told = {deliveries.at_once(secrets.token_urlsafe(32), "sha1=0", b"", now) for _ in range(20)}
    assert told <= {Judged.PUT_OFF, None}


@contextmanager
def locked() -> Iterator[None]:
    """Another process is writing for a while."""
    connection = sqlite3.connect(str(db.engine.url.database), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def deleted(channel: str) -> bytes:
    """A reason to look that names nothing new."""
    return payloads.tombstone(channel, "v" * 11, author="Ada", when=datetime.now(UTC))


def test_while_the_database_is_slow_one_waits_for_it_and_nobody_else(push):
    channels = [push.subscribed(name) for name in ("One", "Two", "Three")]
    for channel in channels:
        push.send(channel, secret="another")  # from here on whose callbacks these are is known
    first = threading.Thread(target=push.send, args=(channels[0],))
    with locked():
        first.start()
        eventually(lambda: push.service.deliveries._is_writing, timeout=60)
        assert [push.send(channel, deleted(channel)).status for channel in channels[1:]] == [204, 204]
        assert first.is_alive()
    first.join()
    assert [push.wishes(channel) for channel in channels] == [(1, True)] * 3


@pytest.mark.logs_errors
def test_wishes_that_could_not_be_written_are_made_anew_by_the_next_delivery(app, push):
    channel = push.subscribed()
    push.send(channel, secret="another")
    db.session.remove()
    with db.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE push_subscriptions RENAME TO elsewhere")
        connection.commit()
        statuses = [push.send(channel).status for _ in range(2)]
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO push_subscriptions")
        connection.commit()
    assert statuses == [503, 503]
    assert push.send(channel).status == 204
    assert push.wishes(channel) == (1, True)


def test_who_was_put_off_is_asked_to_come_again(app, push, channel):
    """Not 404: a hub would let go of a subscription that stands."""
    client = app.test_client()

    def ask():
        return client.post(f"/websub/{secrets.token_urlsafe(32)}", data=b"x")

    answer = eventually(lambda: (found := ask()).status_code == 503 and found, timeout=60, every=0)
    assert answer.text == "Too much comes at once. Please deliver it again."
    eventually(lambda: ask().status_code == 404, timeout=60)


@pytest.mark.parametrize("length", ["", "-5", "abc", "٣", "1e3", " 3"])
def test_a_length_that_is_none_is_left_to_the_application(app, push, channel, length):
    path = push.callback(channel).rpartition("/websub/")[2]
    environ = {"CONTENT_LENGTH": length, "wsgi.input": io.BytesIO(b"abc")}
    answer = app.test_client().post(f"/websub/{path}", environ_overrides=environ)
    assert answer.status_code in (204, 400)
