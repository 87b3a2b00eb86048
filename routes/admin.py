"""For those who run the server: the people on it."""

from datetime import UTC, datetime

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from routes.access import require_site_admin
from services import people as people_service

bp = Blueprint("admin", __name__, url_prefix="/admin")


@bp.get("/people")
@require_site_admin
def people() -> ResponseReturnValue:
    now = datetime.now(UTC)
    return render_template("admin/people.html", page=people_service.list_people(now), now=now)
