"""Http against servers that hang, drip, reset and lie."""

import gzip
import logging
import socket
import threading
import traceback
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.clients.http import Http
from services.clients.sockets import Names
from services.errors import Outcome, Refused, Unknown
from tests.raw_server import OK, drip, flood, hang, raw_server, reset

MIB = 1024 * 1024
SECRET = "t0psecret"  # never spelled out below: a traceback shows source lines
PACKER = zlib.compressobj(9, wbits=31)
FIRST, NEXT = (PACKER.compress(bytes(MIB)) + PACKER.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
BOMB = FIRST + 199 * NEXT  # nobody reads so far that it matters that the end is missing


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


@pytest.fixture(scope="module")
def http():
    return Http(connect_timeout=1.0)


def get(http, url, **more):
    return http.get(url, **{"deadline": 5, **more})


def post(http, url, **more):
    return http.post_form(url, {"text": "hello"}, **{"deadline": 5, **more})


def test_an_answer_has_its_status_headers_and_body(http):
    with raw_server(head("X-Some: Thing", "Content-Length: 7", status="404 No") + b'{"a":1}') as server:
        answer = get(http, server.url)
    assert (answer.status, answer.headers["x-some"], answer.json()) == (404, "Thing", {"a": 1})


def test_a_refused_connection_is_not_sent(http):
    with raw_server(OK) as server:
        pass
    for ask in (get, post):
        with pytest.raises(Refused) as caught:
            ask(http, server.url)
        assert (caught.value.cause, caught.value.permanent) == ("unreachable", False)


@pytest.mark.timeout(60)  # the system gives up by itself after two minutes
def test_a_connection_that_is_never_accepted_ends_with_the_connect_timeout():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        with pytest.raises(Refused, match="cannot be reached"):
            post(Http(connect_timeout=0.3), f"http://127.0.0.1:{address[1]}", deadline=1000)
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/a", "file:///etc/passwd", "http://", "//127.0.0.1", "", "http://[::1"]
)
def test_only_http_and_https_are_asked(http, url):
    for ask in (get, post):
        with pytest.raises(Refused) as caught:
            ask(http, url)
        assert caught.value.cause == "unreachable"


def test_a_header_that_cannot_be_written_is_refused_before_anything_is_sent(http):
    with raw_server(OK) as server, pytest.raises(Refused) as caught:
        http.post_form(server.url, {}, headers={"Authorization": "Bearer a\r\nX: b"})
    assert (caught.value.cause, server.seen) == ("unreachable", [])


#: what a server may do after it has the request
FAULTS = {
    "reset": reset,
    "closed": b"",
    "hang": hang,
    "garbage status": b"HELLO\r\n\r\n",
    "100 only": head(status="100 Continue"),
    "100 for ever": flood(b"", head(status="100 Continue")),
    "cut body": head("Content-Length: 100") + b"short",
    "cut chunk": head("Transfer-Encoding: chunked") + b"ff\r\nabc",
    "bad chunk": head("Transfer-Encoding: chunked") + b"zz\r\nabc",
    "bad gzip": head("Content-Encoding: gzip", "Content-Length: 5") + b"hello",
    "cut gzip": head("Content-Encoding: gzip", "Content-Length: 20") + BOMB[:20],
    "other encoding": head("Content-Encoding: br", "Content-Length: 5") + b"hello",
    "10,000 headers": head(*[f"X-{n}: {n}" for n in range(10_000)]) + b"{}",
    "long header": head("X: " + "y" * 300_000) + b"{}",
    "90 headers of 60 kB": head(*["X: " + "y" * 60_000] * 90) + b"{}",
    "dripped status": drip(head("Content-Length: 2") + b"{}"),
    "endless header": flood(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 1000),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_after_the_first_byte_a_post_is_unknown_and_a_get_refused(http, fault):
    with raw_server(FAULTS[fault]) as server:
        with pytest.raises(Unknown) as posted:
            post(http, server.url, deadline=1.5)
        assert len(server.seen) == 1, "sent once, never again"
        with pytest.raises(Refused) as got:
            get(http, server.url, deadline=1.5)
    assert (posted.value.cause, got.value.cause) == ("no_answer", "no_answer")


def test_a_reset_before_the_request_was_read_cannot_be_told_apart_and_is_unknown(http):
    def reset_unread():
        connection, _ = listener.accept()
        connection.recv(1, socket.MSG_PEEK)
        reset(connection, b"")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=reset_unread, daemon=True).start()
        with pytest.raises(Unknown):
            post(http, f"http://127.0.0.1:{listener.getsockname()[1]}")


def test_a_body_may_take_longer_than_connecting_may():
    def hesitate(connection, _request):
        connection.sendall(head("Content-Length: 2"))
        threading.Event().wait(0.5)
        connection.sendall(b"{}")

    with raw_server(hesitate) as server:
        assert get(Http(connect_timeout=0.3), server.url, deadline=20).body == b"{}"


def test_a_dripped_body_is_cut_at_the_deadline(http):
    with raw_server(drip(head("Content-Length: 1000") + bytes(1000))) as server, pytest.raises(Refused) as caught:
        get(http, server.url, deadline=1.5)
    assert caught.value.cause == "no_answer"


@pytest.mark.parametrize(
    "answer",
    [
        head("Content-Length: 3000000000"),
        head("Transfer-Encoding: chunked") + b"40000000\r\n",
        head("Connection: close"),
        head("Content-Encoding: gzip", f"Content-Length: {len(BOMB)}") + BOMB,
    ],
    ids=["length", "chunk", "until closed", "gzip bomb"],
)
def test_a_body_over_the_limit_is_given_up(http, answer):
    with raw_server(flood(answer, bytes(65536))) as server:
        with pytest.raises(Refused) as got:
            get(http, server.url, max_bytes=MIB, deadline=5)
        with pytest.raises(Unknown) as posted:
            post(http, server.url, deadline=5)
    assert (got.value.cause, posted.value.cause) == ("too_large", "no_answer")


def test_a_body_of_exactly_the_limit_is_read(http):
    packed = gzip.compress(bytes(MIB))
    with raw_server(head("Content-Encoding: gzip", f"Content-Length: {len(packed)}") + packed) as server:
        assert len(get(http, server.url, max_bytes=MIB).body) == MIB


def test_every_post_has_its_own_connection_and_gets_share_one(http):
    def stay_open(connection, request):
        connection.sendall(OK)

    with raw_server(stay_open) as server:
        for _ in range(3):
            post(http, server.url)
        assert server.connections == 3
        assert all(b"Connection: close" in request for request in server.seen)
        for _ in range(3):
            get(http, server.url)
        assert server.connections == 4


def test_a_get_on_a_kept_connection_that_the_server_just_closed_is_asked_again(http):
    def close_at_the_second(connection, request):
        if b"/second" in request and len(server.seen) == 2:
            connection.shutdown(socket.SHUT_RDWR)
        else:
            connection.sendall(OK)

    with raw_server(close_at_the_second) as server:
        get(http, server.url + "/first")
        assert get(http, server.url + "/second").status == 200
    assert (len(server.seen), server.connections) == (3, 2)


def test_the_environment_cannot_put_a_proxy_or_a_netrc_between(http, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password s3cret")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with raw_server(OK) as server:
        library = http.session(deadline=1, max_bytes=1000)
        assert get(http, server.url).status == post(http, server.url).status == library.get(server.url).status_code
    assert not any(b"Authorization" in request for request in server.seen)


def test_cookies_are_not_kept(http):
    with raw_server(head("Set-Cookie: a=b", "Content-Length: 0")) as server:
        library = http.session(deadline=1, max_bytes=1000)
        for _ in range(2):
            library.get(server.url)
            get(http, server.url)
    assert not any(b"Cookie" in request for request in server.seen)


def test_no_failure_and_no_log_names_a_secret(http, caplog):
    for name in (None, "urllib3.connectionpool"):
        caplog.set_level(logging.DEBUG, logger=name)
    with raw_server(OK) as gone:
        pass
    with raw_server(head("Content-Length: 9") + b"{}") as server:
        for url in (gone.url, server.url):
            with pytest.raises(Outcome) as caught:
                http.get(url, params={"key": SECRET}, headers={"Authorization": "Bearer " + SECRET})
            shown = "".join(traceback.format_exception(caught.value, chain=True)) + repr(caught.value)
            assert SECRET not in shown
            assert caught.value.__context__ is None
    logging.getLogger("urllib3.connectionpool").warning("at %s", f"/x?key={SECRET} Authorization: Bearer {SECRET}")
    assert "[hidden]" in caplog.text
    assert SECRET not in caplog.text


def test_a_name_that_cannot_be_looked_up_in_time_is_a_timeout_and_is_not_asked_twice():
    asked, answered = [], threading.Event()

    def lookup(*question):
        asked.append(question)
        answered.wait(60)
        return ["address"]

    names = Names(lookup)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            names.find("x.example", 443, within=0.05)
    answered.set()
    assert names.find("x.example", 443, within=1) == ["address"]
    assert len(asked) == 1


def test_a_failed_look_up_is_asked_again():
    results = [socket.gaierror("temporary"), ["address"]]

    def lookup(*question):
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    names = Names(lookup)
    with pytest.raises(socket.gaierror):
        names.find("x.example", 443, within=1)
    assert names.find("x.example", 443, within=1) == ["address"]


def test_many_threads_share_one_http(http):
    def echo(connection, request):
        body = request.split(b" ")[1]
        connection.sendall(head(f"Content-Length: {len(body)}") + body)

    with raw_server(echo) as server, ThreadPoolExecutor(32) as pool:
        answers = pool.map(lambda n: get(http, f"{server.url}/{n}", deadline=10).body, range(300))
        assert list(answers) == [f"/{n}".encode() for n in range(300)]
