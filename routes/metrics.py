"""Figures for a monitoring system, behind a token of their own."""

import hmac
from datetime import UTC, datetime

from flask import Blueprint, Response, abort, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST

from config import Settings
from services.metrics import exposition

bp = Blueprint("metrics", __name__)


@bp.get("/metrics")
def metrics() -> Response:
    """For who has METRICS_TOKEN as a bearer token; while none is set, the page does not exist."""
    settings: Settings = current_app.config["SETTINGS"]
    if settings.metrics_token is None:
        abort(404)
    given = request.headers.get("Authorization", "").encode()
    if not hmac.compare_digest(given, f"Bearer {settings.metrics_token}".encode()):
        abort(401)
    return Response(exposition(settings, datetime.now(UTC)), content_type=CONTENT_TYPE_LATEST)
