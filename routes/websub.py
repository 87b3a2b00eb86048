"""Where YouTube's hub comes back to: it verifies a subscription, and delivers. No person, no session, no cookie."""

import io
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, Response, abort, request
from werkzeug.exceptions import RequestEntityTooLarge

from extensions import csrf
from services.push_deliveries import Deliveries, Judged
from services.push_leases import Visit
from services.registry import EXTENSION, get_services
from services.youtube_push import CALLBACK, LARGEST_DELIVERY

bp = Blueprint("websub", __name__)


@bp.route(f"{CALLBACK}<path>", methods=["GET", "POST"])
def callback(path: str) -> Response:
    """GET verifies, POST delivers; HEAD and everything else is nothing that a hub does."""
    if request.method == "POST":
        return deliver(path)
    if request.method != "GET":
        abort(404)
    given = {name: request.args.get(f"hub.{name}", "") for name in ("mode", "topic", "challenge", "reason")}
    visit = Visit(**given, lease=request.args.get("hub.lease_seconds", ""))
    answer = get_services().push.verify(path, visit, datetime.now(UTC))
    if answer is None:
        abort(404)
    return _plain(answer, 200)


# A machine has no form of ours; it signs what it delivers. There is no limit per caller either: what is forged costs
# one hash and changes nothing, what is real is written down once in 20 seconds.
csrf.exempt(callback)


#: 2xx whatever was sent, so that nobody learns whether a signature fitted; 404 ends what nobody subscribed to
ANSWERS = {
    Judged.UNKNOWN: (HTTPStatus.NOT_FOUND, "Nobody subscribed here."),
    Judged.PUT_OFF: (HTTPStatus.SERVICE_UNAVAILABLE, "Too much comes at once. Please deliver it again."),
}
TAKEN = (HTTPStatus.NO_CONTENT, "")


def deliver(path: str) -> Response:
    signature, now = request.headers.get("X-Hub-Signature"), datetime.now(UTC)
    judged = get_services().push.deliveries.take(path, signature, _body(), now)
    status, words = ANSWERS.get(judged, TAKEN)
    return _plain(words, status)


def _body() -> bytes | None:
    """The raw body, which is what is signed; None when it is larger than any delivery."""
    request.max_content_length = LARGEST_DELIVERY
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        return None


def _plain(text: str, status: int) -> Response:
    return Response(text, status=status, content_type="text/plain; charset=utf-8")


# A flood


def init_app(app: Flask, headers: Mapping[str, str]) -> None:
    """Answers deliveries that change nothing before anything else looks at them: a flood of them costs pages little."""
    app.wsgi_app = Door(app.wsgi_app, lambda: app.extensions[EXTENSION].push.deliveries, headers)  # type: ignore[method-assign]


class Door:
    """In front of the application, for POSTs to a callback. What needs the database is let in."""

    def __init__(self, inside: Any, deliveries: Callable[[], Deliveries], headers: Mapping[str, str]) -> None:
        self._inside, self._deliveries = inside, deliveries
        kind = ("Content-Type", "text/plain; charset=utf-8")
        self._headers = [*headers.items(), kind, ("Cache-Control", "no-store"), ("Vary", "Cookie")]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if environ["REQUEST_METHOD"] != "POST" or not path.startswith(CALLBACK):
            return self._inside(environ, start_response)  # type: ignore[no-any-return]
        length = _length(environ)
        if length is None:
            return self._inside(environ, start_response)  # type: ignore[no-any-return]
        body = None
        if length <= LARGEST_DELIVERY:
            body = environ["wsgi.input"].read(length)
            environ["wsgi.input"] = io.BytesIO(body)
        signature, now = environ.get("HTTP_X_HUB_SIGNATURE"), datetime.now(UTC)
        judged = self._deliveries().at_once(path.removeprefix(CALLBACK), signature, body, now)
        if judged is None:
            return self._inside(environ, start_response)  # type: ignore[no-any-return]
        status, words = ANSWERS.get(judged, TAKEN)
        size = [("Content-Length", str(len(words)))] if words else []
        start_response(f"{status.value} {status.phrase}", self._headers + size)
        return [words.encode()]


def _length(environ: Mapping[str, Any]) -> int | None:
    """What the sender says; None where that is nothing to rely on."""
    said = environ.get("CONTENT_LENGTH", "")
    return int(said) if said.isascii() and said.isdigit() and "HTTP_TRANSFER_ENCODING" not in environ else None
