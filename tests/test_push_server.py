"""Push as a server serves it that people really run: what has no length, what is endless, what is enormous."""

import http.client
import socket
import time

import pytest
from sqlalchemy import select

from extensions import db
from models import PushSubscription
from sandbox.hub import sign
from tests.processes import end, eventually, start
from tests.push_stage import *  # noqa: F403 - its fixtures


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def server(push, settings, tmp_path):
    """gunicorn as `make run` starts it, with a subscription that stands. Yields (port, channel)."""
    channel = push.subscribed()
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    process = start(
        settings,
        *("gunicorn", "app:create_app()", "--bind", f"127.0.0.1:{port}", "--workers", "1"),
        *("--worker-class", "gthread", "--threads", "4", "--no-control-socket"),
        log=tmp_path / "gunicorn.log",
    )
    try:
        eventually(lambda: answers(port), timeout=60)
        yield port, channel
    finally:
        end(process)


def answers(port):
    try:
        return ask(port, "GET", "/healthz") == 200
    except OSError:
        return False


def ask(port, method, path, **options):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, **options)
        return connection.getresponse().status
    finally:
        connection.close()


def pushes():
    db.session.rollback()
    found = db.session.execute(select(PushSubscription.pushes)).scalar_one()
    db.session.rollback()
    return found


def pour(port, path, size):
    """A body without an end; how many bytes went out."""
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        try:
            while sent < size:
                line.sendall(b"10000\r\n" + b"a" * 65_536 + b"\r\n")
                sent += 65_536
        except OSError:
            pass
    return sent


@pytest.mark.slow
def test_a_server_takes_what_is_honest_and_is_not_moved_by_what_is_not(push, server):
    port, channel = server
    held, body = push.held(channel), push.body(channel)
    path, signed = f"/websub/{held.callback.rpartition('/')[2]}", {"X-Hub-Signature": sign(body, held.secret)}
    assert pour(port, path, 64 * 1024**2) <= 64 * 1024**2
    for size in (70_000, 200_000):
        assert ask(port, "POST", path, body=b"a" * size, headers=signed) == 204
    assert ask(port, "POST", path, body=body, headers={}) == 204
    assert pushes() == 0
    assert ask(port, "POST", path, body=body, headers=signed) == 204
    assert pushes() == 1


@pytest.mark.slow
def test_a_delivery_without_a_length_is_read_like_any_other(push, server):
    port, channel = server
    held, body = push.held(channel), push.body(channel)
    path, signed = f"/websub/{held.callback.rpartition('/')[2]}", {"X-Hub-Signature": sign(body, held.secret)}
    in_parts = (part for part in (body[:100], body[100:]))
    assert ask(port, "POST", path, body=in_parts, headers=signed) == 204
    assert pushes() == 1


@pytest.mark.slow
def test_slow_senders_do_not_keep_pages_waiting_for_ever(server):
    port, _ = server
    lines = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(3)]
    for line in lines:
        line.sendall(b"POST /websub/" + b"a" * 43 + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc")
    time.sleep(0.2)
    assert ask(port, "GET", "/healthz") == 200
    for line in lines:
        line.close()
    eventually(lambda: ask(port, "GET", "/healthz") == 200, timeout=60)
