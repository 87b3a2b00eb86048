"""The resources of the Data API as JSON, part by part; and `fields`, which prunes them."""

import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from sandbox.youtube_video import Channel, Video

JsonObject = dict[str, Any]


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_duration(seconds: int) -> str:
    """ISO 8601; a stream that has no length yet is P0D."""
    hours, rest = divmod(seconds, 3600)
    parts = [(hours, "H"), (rest // 60, "M"), (rest % 60, "S")]
    return "PT" + "".join(f"{n}{unit}" for n, unit in parts if n) if seconds else "P0D"


def etag(*about: str) -> str:
    return f"{crc32(' '.join(about).encode()):08x}-sandbox"


def _mark(video: Video) -> str:
    """Changes whenever the video does."""
    return f"{video.id} {video.updated_at.timestamp()} {video.state} {video.title} {video.privacy}"


def thumbnails(video_id: str) -> JsonObject:
    sizes = {"default": (120, 90), "medium": (320, 180), "high": (480, 360), "fhd": (1920, 1080)}
    files = {"default": "default", "medium": "mqdefault", "high": "hqdefault", "fhd": "fhddefault"}
    return {
        size: {"url": f"https://i.ytimg.com/vi/{video_id}/{files[size]}.jpg", "width": width, "height": height}
        for size, (width, height) in sizes.items()
    }


# videos.list


def video_item(video: Video, channel: Channel, parts: Collection[str], *, half_live: bool) -> JsonObject:
    """A video with the parts asked for. `half_live`: the actualStartTime has not arrived yet."""
    builders: dict[str, Callable[[], JsonObject]] = {
        "snippet": lambda: _video_snippet(video, channel),
        "contentDetails": lambda: _content_details(video),
        "status": lambda: _video_status(video),
        "statistics": lambda: _statistics(video),
        "liveStreamingDetails": lambda: _live_details(video, half_live=half_live),
    }
    item: JsonObject = {"kind": "youtube#video", "etag": etag(_mark(video), str(half_live)), "id": video.id}
    item |= {part: build() for part, build in builders.items() if part in parts}
    if not video.is_broadcast:
        item.pop("liveStreamingDetails", None)
    return item


def _video_snippet(video: Video, channel: Channel) -> JsonObject:
    return {
        "publishedAt": rfc3339(video.published_at),
        "channelId": video.channel_id,
        "title": video.title,
        "description": "",
        "thumbnails": thumbnails(video.id),
        "channelTitle": channel.title,
        "categoryId": "22",
        "liveBroadcastContent": video.state,
        "localized": {"title": video.title, "description": ""},
    }


def _content_details(video: Video) -> JsonObject:
    return {
        "duration": iso_duration(video.length),
        "dimension": "2d",
        "definition": "hd",
        "caption": "false",
        "licensedContent": False,
        "contentRating": {},
        "projection": "rectangular",
    }


def _video_status(video: Video) -> JsonObject:
    """Members-only is no privacy of the API: such a video says public (but has no view count)."""
    return {
        "uploadStatus": "uploaded" if video.state != "none" else "processed",
        "privacyStatus": "public" if video.privacy == "members" else video.privacy,
        "license": "youtube",
        "embeddable": True,
        "publicStatsViewable": True,
        "madeForKids": False,
    }


def _statistics(video: Video) -> JsonObject:
    counts = {"viewCount": str(video.views), "likeCount": "3", "favoriteCount": "0", "commentCount": "0"}
    if video.privacy == "members":
        del counts["viewCount"]
    return counts


def _live_details(video: Video, *, half_live: bool) -> JsonObject:
    times = {
        "scheduledStartTime": video.scheduled_at,
        "actualStartTime": None if half_live else video.started_at,
        "actualEndTime": video.ended_at,
    }
    details: JsonObject = {name: rfc3339(moment) for name, moment in times.items() if moment}
    if video.viewers:
        details["concurrentViewers"] = str(video.viewers)
    if video.state == "live":
        details["activeLiveChatId"] = f"Cg0KC{video.id}"
    return details


def stats_item(video: Video, parts: Collection[str]) -> JsonObject:
    """videos.batchGetStats: numbers, and nothing about live."""
    item: JsonObject = {"kind": "youtube#videoStats", "etag": etag(_mark(video), "stats"), "id": video.id}
    if "snippet" in parts:
        item["snippet"] = {"publishTime": rfc3339(video.published_at)}
    if "statistics" in parts:
        item["statistics"] = {k: v for k, v in _statistics(video).items() if k != "favoriteCount"}
    if "contentDetails" in parts:
        item["contentDetails"] = {"duration": iso_duration(video.length)}
    return item


# The other methods


def playlist_item(
    video: Video, channel: Channel, parts: Collection[str], *, playlist: str, position: int
) -> JsonObject:
    dead = "Deleted video" if video.deleted else "Private video" if video.privacy == "private" else None
    published = rfc3339(video.published_at)
    item: JsonObject = {
        "kind": "youtube#playlistItem",
        "etag": etag(_mark(video), str(position)),
        "id": f"{playlist}.{video.id}",
    }
    if "snippet" in parts:
        item["snippet"] = {
            "publishedAt": published,
            "channelId": channel.id,
            "title": dead or video.title,
            "description": f"This video is {dead.split()[0].lower()}." if dead else "",
            "thumbnails": {} if dead else thumbnails(video.id),
            "channelTitle": channel.title,
            "playlistId": playlist,
            "position": position,
            "resourceId": {"kind": "youtube#video", "videoId": video.id},
        }
        item["snippet"] |= {} if dead else {"videoOwnerChannelTitle": channel.title, "videoOwnerChannelId": channel.id}
    if "contentDetails" in parts:
        item["contentDetails"] = {"videoId": video.id} | ({} if dead else {"videoPublishedAt": published})
    if "status" in parts:
        item["status"] = {"privacyStatus": "private" if dead else "public"}
    return item


def channel_item(channel: Channel, parts: Collection[str]) -> JsonObject:
    item: JsonObject = {"kind": "youtube#channel", "etag": etag(channel.id, channel.title), "id": channel.id}
    picture = {"url": f"https://yt3.ggpht.com/{channel.id}=s88", "width": 88, "height": 88}
    if "snippet" in parts:
        item["snippet"] = {
            "title": channel.title,
            "description": "",
            "publishedAt": rfc3339(channel.created_at),
            "thumbnails": {"default": picture, "medium": picture, "high": picture},
            "localized": {"title": channel.title, "description": ""},
        }
        if channel.handle:
            item["snippet"]["customUrl"] = f"@{channel.handle.lower()}"
    if "contentDetails" in parts:
        item["contentDetails"] = {"relatedPlaylists": {"likes": "", "uploads": f"UU{channel.id[2:]}"}}
    if "status" in parts:
        item["status"] = {"privacyStatus": "public", "isLinked": True, "longUploadsStatus": "longUploadsUnspecified"}
    return item


def search_item(video: Video, channel: Channel) -> JsonObject:
    return {
        "kind": "youtube#searchResult",
        "etag": etag(_mark(video), "search"),
        "id": {"kind": "youtube#video", "videoId": video.id},
        "snippet": {
            "publishedAt": rfc3339(video.published_at),
            "channelId": channel.id,
            "title": video.title,
            "description": "",
            "thumbnails": thumbnails(video.id),
            "channelTitle": channel.title,
            "liveBroadcastContent": video.state,
            "publishTime": rfc3339(video.published_at),
        },
    }


# Partial answers


def prune(data: Any, fields: str) -> Any:
    """The part of `data` that `fields` asks for, as "items(id,snippet/title),etag". ValueError if malformed."""
    tokens = re.findall(r"[\w*]+|[(),/]|\S", fields)
    tree = _tree(tokens)
    if tokens:
        raise ValueError(f"unexpected {tokens[0]}")
    return _keep(data, tree)


def _tree(tokens: list[str]) -> JsonObject:
    """Reads a list of selections from the front of `tokens`. An empty tree stands for everything below."""
    tree: JsonObject = {}
    while True:
        name, below = _selection(tokens)
        tree[name] = below
        if tokens[:1] != [","]:
            return tree
        tokens.pop(0)


def _selection(tokens: list[str]) -> tuple[str, JsonObject]:
    if not tokens or not re.fullmatch(r"[\w*]+", tokens[0]):
        raise ValueError("a field name is missing")
    name = tokens.pop(0)
    if tokens[:1] == ["/"]:
        tokens.pop(0)
        return name, dict([_selection(tokens)])
    if tokens[:1] != ["("]:
        return name, {}
    tokens.pop(0)
    below = _tree(tokens)
    if not tokens or tokens.pop(0) != ")":
        raise ValueError("a bracket is not closed")
    return name, below


def _keep(data: Any, tree: JsonObject) -> Any:
    if isinstance(data, list):
        return [_keep(each, tree) for each in data]
    if not tree or not isinstance(data, dict):
        return data
    wanted = data.keys() if "*" in tree else [key for key in data if key in tree]
    return {key: _keep(data[key], tree[key] if key in tree else tree["*"]) for key in wanted}
