"""A dry run of a podcast's next episode."""

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue

from routes.access import require_podcast_admin
from routes.limits import limited
from routes.signed_in import actor
from services import rehearsal
from services.access import Access
from services.errors import Invalid

ALL_WELL = ("Rehearsed: all is well. Nothing was sent.", "message")
IN_THE_WAY = ("Rehearsed: something is in the way. Nothing was sent.", "amber")


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/<int:podcast_id>/rehearse", view_func=rehearse, methods=["POST"])


@limited("5/minute")
@require_podcast_admin
def rehearse(access: Access) -> ResponseReturnValue:
    podcast_id = access.podcast.id
    try:
        done = rehearsal.rehearse(access.podcast, actor(), datetime.now(UTC))
    except Invalid as error:
        flash(str(error), "amber")
    else:
        flash(*(ALL_WELL if done.is_passed else IN_THE_WAY))
    return redirect(url_for(".show", podcast_id=podcast_id, _anchor="rehearsal"))
