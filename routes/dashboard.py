"""The first page: what is on air, what comes next, what needs a person."""

from datetime import UTC, datetime

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_login import current_user

from routes.live import live_page
from services import overview

bp = Blueprint("dashboard", __name__)


@bp.get("/")
def home() -> ResponseReturnValue:
    now = datetime.now(UTC)
    return live_page("dashboard/home.html", page=overview.home(current_user, now), now=now)
