"""What X's answers mean. Pure: status, headers and body in, plain values or Refused and Unknown out.

Sources: docs.x.com "Response codes and errors", "Rate limits", OpenAPI 2.167; error bodies as seen in public logs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.clients.clocks import server_time
from services.clients.json_body import parse_json
from services.clients.x_posts import shown_text
from services.errors import Refused, Unknown

ID = re.compile(r"[0-9]{1,19}", re.ASCII)
TOKEN = re.compile(r"[\x21-\x7e]{1,4096}", re.ASCII)
RESET = re.compile(r"[0-9]{1,12}", re.ASCII)
DAY = timedelta(days=1)
USUAL_WAIT = timedelta(minutes=15)  # X's window, when it does not say or says nonsense
#: a reset so long ago is of a window that ended while X answered; the next one is tried so soon
JUST_OVER, SOON = timedelta(minutes=1), timedelta(seconds=5)
TOKEN_LIFE = 7200
#: X's counters: the usual one and, on older plans, two of 24 hours
WINDOWS = ("x-rate-limit", "x-user-limit-24hour", "x-app-limit-24hour")
#: 4xx by which X or its edge says that it did not wait for, or does not know, the end of the work
MAYBE_DONE = frozenset({408, 409, 425, 499})

#: 403 by what its text or its type holds, first match counts: words, cause, permanent
FORBIDDEN = (
    (("duplicate content", "[187]"), "x_duplicate", True),
    ((" locked", " suspended", "read-only", "read only", "[326]", "[64]"), "x_locked", False),
    (("not permitted to perform", "scope", "oauth1-permissions", "unsupported-authentication"), "x_scope", False),
    (("too long",), "x_text_refused", True),
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A post that is out. `text` is as X stores it: links are t.co."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class XUser:
    """Who a token belongs to."""

    id: str
    username: str
    name: str
    avatar_url: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """A new pair. `refresh_token` is None when the person did not grant offline.access; `expires_in` is in seconds."""

    access_token: str
    refresh_token: str | None
    expires_in: int
    scopes: frozenset[str]


def parse_created(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Accepted:
    """The answer to POST /2/tweets. Header names must be found in any case. Raises Refused or Unknown, nothing else."""
    if status not in (200, 201):
        raise _not_created(status, headers, body, now)
    data = _mapping(_mapping(_json(body)).get("data"))
    id = data.get("id")
    if not isinstance(id, str) or not ID.fullmatch(id):
        raise _odd("X answered, but without the number of the post.", status)
    return Accepted(id, shown_text(data))


def _not_created(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Refused | Unknown:
    if 300 <= status < 400:
        return Unknown(f"X sent us elsewhere ({status}).", cause="x_redirect", http_status=status)
    if status >= 500 or status in MAYBE_DONE:
        return Unknown(f"X had a problem ({status}).", cause="x_server_error", http_status=status)
    if status >= 400:
        return refusal(status, headers, body, now=now)
    if status >= 200:
        return _odd(f"X answered with an unusual status ({status}).", status)
    return Unknown(f"X never finished its answer ({status}).", cause="x_no_answer", http_status=status)


def refusal(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Refused:
    """What a definite 4xx says. The message is X's own words: what a cause means to people is said elsewhere."""
    problem = _json(body)
    if status == 402 or (status == 429 and "usage-capped" in _marks(problem)):
        return _refused(problem, "x_credits", status)
    if status == 429:
        at = rate_reset(headers, now=now)
        return Refused(_words(problem, status), cause="x_rate", retry_at=at, http_status=status)
    if status == 401:
        return _refused(problem, "x_auth", status)
    if status in (400, 413, 422):
        return _refused(problem, "x_text_refused", status, permanent=True)
    if status == 403:
        marks = _marks(problem)
        for words, cause, permanent in FORBIDDEN:
            if any(word in marks for word in words):
                return _refused(problem, cause, status, permanent=permanent)
    return _refused(problem, "x_forbidden", status, permanent=True)


def rate_reset(headers: Mapping[str, str], *, now: datetime) -> datetime:
    """When X will take posts again, by our clock: the latest reset of a used-up counter, or 15 minutes from now.

    The wait is taken against X's own Date first, so that a wrong clock on our side does not matter. Of a window that
    is over since less than a minute nothing is waited for but a moment.
    """
    used_up = [window for window in WINDOWS if headers.get(f"{window}-remaining", "").strip() == "0"]
    resets = [headers.get(f"{window}-reset", "").strip() for window in used_up or WINDOWS[:1]]
    instants = [int(reset) for reset in resets if RESET.fullmatch(reset)]
    for clock in (server_time(headers), now):
        waits = [timedelta(seconds=instant - clock.timestamp()) for instant in instants] if clock else []
        sane = [wait if wait >= timedelta(0) else SOON for wait in waits if -JUST_OVER <= wait <= DAY]
        if sane:
            return now + max(sane)
    return now + USUAL_WAIT


def parse_me(body: bytes) -> XUser:
    """GET /2/users/me with `profile_image_url`. Raises Refused."""
    data = _mapping(_mapping(_json(body)).get("data"))
    id, username, name, avatar = (data.get(key) for key in ("id", "username", "name", "profile_image_url"))
    known = isinstance(id, str) and ID.fullmatch(id) and isinstance(username, str) and username
    if not known:
        raise Refused("X's answer about the account could not be read.", cause="x_odd_answer")
    secure = isinstance(avatar, str) and avatar.startswith("https://")
    return XUser(str(id), str(username), name if isinstance(name, str) else str(username), avatar if secure else None)


def parse_tokens(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Tokens:
    """The answer of /2/oauth2/token. What is not plainly yes or no is Unknown: the old token may be spent."""
    data = _mapping(_json(body))
    if status != 200:
        raise token_failure(status, headers, body, now=now)
    access, refresh = data.get("access_token"), data.get("refresh_token")
    life, scope = data.get("expires_in"), data.get("scope")
    if not _is_token(access) or not (refresh is None or _is_token(refresh)):
        raise _odd("X answered, but without a usable token.", status)
    sane = isinstance(life, int) and not isinstance(life, bool) and 0 < life <= 366 * 86_400
    scopes = frozenset(scope.split()) if isinstance(scope, str) else frozenset[str]()
    return Tokens(str(access), refresh, int(life or 0) if sane else TOKEN_LIFE, scopes)


def token_failure(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Refused | Unknown:
    """What an OAuth answer other than 200 says."""
    error = _mapping(_json(body)).get("error")
    if status == 400 and error in ("invalid_request", "invalid_grant"):
        return _refused(_json(body), "x_token_refused", status, permanent=True)
    if status == 401 or (status == 400 and error in ("invalid_client", "unauthorized_client")):
        return _refused(_json(body), "x_client", status)
    if status == 429:
        return refusal(status, headers, body, now=now)
    if 400 <= status < 500:
        return Unknown(f"X answered oddly ({status}).", cause="x_odd_answer", http_status=status)
    failure = _not_created(status, headers, body, now)
    assert isinstance(failure, Unknown)
    return failure


def _is_token(value: Any) -> bool:
    return isinstance(value, str) and TOKEN.fullmatch(value) is not None


def _odd(message: str, status: int) -> Unknown:
    return Unknown(message, cause="x_odd_answer", http_status=status)


def _refused(problem: Any, cause: str, status: int, *, permanent: bool = False) -> Refused:
    return Refused(_words(problem, status), cause=cause, permanent=permanent, http_status=status)


def _json(body: bytes) -> Any:
    try:
        return parse_json(body)
    except ValueError:
        return None


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _errors(problem: Any) -> list[dict[str, Any]]:
    errors = _mapping(problem).get("errors")
    return [_mapping(error) for error in errors[:5]] if isinstance(errors, list) else []


def _marks(problem: Any) -> str:
    """Everything in an error that tells its kind, in lower case; old numeric codes as [187]."""
    parts = [_mapping(problem), *_errors(problem)]
    texts = [str(part[key])[:500] for part in parts for key in ("detail", "message", "title", "type") if key in part]
    codes = [f"[{part['code']}]" for part in parts if isinstance(part.get("code"), int)]
    return " " + " ".join(texts + codes).lower()


def _words(problem: Any, status: int) -> str:
    """X's own words, made harmless: one line, no long run that might be a token, 300 characters at most."""
    parts = [*_errors(problem), _mapping(problem)]  # X puts the particular into errors, the general beside it
    details = [part.get(key) for part in parts for key in ("message", "detail", "error_description")]
    detail = next((text for text in details if isinstance(text, str) and text.strip()), "")
    detail = "".join(char if char.isprintable() else " " for char in detail[:1000])
    detail = re.sub(r"[A-Za-z0-9_\-=.~+/]{40,}", "…", " ".join(detail.split()))
    whole = f"X says: {detail}" if detail else f"X answered {status} without a reason."
    return whole if len(whole) <= 300 else whole[:299] + "…"
