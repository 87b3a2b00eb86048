"""Bodies as they come off the wire, packed or not, through our own reading with its limit."""

import gzip
import io
from typing import Any

import requests

from services.clients.http import Limits, exchange
from tests.chaos.fuzz import recorded
from tests.chaos.fuzz.mutate import Mutator

MOST_BYTES = 64 * 1024
NEVER = float("inf")
#: a mebibyte of nothing in a kilobyte
BOMB = gzip.compress(b"\0" * 2**20)


class Raw(io.BytesIO):
    """What urllib3 hands over, as far as our code asks for it."""

    def read(self, size: int | None = -1, *, decode_content: bool = True) -> bytes:
        return super().read(size)


class Canned:
    """An adapter that answers with what it was given."""

    def __init__(self, headers: dict[str, str], body: bytes) -> None:
        self._headers, self._body = headers, body

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.url = 200, request.url or ""
        response.headers.update(self._headers)
        response.raw = Raw(self._body)
        return response


REQUEST = requests.Request("GET", "https://api.x.com/2/tweets").prepare()


def draw_body(m: Mutator) -> tuple[dict[str, str], bytes]:
    plain = m.one_of((recorded.POST, recorded.TIMELINE, b"", b"x" * MOST_BYTES, b"x" * (MOST_BYTES + 1)))
    packed = gzip.compress(plain, 1) if m.often(0.8) else BOMB
    encoding = m.one_of(("gzip", "gzip", "gzip", "x-gzip", "identity", "deflate", "br", "gzip, gzip", m.text("gzip")))
    return {"Content-Encoding": encoding}, m.bytes(packed if "gzip" in encoding else plain)


def read_body(given: tuple[dict[str, str], bytes]) -> None:
    """At most the limit is ever kept, whatever it was packed into."""
    headers, body = given
    adapter: Any = Canned(headers, body)
    assert len(exchange(adapter, REQUEST, Limits(NEVER, 5.0, MOST_BYTES)).content) <= MOST_BYTES
