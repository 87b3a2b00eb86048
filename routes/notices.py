"""What happened, for one person: the list, opening one, and the link that ends letters."""

from collections.abc import Iterator
from datetime import UTC, datetime

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from extensions import limiter
from routes.limits import limited, of_network
from routes.signed_in import actor
from services import notice_addresses, notice_list
from services.audit_log import number

bp = Blueprint("notices", __name__, url_prefix="/notices")


@bp.get("")
def index() -> ResponseReturnValue:
    asked = {name: number(request.args.get(name)) for name in ("before", "after")}
    page = notice_list.page_of(current_user.id, **asked)
    older = url_for(".index", before=page.older) if page.older else None
    newer = url_for(".index", after=page.newer) if page.newer else None
    return render_template("notices/index.html", page=page, older=older, newer=newer, now=datetime.now(UTC))


@bp.post("/<int:notice_id>/open")
@limited("60/minute")
def open_one(notice_id: int) -> ResponseReturnValue:
    return redirect(notice_list.open_notice(notice_id, current_user.id, datetime.now(UTC)) or url_for(".index"))


@bp.post("/read-all")
@limited("30/minute")
def read_all() -> ResponseReturnValue:
    notice_list.read_all(current_user.id, datetime.now(UTC), up_to=number(request.form.get("up_to")) or 0)
    flash("All are marked as read.")
    return redirect(url_for(".index"))


@bp.route("/stop/<int:address_id>/<token>", methods=["GET", "POST"])
@limited("30/minute")
@limiter.limit("60/minute", key_func=of_network)
def stop(address_id: int, token: str) -> ResponseReturnValue:
    """For the reader of a letter, who need not be signed in. Whoever only looks changes nothing."""
    now, done = datetime.now(UTC), request.method == "POST"
    if done:
        notice_addresses.stop(address_id, token, _keys(), actor(), now)
    else:
        notice_addresses.behind(address_id, token, _keys())
    return render_template("notices/stop.html", done=done)


def _keys() -> Iterator[str]:
    yield str(current_app.secret_key)
    yield from current_app.config.get("SECRET_KEY_FALLBACKS") or []
