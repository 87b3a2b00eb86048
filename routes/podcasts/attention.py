"""What a podcast needs a person for: the list, put aside, brought back."""

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.wrappers import Response

from routes.access import require_podcast_access
from routes.limits import limited
from routes.signed_in import actor
from services import attention as service
from services.access import Access
from services.errors import Conflict, Invalid

PAGE = "/<int:podcast_id>/attention"


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule(PAGE, view_func=attention)
    bp.add_url_rule(f"{PAGE}/aside", view_func=put_aside, methods=["POST"])
    bp.add_url_rule(f"{PAGE}/<int:dismissal_id>/back", view_func=bring_back, methods=["POST"])


@require_podcast_access
def attention(access: Access) -> ResponseReturnValue:
    now = datetime.now(UTC)
    page = service.attention(access.podcast, current_user.id, now, is_admin=access.is_admin)
    return render_template("podcasts/attention.html", access=access, podcast=access.podcast, page=page, now=now)


@limited("60/minute")
@require_podcast_access
def put_aside(access: Access) -> ResponseReturnValue:
    seen, now, podcast_id = request.form.get("item", "").split(), datetime.now(UTC), access.podcast.id
    for_all = access.is_admin and request.form.get("whose") != "own"
    put = service.put_aside if for_all else service.put_own_aside
    try:
        length = service.how_long(request.form.get("for", ""))
        put(access.podcast, seen, length, actor(), now, is_admin=access.is_admin)
    except (Conflict, Invalid) as error:
        flash(str(error), "amber")
    else:
        for_whom = "for everybody on this podcast" if for_all else "for you"
        flash(f"Put aside {for_whom}. It stands under “Put aside” and can be brought back there.")
    return _back(podcast_id)


@limited("60/minute")
@require_podcast_access
def bring_back(access: Access, *, dismissal_id: int) -> ResponseReturnValue:
    podcast_id = access.podcast.id
    service.bring_back(access.podcast, dismissal_id, actor(), datetime.now(UTC), is_admin=access.is_admin)
    flash("It is back on the list.")
    return _back(podcast_id)


def _back(podcast_id: int) -> Response:
    """To where the button was."""
    if request.form.get("from") == "home":
        return redirect(url_for("dashboard.home"))
    return redirect(url_for(".attention", podcast_id=podcast_id))
