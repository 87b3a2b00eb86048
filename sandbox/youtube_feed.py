"""The Atom feed of the stand-in: no key, no quota, at most 15 entries, late, and broken for days at times."""

from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from werkzeug.wrappers import Request, Response

from sandbox.standin import Fault
from sandbox.youtube_video import Channel, Video
from sandbox.youtube_world import World

ENTRIES = 15
HTML = "text/html; charset=UTF-8"
NOT_FOUND = (
    "<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n  <title>Error 404 (Not Found)!!1</title>\n"
    "  <p><b>404.</b> <ins>That’s an error.</ins>\n  <p>The requested URL was not found on this server.\n"
)
SERVER_ERROR = (
    "<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n  <title>Error 500 (Server Error)!!1</title>\n"
    "  <p><b>500.</b> <ins>That’s an error.</ins>\n  <p>There was an error. Please try again later.\n"
)

#: For `mishaps` (with `chance`) or `faults`: what valid feeds have answered in bad weeks.
FEED_TROUBLE = tuple(
    Fault(path="^/feeds/", status=status, body=body, headers={"Content-Type": HTML})
    for status, body in ((404, NOT_FOUND), (500, SERVER_ERROR))
)


def answer(world: World, request: Request) -> Response:
    """GET /feeds/videos.xml with channel_id=, playlist_id= or user=."""
    if request.path != "/feeds/videos.xml":
        return Response(NOT_FOUND, status=404, content_type=HTML)
    kind = next((kind for kind in ("channel_id", "playlist_id", "user") if kind in request.args), None)
    if kind is None:
        return Response("Bad Request", status=400, content_type=HTML)
    wanted = request.args[kind]
    status = _trouble(world, kind, wanted)
    body = _cached(world, kind, wanted) if status == 200 else None
    if body is None:
        text = SERVER_ERROR if status == 500 else NOT_FOUND
        return Response(text, status=500 if status == 500 else 404, content_type=HTML)
    return Response(body, content_type="text/xml; charset=UTF-8", headers={"Cache-Control": "public, max-age=900"})


def _trouble(world: World, kind: str, wanted: str) -> int:
    """The status of this answer. The channel's feed and the feeds of its lists break independently."""
    broken = world.playlist_feed_broken if kind == "playlist_id" else world.feed_broken
    if wanted in broken:
        return 404
    if wanted in world.feed_failing:
        return 500
    with world.lock:
        if world.random.random() < world.feed_flakiness:
            return world.random.choice([404, 500])
    return 200


def _cached(world: World, kind: str, wanted: str) -> bytes | None:
    """The feed as built at most `feed_staleness` seconds ago; None for an unknown channel or list."""
    now = world.now()
    with world.lock:
        built_at, body = world.feed_cache.get((kind, wanted), (None, b""))
    # Other parameters make no difference: an attempt to get past the cache does not help.
    if built_at is not None and (now - built_at).total_seconds() < world.feed_staleness:
        return body
    fresh = _build(world, kind, wanted)
    if fresh is not None and world.feed_staleness:
        with world.lock:
            world.feed_cache[kind, wanted] = (now, fresh)
    return fresh


def _build(world: World, kind: str, wanted: str) -> bytes | None:
    channel, playlist = _subject(world, kind, wanted)
    videos = world.listed(playlist) if channel else None
    if channel is None or videos is None:
        return None
    head = _head(world, channel, f"{kind}={wanted}", playlist if kind == "playlist_id" else None)
    entries = "".join(_entry(video, channel) for video in videos[:ENTRIES])
    return f"{head}{entries}</feed>\n".encode()


def _subject(world: World, kind: str, wanted: str) -> tuple[Channel | None, str]:
    """The channel and the list whose videos are shown."""
    if kind == "playlist_id":
        return world.channels.get(f"UC{wanted[-22:]}"), wanted
    channel_id = world.users.get(wanted.casefold(), "") if kind == "user" else wanted
    return world.channels.get(channel_id), f"UU{channel_id[2:]}"


def _head(world: World, channel: Channel, query: str, playlist: str | None) -> str:
    """The feed's own part. Its channel id lacks the UC, or is empty, as on the real service."""
    short = "" if world.feed_without_channel else channel.id[2:]
    name = f"playlist:{playlist}" if playlist else f"channel:{channel.id[2:]}"
    own = f" <yt:playlistId>{playlist}</yt:playlistId>\n" if playlist else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<feed xmlns:yt="http://www.youtube.com/xml/schemas/2015" xmlns:media="http://search.yahoo.com/mrss/"'
        ' xmlns="http://www.w3.org/2005/Atom">\n'
        f' <link rel="self" href={quoteattr(f"http://www.youtube.com/feeds/videos.xml?{query}")}/>\n'
        f" <id>yt:{name}</id>\n{own} <yt:channelId>{short}</yt:channelId>\n <title>{escape(channel.title)}</title>\n"
        f' <link rel="alternate" href="https://www.youtube.com/channel/{channel.id}"/>\n'
        f" {_author(channel)}\n <published>{_atom_time(channel.created_at)}</published>\n"
    )


def _entry(video: Video, channel: Channel) -> str:
    """Nothing in it says live or upcoming; a waiting room has views="0"."""
    title = escape(video.title)
    page = f"shorts/{video.id}" if video.kind == "short" else f"watch?v={video.id}"
    return (
        f" <entry>\n  <id>yt:video:{video.id}</id>\n  <yt:videoId>{video.id}</yt:videoId>\n"
        f"  <yt:channelId>{channel.id}</yt:channelId>\n  <title>{title}</title>\n"
        f'  <link rel="alternate" href="https://www.youtube.com/{page}"/>\n  {_author(channel)}\n'
        f"  <published>{_atom_time(video.published_at)}</published>\n"
        f"  <updated>{_atom_time(video.updated_at)}</updated>\n"
        f"  <media:group>\n   <media:title>{title}</media:title>\n"
        f'   <media:content url="https://www.youtube.com/v/{video.id}?version=3"'
        ' type="application/x-shockwave-flash" width="640" height="390"/>\n'
        f'   <media:thumbnail url="https://i1.ytimg.com/vi/{video.id}/hqdefault.jpg" width="480" height="360"/>\n'
        "   <media:description></media:description>\n   <media:community>\n"
        '    <media:starRating count="3" average="5.00" min="1" max="5"/>\n'
        f'    <media:statistics views="{video.views}"/>\n   </media:community>\n  </media:group>\n </entry>\n'
    )


def _author(channel: Channel) -> str:
    uri = f"https://www.youtube.com/channel/{channel.id}"
    return f"<author><name>{escape(channel.title)}</name><uri>{uri}</uri></author>"


def _atom_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
