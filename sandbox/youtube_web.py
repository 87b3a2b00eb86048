"""The web pages of the stand-in: a channel, its live page, a video; with consent, bot check and other glitches."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from html import escape
from urllib.parse import urlencode

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from sandbox import youtube_feed
from sandbox.youtube_player import BOT_CHECK, player
from sandbox.youtube_video import Channel, Video
from sandbox.youtube_world import World

SITE = "https://www.youtube.com"
HTML = "text/html; charset=utf-8"
TAB = r"(?:/(?P<tab>live|streams|videos|shorts|featured|about|playlists|community))?/?"
CHANNEL_PAGE = re.compile(rf"/(?:channel/(?P<id>[^/]+)|(?P<handle>@[^/]+)|(?:c|user)/(?P<name>[^/]+)){TAB}")
#: A waiting room that nobody opened for so long is no longer what /live shows first.
ABANDONED_AFTER = timedelta(days=1)


def answer(world: World, request: Request) -> Response:
    """Answers a page at the site's root."""
    if request.path.startswith("/consent"):
        return _consent(request)
    is_feed = request.path.startswith("/feeds/")
    if (world.feed_consent if is_feed else world.consent) and not _has_consent(request):
        return redirect(f"{request.host_url}consent?{_consent_query(request)}", 302)
    if is_feed:
        return youtube_feed.answer(world, request)
    if world.too_many_requests:
        return Response("<html><title>Sorry...</title></html>", status=429, content_type=HTML)
    return _page(world, request)


def _page(world: World, request: Request) -> Response:
    video_id = _video_asked_for(request)
    if video_id is not None:
        return _watch(world, video_id)
    channel, tab = _channel_asked_for(world, request)
    if channel is None:
        return Response("<html><title>404 Not Found</title></html>", status=404, content_type=HTML)
    shown = _on_air(world, channel) if tab == "live" else None
    return _watch(world, shown.id) if shown else _channel(world, channel)


def _video_asked_for(request: Request) -> str | None:
    if request.path == "/watch":
        return request.args.get("v", "")
    match = re.fullmatch(r"/(?:live|shorts|embed|v)/([\w-]{11})", request.path)
    return match[1] if match else None


def _channel_asked_for(world: World, request: Request) -> tuple[Channel | None, str | None]:
    if request.path == "/embed/live_stream":
        return world.channels.get(request.args.get("channel", "")), "live"
    match = CHANNEL_PAGE.fullmatch(request.path)
    if not match:
        return None, None
    if match["id"]:
        return world.channels.get(match["id"]), match["tab"]
    return world.find_channel(match["handle"] or match["name"]), match["tab"]


def _on_air(world: World, channel: Channel) -> Video | None:
    """What /live shows: the newest running stream, else the next waiting room, else what has just ended."""
    now = world.now()
    open_to_all = [v for v in world.history(channel.id) if v.privacy in ("public", "members") and not v.deleted]
    live = [video for video in open_to_all if video.state == "live" and video.started_at]
    if live:
        return max(live, key=lambda video: (video.privacy == "public", video.started_at, video.order))
    waiting = [video for video in open_to_all if video.state == "upcoming"]
    if waiting:
        forgotten = now - ABANDONED_AFTER
        return min(waiting, key=lambda v: (not v.scheduled_at or v.scheduled_at < forgotten, v.scheduled_at or now))
    over = [v for v in open_to_all if v.ended_at and v.ended_at > now - timedelta(seconds=world.linger)]
    return max(over, key=lambda video: (video.ended_at, video.order), default=None)


def _watch(world: World, video_id: str) -> Response:
    """The watch page. It also carries the live flags of videos that have nothing to do with this one."""
    video = world.seen(video_id)
    channel = world.channels[video.channel_id] if video else None
    data = player(video, channel, world.now(), interrupted=video_id in world.interrupted)
    if video and video.id in world.half_live and "microformat" in data:
        data["microformat"]["playerMicroformatRenderer"]["liveBroadcastDetails"].pop("startTimestamp", None)
    if world.bot_check:
        data = {"playabilityStatus": dict(BOT_CHECK)}
    is_open = video is not None and video.privacy != "private"
    title = video.title if video and is_open else ""
    canonical = f"{SITE}/watch?v={video_id}" if is_open else None
    scripts = {"ytInitialPlayerResponse": data, "ytInitialData": {"contents": _recommended()}}
    return _html(world, title, canonical, scripts)


def _channel(world: World, channel: Channel) -> Response:
    metadata = {
        "title": channel.title,
        "externalId": channel.id,
        "channelUrl": f"{SITE}/channel/{channel.id}",
        "vanityChannelUrl": f"http://www.youtube.com/@{channel.handle}" if channel.handle else None,
    }
    data = {"contents": _recommended(), "metadata": {"channelMetadataRenderer": metadata}}
    return _html(world, channel.title, f"{SITE}/channel/{channel.id}", {"ytInitialData": data})


def _recommended() -> dict[str, object]:
    """Somebody else's stream in the margin: a search for the mere words is fooled by it."""
    stranger = {"videoId": "stranger-00", "isLive": True, "isLiveNow": True, "title": "Somebody else is live"}
    return {"compactVideoRenderer": {"videoId": "stranger-00", "style": "LIVE", "playerOverlay": stranger}}


def _html(world: World, title: str, canonical: str | None, scripts: Mapping[str, object]) -> Response:
    if world.canonical_undefined:
        canonical = "undefined"
    link = f'<link rel="canonical" href="{escape(canonical)}">' if canonical else ""
    margin = _in_script({"isLive": True, "watchEndpoint": {"videoId": "stranger-00"}})
    code = "".join(f'<script nonce="n0">var {name} = {_in_script(data)};</script>' for name, data in scripts.items())
    return Response(
        f'<!DOCTYPE html><html lang="en"><head><script nonce="n0">var ytcfg = {margin};</script>'
        f"<title>{escape(title)} - YouTube</title>{link}"
        f'<meta property="og:title" content="{escape(title)}"></head><body>{code}'
        f"<!--{'x' * world.page_padding}--></body></html>",
        content_type=HTML,
    )


def _in_script(data: object) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e")


# Consent


def _has_consent(request: Request) -> bool:
    """SOCS=CAA.. is the cookie of somebody who has not answered yet."""
    return request.cookies.get("SOCS", "").startswith("CAI")


def _consent_query(request: Request) -> str:
    return urlencode({"continue": request.url, "gl": "DE", "m": "0", "pc": "yt", "hl": "en", "src": "1"})


def _consent(request: Request) -> Response:
    """GET /consent shows the form; POST /consent/save sets the cookie and goes on."""
    onward = request.values.get("continue", "/")
    if request.method == "POST":
        response = redirect(onward, 303)
        response.set_cookie("SOCS", "CAISNQgD")
        return response
    fields = {"gl": "DE", "m": "0", "pc": "yt", "continue": onward, "hl": "en", "set_eom": "true"}
    inputs = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in fields.items())
    return Response(
        "<!DOCTYPE html><html><head><title>Before you continue to YouTube</title></head><body>"
        f'<form action="{request.host_url}consent/save" method="POST">{inputs}<button>Reject all</button></form>'
        "</body></html>",
        content_type=HTML,
    )
