"""The player's JSON of a watch page, judged: which state a broadcast is in."""

import re
from datetime import datetime

from services.clients.values import Video
from services.clients.youtube_fields import (
    CHANNEL_ID,
    clean_title,
    failure,
    instant,
    matching,
    part,
    part_text,
    unix_instant,
)

_AGE = re.compile(r"\bage\b")
_LENGTH = re.compile(r"[0-9]{1,9}")


def login_wall(player: object) -> bool:
    """Whether YouTube wants a login that has nothing to do with the video: its check for robots.

    LOGIN_REQUIRED also stands for private and for age-restricted videos; only their reasons tell. What cannot be
    told apart counts as the check: a failed look starts and ends nothing.
    """
    if part(player, "playabilityStatus", "status") != "LOGIN_REQUIRED":
        return False
    return not (_is_private(player) or _AGE.search(_reason(player)))


def video_of(player: object, video_id: str) -> Video | None:
    """The video as the player shows it; None when it is private or gone. Another video's player is Refused."""
    shown = part_text(player, "videoDetails", "videoId")
    if not shown and (_is_private(player) or part(player, "playabilityStatus", "status") == "ERROR"):
        return None
    channel_id = matching(CHANNEL_ID, part(player, "videoDetails", "channelId"))
    if shown != video_id or channel_id is None:
        raise failure("youtube_odd_answer", detail="the player shows another video")
    content, scheduled, started, ended = _state(player)
    length = matching(_LENGTH, part(player, "videoDetails", "lengthSeconds"))
    return Video(
        id=video_id,
        channel_id=channel_id,
        title=clean_title(part(player, "videoDetails", "title")),
        live_content=content,
        privacy=_privacy(player),
        published_at=instant(part(player, "microformat", "playerMicroformatRenderer", "publishDate")),
        scheduled_start_at=scheduled,
        actual_start_at=started,
        actual_end_at=ended,
        # The length of a stream is "0" until it has ended; a premiere has its own from the beginning.
        duration_seconds=int(length or 0),
    )


def _state(player: object) -> tuple[str, datetime | None, datetime | None, datetime | None]:
    """live_content, scheduled start, actual start, actual end.

    isUpcoming wins over isLive: a premiere about to start may carry both. "live" has an actual start only when
    player, microformat and playability agree; with fewer signs it is live without one, to be asked again.
    """
    details = part(player, "videoDetails")
    times = part(player, "microformat", "playerMicroformatRenderer", "liveBroadcastDetails")
    start, end = instant(part(times, "startTimestamp")), instant(part(times, "endTimestamp"))
    offline = part(player, "playabilityStatus", "status") == "LIVE_STREAM_OFFLINE"
    is_live, is_live_now = part(details, "isLive") is True, part(times, "isLiveNow") is True
    if end or part(details, "isPostLiveDvr") is True:
        return "none", None, start, end
    if part(details, "isUpcoming") is True:
        return "upcoming", start or _slate(player), None, None
    if is_live or is_live_now:
        return "live", None, start if is_live and is_live_now and not offline else None, None
    if offline:
        # Between planned and over: the start that is named is the planned one, nothing says that it happened.
        return "none", start, None, None
    return "none", None, start, None


def _slate(player: object) -> datetime | None:
    """The planned start as the waiting room's picture tells it."""
    path = ("liveStreamability", "liveStreamabilityRenderer", "offlineSlate", "liveStreamOfflineSlateRenderer")
    return unix_instant(part(player, "playabilityStatus", *path, "scheduledStartTime"))


def _privacy(player: object) -> str:
    if part(player, "videoDetails", "isPrivate") is True:
        return "private"
    if part(player, "playabilityStatus", "status") == "UNPLAYABLE":
        return "members"
    unlisted = part(player, "microformat", "playerMicroformatRenderer", "isUnlisted")
    return "unlisted" if unlisted is True else "public"


def _is_private(player: object) -> bool:
    return part(player, "playabilityStatus", "status") == "LOGIN_REQUIRED" and "private" in _reason(player)


def _reason(player: object) -> str:
    """What the player tells people, in lower case."""
    return part_text(player, "playabilityStatus", "reason").lower()
