"""Signing in and out, and light or dark."""

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from extensions import limiter
from routes.auth_forms import ConfirmForm, SignInForm
from routes.filters import THEMES
from routes.limits import limited, of_network
from routes.next_page import next_page
from routes.signed_in import actor, this_session
from services import sign_in as sign_in_service
from services.errors import Invalid

bp = Blueprint("auth", __name__)

A_YEAR = 365 * 24 * 3600


def _who() -> str:
    """Tries are counted by account too, so that many machines cannot guess at one password."""
    return f"account:{request.form.get('email', '').strip().lower()[:254]}"


@bp.route("/sign-in", methods=["GET", "POST"])
@limiter.limit("30 per minute", methods=["POST"], key_func=of_network)
@limiter.limit("6 per minute; 30 per hour", methods=["POST"], key_func=_who)
def sign_in() -> ResponseReturnValue:
    if request.method == "GET" and current_user.is_authenticated:
        return redirect(next_page())
    form = SignInForm()
    if form.validate_on_submit():
        try:
            user = sign_in_service.sign_in(form.email.data, form.password.data)
        except Invalid as error:
            form.form_errors.append(str(error))
        else:
            agent = request.user_agent.string
            token = sign_in_service.begin_session(user.id, actor(), datetime.now(UTC), agent=agent)
            session.clear()  # what somebody put there before must not stay
            session["token"], session.permanent = token, True
            return redirect(next_page())
    return render_template("auth/sign_in.html", form=form), 422 if form.errors else 200


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
            form.form_errors.append(str(error))
        else:
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
