"""What notices say: one event, its sentence, what to do, and one link. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zlib import crc32
from zoneinfo import ZoneInfo

from models import NoticeLevel
from services.causes import explain
from services.durations import duration
from services.vocabulary import Light

LONGEST_TITLE, LONGEST_BODY = 200, 1_500
#: of many hosts with trouble so many are named
MOST_NAMED = 8
CONNECTIONS, SYSTEM, HOME, ADDRESSES = "/connections", "/admin/system", "/", "/profile/notices"

NEEDS_YOU, INFO = NoticeLevel.NEEDS_YOU, NoticeLevel.INFO
#: what the keys begin with of notices of trouble before a start; each goes on with the id of its episode, and ends with
#: the marks of what is in the way
OF_SHOW, OF_HOST = ("nogo",), ("ready", "far")
#: those of posts, to their hosts, go on with the id of the post; those of posting that is paused with the cause
OF_POST, OF_GATE = ("paused", "unknown", "failed", "missed", "review"), ("gate",)
#: of more causes at once no more is said
MOST_MARKS = 8


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, and who is to know. `key` names it: a person is told of it once.

    `link` is a path on this server.
    """

    key: str
    kind: str
    title: str
    body: str
    link: str
    user_ids: tuple[int, ...]
    level: NoticeLevel = NEEDS_YOU
    podcast_id: int | None = None


def topic(key: str) -> str:
    return key.partition(":")[0]


def mark(cause: str) -> str:
    """Names a cause in a key, whatever number is in its sentence."""
    return f"{crc32(re.sub(r'[0-9]+', '', cause).encode()):08x}"


def marked(key: str, causes: Iterable[str]) -> str:
    return f"{key}:{'.'.join(sorted({mark(cause) for cause in causes})[:MOST_MARKS])}"


def marks_of(key: str) -> frozenset[str]:
    """Of a key of `marked`."""
    return frozenset(key.rpartition(":")[2].split("."))


def is_settled(key: str, level: str) -> bool:
    """Such trouble always needs its reader when it is written down: what does not was settled since."""
    return level == INFO and needs_its_reader(key)


def needs_its_reader(key: str) -> bool:
    """What admins are told of several hosts' posts is for them to know, and needs them not."""
    first, _, rest = key.partition(":")
    return first in OF_SHOW + OF_HOST + OF_GATE or (first in OF_POST and rest.isdigit())


def episode_link(podcast_id: int, episode_id: int) -> str:
    return f"/podcasts/{podcast_id}/episodes/{episode_id}/tweets"


def youtube_link(podcast_id: int) -> str:
    return f"/podcasts/{podcast_id}/settings/youtube"


def spend_link(podcast_id: int) -> str:
    return f"/podcasts/{podcast_id}/spend"


def one_line(text: str, longest: int = LONGEST_TITLE) -> str:
    """Titles come from YouTube and from people: no control characters, no line breaks, and an end."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def lines(text: str) -> str:
    cleaned = "\n".join(one_line(line, LONGEST_BODY) for line in text.splitlines() if line.strip())
    return cleaned if len(cleaned) <= LONGEST_BODY else cleaned[: LONGEST_BODY - 1] + "…"


# One post


#: what became of a post → what its own host reads, what its podcast's admins read
TITLES = {
    "failed": ("Not posted: {about}", "Not posted for {who}: {about}"),
    "missed": ("Missed: {about}", "Missed for {who}: {about}"),
    "review": ("Is your post on X? {about}", "{who} has to decide about a post: {about}"),
    "unknown": ("X has not confirmed your post: {about}", "X has not confirmed the post of {who}: {about}"),
    "paused": ("Your post waits for you: {about}", "The post of {who} waits: {about}"),
}
STILL_LOOKING = "Sent, and not confirmed for three minutes. Airhorn goes on looking and sends nothing twice."


def title_for_host(state: str, about: str) -> str:
    return TITLES[state][0].format(about=about)


def title_for_admins(state: str, names: Sequence[str], about: str) -> str:
    return TITLES[state][1].format(who=_named(names), about=about)


def why(state: str, cause: str | None, detail: str | None) -> str:
    """The cause, and what to do."""
    if state == "unknown":
        return STILL_LOOKING
    return explain(cause, detail, is_over=state == "missed") if cause else "Nobody knows why. Look at its history."


def link_for_host(fix: str, podcast_id: int, episode_id: int) -> str:
    """Where the host mends it. `fix`: one of services.needs.FIXES, or empty."""
    return CONNECTIONS if fix == "connect" else episode_link(podcast_id, episode_id)


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_NAMED])
    return shown if len(names) <= MOST_NAMED else f"{shown} and {len(names) - MOST_NAMED} more"


# A whole start


def live_title(show: str, posted: int, wanted: int, *, is_live: bool) -> str:
    said = f"{show} is live" if is_live else f"{show} was live"
    return f"{said}: {posted} of {wanted} posted" if wanted else f"{said}, and nobody posts"


def how_fast(started_at: datetime, last_posted_at: datetime | None) -> str:
    """ "The last post was out 6 s after the start." A clock that was set back reads as at once."""
    if last_posted_at is None:
        return ""
    return f"The last post was out {duration(last_posted_at - started_at)} after the start."


def others(groups: Iterable[tuple[Light, Sequence[str]]]) -> str:
    """A line for each state that is not as it should be, with the names and the reason."""
    return "\n".join(f"{light.word}: {_named(names)}. {light.note}".rstrip() for light, names in groups)


# Before a start


def distance(ahead: timedelta) -> str:
    """ "in 30 min", "in 2 h", "in 6 d": how far off a start is."""
    minutes = max(0, round(ahead.total_seconds() / 60))
    if minutes < 120:
        return f"in {minutes} min"
    return f"in {round(minutes / 60)} h" if minutes < 48 * 60 else f"in {round(minutes / 1440)} d"


def moment(at: datetime, zone: str) -> str:
    """ "Tue 24 Nov, 20:00 Sydney": in the zone of the podcast, named."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b, %H:%M} {zone.rpartition('/')[2].replace('_', ' ')}"
