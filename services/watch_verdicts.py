"""Whether a known start would be noticed in time, in one word and one sentence. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from models import Broadcast, Podcast, YouTubeChannel
from services.causes import explain
from services.durations import duration
from services.vocabulary import Lamp, Light
from services.watch_plan import DUE_WINDOWS, FAR_AT_LEAST
from services.watch_words import USUAL_STEP

#: not GO, which says that hosts would be posted for
NOTICED, LATER, UNNOTICED = "Noticed", "Noticed later", "Not noticed"
NOBODY_LOOKS = "No scheduler is looking at YouTube. Set SCHEDULER, or start “flask scheduler run”."
NO_CHANNEL = "The podcast has no channel and the episode names no video, so its start would not be noticed."
NOT_YET = "Airhorn has not asked YouTube about it yet. It does so within a few minutes."
NO_ROOM = "YouTube shows no waiting room for it yet."
#: so many missed checks say that looking does not work
PATIENCE = 5


@dataclass(frozen=True, slots=True)
class Facts:
    """One known start. `room` None: YouTube shows no waiting room for it yet."""

    at: datetime
    podcast: Podcast
    room: Broadcast | None
    channel: YouTubeChannel | None
    has_push: bool
    names_video: bool
    #: how often it is asked around its start
    step: timedelta
    #: whether there is a key and its units last until then
    has_units: bool
    has_key: bool
    check_every: timedelta


def verdict(facts: Facts, now: datetime, *, is_looked_at: bool) -> Light:
    """Whether it would be noticed, later than usual with the reason, or not with what is in the way."""
    wrong = _in_the_way(facts, now) if is_looked_at else NOBODY_LOOKS
    if wrong:
        return Light(UNNOTICED, Lamp.AMBER, wrong)
    slower = _slower(facts)
    if slower:
        return Light(LATER, Lamp.AMBER, slower)
    if facts.room is None:
        return Light(
            NOTICED,
            Lamp.GREEN,
            "YouTube tells Airhorn of new videos, and around its time Airhorn asks for the channel’s newest ones.",
        )
    return Light(NOTICED, Lamp.GREEN, f"Around its start, Airhorn asks YouTube about it every {duration(facts.step)}.")


def _in_the_way(facts: Facts, now: datetime) -> str:
    """Why it would not be noticed or announced; empty where nothing is known to be."""
    room, channel = facts.room, facts.channel
    if room is None and channel is None:
        if facts.names_video:
            return NOT_YET
        return NOT_YET if facts.podcast.youtube_channel_id else NO_CHANNEL
    if room is not None and room.is_premiere and not facts.podcast.announce_premieres:
        return "It is a premiere, and this podcast does not announce premieres."
    if room is not None and room.privacy != "public":
        return "It is not public. Make it public on YouTube if it should be announced."
    looked_at = room or channel
    assert looked_at is not None
    good = looked_at.last_good_look_at
    patience = PATIENCE * facts.check_every + (FAR_AT_LEAST if room is not None else timedelta(0))
    if good is not None and now - good < patience:
        return ""
    if looked_at.error_cause:
        return explain(looked_at.error_cause)
    return (
        NOT_YET
        if good is None
        else f"Airhorn last saw YouTube {duration(now - good)} ago, so it would not see the start."
    )


def _slower(facts: Facts) -> str:
    seconds = duration(facts.step)
    if not facts.has_key:
        return f"There is no key for YouTube, so Airhorn looks at its pages every {seconds}."
    if not facts.has_units:
        return f"By then today’s units at YouTube are used up, so Airhorn looks at its pages every {seconds}."
    if facts.room is None and not facts.has_push:
        every = duration(DUE_WINDOWS[0][2])
        return f"{NO_ROOM} Around its time, Airhorn asks for the newest videos every {every}."
    if facts.step > USUAL_STEP:
        return f"Units at YouTube run short, so Airhorn asks about it only every {seconds}."
    return ""
