"""Rehearsing: a podcast's stream starts and ends at the stand-ins, as if somebody pressed the button at YouTube."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from extensions import db
from models import Podcast
from services.clients.sandbox import SandboxClient
from services.errors import Conflict, Invalid, NotFound
from services.podcasts import find_podcast
from services.registry import get_services


def go_live(slug: str | None = None) -> dict[str, Any]:
    """Starts a stream that this podcast announces. Answers {"podcast", "channel", "video_id", "url"}."""
    sandbox, podcast = _client(), _chosen(slug)
    filtered = podcast.title_filter_on and podcast.active_filter not in podcast.name.casefold()
    title = f"{podcast.name}: {podcast.title_filter}" if filtered else f"{podcast.name} is live"
    return _press(podcast, lambda channel: sandbox.go_live(channel, title))


def end(slug: str | None = None) -> dict[str, Any]:
    """Ends every running stream of the podcast's channel. Answers {"podcast", "channel", "ended": [video ids]}."""
    sandbox, podcast = _client(), _chosen(slug)
    return _press(podcast, sandbox.end)


def _press(podcast: Podcast, button: Callable[[str | None], dict[str, Any]]) -> dict[str, Any]:
    slug, channel = podcast.slug, podcast.youtube_channel_id
    db.session.rollback()  # nothing is open while the sandbox is asked
    return {"podcast": slug, "channel": channel} | button(channel)


def _client() -> SandboxClient:
    services = get_services()
    if not services.settings.sandbox_url:
        raise Conflict("There is no sandbox: SANDBOX_URL is not set. `make run` without keys starts one.")
    return SandboxClient(services.http, services.settings.sandbox_url)


def _chosen(slug: str | None) -> Podcast:
    """The podcast of this name; without one the only podcast that has a channel."""
    if slug is not None:
        podcast = find_podcast(slug)
        if not podcast.youtube_channel_id:
            raise Conflict(f"{podcast.name} has no YouTube channel yet. Set one with: flask podcasts set.")
        return podcast
    some = select(Podcast).where(Podcast.youtube_channel_id.is_not(None), Podcast.is_active).order_by(Podcast.slug)
    found = db.session.execute(some.limit(4)).scalars().all()
    if not found:
        raise NotFound("No podcast has a YouTube channel yet.")
    if len(found) > 1:
        raise Invalid(f"Say which podcast: {', '.join(podcast.slug for podcast in found[:3])}{' …' * (len(found) > 3)}")
    return found[0]
