"""The YouTube Data API: what is live (videos.list), what is new (uploads list), who a channel is. Counts no units."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from services.clients.http import Answer, Http
from services.clients.values import Channel, ChannelReference, Video, VideoRef
from services.clients.youtube_fields import (
    CHANNEL_ID,
    VIDEO_ID,
    ask,
    channel_id_of,
    clean_title,
    failure,
    instant,
    json_of,
    matching,
    part,
    part_list,
    part_text,
    picture_url,
    seconds_of,
)
from services.errors import Invalid, Refused

IDS_PER_CALL = 50

#: What Google gives as the reason → our cause. Reasons not listed are judged by the HTTP status.
REASONS: Mapping[str, str] = {
    "quotaExceeded": "youtube_quota",
    "dailyLimitExceeded": "youtube_quota",
    "rateLimitExceeded": "youtube_rate",
    "userRateLimitExceeded": "youtube_rate",
    "RATE_LIMIT_EXCEEDED": "youtube_rate",
    "RESOURCE_EXHAUSTED": "youtube_rate",
    "keyInvalid": "youtube_key",
    "keyExpired": "youtube_key",
    "ipRefererBlocked": "youtube_key",
    "accessNotConfigured": "youtube_key",
    "authError": "youtube_key",
    "API_KEY_INVALID": "youtube_key",
    "API_KEY_EXPIRED": "youtube_key",
    "API_KEY_SERVICE_BLOCKED": "youtube_key",
    "API_KEY_IP_ADDRESS_BLOCKED": "youtube_key",
    "API_KEY_HTTP_REFERRER_BLOCKED": "youtube_key",
    "API_KEY_ANDROID_APP_BLOCKED": "youtube_key",
    "API_KEY_IOS_APP_BLOCKED": "youtube_key",
    "SERVICE_DISABLED": "youtube_key",
    "CONSUMER_INVALID": "youtube_key",
    "CONSUMER_SUSPENDED": "youtube_key",
    "UNAUTHENTICATED": "youtube_key",
    "playlistNotFound": "youtube_no_uploads",
    "backendError": "youtube_error",
    "internalError": "youtube_error",
    "SERVICE_UNAVAILABLE": "youtube_error",
}
_REASON = re.compile(r"[A-Za-z_]{1,50}")
_HANDLE = re.compile(r"@[^\s/@]{1,60}")
_PRIVACY = frozenset({"public", "unlisted", "private"})


class YouTubeApi:
    """One unit a call. Every method may raise Refused with a youtube_ cause; the key is in no message."""

    def __init__(self, http: Http, base_url: str, key: str) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._key = key

    def videos(self, ids: Collection[str]) -> dict[str, Video]:
        """What YouTube says of 1 to 50 videos now. Ids it does not know, or will not show, are absent."""
        if not 1 <= len(ids) <= IDS_PER_CALL or not all(VIDEO_ID.fullmatch(each) for each in ids):
            raise Invalid(f"Ask for 1 to {IDS_PER_CALL} YouTube video ids at once.")
        parts = "snippet,liveStreamingDetails,status,contentDetails"
        data = self._ask("videos", part=parts, id=",".join(ids))
        found = parse_videos(data)
        if not found and part_list(data, "items"):
            # Videos that cannot be read are not videos that are gone.
            raise failure("youtube_odd_answer", detail="no video could be read")
        return {each: found[each] for each in ids if each in found}

    def uploads(self, channel_id: str) -> list[VideoRef]:
        """The newest 50 of a channel's uploads list, planned and running streams among them, newest first."""
        playlist = "UU" + channel_id_of(channel_id)[2:]
        data = self._ask("playlistItems", part="snippet,contentDetails,status", playlistId=playlist, maxResults="50")
        return parse_uploads(data)

    def channel(self, reference: ChannelReference) -> Channel | None:
        """The channel a person meant; None when YouTube knows none. A video costs two units.

        There is no question for a custom name (/c/…); most became the handle of the same spelling.
        """
        match reference.kind:
            case "id":
                return self._channel(id=reference.value)
            case "handle" | "custom":
                return self._channel(forHandle=f"@{reference.value}")
            case "user":
                return self._channel(forUsername=reference.value)
            case "video":
                video = self.videos([reference.value]).get(reference.value)
                return self._channel(id=video.channel_id) if video else None
        raise Invalid("That is no kind of YouTube address.")

    def _channel(self, **which: str) -> Channel | None:
        found = parse_channel(self._ask("channels", part="id,snippet", **which))
        if found and which.get("id", found.id) != found.id:
            raise failure("youtube_odd_answer", detail="another channel was answered")
        return found

    def _ask(self, resource: str, **params: str) -> object:
        answer = ask(self._http, f"{self._base_url}/{resource}", params={**params, "key": self._key})
        if answer.status != 200:
            raise judge(answer)
        return json_of(answer)


def parse_videos(data: object) -> dict[str, Video]:
    """A videos.list answer by video id. An item that cannot be read is left out; a wrong envelope is Refused."""
    found = (_video(item) for item in _items(data, "youtube#videoListResponse"))
    return {video.id: video for video in found if video}


def parse_uploads(data: object) -> list[VideoRef]:
    """A playlistItems.list answer, in its order; private ones and unreadable ones are left out."""
    found = (_upload(item) for item in _items(data, "youtube#playlistItemListResponse"))
    return list({upload.id: upload for upload in found if upload}.values())


def parse_channel(data: object) -> Channel | None:
    """The first readable channel of a channels.list answer. Nothing found has no `items` at all (A.1.5)."""
    found = (_channel(item) for item in _items(data, "youtube#channelListResponse"))
    return next((channel for channel in found if channel), None)


def _items(data: object, kind: str) -> list[Any]:
    """The items of a list answer. `kind` is asked for, or `{}` would read as "all videos are gone"."""
    if part(data, "kind") != kind:
        raise failure("youtube_odd_answer", detail="another kind of answer")
    items = part(data, "items")
    if items is not None and not isinstance(items, list):
        raise failure("youtube_odd_answer", detail="no list")
    return items or []


def _video(item: object) -> Video | None:
    video_id = matching(VIDEO_ID, part(item, "id"))
    channel_id = matching(CHANNEL_ID, part(item, "snippet", "channelId"))
    privacy = part_text(item, "status", "privacyStatus")
    if not video_id or not channel_id or privacy not in _PRIVACY:
        return None
    content = part_text(item, "snippet", "liveBroadcastContent")
    times = part(item, "liveStreamingDetails")
    return Video(
        id=video_id,
        channel_id=channel_id,
        title=clean_title(part(item, "snippet", "title")),
        live_content=content if content in ("live", "upcoming") else "none",
        privacy=privacy,
        published_at=instant(part(item, "snippet", "publishedAt")),
        scheduled_start_at=instant(part(times, "scheduledStartTime")),
        actual_start_at=instant(part(times, "actualStartTime")),
        actual_end_at=instant(part(times, "actualEndTime")),
        duration_seconds=seconds_of(part(item, "contentDetails", "duration")),
    )


def _upload(item: object) -> VideoRef | None:
    listed = part(item, "contentDetails", "videoId") or part(item, "snippet", "resourceId", "videoId")
    video_id = matching(VIDEO_ID, listed)
    if not video_id or part(item, "status", "privacyStatus") == "private":
        return None
    # videoPublishedAt is the video's own; snippet.publishedAt is when it joined the list.
    published = instant(part(item, "contentDetails", "videoPublishedAt")) or instant(
        part(item, "snippet", "publishedAt")
    )
    return VideoRef(id=video_id, title=clean_title(part(item, "snippet", "title")), published_at=published)


def _channel(item: object) -> Channel | None:
    channel_id = matching(CHANNEL_ID, part(item, "id"))
    if not channel_id:
        return None
    handle = matching(_HANDLE, part(item, "snippet", "customUrl"))
    pictures = part(item, "snippet", "thumbnails")
    offered = (picture_url(part(pictures, size, "url")) for size in ("medium", "high", "default"))
    return Channel(
        id=channel_id,
        title=clean_title(part(item, "snippet", "title")),
        handle=handle[1:] if handle else None,
        thumbnail_url=next((url for url in offered if url), None),
    )


def judge(answer: Answer) -> Refused:
    """What an answer other than 200 means: first by Google's reasons, then by the status."""
    try:
        error = part(json_of(answer), "error")
    except Refused:
        error = None  # HTML from a proxy or a front end: the status must do
    reasons = [reason for reason in _reasons(error) if _REASON.fullmatch(reason)]
    cause = next((REASONS[reason] for reason in reasons if reason in REASONS), None) or _by_status(answer.status)
    message = part_text(error, "message")
    if cause == "youtube_rate" and "per day" in message:
        # The day's units in the new form wear the same reason as "too fast":
        # https://github.com/googleapis/google-api-python-client/issues/2753
        cause = "youtube_quota"
    if cause == "youtube_refused" and "unregistered callers" in message:
        cause = "youtube_key"  # no key at all has no reason of its own
    detail = ", ".join([f"HTTP {answer.status}", *reasons[:1]])
    return failure(cause, http_status=answer.status, detail=detail)


def _reasons(error: object) -> list[str]:
    """The reasons an error body gives, most specific first. Either list may be missing."""
    listed = [part_text(each, "reason") for key in ("errors", "details") for each in part_list(error, key)]
    return [*listed, part_text(error, "status")]


def _by_status(status: int) -> str:
    if status == 401:
        return "youtube_key"
    if status == 429:
        return "youtube_rate"
    if status == 409 or status >= 500:
        return "youtube_error"
    return "youtube_refused" if status >= 400 else "youtube_odd_answer"
