"""What the admins of a podcast lay down for all of its drafts."""

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import HiddenField

from models import Podcast
from routes.access import require_podcast_admin
from routes.checked import checked
from routes.limits import limited
from routes.podcasts.forms import saved_meanwhile
from routes.signed_in import actor
from services import draft_rules as service
from services.access import Access
from services.errors import Stale


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/<int:podcast_id>/settings/drafts", view_func=draft_rules, methods=["GET", "POST"])


class RulesForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is not typed
    """`version` tells a stale form."""

    draft_rules = checked("Rules for all drafts", service.rules, lines=True, rows=5)
    similarity_limit = checked("Alike at most, in per cent", service.similarity, inputmode="numeric", maxlength=8)
    allowed_words = checked("Names that drafts may use", service.words, lines=True, rows=5)
    version = HiddenField()

    def wanted(self) -> service.Wanted:
        values = {name: self[name].value for name in service.FIELDS}
        return service.Wanted(**values, version=self.version.data or "")


def _stored(podcast: Podcast) -> dict[str, str]:
    """What stands in the fields for a podcast."""
    return {name: str(getattr(podcast, name)) for name in service.FIELDS} | {"version": service.version_of(podcast)}


@limited("30/minute")
@require_podcast_admin
def draft_rules(access: Access) -> ResponseReturnValue:
    form, stored = RulesForm(data=_stored(access.podcast)), None
    if form.validate_on_submit():
        try:
            service.change(access.podcast.id, form.wanted(), actor(), datetime.now(UTC))
        except Stale:
            stored = saved_meanwhile(form, _stored(access.podcast))
        else:
            flash("Saved. Drafts that are written from now on keep to it.")
            return redirect(url_for(".draft_rules", podcast_id=access.podcast.id))
    page = render_template("podcasts/draft_rules.html", access=access, podcast=access.podcast, form=form, stored=stored)
    return page, 409 if stored is not None else 422 if form.errors else 200
