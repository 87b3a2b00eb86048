"""Signing in and out, and light or dark."""

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from routes.auth_forms import CodeForm, ConfirmForm, SignInForm
from routes.filters import THEMES
from routes.limits import limited
from routes.next_page import next_page
from routes.refusals import refused
from routes.signed_in import actor, keep_token, this_session
from services import first_admin
from services import sign_in as sign_in_service
from services.errors import Invalid
from services.registry import get_services

bp = Blueprint("auth", __name__)

A_YEAR = 365 * 24 * 3600
#: of one network; the tries that fail are counted beside it, in the database
ATTEMPTS = "30/minute"


@bp.route("/sign-in", methods=["GET", "POST"])
@limited(ATTEMPTS)
def sign_in() -> ResponseReturnValue:
    if request.method == "GET" and current_user.is_authenticated:
        return redirect(next_page())
    form = SignInForm()
    if form.validate_on_submit():
        try:
            known = sign_in_service.sign_in(form.email.data, form.password.data, actor(), datetime.now(UTC))
            if known.half is None:
                return _let_in(known)
        except Invalid as error:
            return refused("auth/sign_in.html", form, error, is_new=first_admin.is_needed())
        session["half"] = known.half  # beside the session of whoever was signed in here: it ends with the code
        return redirect(url_for("auth.code", next=next_page()))
    page = render_template("auth/sign_in.html", form=form, is_new=first_admin.is_needed())
    return page, 422 if form.errors else 200


@bp.route("/sign-in/code", methods=["GET", "POST"])
@limited(ATTEMPTS)
def code() -> ResponseReturnValue:
    """The second step, after the right password and within a few minutes of it."""
    now, form = datetime.now(UTC), CodeForm()
    if not sign_in_service.is_half_way(session.get("half"), now):
        return redirect(url_for("auth.sign_in", next=next_page()))
    if form.validate_on_submit():
        try:
            vault = get_services().vault
            return _let_in(sign_in_service.sign_in_with_code(session["half"], form.code.data, vault, actor(), now))
        except Invalid as error:
            return refused("auth/code.html", form, error)
    return render_template("auth/code.html", form=form, next=next_page()), 422 if form.errors else 200


def _let_in(known: sign_in_service.Known) -> ResponseReturnValue:
    before = this_session() if current_user.is_authenticated else None
    agent, by = request.user_agent.string, actor()
    keep_token(sign_in_service.begin_known(known, by, datetime.now(UTC), agent=agent, before=before))
    return redirect(next_page())


@bp.post("/sign-out")
@limited("10/minute")
def sign_out() -> ResponseReturnValue:
    sign_in_service.sign_out(this_session().session_id, actor(), datetime.now(UTC))
    session.clear()
    flash("You are signed out.")
    return redirect(url_for("auth.sign_in"))


@bp.route("/confirm", methods=["GET", "POST"])
@limited("10/minute")
def confirm() -> ResponseReturnValue:
    """Before a dangerous act: the password again, and back to the page that asked for it."""
    form = ConfirmForm()
    if form.validate_on_submit():
        try:
            sign_in_service.confirm(this_session(), form.password.data, actor(), datetime.now(UTC))
        except Invalid as error:
            return refused("auth/confirm.html", form, error)
        return redirect(next_page())
    return render_template("auth/confirm.html", form=form, next=next_page()), 422 if form.errors else 200


@bp.post("/appearance")
@limited("30/minute")
def appearance() -> ResponseReturnValue:
    """Light, dark, or as the system has it; kept in a cookie of this browser."""
    response = redirect(next_page())
    theme = request.form.get("theme", "")
    if theme in THEMES:
        response.set_cookie("theme", theme, max_age=A_YEAR, samesite="Lax", httponly=True, secure=request.is_secure)
    return response
