"""The YouTube Data API v3 of the stand-in: five methods, three quota buckets, and its ways to refuse."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from werkzeug.wrappers import Request, Response

from sandbox import youtube_errors as errors
from sandbox import youtube_items as items
from sandbox.standin import json_response
from sandbox.youtube_video import Channel, Video
from sandbox.youtube_world import UPLOADS, World

ROOT = "/youtube/v3/"
MAX_IDS = 50
COMMON = {"key", "fields", "prettyPrint", "quotaUser", "alt", "part", "access_token", "$.xgafv", "callback"}


@dataclass(frozen=True)
class Call:
    """One request to a method: who asks about what."""

    world: World
    request: Request
    parts: frozenset[str]

    def get(self, name: str) -> str | None:
        return self.request.args.get(name)

    def ids(self) -> list[str]:
        """The ids asked for, once each. A trailing comma counts as one more, as it does on the real service."""
        ids = [id for given in self.request.args.getlist("id") for id in given.split(",")]
        if len(ids) > MAX_IDS:
            raise errors.wrong_filter("id")
        return list(dict.fromkeys(id for id in ids if id))

    def size(self, default: int = 5) -> int:
        given = self.get("maxResults")
        if given is None:
            return default
        if not given.isascii() or not given.isdigit() or int(given) > MAX_IDS:
            raise errors.wrong_value("maxResults", given, f"Values must be within the range: [0, {MAX_IDS}]")
        return int(given)


def answer(world: World, request: Request) -> Response:
    """Answers a request below /youtube/v3/. May raise errors.Problem."""
    method = METHODS.get(request.path.removeprefix(ROOT))
    if method is None or request.method != "GET":
        return Response("Not Found", status=404, content_type="text/html; charset=UTF-8")
    _admit(world, request, method.bucket)
    call = Call(world, request, _parts(request, method))
    data = method.run(call)
    if fields := call.get("fields"):
        try:
            data = items.prune(data, fields)
        except ValueError:
            raise errors.wrong_value("fields", fields, "Invalid field selection") from None
    return _conditional(request, data)


def _admit(world: World, request: Request, bucket: str) -> None:
    """The key, then the quota, then the rate. Whatever has a good key costs its unit, also if it is refused later."""
    key = request.args.get("key") or request.headers.get("X-Goog-Api-Key")
    if not key:
        raise errors.no_key()
    if key not in world.keys:
        raise errors.wrong_key()
    if world.key_trouble:
        raise errors.api_disabled() if world.key_trouble == "disabled" else errors.key_restricted()
    quotas = {"general": world.quota, "search": world.search_quota, "stats": world.stats_quota}
    with world.lock:
        day = world.pacific_date()
        if world.spent[day, bucket] >= quotas[bucket]:
            raise errors.quota_gone(world.quota_form)
        world.spent[day, bucket] += 1
        minute = world.now().isoformat()[:16]
        world.calls_by_minute[minute] += 1
        if world.rate_limit is not None and world.calls_by_minute[minute] > world.rate_limit:
            raise errors.too_fast(world.rate_form)


def _parts(request: Request, method: "Method") -> frozenset[str]:
    for parameter in request.args:
        if parameter not in COMMON and parameter not in method.parameters:
            raise errors.unexpected(parameter)
    parts = {part.strip() for given in request.args.getlist("part") for part in given.split(",")} - {""}
    if not parts:
        raise errors.missing("part")
    if wrong := parts - method.parts:
        raise errors.wrong_value("part", min(wrong), "No such part.")
    return frozenset(parts)


def _conditional(request: Request, data: dict[str, Any]) -> Response:
    """304 for a known etag; it was charged like any other."""
    tag = str(data.get("etag", ""))
    if tag and tag in request.headers.get("If-None-Match", ""):
        return Response(status=304, headers={"ETag": tag})
    return json_response(data, headers={"ETag": tag, "Cache-Control": "private"})


def _envelope(kind: str, found: Sequence[dict[str, Any]], total: int | None = None, **more: str) -> dict[str, Any]:
    total = len(found) if total is None else total
    return {
        "kind": f"youtube#{kind}",
        "etag": items.etag(kind, *(item["etag"] for item in found)),
        **more,
        "items": list(found),
        "pageInfo": {"totalResults": total, "resultsPerPage": max(len(found), 1)},
    }


def _visible(call: Call, ids: Sequence[str]) -> list[Video]:
    """The videos of these ids that the API can see, in an order of its own."""
    seen = [call.world.seen(id, late=call.world.propagation) for id in ids]
    shown = [video for video in seen if video and video.privacy != "private"]
    ordered = sorted(shown, key=lambda video: crc32(video.id.encode()))
    return ordered[::-1] if ordered == shown else ordered


def _videos(call: Call) -> dict[str, Any]:
    if call.get("id") is None:
        raise errors.no_filter("myRating, id, chart")
    if call.get("maxResults") is not None:
        raise errors.incompatible("id, maxResults")
    found = [
        items.video_item(video, _owner(call, video), call.parts, half_live=video.id in call.world.half_live)
        for video in _visible(call, call.ids())
    ]
    return _envelope("videoListResponse", found)


def _batch_stats(call: Call) -> dict[str, Any]:
    if call.get("id") is None:
        raise errors.missing("id")
    found = [items.stats_item(video, call.parts) for video in _visible(call, call.ids())]
    return _envelope("batchGetStatsResponse", found)


def _owner(call: Call, video: Video) -> Channel:
    return call.world.channels[video.channel_id]


def _playlist_items(call: Call) -> dict[str, Any]:
    playlist = call.get("playlistId")
    if playlist is None:
        raise errors.no_filter("id, playlistId")
    size, offset = call.size(), _offset(call.get("pageToken"), playlist)
    videos = _listed(call.world, playlist)
    page = videos[offset : offset + size]
    found = [
        items.playlist_item(video, _owner(call, video), call.parts, playlist=playlist, position=offset + n)
        for n, video in enumerate(page)
    ]
    more = {}
    if offset + size < len(videos):
        more["nextPageToken"] = _token(offset + size, playlist)
    if offset:
        more["prevPageToken"] = _token(max(0, offset - size), playlist)
    return _envelope("playlistItemListResponse", found, len(videos), **more)


def _listed(world: World, playlist: str) -> list[Video]:
    """What the list shows. A channel's list without anything public is as unknown as one of no channel."""
    siblings = playlist.startswith(UPLOADS) and (len(playlist) == 24 or world.api_siblings)
    listed = world.listed(playlist, late=world.propagation) if siblings else None
    if listed and world.placeholders:
        alive = {video.id for video in listed}
        history = world.history(f"UC{playlist[-22:]}", late=world.propagation)
        listed = [video for video in history if video.id in alive or video.deleted or video.privacy == "private"]
    shown = [video for video in listed or () if video.id not in world.omitted]
    if not shown:
        raise errors.no_playlist()
    return shown


def _token(offset: int, playlist: str) -> str:
    return base64.urlsafe_b64encode(f"{offset}:{crc32(playlist.encode())}".encode()).decode()


def _offset(token: str | None, playlist: str) -> int:
    """Where the page begins. A token is good for the list that it came with only."""
    if not token:
        return 0
    try:
        offset, _, of = base64.urlsafe_b64decode(token).decode().partition(":")
        if of != str(crc32(playlist.encode())):
            raise errors.wrong_page()
        return int(offset)
    except ValueError:
        raise errors.wrong_page() from None


def _channels(call: Call) -> dict[str, Any]:
    filters = [name for name in ("id", "forHandle", "forUsername") if call.get(name) is not None]
    if not filters:
        raise errors.no_filter("id, forHandle, forUsername, mine, managedByMe")
    if len(filters) > 1:
        raise errors.incompatible(", ".join(filters))
    found = [items.channel_item(channel, call.parts) for channel in _channels_named(call, filters[0])]
    data = _envelope("channelListResponse", found)
    if not found:
        del data["items"]  # a look-up that finds nothing has no such key
    return data


def _channels_named(call: Call, how: str) -> list[Channel]:
    world, name = call.world, call.get(how) or ""
    if how == "id":
        return [world.channels[id] for id in call.ids() if id in world.channels]
    known = world.handles if how == "forHandle" else world.users
    channel_id = known.get((name.removeprefix("@") if how == "forHandle" else name).casefold())
    return [world.channels[channel_id]] if channel_id else []


def _search(call: Call) -> dict[str, Any]:
    """By channel only. The index is late both ways and knows public videos only."""
    world, size, wanted = call.world, call.size(), call.get("eventType")
    if wanted and call.get("type") != "video":
        raise errors.incompatible("eventType, type")
    if wanted not in (None, "none", "upcoming", "live", "completed"):
        raise errors.wrong_value("eventType", wanted, "Allowed values: completed, live, none, upcoming")
    with world.lock:
        if world.random.random() < world.search_refusals:
            raise errors.no_delegation()
    channel = world.channels.get(call.get("channelId") or "")
    indexed = world.history(channel.id, late=world.search_lag) if channel else []
    hits = [v for v in indexed if v.privacy == "public" and not v.deleted and wanted in (None, _event(v))]
    found = [items.search_item(video, channel) for video in hits[:size]] if channel else []
    return _envelope("searchListResponse", found, len(hits), regionCode="US")


def _event(video: Video) -> str:
    """The eventType that finds this video."""
    return "completed" if video.ended_at else video.state


@dataclass(frozen=True)
class Method:
    """A method of the API: what it may be asked and which bucket pays."""

    run: Any
    parts: frozenset[str]
    parameters: frozenset[str]
    bucket: str = "general"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


VIDEO_PARTS = _words(
    "id snippet contentDetails status statistics liveStreamingDetails player topicDetails localizations"
)
METHODS = {
    "videos": Method(_videos, VIDEO_PARTS, _words("id maxResults pageToken hl regionCode chart myRating")),
    "videos:batchGetStats": Method(
        _batch_stats, _words("id snippet statistics contentDetails"), _words("id"), bucket="stats"
    ),
    "playlistItems": Method(
        _playlist_items,
        _words("id snippet contentDetails status"),
        _words("id playlistId maxResults pageToken videoId"),
    ),
    "channels": Method(
        _channels,
        _words("id snippet contentDetails status statistics brandingSettings localizations topicDetails"),
        _words("id forHandle forUsername mine managedByMe maxResults pageToken hl categoryId"),
    ),
    "search": Method(
        _search,
        _words("id snippet"),
        _words("channelId eventType type maxResults order q pageToken publishedAfter publishedBefore regionCode"),
        bucket="search",
    ),
}
