"""Who is on a podcast: seen by all of them; invited, promoted and taken off by its admins."""

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import EmailField, RadioField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired

from routes.access import require_podcast_access, require_podcast_admin
from routes.limits import limited
from routes.signed_in import actor
from services import invitations
from services import members as members_service
from services.access import Access
from services.errors import Conflict, Invalid

ROLES = (
    SelectChoice("contributor", "Host: writes and posts"),
    SelectChoice("admin", "Admin: manages the podcast too"),
)


class InviteForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is not typed
    email = EmailField("E-mail", validators=[InputRequired("The address of the person you invite is missing.")])
    role = RadioField("Role", choices=ROLES, default="contributor")


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/<int:podcast_id>/hosts", view_func=hosts)
    bp.add_url_rule("/<int:podcast_id>/invitations", view_func=invite, methods=["POST"])
    bp.add_url_rule("/<int:podcast_id>/leave", view_func=leave, methods=["POST"])
    one, invitation = "/<int:podcast_id>/hosts/<int:user_id>", "/<int:podcast_id>/invitations/<int:link_id>"
    bp.add_url_rule(f"{one}/role", view_func=set_role, methods=["POST"])
    bp.add_url_rule(f"{one}/remove", view_func=remove_host, methods=["POST"])
    bp.add_url_rule(f"{invitation}/renew", view_func=renew_invitation, methods=["POST"])
    bp.add_url_rule(f"{invitation}/take-back", view_func=take_back_invitation, methods=["POST"])


@require_podcast_access
def hosts(access: Access) -> ResponseReturnValue:
    return _page(access, InviteForm(formdata=None))


@limited("30/minute")
@require_podcast_admin
def invite(access: Access) -> ResponseReturnValue:
    """The link is shown once, on the page that answers: it is kept nowhere."""
    form = InviteForm()
    if form.validate():
        try:
            made = invitations.invite(access.podcast.id, form.email.data, form.role.data, actor(), datetime.now(UTC))
        except (Invalid, Conflict) as error:
            form.form_errors.append(str(error))
        else:
            return _page(access, InviteForm(formdata=None), made)
    return _page(access, form), 422


@limited("30/minute")
@require_podcast_admin
def renew_invitation(access: Access, *, link_id: int) -> ResponseReturnValue:
    try:
        made = invitations.renew(access.podcast.id, link_id, actor(), datetime.now(UTC))
    except Conflict as error:
        flash(str(error), "amber")
        return redirect(url_for("podcasts.hosts", podcast_id=access.podcast.id))
    return _page(access, InviteForm(formdata=None), made)


@limited("30/minute")
@require_podcast_admin
def take_back_invitation(access: Access, *, link_id: int) -> ResponseReturnValue:
    podcast_id = access.podcast.id
    email = invitations.take_back(podcast_id, link_id, actor(), datetime.now(UTC))
    flash(f"The invitation of {email} is taken back. Its link no longer works.")
    return redirect(url_for("podcasts.hosts", podcast_id=podcast_id))


@limited("30/minute")
@require_podcast_admin
def set_role(access: Access, *, user_id: int) -> ResponseReturnValue:
    podcast_id, role = access.podcast.id, request.form.get("role", "")
    try:
        name = members_service.set_role(podcast_id, user_id, role, actor(), datetime.now(UTC))
    except (Invalid, Conflict) as error:
        flash(str(error), "amber")
    else:
        flash(f"{name} is {'an admin' if role == 'admin' else 'a host'} of this podcast now.")
    return redirect(url_for("podcasts.hosts", podcast_id=podcast_id))


@limited("30/minute")
@require_podcast_admin
def remove_host(access: Access, *, user_id: int) -> ResponseReturnValue:
    podcast_id = access.podcast.id
    try:
        name = members_service.remove(podcast_id, user_id, actor(), datetime.now(UTC))
    except Conflict as error:
        flash(str(error), "amber")
    else:
        flash(f"{name} is off this podcast. What was not sent yet is not posted.")
    return redirect(url_for("podcasts.hosts", podcast_id=podcast_id))


@limited("10/minute")
@require_podcast_access
def leave(access: Access) -> ResponseReturnValue:
    podcast_id, name = access.podcast.id, access.podcast.name
    try:
        members_service.remove(podcast_id, current_user.id, actor(), datetime.now(UTC))
    except Conflict as error:
        flash(str(error), "amber")
        return redirect(url_for("podcasts.hosts", podcast_id=podcast_id))
    flash(f"You are off {name}. Nothing more is posted there for you.")
    return redirect(url_for("dashboard.home"))


def _page(access: Access, form: InviteForm, made: invitations.Made | None = None) -> str:
    return render_template(
        "podcasts/hosts.html",
        access=access,
        podcast=access.podcast,
        members=members_service.members_of(access.podcast.id),
        waiting=invitations.waiting(access.podcast.id) if access.is_admin else [],
        form=form,
        made=made,
        now=datetime.now(UTC),
    )
