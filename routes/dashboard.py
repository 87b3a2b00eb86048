"""The first page: what is on air, what comes next, what needs a person."""

from datetime import UTC, datetime

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user

from services import overview

bp = Blueprint("dashboard", __name__)


@bp.get("/")
def home() -> ResponseReturnValue:
    now = datetime.now(UTC)
    return render_template("dashboard/home.html", page=overview.home(current_user, now), now=now)
