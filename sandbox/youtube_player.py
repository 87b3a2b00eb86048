"""The player JSON inside a watch page: what the page says of a video that is live, waiting, over or out of reach."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.youtube_video import Channel, Video

JsonObject = dict[str, Any]
BOT_CHECK = {"status": "LOGIN_REQUIRED", "reason": "Sign in to confirm you’re not a bot"}
GONE = {"status": "ERROR", "reason": "Video unavailable"}
PRIVATE = {"status": "LOGIN_REQUIRED", "reason": "This video is private."}
MEMBERS = {
    "status": "UNPLAYABLE",
    "reason": "Join this channel to get access to members-only content like this video, and other exclusive perks.",
}


def player(video: Video | None, channel: Channel | None, now: datetime, *, interrupted: bool) -> JsonObject:
    """ytInitialPlayerResponse. `interrupted`: the stream has no picture right now."""
    if video is None or channel is None:
        return {"playabilityStatus": GONE}
    if video.privacy == "private":
        return {"playabilityStatus": PRIVATE}
    return {
        "responseContext": {"mainAppWebResponseContext": {"loggedOut": True}},
        "playabilityStatus": _playability(video, now, interrupted=interrupted),
        "videoDetails": _details(video, channel, now, interrupted=interrupted),
        "microformat": {"playerMicroformatRenderer": _microformat(video, channel)},
    }


def _playability(video: Video, now: datetime, *, interrupted: bool) -> JsonObject:
    if video.privacy == "members":
        return dict(MEMBERS)
    if video.state != "upcoming" and not interrupted:
        return {"status": "OK", "playableInEmbed": True}
    slate = {}
    if video.scheduled_at and video.state == "upcoming":
        slate = {"scheduledStartTime": str(int(video.scheduled_at.timestamp()))}
    room = {"videoId": video.id, "pollDelayMs": "15000", "offlineSlate": {"liveStreamOfflineSlateRenderer": slate}}
    return {
        "status": "LIVE_STREAM_OFFLINE",
        "reason": _waiting(video, now) if video.state == "upcoming" else "We're experiencing technical difficulties.",
        "liveStreamability": {"liveStreamabilityRenderer": room},
    }


def _waiting(video: Video, now: datetime) -> str:
    start, end = (
        ("Premieres", "shortly") if video.kind == "premiere" else ("This live event will begin", "a few moments")
    )
    wait = (video.scheduled_at or now) - now
    for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        if wait >= length:
            number = wait // length
            return f"{start} in {number} {unit}{'s' if number > 1 else ''}" + ("." if video.kind == "stream" else "")
    return f"{start} {end}" if video.kind == "premiere" else f"{start} in {end}."


def _details(video: Video, channel: Channel, now: datetime, *, interrupted: bool) -> JsonObject:
    details: JsonObject = {
        "videoId": video.id,
        "title": video.title,
        "lengthSeconds": str(video.length),
        "channelId": channel.id,
        "author": channel.title,
        "viewCount": str(video.views),
        "isLiveContent": video.is_broadcast,
    }
    if video.state == "upcoming":
        details["isUpcoming"] = True
        # A premiere at its planned time says live although the film has not begun.
        if video.kind == "premiere" and video.scheduled_at and now >= video.scheduled_at:
            details["isLive"] = True
    elif video.state == "live" and not interrupted:
        details["isLive"] = True
    elif video.ended_at and interrupted:
        details["isPostLiveDvr"] = True
    return details


def _microformat(video: Video, channel: Channel) -> JsonObject:
    fields: JsonObject = {
        "title": {"simpleText": video.title},
        "lengthSeconds": str(video.length),
        "ownerChannelName": channel.title,
        "externalChannelId": channel.id,
        "isUnlisted": video.privacy == "unlisted",
        "publishDate": _offset_time(video.published_at),
    }
    if video.is_broadcast:
        times = {"startTimestamp": video.started_at or video.scheduled_at, "endTimestamp": video.ended_at}
        fields["liveBroadcastDetails"] = {
            "isLiveNow": video.state == "live",
            **{name: _offset_time(moment) for name, moment in times.items() if moment},
        }
    return fields


def _offset_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
