"""Figures for a monitoring system, behind a token of their own."""

import hmac
from datetime import UTC, datetime

from flask import Blueprint, Response, abort, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from config import Settings
from services.metrics import exposition

bp = Blueprint("metrics", __name__)


@bp.get("/metrics")
def metrics() -> Response:
    """For who has METRICS_TOKEN as a bearer token; while none is set, the page does not exist."""
    settings: Settings = current_app.config["SETTINGS"]
    if settings.metrics_token is None:
        abort(404)
    if not _is_bearer_of(settings.metrics_token):
        raise Unauthorized(www_authenticate=WWWAuthenticate("bearer"))
    return Response(exposition(settings, datetime.now(UTC)), content_type=CONTENT_TYPE_LATEST)


def _is_bearer_of(token: str) -> bool:
    """The name of a scheme may be written in capitals or not, the token may not (RFC 9110, section 11.1)."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    is_token = hmac.compare_digest(given.strip(" ").encode(), token.encode())
    return scheme.casefold() == "bearer" and is_token
