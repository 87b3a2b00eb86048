"""What a podcast watches at YouTube: channel, title filter, premieres; and what YouTube says now."""

from datetime import UTC, datetime

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from models import Podcast
from routes.access import require_podcast_access, require_podcast_admin
from routes.limits import limited
from routes.podcasts.forms import YouTubeForm, complain, of_youtube, saved_meanwhile
from routes.signed_in import actor
from services import push_words, tonight, youtube_settings
from services.access import Access
from services.errors import Invalid, Outcome, Stale
from services.youtube_settings import Shown


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/<int:podcast_id>/settings/youtube", view_func=youtube, methods=["GET", "POST"])
    bp.add_url_rule("/<int:podcast_id>/settings/youtube/test", view_func=youtube_test, methods=["GET", "POST"])


@limited("30/minute")
@require_podcast_admin
def youtube(access: Access) -> ResponseReturnValue:
    form = YouTubeForm(data=of_youtube(access.podcast))
    if not form.validate_on_submit():
        return _page(access, form, 422 if form.errors else 200)
    act = ACTS.get(request.form.get("action", ""), look_up)
    try:
        return act(access, form)
    except Invalid as error:
        complain(form.channel, error)
        return _page(access, form, 422)
    except Outcome as error:
        complain(form.channel, error)
        return _page(access, form, 502)


def look_up(access: Access, form: YouTubeForm) -> ResponseReturnValue:
    """Shows who is meant and what the filter makes of the last titles. Saves nothing."""
    words, is_on = form.title_filter.value, bool(form.title_filter_on.data)
    shown = youtube_settings.look_up(access.podcast, form.reference, words, is_on=is_on)
    form.seen.data = shown.found.id if shown.found else ""
    return _page(access, form, 200, shown)


def save(access: Access, form: YouTubeForm) -> ResponseReturnValue:
    podcast_id = access.podcast.id
    try:
        unseen = youtube_settings.save(podcast_id, form.wanted(), actor(), datetime.now(UTC))
    except Stale:
        stored = saved_meanwhile(form, of_youtube(access.podcast))
        return _page(access, form, 409, stored=stored)
    if unseen is not None:
        return look_up(access, form)
    flash("Saved.")
    if trouble := youtube_settings.trouble_of_sharing(podcast_id):
        flash(trouble, "amber")
    return redirect(url_for(".youtube", podcast_id=podcast_id))


def stop(access: Access, _form: YouTubeForm) -> ResponseReturnValue:
    podcast_id = access.podcast.id
    youtube_settings.stop_watching(podcast_id, actor(), datetime.now(UTC))
    flash("No channel is watched any more, so no start is noticed.")
    return redirect(url_for(".youtube", podcast_id=podcast_id))


ACTS = {"lookup": look_up, "save": save, "stop": stop}


def _page(
    access: Access,
    form: YouTubeForm,
    status: int,
    shown: Shown | None = None,
    *,
    stored: list[tuple[str, str]] | None = None,
) -> ResponseReturnValue:
    now = datetime.now(UTC)
    words, is_on = form.title_filter.data or "", bool(form.title_filter_on.data)
    shown = shown or youtube_settings.shown(access.podcast, words, is_on=is_on)
    page = render_template(
        "podcasts/youtube.html",
        access=access,
        podcast=access.podcast,
        form=form,
        shown=shown,
        stored=stored,
        push=push_words.push_of(access.podcast.youtube_channel_id, now),
        ways=tonight.ways_of(current_app.config["SETTINGS"], access.podcast, now),
        now=now,
    )
    return page, status


@limited("10/minute")
@require_podcast_access
def youtube_test(access: Access) -> ResponseReturnValue:
    """Read again by its address it asks YouTube nothing, and leads to where the button is."""
    podcast: Podcast = access.podcast
    if request.method != "POST":
        return redirect(url_for(".youtube" if access.is_admin else ".show", podcast_id=podcast.id))
    now = datetime.now(UTC)
    try:
        tested = youtube_settings.try_detection(podcast, now)
    except Invalid as error:
        flash(str(error), "amber")
        return redirect(url_for(".show", podcast_id=podcast.id))
    return render_template("podcasts/youtube_test.html", access=access, podcast=podcast, tested=tested, now=now)
