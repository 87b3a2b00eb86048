"""Podcasts: all of mine, a new one, the page of one, its settings, and how it ends."""

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from routes import calendar
from routes.access import require_confirmed, require_podcast_access, require_podcast_admin
from routes.limits import limited
from routes.podcasts.forms import DeleteForm, PodcastForm, SettingsForm, complain, of_settings, saved_meanwhile
from routes.signed_in import actor
from services import metrics_switch, podcast_lists, podcast_settings, podcasts, youtube_settings
from services.access import Access
from services.errors import AirhornError, Conflict, Outcome, Stale
from services.rehearsal import last_rehearsal, price_of_login


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("", view_func=index)
    bp.add_url_rule("/new", view_func=new, methods=["GET", "POST"])
    bp.add_url_rule("/<int:podcast_id>", view_func=show)
    bp.add_url_rule("/<int:podcast_id>/settings", view_func=edit, methods=["GET", "POST"])
    bp.add_url_rule("/<int:podcast_id>/archive", view_func=archive, methods=["POST"])
    bp.add_url_rule("/<int:podcast_id>/restore", view_func=restore, methods=["POST"])
    bp.add_url_rule("/<int:podcast_id>/delete", view_func=delete, methods=["POST"])
    bp.add_url_rule("/<int:podcast_id>/calendar", view_func=renew_calendar, methods=["POST"])


def index() -> ResponseReturnValue:
    now = datetime.now(UTC)
    return render_template("podcasts/index.html", page=podcast_lists.mine(current_user, now), now=now)


@limited("10/minute")
def new() -> ResponseReturnValue:
    form, may_create = PodcastForm(data={"timezone": current_user.timezone}), podcasts.may_create(current_user)
    if form.validate_on_submit() and may_create and (podcast_id := _made(form)):
        return redirect(url_for(".show", podcast_id=podcast_id))
    status = 422 if form.errors or (form.is_submitted() and not may_create) else 200
    return render_template("podcasts/new.html", form=form, may_create=may_create), status


def _made(form: PodcastForm) -> int | None:
    """The id of the new podcast; None when it could not be made, and the form says why."""
    wanted = {
        "name": form.name.value,
        "timezone": form.timezone.value,
        "channel": (form.channel.data or "").strip() or None,
    }
    try:
        podcast = podcasts.make_podcast(current_user.id, **wanted, by=actor(), now=datetime.now(UTC))
    except Conflict as error:
        form.form_errors.append(str(error))
    except AirhornError as error:
        complain(form.channel, error)
        if isinstance(error, Outcome):
            form.channel.errors.append("Leave the field empty and set it later.")
    else:
        flash(f"{podcast.name} is made. Add its hosts, and plan its first episode.")
        if trouble := youtube_settings.trouble_of_sharing(podcast.id):
            flash(trouble, "amber")
        return podcast.id
    return None


@require_podcast_access
def show(access: Access) -> ResponseReturnValue:
    now, q = datetime.now(UTC), request.args.get("q", "")
    page = podcast_lists.episodes_of(access.podcast, now, q=q, at=request.args.get("at", ""))
    return render_template(
        "podcasts/show.html",
        access=access,
        podcast=access.podcast,
        page=page,
        rehearsed=last_rehearsal(access.podcast.id, now),
        login_price=price_of_login(now) if access.is_admin else 0,
        now=now,
    )


@limited("30/minute")
@require_podcast_admin
def edit(access: Access) -> ResponseReturnValue:
    form, stored = SettingsForm(data=of_settings(access.podcast)), None
    if form.validate_on_submit():
        try:
            podcast_settings.change(access.podcast.id, form.wanted(), actor(), datetime.now(UTC))
        except Stale:
            stored = saved_meanwhile(form, of_settings(access.podcast))
        else:
            flash("Saved.")
            return redirect(url_for(".edit", podcast_id=access.podcast.id))
    status = 409 if stored is not None else 422 if form.errors else 200
    return _settings_page(access, form, status, stored=stored)


def _settings_page(
    access: Access,
    form: SettingsForm,
    status: int,
    *,
    stored: list[tuple[str, str]] | None = None,
    doomed: DeleteForm | None = None,
) -> ResponseReturnValue:
    page = render_template(
        "podcasts/edit.html",
        access=access,
        podcast=access.podcast,
        form=form,
        stored=stored,
        doomed=doomed or DeleteForm(formdata=None),
        calendar_url=calendar.url_of(access.podcast),
        reads=metrics_switch.reads_price(access.podcast.id, datetime.now(UTC)),
    )
    return page, status


@limited("10/minute")
@require_podcast_admin
def archive(access: Access) -> ResponseReturnValue:
    flash(podcast_settings.archive(access.podcast.id, actor(), datetime.now(UTC)))
    return redirect(url_for(".edit", podcast_id=access.podcast.id))


@limited("10/minute")
@require_podcast_admin
def restore(access: Access) -> ResponseReturnValue:
    flash(podcast_settings.restore(access.podcast.id, actor(), datetime.now(UTC)))
    return redirect(url_for(".edit", podcast_id=access.podcast.id))


@limited("10/minute")
@require_podcast_admin
@require_confirmed
def delete(access: Access) -> ResponseReturnValue:
    form, name = DeleteForm(), access.podcast.name
    try:
        podcast_settings.check_typed_name(access.podcast, form.typed.data or "")
    except Conflict as error:
        complain(form.typed, error)
        settings = SettingsForm(formdata=None, data=of_settings(access.podcast))
        return _settings_page(access, settings, 422, doomed=form)
    podcast_settings.delete_podcast(access.podcast.id, actor(), datetime.now(UTC))
    flash(f"{name} is deleted. What was posted stays on X.")
    return redirect(url_for(".index"))


@limited("10/minute")
@require_podcast_admin
def renew_calendar(access: Access) -> ResponseReturnValue:
    podcast_settings.renew_calendar(access.podcast.id, actor(), datetime.now(UTC))
    flash("The calendar has a new link. The old one leads nowhere from now on.")
    return redirect(url_for(".edit", podcast_id=access.podcast.id, _anchor="calendar"))
