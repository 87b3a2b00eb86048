"""Who is counted as who: the address that can be trusted, and names under which this server answers."""

import ipaddress

import pytest
from flask import request
from hypothesis import given
from hypothesis import strategies as st

from routes.limits import of_network
from services.addresses import UNKNOWN, network_of, plain_address
from tests.browser import Browser

TRIES = 30


@pytest.fixture
def engine_name():
    return "sqlite"


def counted_as(app, remote, forwarded=None):
    """What limits call somebody at the socket's address `remote` who sends this X-Forwarded-For."""
    seen = []

    def view():
        seen.append(of_network())
        return request.host_url

    app.view_functions["health.healthz"] = view
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    Browser(app).get("/healthz", environ_base={"REMOTE_ADDR": remote}, headers=headers)
    return seen[0]


@pytest.mark.parametrize(
    "text, address",
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("[::ffff:192.0.2.7]:80", "192.0.2.7"),
        *(
            (text, UNKNOWN)
            for text in (None, "", "unknown", "a:b", "_hidden", "192.0.2.7, 192.0.2.8", "0x7f.1", "1" * 9999)
        ),
    ],
)
def test_an_address_is_read_in_all_its_dresses(text, address):
    assert plain_address(text) == address


@given(st.ip_addresses())
def test_every_address_is_counted_and_one_household_as_one(address):
    network = network_of(str(address))
    if address.version == 4:
        assert network == str(address)
    elif address.ipv4_mapped is None:
        assert ipaddress.ip_address(address) in ipaddress.ip_network(network)
        assert network.endswith("/64")


@given(st.text(max_size=60))
def test_whatever_is_said_something_is_counted(text):
    assert network_of(text)


@pytest.mark.parametrize("said", ["10.1.1.1", "10.1.1.1, 10.2.2.2", "::1", "127.0.0.1", "x", ""])
def test_without_proxies_nobody_chooses_his_address(app, said):
    assert counted_as(app, "203.0.113.9", said) == "from:203.0.113.9"


@pytest.mark.parametrize(
    "said, counted",
    [
        ("198.51.100.4", "198.51.100.4"),
        ("10.1.1.1, 198.51.100.4", "198.51.100.4"),
        ("127.0.0.1, ::1, 198.51.100.4", "198.51.100.4"),
        ("10.1.1.1, 198.51.100.4:50123", "198.51.100.4"),
        ("10.1.1.1, ::ffff:198.51.100.4", "198.51.100.4"),
        ("10.1.1.1, [2001:db8:1:2:3::4]:99", "2001:db8:1:2::/64"),
        ("", "203.0.113.9"),
    ],
)
def test_behind_one_proxy_only_what_it_added_counts(make_app, said, counted):
    assert counted_as(make_app(trusted_proxies=1), "203.0.113.9", said) == f"from:{counted}"


def test_another_address_of_the_same_household_does_not_begin_anew(make_app, cast):
    app = make_app(trusted_proxies=1)
    browser = Browser(app)
    statuses = set()
    for n in range(TRIES + 2):
        form = {"email": f"u{n}@example.com", "password": ""}
        headers = {"X-Forwarded-For": f"10.0.0.{n}, 2001:db8:0:7::{n:x}"}
        statuses.add(browser.post("/sign-in", form, headers=headers).status_code)
    assert 429 in statuses


@pytest.mark.parametrize(
    "name", ["evil.example", "localhost.evil.example", "evil.example:80", "127.0.0.1.evil.example"]
)
@pytest.mark.parametrize("path", ["/", "/sign-in", "/healthz", "/nothing"])
def test_under_another_name_there_is_no_answer(app, name, path):
    answer = Browser(app).get(path, headers={"Host": name})
    assert answer.status_code == 400
    assert "evil" not in answer.text


def test_a_proxy_that_is_not_ours_cannot_rename_this_server(app):
    answer = Browser(app).get("/", headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher"})
    assert (answer.status_code, "evil" in answer.location) == (302, False)


def test_a_proxy_of_ours_cannot_rename_it_either(make_app):
    answer = Browser(make_app(trusted_proxies=1)).get("/", headers={"X-Forwarded-Host": "evil.example"})
    assert answer.status_code == 400
