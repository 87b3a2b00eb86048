"""Every host's text for one episode, and what happened to it."""

from datetime import UTC, datetime

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from routes.access import require_podcast_access
from services import overview
from services.access import Access
from services.episode_page import episode_page


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/<int:podcast_id>/episodes/<int:episode_id>/tweets", view_func=tweets)


@require_podcast_access
def tweets(access: Access, *, episode_id: int) -> ResponseReturnValue:
    episode = overview.episode_of(access.podcast, episode_id)
    page = episode_page(access.podcast, episode)
    return render_template(
        "podcasts/tweets.html", podcast=access.podcast, episode=episode, page=page, now=datetime.now(UTC)
    )
