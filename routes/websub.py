"""Where YouTube's hub comes back to: it verifies a subscription, and delivers. No person, no session, no cookie."""

from datetime import UTC, datetime

from flask import Blueprint, Response, abort, request
from werkzeug.exceptions import RequestEntityTooLarge

from extensions import csrf
from services.push_leases import Visit
from services.registry import get_services
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


def deliver(path: str) -> Response:
    """2xx whatever was sent, so that nobody learns whether a signature fitted; 404 ends what nobody subscribed to."""
    signature, now = request.headers.get("X-Hub-Signature"), datetime.now(UTC)
    known = get_services().push.deliveries.take(path, signature, _body(), now)
    return _plain("", 204) if known else _plain("Nobody subscribed here.", 404)


def _body() -> bytes | None:
    """The raw body, which is what is signed; None when it is larger than any delivery."""
    request.max_content_length = LARGEST_DELIVERY
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        return None


def _plain(text: str, status: int) -> Response:
    return Response(text, status=status, content_type="text/plain; charset=utf-8")
