"""How the machine is, and who did what."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from routes.access import require_site_admin
from routes.limits import limited
from routes.signed_in import actor
from services import audit_log, installation, push_words, trying
from services.errors import Conflict
from services.registry import get_services
from services.system_status import system_status
from services.tonight_page import tonight_page


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/tonight", view_func=tonight)
    bp.add_url_rule("/system", view_func=system)
    bp.add_url_rule("/system/try-now", view_func=try_now, methods=["POST"])
    bp.add_url_rule("/system/quarantine/end", view_func=end_quarantine, methods=["POST"])
    bp.add_url_rule("/audit", view_func=audit)


@require_site_admin
def system() -> ResponseReturnValue:
    now = datetime.now(UTC)
    return render_template(
        "admin/system.html", status=system_status(now), ground=get_services().guard.ground(), now=now
    )


@require_site_admin
def tonight() -> ResponseReturnValue:
    """What is planned, whether it would be announced, and how long starts took lately."""
    now = datetime.now(UTC)
    found, push = tonight_page(current_app.config["SETTINGS"], now), push_words.push_of_all(now)
    return render_template("admin/tonight.html", page=found, push=push, now=now)


@limited("5/minute")
@require_site_admin
def try_now() -> ResponseReturnValue:
    try:
        flash(trying.try_all(actor(), datetime.now(UTC)))
    except Conflict as error:
        flash(str(error), "amber")
    return redirect(url_for(".system"))


@limited("5/minute")
@require_site_admin
def end_quarantine() -> ResponseReturnValue:
    installation.release(actor(), datetime.now(UTC))
    flash("The quarantine has ended. What is queued goes out as ever.")
    return redirect(url_for(".system"))


@require_site_admin
def audit() -> ResponseReturnValue:
    wanted = audit_log.asked(request.args)
    page = audit_log.audit_page(wanted)
    kept: dict[str, Any] = {"kind": wanted.kind, "person": wanted.person, "podcast": wanted.podcast}
    return render_template(
        "admin/audit.html",
        page=page,
        wanted=wanted,
        choices=audit_log.choices(),
        older=url_for(".audit", **kept, before=page.older) if page.older else None,
        newer=url_for(".audit", **kept, after=page.newer) if page.newer else None,
        now=datetime.now(UTC),
    )
