"""Trouble with seeing starts: channels, checks that stopped, streams that nothing was announced for. Reads only."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Select, bindparam, or_, select

from extensions import db
from models import Broadcast, Podcast, Verdict, YouTubeChannel
from services.causes import explain
from services.last_check import LastCheck
from services.need import Need, Rank, Shows, Unmatched
from services.vocabulary import SILENT

#: nobody announces a stream that was so long ago
UNMATCHED_SHOWN = timedelta(days=2)
LATE = "YouTube has not been looked at for a while, so starts may be announced late. The operator looks at the jobs."

Channels = Mapping[str, YouTubeChannel]


def needs_of_channels(shows: Shows, channels: Channels) -> Iterator[Need]:
    """Channels that YouTube does not show at the moment, and podcasts that have none."""
    for show in shows.values():
        channel = channels.get(show.youtube_channel_id or "")
        if channel is not None and channel.error_cause:
            since = f"{channel.last_good_look_at:%Y-%m-%dT%H:%M:%S}" if channel.last_good_look_at else "ever"
            yield Need(
                show,
                "YouTube",
                explain(channel.error_cause),
                fix="youtube",
                item=f"channel:{channel.id}:{channel.error_cause}:{since}",
                rank=Rank.DETECTOR,
            )
        elif show.is_active and not show.youtube_channel_id:
            without = "No channel is set, so no start is noticed."
            yield Need(show, "YouTube", without, fix="youtube", item="channel:none", rank=Rank.SETUP)


def needs_of_checks(shows: Shows, check: LastCheck) -> Iterator[Need]:
    """The looking itself is late: once, whatever number of shows waits for it."""
    watched = [show for show in shows.values() if show.is_active and show.youtube_channel_id]
    if check.is_late and check.at is not None and watched:
        name = f"late:{check.at:%Y-%m-%dT%H:%M:%S}"
        for show in watched:
            yield Need(show, "YouTube", LATE, fix="operator", item=name, rank=Rank.DETECTOR)


def needs_of_streams(shows: Shows, now: datetime, *, most: int) -> list[Need]:
    """Streams that nothing was announced for, as things that need an admin. One statement."""
    return [_of_stream(one) for one in unmatched_of(shows, now, most=most)]


def _of_stream(one: Unmatched) -> Need:
    broadcast = one.broadcast
    return Need(
        one.podcast,
        "Not announced",
        one.why,
        item=f"stream:{broadcast.id}:{broadcast.verdict}",
        rank=Rank.ON_AIR if one.is_on else Rank.STREAM,
        at=broadcast.first_seen_at,
        stream=one,
    )


def unmatched_of(shows: Shows, now: datetime, *, most: int) -> list[Unmatched]:
    """Streams of these podcasts' channels that nothing was announced for; newest first.

    On a channel that several share, once for each that the stream may be of.
    """
    channels: dict[str, list[Podcast]] = {}
    for show in shows.values():
        if show.youtube_channel_id:
            channels.setdefault(show.youtube_channel_id, []).append(show)
    asked = {"channels": list(channels), "shows": list(shows), "since": now - UNMATCHED_SHOWN, "most": most}
    return [
        Unmatched(broadcast, show, SILENT[Verdict(broadcast.verdict)])
        for broadcast in db.session.execute(_silent(), asked).scalars()
        for show in _whose(broadcast, shows, channels)
    ]


@cache
def _silent() -> Select[Broadcast]:
    """Put together once."""
    of_channel = Broadcast.channel_id.in_(bindparam("channels", expanding=True))
    of_show = Broadcast.podcast_id.in_(bindparam("shows", expanding=True))
    return (
        select(Broadcast)
        .where(
            or_(of_channel, of_show),
            Broadcast.verdict.in_(list(SILENT)),
            Broadcast.first_seen_at > bindparam("since"),
        )
        .order_by(Broadcast.first_seen_at.desc())
        .limit(bindparam("most"))
    )


def _whose(broadcast: Broadcast, shows: Shows, channels: Mapping[str, list[Podcast]]) -> list[Podcast]:
    """The podcast it is known to be of, if that is one of these; while it is of none, all that watch its channel."""
    if broadcast.podcast_id is not None:
        return [shows[broadcast.podcast_id]] if broadcast.podcast_id in shows else []
    watching = channels.get(broadcast.channel_id or "", [])
    return [show for show in watching if show.is_active] or watching[:1]
