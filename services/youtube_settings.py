"""What a podcast watches at YouTube: set by its admins, tried out by everybody on it. Announces nothing."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from extensions import db
from models import Broadcast, Podcast, Verdict, YouTubeChannel
from services import audit
from services.audit import Actor, Kind
from services.causes import explain
from services.checks import one_line
from services.clients.values import Channel, Video
from services.durations import duration
from services.errors import Invalid, Outcome, Stale
from services.podcasts import LONGEST_CHANNEL_TITLE, LONGEST_FILTER, locked, watch
from services.registry import get_services
from services.vocabulary import SIGNALS, Lamp, Light
from services.youtube_live import is_live

MOST_TITLES = 20
SWITCHES = ("title_filter", "title_filter_on", "announce_premieres", "auto_create_episodes", "is_first")
NO_CHANNEL = "No channel is set. Paste its address first."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an admin typed. `reference` empty: the channel stays; `seen` is the channel that was shown for it."""

    reference: str
    seen: str
    version: str
    title_filter: str
    title_filter_on: bool
    announce_premieres: bool
    auto_create_episodes: bool
    is_first: bool


@dataclass(frozen=True, slots=True)
class Title:
    """One of the channel's last videos, and whether the filter lets it through."""

    text: str
    fits: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows beside the form. `found` is the channel that was looked up, `trouble` why that was hard."""

    channel: YouTubeChannel | None
    titles: list[Title]
    found: Channel | None = None
    trouble: str = ""


def filter_text(text: str) -> str:
    """The words of a title filter; empty for none."""
    return one_line("the title filter", text, LONGEST_FILTER) if text.strip() else ""


def version_of(podcast: Podcast) -> str:
    """Changes with what these settings hold, so that a stale form is noticed."""
    held = (podcast.youtube_channel_id, podcast.title_filter, podcast.title_filter_on)
    switches = (podcast.announce_premieres, podcast.auto_create_episodes, podcast.is_first)
    return hashlib.sha256(repr((held, switches)).encode()).hexdigest()[:16]


def shown(podcast: Podcast, words: str, *, is_on: bool) -> Shown:
    """What is stored: the channel, and its last titles held against these words of a filter."""
    channel_id = podcast.youtube_channel_id
    if channel_id is None:
        return Shown(None, [])
    channel = db.session.get(YouTubeChannel, channel_id) or YouTubeChannel(id=channel_id, title="")
    last = select(Broadcast.title).where(Broadcast.channel_id == channel_id, Broadcast.title != "")
    titles = db.session.execute(last.order_by(Broadcast.published_at.desc()).limit(MOST_TITLES)).scalars().all()
    return Shown(channel, _held_against(words, titles, is_on=is_on))


def look_up(podcast: Podcast, reference: str, words: str, *, is_on: bool) -> Shown:
    """Asks YouTube who is meant and what was shown there lately. Changes nothing.

    Raises Invalid for what is no channel, and Refused when YouTube cannot be asked.
    """
    stored = shown(podcast, words, is_on=is_on)
    current = podcast.youtube_channel_id
    if not reference and current is None:
        raise Invalid(NO_CHANNEL)
    db.session.rollback()  # nothing is open while YouTube is asked
    live = get_services().live
    found = live.resolve_channel(reference) if reference else None
    try:
        titles: Sequence[str] = live.recent_titles(found.id if found else str(current))
    except Outcome as error:
        kept = stored.titles if found is None or found.id == current else []
        return Shown(stored.channel, kept, found, explain(error.cause))
    return Shown(stored.channel, _held_against(words, titles[:MOST_TITLES], is_on=is_on), found)


def _held_against(words: str, titles: Sequence[str], *, is_on: bool) -> list[Title]:
    """By the very rule by which a start is matched."""
    folded = Podcast(title_filter=words, title_filter_on=is_on).active_filter
    return [Title(title, folded in title.casefold()) for title in titles]


def save(podcast_id: int, wanted: Wanted, by: Actor, now: datetime) -> Channel | None:
    """Saves what was typed; None when it is done.

    A channel is taken only after it was shown: until then it is the answer, and nothing is saved. Raises Stale when
    somebody else saved meanwhile, and what `look_up` raises.
    """
    channel = None
    if wanted.reference:
        db.session.rollback()  # nothing is open while YouTube is asked
        channel = get_services().live.resolve_channel(wanted.reference)
        if channel.id != wanted.seen:
            return channel
    podcast = locked(podcast_id)
    if version_of(podcast) != wanted.version:
        db.session.rollback()
        raise Stale("Somebody saved these settings meanwhile.")
    if channel is not None:
        _change_channel(podcast, channel, by, now)
    changed = [name for name in SWITCHES if getattr(podcast, name) != getattr(wanted, name)]
    for name in changed:
        setattr(podcast, name, getattr(wanted, name))
    if changed:
        audit.note(Kind.PODCAST_CHANGED, by, now, podcast_id=podcast_id, changed=changed)
    db.session.commit()
    return None


NO_FILTERS = (
    "Another podcast watches this channel too, and neither has a title filter, so their streams are not announced. "
    "Give one of them a title filter: every stream that does not fit it is the other one's."
)
SAME_FILTER = (
    "Another podcast watches this channel too and has the same title filter, so streams that fit it are not announced. "
    "Give one of them another filter."
)


def trouble_of_sharing(podcast_id: int) -> str:
    """Why a stream of a channel could be of this podcast or of another that watches it; empty where nobody can err.

    By the rule by which a start is matched: the longest filter that fits, else the one podcast without a filter.
    """
    own = select(Podcast.youtube_channel_id).where(Podcast.id == podcast_id).scalar_subquery()
    query = select(Podcast).where(Podcast.youtube_channel_id == own, Podcast.is_active)
    filters = {podcast.id: podcast.active_filter for podcast in db.session.execute(query).scalars()}
    mine = filters.pop(podcast_id, None)
    if mine is None or mine not in filters.values():
        return ""
    return SAME_FILTER if mine else NO_FILTERS


def stop_watching(podcast_id: int, by: Actor, now: datetime) -> None:
    """Takes the channel away: no start is noticed from here on."""
    _change_channel(locked(podcast_id), None, by, now)
    db.session.commit()


def _change_channel(podcast: Podcast, channel: Channel | None, by: Actor, now: datetime) -> None:
    before = podcast.youtube_channel_id
    watch(podcast, channel)
    if channel is not None and channel.title:
        title = {"title": channel.title[:LONGEST_CHANNEL_TITLE]}
        db.session.execute(update(YouTubeChannel).where(YouTubeChannel.id == channel.id).values(title))
    after = channel.id if channel else None
    if before != after:
        audit.note(Kind.CHANNEL_CHANGED, by, now, podcast_id=podcast.id, before=before, after=after)


# Trying it out


@dataclass(frozen=True, slots=True)
class Finding:
    """A video that is live or planned. `at` is when it started or should."""

    video_id: str
    title: str
    light: Light
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Tested:
    """What YouTube says now. `signal` names what said it, `error` why nothing was said, `failed` what broke before."""

    channel_id: str
    signal: str
    findings: list[Finding]
    error: str
    failed: list[str]


def try_detection(podcast: Podcast, now: datetime) -> Tested:
    """Asks YouTube as a check would. Stores nothing, announces nothing. Raises Invalid without a channel."""
    channel_id = podcast.youtube_channel_id
    if channel_id is None:
        raise Invalid("No channel is set, so there is nothing to ask about.")
    db.session.rollback()  # nothing is open while YouTube is asked
    try:
        sight = get_services().live.look_now(channel_id)
    except Outcome as error:
        return Tested(channel_id, "", [], explain(error.cause), [])
    wanted = [video for video in sight.videos if _is_of_interest(video)]
    announced = select(Broadcast.video_id).where(
        Broadcast.video_id.in_([video.id for video in wanted]), Broadcast.verdict == Verdict.ANNOUNCED
    )
    known = set(db.session.execute(announced).scalars())
    return Tested(
        channel_id,
        SIGNALS.get(sight.signal, sight.signal),
        [_finding(podcast, video, now, was_announced=video.id in known) for video in wanted],
        explain(sight.error.cause) if sight.error else "",
        [f"Asked {SIGNALS[way]} first. {explain(error.cause)}" for way, error in sight.failed.items()],
    )


def _is_of_interest(video: Video) -> bool:
    if video.actual_end_at is not None:
        return False
    has_begun = video.live_content == "live" or video.actual_start_at is not None
    return has_begun or video.live_content == "upcoming"


def _finding(podcast: Podcast, video: Video, now: datetime, *, was_announced: bool) -> Finding:
    at = video.actual_start_at or video.scheduled_start_at
    if video.live_content == "upcoming" and video.actual_start_at is None:
        light = Light("Planned", Lamp.HOLLOW, _in_the_way(podcast, video) or "Its start would be announced.")
    elif was_announced:
        light = Light("Live", Lamp.RED, "It was announced.")
    elif is_live(video):
        light = Light("Live", Lamp.RED, _in_the_way(podcast, video) or _in_time(video, now))
    elif video.privacy != "public":
        light = Light("Live", Lamp.RED, "It is not public, so it is not announced.")
    else:
        light = Light("Starting", Lamp.HOLLOW, "YouTube says live in one place and not yet in another.")
    return Finding(video.id, video.title, light, at)


def _in_the_way(podcast: Podcast, video: Video) -> str:
    """Why its start is not announced by itself; empty where nothing is in the way."""
    if not podcast.is_active:
        return "The podcast is archived, so it is not announced."
    if podcast.active_filter not in video.title.casefold():
        return f"Its title does not contain “{podcast.title_filter}”, so it is not announced."
    if video.duration_seconds > 0 and not podcast.announce_premieres:
        return "It is a premiere, and this podcast does not announce premieres."
    return ""


def _in_time(video: Video, now: datetime) -> str:
    most = get_services().settings.live_post_max_age_minutes
    if video.actual_start_at and now - video.actual_start_at > timedelta(minutes=most):
        return f"It has been live for more than {duration(60 * most)}, which is too late to announce it."
    return "The next check announces it."
