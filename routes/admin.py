"""For those who run the server: the people on it."""

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from routes import admin_prices, admin_system
from routes.access import require_confirmed, require_site_admin
from routes.limits import limited
from routes.signed_in import actor
from services import password_links
from services import people as people_service
from services.errors import Conflict

bp = Blueprint("admin", __name__, url_prefix="/admin")
admin_system.add_to(bp)
admin_prices.add_to(bp)


@bp.get("/people")
@require_site_admin
def people() -> ResponseReturnValue:
    return _page()


@bp.post("/people/<int:user_id>/off")
@limited("30/minute")
@require_site_admin
@require_confirmed
def switch_off(user_id: int) -> ResponseReturnValue:
    return _done(people_service.switch_off, user_id, "{} is signed out and switched off. Nothing is posted for them.")


@bp.post("/people/<int:user_id>/on")
@limited("30/minute")
@require_site_admin
@require_confirmed
def switch_on(user_id: int) -> ResponseReturnValue:
    return _done(people_service.switch_on, user_id, "{} may sign in again, and is posted for.")


@bp.post("/people/<int:user_id>/give-admin")
@limited("30/minute")
@require_site_admin
@require_confirmed
def give_admin(user_id: int) -> ResponseReturnValue:
    return _done(people_service.give_admin, user_id, "{} runs this server now, too.")


@bp.post("/people/<int:user_id>/take-admin")
@limited("30/minute")
@require_site_admin
@require_confirmed
def take_admin(user_id: int) -> ResponseReturnValue:
    return _done(people_service.take_admin, user_id, "{} no longer runs this server.")


@bp.post("/people/<int:user_id>/link")
@limited("10/minute")
@require_site_admin
@require_confirmed
def password_link(user_id: int) -> ResponseReturnValue:
    """Shown once, here: it is kept nowhere."""
    user = people_service.find_person(user_id)
    email = user.email
    try:
        link = password_links.make_for(user, actor(), datetime.now(UTC))
    except Conflict as error:
        flash(str(error), "amber")
        return redirect(url_for("admin.people"))
    return _page(link=link, link_for=email)


def _page(**more: str) -> str:
    search = request.args.get("q", "")
    page = people_service.list_people(search, request.args.get("page", 1, int))
    return render_template("admin/people.html", page=page, search=search, now=datetime.now(UTC), **more)


def _done(act: people_service.Act, user_id: int, sentence: str) -> ResponseReturnValue:
    """What cannot be done is said on the page it was tried from."""
    try:
        flash(sentence.format(act(user_id, actor(), datetime.now(UTC)).name))
    except Conflict as error:
        flash(str(error), "amber")
    return redirect(url_for("admin.people"))
