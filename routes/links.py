"""Behind links that let somebody in once: the first account, an invitation, a new password."""

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from routes.headers import hide_address
from routes.limits import limited
from routes.link_forms import ForgotForm, NewAccountForm, NewPasswordForm, SetupForm
from routes.refusals import refused
from routes.signed_in import actor, keep_token, this_session
from services import first_admin, invitations, members, password_links
from services import sign_in as sign_in_service
from services.errors import Conflict, Invalid
from services.links import Gone
from services.registry import get_services

bp = Blueprint("links", __name__)

ASKED = "If there is an account with this address, a letter with a link is on its way. The link works for one hour."
bp.before_request(hide_address)


@bp.errorhandler(Gone)
def gone(_error: Gone) -> ResponseReturnValue:
    """Used, too old, taken back or never one of ours: nobody learns which."""
    return render_template("links/gone.html"), 404


@bp.route("/setup/<token>", methods=["GET", "POST"])
@limited("10/minute")
def setup(token: str) -> ResponseReturnValue:
    """The first account of a new server."""
    now, form = datetime.now(UTC), SetupForm(timezone="UTC")
    if not form.validate_on_submit():
        first_admin.find_link(token, now)
        return render_template("links/setup.html", form=form), 422 if form.errors else 200
    typed = {"name": form.name.data, "email": form.email.data, "password": form.password.data}
    try:
        user_id = first_admin.create(token, **typed, timezone=form.timezone.value, by=actor(), now=now)
    except Invalid as error:
        return refused("links/setup.html", form, error)
    _let_in(user_id)
    return redirect(url_for("dashboard.home"))


@bp.route("/invitations/<token>", methods=["GET", "POST"])
@limited("10/minute")
def invitation(token: str) -> ResponseReturnValue:
    """Somebody new makes an account here; who has one signs in and comes back."""
    now = datetime.now(UTC)
    invited = invitations.find(token, now)
    form = NewAccountForm(timezone=invited.podcast.timezone)
    if request.method == "GET" or not form.validate():
        return _invitation(form, token, invited), 422 if form.errors else 200
    typed = {"name": form.name.data, "timezone": form.timezone.value, "password": form.password.data}
    try:
        user_id, podcast_id = invitations.join_as_somebody_new(token, **typed, by=actor(), now=now)
    except (Invalid, Conflict) as error:
        invited = invitations.find(token, now)
        return refused("links/invitation.html", form, error, token=token, invited=invited)
    _let_in(user_id)
    return _first_task(podcast_id)


def _invitation(form: NewAccountForm, token: str, invited: invitations.Invited) -> str:
    return render_template("links/invitation.html", form=form, token=token, invited=invited)


@bp.post("/invitations/<token>/join")
@limited("10/minute")
def join(token: str) -> ResponseReturnValue:
    """Somebody who has an account and is signed in."""
    return _first_task(invitations.join(token, actor(), datetime.now(UTC)))


@bp.route("/password/forgot", methods=["GET", "POST"])
@limited("5/minute;20/hour")
def forgot() -> ResponseReturnValue:
    form, is_mailed = ForgotForm(), get_services().mail.is_set_up
    if is_mailed and form.validate_on_submit():
        password_links.ask(form.email.data, actor(), datetime.now(UTC))
        flash(ASKED)
        return redirect(url_for("links.forgot"))
    return render_template("links/forgot.html", form=form, is_mailed=is_mailed), 422 if form.errors else 200


@bp.route("/password/<token>", methods=["GET", "POST"])
@limited("10/minute")
def password(token: str) -> ResponseReturnValue:
    """A new password. The second step, where one is set up, stays."""
    now, form = datetime.now(UTC), NewPasswordForm()
    email = password_links.find(token, now).email
    if not form.validate_on_submit():
        return render_template("links/password.html", form=form, email=email), 422 if form.errors else 200
    try:
        password_links.set_password(token, form.password.data, actor(), now)
    except Invalid as error:
        return refused("links/password.html", form, error, email=email)
    if current_user.is_authenticated and current_user.email != email:  # the owner's own sessions have ended already
        sign_in_service.sign_out(this_session().session_id, actor(), now)
    session.clear()
    flash("Your new password is set. Sign in with it.")
    return redirect(url_for("auth.sign_in"))


def _let_in(user_id: int) -> None:
    before = this_session() if current_user.is_authenticated else None
    agent, by = request.user_agent.string, actor()
    keep_token(sign_in_service.begin_session(user_id, by, datetime.now(UTC), agent=agent, before=before))


def _first_task(podcast_id: int) -> ResponseReturnValue:
    """The next episode with one's own text, or the podcast while nothing is planned."""
    flash("You are on it. Connect your X account, so that your post can go out.")
    episode_id = members.next_episode_id(podcast_id, datetime.now(UTC))
    if episode_id is None:
        return redirect(url_for("podcasts.show", podcast_id=podcast_id))
    return redirect(url_for("podcasts.tweets", podcast_id=podcast_id, episode_id=episode_id))
