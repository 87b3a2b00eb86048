"""Where one's notices go besides the page: set, tried, changed, removed."""

from datetime import UTC, datetime

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm

from models import NoticeNetwork
from routes.limits import limited
from routes.profile_forms import notice_forms
from routes.signed_in import actor
from services import notice_addresses, weekly_mail
from services.errors import Conflict
from services.notice_addresses import Wanted
from services.registry import get_services


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/notices", view_func=notices)
    bp.add_url_rule("/notices/<network>", view_func=set_notices, methods=["POST"])
    bp.add_url_rule("/notices/<int:address_id>/scope", view_func=scope_notices, methods=["POST"])
    bp.add_url_rule("/notices/<int:address_id>/test", view_func=test_notices, methods=["POST"])
    bp.add_url_rule("/notices/<int:address_id>/remove", view_func=remove_notices, methods=["POST"])


def notices() -> ResponseReturnValue:
    return _page(notice_forms())


def _page(forms: dict[NoticeNetwork, FlaskForm], status: int = 200) -> ResponseReturnValue:
    ways = notice_addresses.ways_of(current_user.id, current_app.config["SETTINGS"])
    page = {"ways": ways, "forms_of": forms, "weekly": weekly_mail.choices(current_user.id)}
    return render_template("profile/notices.html", **page, now=datetime.now(UTC)), status


@limited("10/minute")
def set_notices(network: str) -> ResponseReturnValue:
    which, services = notice_addresses.network_of(network), get_services()
    forms = notice_forms(which)
    form = forms[which]
    if not form.validate_on_submit():
        return _page(forms, 422)
    typed = form.address.data if "address" in form else ""
    wanted = Wanted(which, typed, everything=not form.needed_only.data)
    try:
        notice_addresses.set_address(wanted, services.vault, services.settings, actor(), datetime.now(UTC))
    except Conflict as error:
        form.form_errors.append(str(error))
        return _page(forms, 422)
    flash("Saved. Send a test now, to see that it arrives.")
    return redirect(url_for(".notices"))


@limited("30/minute")
def scope_notices(address_id: int) -> ResponseReturnValue:
    notice_addresses.set_scope(address_id, request.form.get("scope") == "everything", actor())
    flash("Saved.")
    return redirect(url_for(".notices"))


@limited("5/minute")
def test_notices(address_id: int) -> ResponseReturnValue:
    arrived, sentence = get_services().notify.test(address_id, current_user.id, datetime.now(UTC))
    flash(sentence, "message" if arrived else "amber")
    return redirect(url_for(".notices"))


@limited("10/minute")
def remove_notices(address_id: int) -> ResponseReturnValue:
    notice_addresses.remove(address_id, actor(), datetime.now(UTC))
    flash("Removed. Nothing is sent there any more.")
    return redirect(url_for(".notices"))
