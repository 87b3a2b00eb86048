"""One click that says which episode a stream was."""

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue

from routes.access import require_podcast_admin
from routes.limits import limited
from routes.podcasts.tweet_forms import MatchForm
from routes.signed_in import actor
from services import matching_by_hand
from services.access import Access
from services.errors import Conflict, Invalid


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/<int:podcast_id>/streams/<int:broadcast_id>/match", view_func=match, methods=["POST"])


@limited("30/minute")
@require_podcast_admin
def match(access: Access, *, broadcast_id: int) -> ResponseReturnValue:
    wanted, podcast_id = MatchForm().episode.data or "", access.podcast.id
    try:
        matched = matching_by_hand.match_here(access.podcast, broadcast_id, wanted, datetime.now(UTC), by=actor())
    except (Conflict, Invalid) as error:
        flash(str(error), "amber")
        return redirect(url_for("dashboard.home"))
    flash("Matched. Whoever has not posted yet is announced now, if there is still time.")
    return redirect(url_for(".tweets", podcast_id=podcast_id, episode_id=matched))
