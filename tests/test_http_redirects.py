"""Http and redirects: whom it follows, and what it takes along."""

import pytest

from services.clients.http import Http
from tests.raw_server import OK, raw_server


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


@pytest.fixture(scope="module")
def http():
    return Http(connect_timeout=1.0)


def get(http, url, **more):
    return http.get(url, **{"deadline": 5, **more})


def post(http, url, **more):
    return http.post_form(url, {"text": "hello"}, **{"deadline": 5, **more})


@pytest.mark.parametrize("status", ["301 A", "302 A", "303 A", "307 A", "308 A"])
def test_a_redirect_of_a_post_is_the_answer(http, status):
    with raw_server(OK) as other, raw_server(head(f"Location: {other.url}/x", status=status)) as server:
        answer = post(http, server.url)
        library = http.session(deadline=1, max_bytes=1000)
        assert library.post(server.url, json={}).status_code == answer.status == int(status[:3])
    assert other.connections == 0


def test_a_get_follows_redirects_only_to_allowed_hosts_and_only_so_often(http):
    with raw_server(head("Location: /again", "Connection: close", "Content-Length: 0", status="302 A")) as server:
        assert get(http, server.url, redirects=3).status == 302
        assert len(server.seen) == 1
        assert get(http, server.url, redirects=3, allow_hosts={"127.0.0.1"}).status == 302
        assert len(server.seen) == 1 + 4


@pytest.mark.parametrize(
    "location",
    [
        "ftp://127.0.0.1/",
        "http://evil.example/",
        "http://127.0.0.1:1/",
        "http://[::1",
        "//evil.example",
        "javascript:1",
    ],
)
def test_a_redirect_elsewhere_is_the_answer(http, location):
    with raw_server(head(f"Location: {location}", "Content-Length: 0", status="302 A")) as server:
        assert get(http, server.url, redirects=3, allow_hosts={"127.0.0.1"}).status == 302


def test_credentials_stay_with_the_host_they_were_meant_for(http):
    secrets = {
        "Authorization": "Bearer s3cret",
        "Cookie": "a=s3cret",
        "X-Goog-Api-Key": "s3cret",
        "Accept": "text/html",
    }
    with raw_server(OK) as other:
        there = other.url.replace("127.0.0.1", "localhost")
        with raw_server(head(f"Location: {there}/b", "Content-Length: 0", status="302 A")) as server:
            answer = get(
                http,
                server.url,
                params={"key": "s3cret"},
                headers=secrets | {"Accept": "text/html"},
                redirects=1,
                allow_hosts={there.removeprefix("http://")},
            )
    assert answer.status == 200
    assert b"s3cret" in server.seen[0]
    assert b"s3cret" not in other.seen[0]
    assert b"text/html" in other.seen[0]
