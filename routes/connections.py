"""One's own login at X: what it is, the way to X and back, and its end."""

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from routes.access import require_confirmed
from routes.limits import limited
from routes.signed_in import actor, this_session
from services.connection_page import connection_page
from services.errors import AirhornError
from services.registry import get_services

bp = Blueprint("connections", __name__, url_prefix="/connections")


@bp.get("")
def show() -> ResponseReturnValue:
    now = datetime.now(UTC)
    oauth = get_services().oauth
    return render_template("connections/show.html", page=connection_page(current_user.id, now), oauth=oauth, now=now)


@bp.post("/x/connect")
@limited("10/minute")
@require_confirmed
def connect() -> ResponseReturnValue:
    """A page that leads to X by itself: browsers do not let a form go on to another site, and rightly so."""
    url = get_services().oauth.begin(this_session().session_id, datetime.now(UTC))
    return render_template("connections/connect.html", url=url)


@bp.get("/x/callback")
@limited("20/minute", methods=("GET",))
def callback() -> ResponseReturnValue:
    """Changes something although it is a GET, as OAuth has it: only with a state that this session was given."""
    if not current_user.is_authenticated:
        flash("You were signed out meanwhile, so X was not connected. Sign in and connect again.", "amber")
        return redirect(url_for("auth.sign_in", next=url_for(".show")))
    given = {name: request.args.get(name, "") for name in ("state", "code", "error")}
    try:
        username = get_services().oauth.finish(this_session().session_id, actor(), datetime.now(UTC), **given)
    except AirhornError as error:
        flash(str(error), "amber")
    else:
        flash(f"X is connected: you post as @{username}.")
    return redirect(url_for(".show"), 303)


@bp.post("/x/disconnect")
@limited("10/minute")
@require_confirmed
def disconnect() -> ResponseReturnValue:
    get_services().connections.disconnect(current_user.id, actor(), datetime.now(UTC))
    flash("X is disconnected. Nothing is posted for you until you connect again.")
    return redirect(url_for(".show"), 303)
