"""How the hub of the stand-in reaches its subscribers: one request, no redirects, ten seconds."""

import contextlib
import http.client
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

SECONDS = 10.0


@dataclass(frozen=True)
class Sent:
    """One request of the hub. `status` None: no answer."""

    at: datetime
    method: str
    url: str
    body: bytes
    status: int | None
    answer: bytes
    headers: dict[str, str]

    @property
    def is_ok(self) -> bool:
        """Any 2xx acknowledges; a redirect is a failure."""
        return self.status is not None and 200 <= self.status < 300


def ask(method: str, url: str, body: bytes, headers: dict[str, str], *, at: datetime) -> Sent:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=SECONDS)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    status, answer, said = None, b"", {}
    try:
        connection.connect()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            # Who has had enough may answer before everything is sent.
            connection.request(method, target, body or None, headers)
        response = connection.getresponse()
        answer, said, status = response.read(100_000), dict(response.getheaders()), response.status
    except (OSError, http.client.HTTPException):
        pass
    finally:
        connection.close()
    return Sent(at, method, url, body, status, answer, said)
