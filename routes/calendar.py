"""The calendar file of a podcast, for calendar programs: no sign-in, a secret link instead."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, url_for
from flask.typing import ResponseReturnValue

from config import Settings
from extensions import limiter
from models import Podcast
from routes.limits import of_network
from services import calendar

bp = Blueprint("calendar", __name__, url_prefix="/calendar")


@bp.get("/<int:podcast_id>/<token>.ics")
@limiter.limit("60 per minute", key_func=of_network)
def feed(podcast_id: int, token: str) -> ResponseReturnValue:
    keys = [str(current_app.secret_key), *(current_app.config.get("SECRET_KEY_FALLBACKS") or [])]
    podcast = calendar.podcast_behind(podcast_id, token, keys)
    url = _public_url()

    def url_of(episode_id: int) -> str:
        return url + url_for("podcasts.tweets", podcast_id=podcast_id, episode_id=episode_id)

    body = calendar.feed(podcast, datetime.now(UTC), host=urlsplit(url).hostname or "airhorn", url_of=url_of)
    answer = Response(body, content_type="text/calendar; charset=utf-8")
    answer.headers["Cache-Control"] = "private, max-age=300"
    return answer


def url_of(podcast: Podcast) -> str:
    """The link that people put into their calendar program; whoever has it can read the plan."""
    token = calendar.token_of(podcast, str(current_app.secret_key))
    return _public_url() + url_for("calendar.feed", podcast_id=podcast.id, token=token)


def _public_url() -> str:
    settings: Settings = current_app.config["SETTINGS"]
    return settings.public_url
