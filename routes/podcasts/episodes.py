"""Episodes: planned, changed, copied and deleted by the admins of a podcast."""

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from models import EpisodeGuide
from routes.access import require_podcast_admin
from routes.limits import limited
from routes.podcasts.forms import EpisodeForm, of_episode, saved_meanwhile
from routes.signed_in import actor
from services import episodes
from services.access import Access
from services.errors import Conflict, Stale
from services.overview import episode_of


def add_to(bp: Blueprint) -> None:
    one = "/<int:podcast_id>/episodes/<int:episode_id>"
    bp.add_url_rule("/<int:podcast_id>/episodes/new", view_func=episode_new, methods=["GET", "POST"])
    bp.add_url_rule(f"{one}/edit", view_func=episode_edit, methods=["GET", "POST"])
    bp.add_url_rule(f"{one}/copy", view_func=episode_copy, methods=["POST"])
    bp.add_url_rule(f"{one}/delete", view_func=episode_delete, methods=["POST"])


@limited("30/minute")
@require_podcast_admin
def episode_new(access: Access) -> ResponseReturnValue:
    form = EpisodeForm(access.podcast.timezone)
    if form.validate_on_submit():
        try:
            episode = episodes.make_episode(access.podcast.id, form.plan(), datetime.now(UTC))
        except Conflict as error:
            form.form_errors.append(str(error))
        else:
            return _to_page(episode, f"Planned. {form.remark}")
    page = render_template("podcasts/episode_new.html", access=access, podcast=access.podcast, form=form)
    return page, 422 if form.errors else 200


def _to_page(episode: EpisodeGuide, sentence: str) -> ResponseReturnValue:
    flash(sentence.strip())
    return redirect(url_for(".tweets", podcast_id=episode.podcast_id, episode_id=episode.id))


@limited("30/minute")
@require_podcast_admin
def episode_edit(access: Access, *, episode_id: int) -> ResponseReturnValue:
    zone, episode, stored = access.podcast.timezone, episode_of(access.podcast, episode_id), None
    form = EpisodeForm(zone, planned=episode.scheduled_at, data=of_episode(episode, zone))
    if form.validate_on_submit():
        try:
            episodes.change_episode(episode.id, form.seen_version, form.plan(), datetime.now(UTC))
        except Stale:
            stored = saved_meanwhile(form, of_episode(episode_of(access.podcast, episode_id), zone))
        else:
            return _to_page(episode, f"Saved. {form.remark}")
    page = render_template(
        "podcasts/episode_edit.html", access=access, podcast=access.podcast, episode=episode, form=form, stored=stored
    )
    return page, 409 if stored is not None else 422 if form.errors else 200


@limited("20/minute")
@require_podcast_admin
def episode_copy(access: Access, *, episode_id: int) -> ResponseReturnValue:
    episode = episode_of(access.podcast, episode_id)
    made, remark = episodes.copy_episode(episode, access.podcast.timezone, datetime.now(UTC))
    flash(f"This is the copy. Give it its own title and video. {remark}".strip())
    return redirect(url_for(".episode_edit", podcast_id=made.podcast_id, episode_id=made.id))


@limited("20/minute")
@require_podcast_admin
def episode_delete(access: Access, *, episode_id: int) -> ResponseReturnValue:
    episode = episode_of(access.podcast, episode_id)
    title = episode.title
    try:
        episodes.delete_episode(episode, actor(), datetime.now(UTC))
    except Conflict as error:
        flash(str(error), "amber")
        return redirect(url_for(".episode_edit", podcast_id=access.podcast.id, episode_id=episode_id))
    flash(f"“{title}” is deleted. What was posted for it stays on X.")
    return redirect(url_for(".show", podcast_id=access.podcast.id))
