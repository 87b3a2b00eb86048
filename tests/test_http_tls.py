"""Http over TLS: who is believed, and the same deadlines as without."""

import ssl

import pytest

from services.clients.http import Http
from services.clients.sockets import tls_context
from services.errors import Refused, Unknown
from tests.raw_server import OK, drip, hang, make_cert, raw_server

BEARER = {"Authorization": "Bearer s3cret"}


def refused_without_a_byte(http, server):
    with pytest.raises(Refused) as caught:
        http.post_form(server.url, {"a": "b"}, headers=BEARER, deadline=3)
    assert caught.value.cause == "unreachable"
    assert server.seen == []
    return str(caught.value)


def test_a_certificate_we_trust_is_good_enough(tmp_path):
    file, tls = make_cert(tmp_path)
    with raw_server(OK, tls) as server:
        http = Http(ca_file=file)
        assert http.post_form(server.url, {"a": "b"}, headers=BEARER).status == http.get(server.url).status == 200


def test_a_self_signed_certificate_never_sees_the_token(tmp_path):
    _, tls = make_cert(tmp_path)
    with raw_server(OK, tls) as server:
        assert "SSLCertVerificationError" in refused_without_a_byte(Http(), server)


@pytest.mark.parametrize("made", [{"host": "x.example"}, {"host": "127.0.0.2"}, {"valid": (-9, -1)}, {"valid": (1, 9)}])
def test_a_certificate_for_another_host_or_time_never_sees_the_token(tmp_path, made):
    file, tls = make_cert(tmp_path, **made)
    with raw_server(OK, tls) as server:
        refused_without_a_byte(Http(ca_file=file), server)


def test_the_environment_cannot_make_us_trust_anybody(tmp_path, monkeypatch):
    file, tls = make_cert(tmp_path)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSLKEYLOGFILE"):
        monkeypatch.setenv(name, file)
    tls_context.cache_clear()
    with raw_server(OK, tls) as server:
        refused_without_a_byte(Http(), server)
        library = Http().session(deadline=3, max_bytes=1000)
        with pytest.raises(Refused):
            library.post(server.url, json={}, verify=False)
    assert server.seen == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_tls_1_1_is_refused(tmp_path):
    file, tls = make_cert(tmp_path)
    tls.set_ciphers("ALL:@SECLEVEL=0")
    tls.minimum_version = ssl.TLSVersion.TLSv1
    tls.maximum_version = ssl.TLSVersion.TLSv1_1
    with raw_server(OK, tls) as server:
        refused_without_a_byte(Http(ca_file=file), server)


def test_a_handshake_that_hangs_ends_with_the_connect_timeout():
    with raw_server(hang) as server:  # it waits for a plain request and says nothing
        server.url = server.url.replace("http:", "https:")
        refused_without_a_byte(Http(connect_timeout=0.4), server)


@pytest.mark.parametrize("act", [hang, drip(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + bytes(99))])
def test_the_deadline_holds_for_what_hangs_or_drips(tmp_path, act):
    file, tls = make_cert(tmp_path)
    http = Http(ca_file=file)
    with raw_server(act, tls) as server:
        with pytest.raises(Unknown):
            http.post_form(server.url, {"a": "b"}, deadline=2.0)
        with pytest.raises(Refused):
            http.get(server.url, deadline=2.0)


def test_a_redirect_from_https_to_http_is_not_followed(tmp_path):
    file, tls = make_cert(tmp_path)
    with raw_server(OK) as plain:
        answer = f"HTTP/1.1 302 A\r\nLocation: {plain.url}\r\nContent-Length: 0\r\n\r\n".encode()
        allowed = {"127.0.0.1", plain.url.removeprefix("http://")}
        with raw_server(answer, tls) as server:
            assert Http(ca_file=file).get(server.url, redirects=2, allow_hosts=allowed).status == 302
    assert plain.connections == 0


def test_a_redirect_from_http_to_https_is_followed(tmp_path):
    file, tls = make_cert(tmp_path)
    with raw_server(OK, tls) as secure:
        answer = f"HTTP/1.1 302 A\r\nLocation: {secure.url}\r\nContent-Length: 0\r\n\r\n".encode()
        with raw_server(answer) as server:
            http = Http(ca_file=file)
            allowed = {secure.url.removeprefix("https://")}
            assert http.get(server.url, redirects=1, allow_hosts=allowed).status == 200
