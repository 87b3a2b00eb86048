"""One's own account: profile, password, address, second step, sessions, and leaving."""

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from routes import profile_notices, profile_voice
from routes.access import require_confirmed
from routes.auth_forms import CodeForm
from routes.limits import limited
from routes.profile_forms import DeleteForm, EmailForm, PasswordForm, ProfileForm
from routes.refusals import refused
from routes.signed_in import actor, keep_token, this_session
from services import accounts, leaving, second_step, sign_in
from services.errors import Conflict, Invalid
from services.registry import get_services

bp = Blueprint("profile", __name__, url_prefix="/profile")
profile_notices.add_to(bp)
profile_voice.add_to(bp)

METHODS = ["GET", "POST"]


@bp.route("", methods=METHODS)
@limited("30/minute")
def show() -> ResponseReturnValue:
    form = ProfileForm(obj=current_user)
    if form.validate_on_submit():
        values = {name: form[name].value for name in ("name", "timezone", "default_text")}
        accounts.change_profile(current_user.id, never_repost=form.never_repost.data, **values)
        flash("Saved.")
        return redirect(url_for("profile.show"))
    codes_left = second_step.codes_left(current_user.id)
    page = render_template("profile/show.html", form=form, codes_left=codes_left)
    return page, 422 if form.errors else 200


@bp.route("/password", methods=METHODS)
@limited("10/minute")
def password() -> ResponseReturnValue:
    form = PasswordForm()
    if form.validate_on_submit():
        now, given = datetime.now(UTC), (form.current.data, form.new.data)
        try:
            keep_token(accounts.change_password(this_session(), *given, actor(), now))
        except (Invalid, Conflict) as error:
            return refused("profile/password.html", form, error)
        flash("The password is changed. Everywhere else you are signed out.")
        return redirect(url_for("profile.show"))
    return render_template("profile/password.html", form=form), 422 if form.errors else 200


@bp.route("/email", methods=METHODS)
@limited("10/minute")
@require_confirmed
def email() -> ResponseReturnValue:
    form = EmailForm()
    if form.validate_on_submit():
        try:
            accounts.change_email(current_user.id, form.email.value, actor(), datetime.now(UTC))
        except Conflict as error:
            return refused("profile/email.html", form, error)
        flash("The address is changed. Sign in with it from now on.")
        return redirect(url_for("profile.show"))
    return render_template("profile/email.html", form=form), 422 if form.errors else 200


# Sessions


@bp.get("/sessions")
def sessions() -> ResponseReturnValue:
    now = datetime.now(UTC)
    return render_template("profile/sessions.html", sessions=accounts.sessions_of(this_session(), now), now=now)


@bp.post("/sessions/<int:session_id>/end")
@limited("30/minute")
def end_session(session_id: int) -> ResponseReturnValue:
    accounts.end_session(session_id, actor(), datetime.now(UTC))
    flash("That browser is signed out.")
    return redirect(url_for("profile.sessions"))


@bp.post("/sessions/end-all")
@limited("10/minute")
def sign_out_everywhere() -> ResponseReturnValue:
    sign_in.sign_out_everywhere(actor(), datetime.now(UTC))
    session.clear()
    flash("You are signed out everywhere.")
    return redirect(url_for("auth.sign_in"))


# The second step


@bp.get("/second-step")
@require_confirmed
def second_step_page() -> ResponseReturnValue:
    return _second_step(CodeForm(formdata=None))


def _second_step(form: CodeForm, error: Invalid | None = None) -> ResponseReturnValue:
    proposal = second_step.proposal(current_user, get_services().vault)
    context = {"proposal": proposal, "codes_left": second_step.codes_left(current_user.id)}
    if error is not None:
        return refused("profile/second_step_page.html", form, error, **context)
    return render_template("profile/second_step_page.html", form=form, **context), 422 if form.errors else 200


@bp.post("/second-step/begin")
@limited("10/minute")
@require_confirmed
def begin_second_step() -> ResponseReturnValue:
    second_step.propose(current_user.id, get_services().vault)
    return redirect(url_for("profile.second_step_page"))


@bp.post("/second-step/on")
@limited("10/minute")
@require_confirmed
def switch_second_step_on() -> ResponseReturnValue:
    form, me, vault = CodeForm(), this_session(), get_services().vault
    if not form.validate_on_submit():
        return _second_step(form)
    try:
        codes = second_step.switch_on(me, form.code.data, vault, actor(), datetime.now(UTC))
    except Invalid as error:
        return _second_step(form, error)
    return render_template("profile/recovery_codes.html", codes=codes, is_new=True)


@bp.post("/second-step/off")
@limited("10/minute")
@require_confirmed
def switch_second_step_off() -> ResponseReturnValue:
    second_step.switch_off(current_user.id, actor(), datetime.now(UTC))
    flash("The second step is off. Your password is enough to sign in.")
    return redirect(url_for("profile.second_step_page"))


@bp.post("/second-step/codes")
@limited("10/minute")
@require_confirmed
def renew_codes() -> ResponseReturnValue:
    codes = second_step.renew_codes(current_user.id, actor(), datetime.now(UTC))
    return render_template("profile/recovery_codes.html", codes=codes, is_new=False)


# Leaving


@bp.route("/delete", methods=METHODS)
@limited("10/minute")
@require_confirmed
def delete() -> ResponseReturnValue:
    form, alone = DeleteForm(), leaving.podcasts_without_another_admin(current_user.id)
    if form.validate_on_submit():
        try:
            leaving.delete_account(current_user.id, form.typed.data or "", actor(), datetime.now(UTC))
        except (Invalid, Conflict) as error:
            return refused("profile/delete.html", form, error, alone=alone)
        session.clear()
        flash("Your account is deleted.")
        return redirect(url_for("auth.sign_in"))
    return render_template("profile/delete.html", form=form, alone=alone)
