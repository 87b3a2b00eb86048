"""The page of one podcast."""

from datetime import UTC, datetime

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from routes.access import require_podcast_access
from services import overview
from services.access import Access


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/<int:podcast_id>", view_func=show)


@require_podcast_access
def show(access: Access) -> ResponseReturnValue:
    now = datetime.now(UTC)
    page = overview.podcast_page(access.podcast, now)
    return render_template("podcasts/show.html", access=access, podcast=access.podcast, page=page, now=now)
