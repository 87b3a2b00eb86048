"""The only place where connections are opened: deadlines, redirects, sizes, secrets, and what a failure means."""

import io
import time
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager

from services.clients.clocks import Clocks
from services.clients.json_body import parse_json
from services.clients.redaction import hush
from services.clients.sockets import Call, here, pool_manager, tls_context
from services.errors import Outcome, Refused, Unknown

KIB = 1024
MIB = 1024 * KIB
CHUNK = 16 * KIB
USER_AGENT = "Airhorn/0.1"
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PORTS = {"http": 80, "https": 443}
#: the only headers that a redirect carries to another host
HARMLESS = frozenset({"accept", "accept-language", "user-agent"})


class TooLarge(Exception):  # noqa: N818 - never leaves this module
    """The body is longer than asked for."""


hush("urllib3", "requests")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read whole. Only the status is shown by repr: the rest may hold secrets."""

    status: int
    headers: Mapping[str, str] = field(repr=False)  # names in any case
    body: bytes = field(repr=False)  # unpacked
    url: str = field(repr=False)  # after redirects

    def json(self) -> Any:
        """The body as JSON, safe to store. Raises ValueError, whatever the body is."""
        return parse_json(self.body)


class Adapter(HTTPAdapter):
    """requests' way to our connections: kept ones for GET, a fresh one for everything else. Safe to share."""

    fresh: PoolManager

    def __init__(self, ca_file: str | None) -> None:
        self._context = tls_context(ca_file)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        self.poolmanager = pool_manager(self._context, fresh=False)
        self.fresh = pool_manager(self._context, fresh=True)

    def cert_verify(self, *args: Any) -> None:
        """Nothing: the context verifies. requests would load the authorities again for every connection."""

    def get_connection_with_tls_context(self, request: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002
        manager = self.poolmanager if request.method == "GET" else self.fresh
        return manager.connection_from_url(request.url)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may take: monotonic times and bytes."""

    until: float
    connect_timeout: float
    max_bytes: int


def exchange(adapter: Adapter, request: requests.PreparedRequest, limits: Limits) -> requests.Response:
    """Sends once and reads the whole answer. Raises Refused or Unknown, never anything else.

    A GET that fails on a kept connection is sent again once: servers close idle connections at any moment.
    """
    _harden(request)
    call, response, failure = _try(adapter, request, limits)
    if failure and failure.cause == "no_answer" and call.reused and request.method == "GET":
        call, response, failure = _try(adapter, request, limits)
    if failure:
        raise failure
    assert response is not None
    return response


def _harden(request: requests.PreparedRequest) -> None:
    parts = urlsplit(request.url or "")
    if parts.scheme not in PORTS or not parts.hostname:
        raise Refused("This address cannot be asked: only http and https.", cause="unreachable")
    request.headers.setdefault("User-Agent", USER_AGENT)
    request.headers["Accept-Encoding"] = "gzip"
    if request.method != "GET":
        request.headers["Connection"] = "close"


def _try(
    adapter: Adapter, request: requests.PreparedRequest, limits: Limits
) -> tuple[Call, requests.Response | None, Outcome | None]:
    """The failure is returned, not raised, so that it is not chained to an error that names the address and its key."""
    call = Call(until=limits.until, connect_until=time.monotonic() + limits.connect_timeout)
    here.call = call
    try:
        response = adapter.send(request, stream=True, timeout=limits.connect_timeout)
        try:
            response.raw = io.BytesIO(_read(response, limits.max_bytes))
        except BaseException:
            response.close()
            raise
    except Exception as error:  # noqa: BLE001 - whatever happens after the first byte leaves the outcome unknown
        return call, None, _failure(error, call, request.method == "GET")
    finally:
        here.call = None
    return call, response, None


def _read(response: requests.Response, max_bytes: int) -> bytes:
    """The body, unpacked here because the limit must hold for every step of unpacking."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("gzip", "x-gzip", "identity", ""):
        raise ValueError("an encoding nobody asked for")
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS) if "gzip" in encoding else None
    body, taken = bytearray(), 0
    while data := response.raw.read(CHUNK, decode_content=False):
        taken += len(data)
        body += unpack.decompress(data, max_bytes + 1 - len(body)) if unpack else data
        if max(taken, len(body)) > max_bytes:
            raise TooLarge
        if unpack and unpack.unused_data:
            raise ValueError("bytes after the end")
    if unpack and taken and not unpack.eof:
        raise ValueError("cut off")
    return bytes(body)


def _failure(error: Exception, call: Call, is_get: bool) -> Outcome:
    kind = _root(error)
    if not call.begun:
        return Refused(f"The server cannot be reached ({kind}).", cause="unreachable")
    if not is_get:
        return Unknown(f"The request was sent, but no complete answer came ({kind}).", cause="no_answer")
    if isinstance(error, TooLarge):
        return Refused("The answer is too large.", cause="too_large")
    return Refused(f"No complete answer came ({kind}).", cause="no_answer")


def _root(error: BaseException) -> str:
    """The name of the innermost error: "ConnectionRefusedError" tells more than "ConnectionError"."""
    for _ in range(10):
        inner = getattr(error, "reason", None), *error.args, error.__cause__, error.__context__
        found = next((item for item in inner if isinstance(item, BaseException)), None)
        if found is None:
            break
        error = found
    return type(error).__name__


class Session(requests.Session):
    """A requests.Session for a library that wants one: no redirects, cookies or environment; Refused and Unknown.

    `hosts` maps the start of an address that the library has built in to the one to use. For one thread only.
    """

    def __init__(
        self, adapter: Adapter, clocks: Clocks, *, connect_timeout: float, deadline: float, max_bytes: int
    ) -> None:
        super().__init__()
        self._clocks = clocks
        self.trust_env = False
        self.hosts: dict[str, str] = {}
        #: the last answer, for a caller that knows better than the library what it means
        self.answer: Answer | None = None
        self._adapter = adapter
        self._allowed = connect_timeout, deadline, max_bytes

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        if self.hosts:
            request.url = self._ours(request.url)
        return _prepare(request)

    def _ours(self, url: str) -> str:
        """An address that is not in `hosts` is not asked at all: it would get the token."""
        for theirs, ours in self.hosts.items():
            if url.startswith(theirs + "/"):
                return ours + url[len(theirs) :]
        raise Refused("The library asks a server that it is not meant to ask.", cause="unreachable")

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        connect_timeout, deadline, max_bytes = self._allowed
        limits = Limits(time.monotonic() + deadline, connect_timeout, max_bytes)
        response = exchange(self._adapter, request, limits)
        self.answer = _answer(response)
        self._clocks.note(self.answer.url, self.answer.headers)
        return response


def _prepare(request: requests.Request) -> requests.PreparedRequest:
    """Refused when it cannot even be written down, for example a token with a line break in it."""
    try:
        return request.prepare()
    except (ValueError, requests.RequestException) as error:
        kind = type(error).__name__
    raise Refused(f"The request cannot be written ({kind}).", cause="unreachable")


def _answer(response: requests.Response) -> Answer:
    return Answer(response.status_code, response.headers, response.content, response.url)


class Http:
    """Asks servers. Safe to share between threads. HTTP error statuses are answers: the caller judges them.

    Raises Refused("unreachable") when no byte of the request left; for a GET also "no_answer" and "too_large";
    Unknown("no_answer") for anything else after the first byte. `ca_file` replaces the public authorities.
    """

    def __init__(self, *, ca_file: str | None = None, connect_timeout: float = 5.0) -> None:
        self._adapter = Adapter(ca_file)
        #: how far the clocks of those who answered are ahead of ours
        self.clocks = Clocks()
        self._connect_timeout = connect_timeout

    def get(  # noqa: PLR0913 - all but the address are optional
        self,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        deadline: float = 10.0,
        max_bytes: int = 2 * MIB,
        redirects: int = 0,
        allow_hosts: Collection[str] = (),
    ) -> Answer:
        """`deadline` is in seconds for everything together. A redirect that may not be followed is the answer."""
        limits = self._limits(deadline, max_bytes)
        carried = dict(headers or {})
        answer = self._ask(requests.Request("GET", url, params=params, headers=carried), limits)
        for _ in range(redirects):
            target = _target(answer, allow_hosts)
            if target is None:
                break
            if urlsplit(target).netloc != urlsplit(answer.url).netloc:
                carried = {name: value for name, value in carried.items() if name.lower() in HARMLESS}
            answer = self._ask(requests.Request("GET", target, headers=carried), limits)
        return answer

    def post_form(
        self,
        url: str,
        data: Mapping[str, str],
        *,
        headers: Mapping[str, str] | None = None,
        deadline: float = 10.0,
        max_bytes: int = 64 * KIB,
    ) -> Answer:
        """A form over a fresh connection, sent once, redirects never followed."""
        request = requests.Request("POST", url, data=dict(data), headers=dict(headers or {}))
        return self._ask(request, self._limits(deadline, max_bytes))

    def session(self, *, deadline: float, max_bytes: int) -> Session:
        """A session for one thread; `deadline` is for each call."""
        return Session(
            self._adapter, self.clocks, connect_timeout=self._connect_timeout, deadline=deadline, max_bytes=max_bytes
        )

    def _limits(self, deadline: float, max_bytes: int) -> Limits:
        return Limits(time.monotonic() + deadline, self._connect_timeout, max_bytes)

    def _ask(self, request: requests.Request, limits: Limits) -> Answer:
        answer = _answer(exchange(self._adapter, _prepare(request), limits))
        self.clocks.note(answer.url, answer.headers)
        return answer


def _target(answer: Answer, allow_hosts: Collection[str]) -> str | None:
    """Where a redirect leads, if it may be followed: same scheme or https, and an allowed host.

    `allow_hosts` holds "host", good for its usual port and the port we asked, or "host:port".
    """
    if answer.status not in REDIRECTS or "Location" not in answer.headers:
        return None
    try:
        target = urljoin(answer.url, answer.headers["Location"])
        old, new = urlsplit(answer.url), urlsplit(target)
        same_origin = new.netloc == old.netloc
        usual = same_origin or (new.port in (None, PORTS.get(new.scheme)) and "@" not in new.netloc)
    except ValueError:
        return None
    allowed = new.netloc in allow_hosts or (new.hostname in allow_hosts and usual)
    return target if allowed and new.scheme in {"https", old.scheme} else None
