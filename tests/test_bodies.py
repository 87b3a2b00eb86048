"""What is sent to a real server: too large, endless, of too many fields. It answers, and needs no memory for it."""

import http.client
import os
import re
import socket
from pathlib import Path

import pytest

from tests.browser import Browser, words
from tests.processes import end, eventually, start

KIB, MIB = 1024, 1024**2


@pytest.fixture
def engine_name():
    return "sqlite"


def post(app, body, kind="application/x-www-form-urlencoded", **options):
    return Browser(app).ask("POST", "/sign-in", data=body, content_type=kind, **options)


def parts_of(count, size=1):
    one = '--b\r\nContent-Disposition: form-data; name="f{}"\r\n\r\n{}\r\n'
    return "".join(one.format(n, "x" * size) for n in range(count)) + "--b--\r\n"


@pytest.mark.parametrize(
    "body, kind, status",
    [
        ("a=" + "x" * 300 * KIB, "application/x-www-form-urlencoded", 413),
        ("&".join(f"f{n}=1" for n in range(10_000)), "application/x-www-form-urlencoded", 413),
        ("a&" * 10_000, "application/x-www-form-urlencoded", 413),
        (parts_of(10_000), "multipart/form-data; boundary=b", 413),
        (parts_of(201), "multipart/form-data; boundary=b", 413),
        (parts_of(1, 300 * KIB), "multipart/form-data; boundary=b", 413),
        (parts_of(150), "multipart/form-data; boundary=b", 400),  # no token
        ("--b\r\nContent-Disposition: form-data", "multipart/form-data; boundary=b", 400),
        (parts_of(2), "multipart/form-data", 400),
        (parts_of(2), "multipart/form-data; boundary=" + "b" * 5000, 400),
        ('{"a":' * 50_000, "application/json", 400),
        ('"' + "x" * 300 * KIB + '"', "application/json", 413),
        (b"\xff\xfe=%ff%fe&csrf_token=%ff", "application/x-www-form-urlencoded", 400),
        (b"a=1\0", "application/x-www-form-urlencoded", 400),
        ("a=%00", "application/x-www-form-urlencoded", 400),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_too_much_or_no_form_gets_a_page(app, body, kind, status):
    answer = post(app, body, kind)
    assert answer.status_code in (status, 400 if kind == "application/json" else status)
    assert str(answer.status_code) in words(answer)


@pytest.fixture
def server(settings, tmp_path):
    """gunicorn as `make run` starts it. Yields (port, process id of the worker)."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    log = tmp_path / "gunicorn.log"
    process = start(
        settings,
        *("gunicorn", "app:create_app()", "--bind", f"127.0.0.1:{port}", "--workers", "1"),
        *("--worker-class", "gthread", "--threads", "4", "--no-control-socket"),
        log=log,
    )
    try:
        eventually(lambda: answers(port), timeout=60)
        yield port, int(re.search(r"Booting worker with pid: (\d+)", log.read_text())[1])
    finally:
        end(process)


def answers(port):
    try:
        return ask(port, "GET", "/healthz")[0] == 200
    except OSError:
        return False


def ask(port, method, path, **options):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, **options)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def memory_of(pid):
    """Bytes of memory that the process needs now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def pour(port, size):
    """Sends chunks until the server has had enough, or `size` bytes; what it answered and how much was sent."""
    chunk = b"10000\r\n" + b"a" * 65_536 + b"\r\n"
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        head = "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        line.sendall(f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n".encode())
        try:
            while sent < size:
                line.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass
        try:
            return line.recv(9000).decode(), sent
        except OSError:
            return "", sent


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_a_server_stays_up_and_small_whatever_is_poured_in(server):
    port, worker = server
    for path in ("/sign-in", "/static/x", "/nothing"):
        ask(port, "POST", path, body=b"a=" + b"x" * 200 * KIB)
    before = memory_of(worker)
    for _ in range(5):
        answer, sent = pour(port, 64 * MIB)
        assert answer.startswith("HTTP/1.1 411 ") or not answer  # or cut off while sending
        assert sent <= 64 * MIB + 65_536
        assert ask(port, "POST", "/sign-in", body=b"a=" + b"x" * 200 * KIB)[0] in (400, 415)
    assert memory_of(worker) - before < 16 * MIB
    status, headers, body = ask(port, "GET", "/sign-in")
    assert status == 200
    assert not re.search(r"[0-9]", headers.get("Server", ""))
    assert b"Sign in" in body


@pytest.mark.slow
def test_health_pages_tell_nothing_and_are_never_limited(server):
    port, _ = server
    for _ in range(200):
        status, _headers, body = ask(port, "GET", "/healthz")
        assert (status, body.strip()) == (200, b'{"status":"ok"}')
    status, headers, body = ask(port, "GET", "/readyz")
    assert status in (200, 503)
    assert not re.search(rb"sqlite|postgres|/|@|key|secret", body.replace(b"scheduler", b""))
    assert not [name for name in headers if name.lower().startswith("x-ratelimit")]
