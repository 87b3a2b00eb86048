"""The one vocabulary of states that people read: a word, its lamp, and what to say beside it. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from models import Broadcast, BroadcastState, ConfigStatus, Post, PostStatus, Verdict
from services.ahead import has_ended
from services.causes import CAUSES, explain, in_the_past


class Lamp(StrEnum):
    """Red means on air or posting and nothing else; trouble is amber."""

    RED = "red"
    GREEN = "green"
    AMBER = "amber"
    BLUE = "blue"
    GREY = "grey"
    HOLLOW = "hollow"


@dataclass(frozen=True, slots=True)
class Light:
    """A lamp never stands without its word. `note` is a sentence.

    Of a post that waits: `until` is when it is too late for it, `next_at` when it is tried next, if that is known, and
    `is_of_start` whether it goes out only while its stream is on.
    """

    word: str
    lamp: Lamp
    note: str = ""
    until: datetime | None = None
    next_at: datetime | None = None
    is_of_start: bool = False


#: a post that is queued for one of these goes nowhere before a host or the operator has done something
WAITS_FOR_A_PERSON = frozenset(
    {"x_credits", "x_client", "x_auth", "x_scope", "x_token_refused", "no_connection", "no_balance"}
)
#: of these a person may say that it works again, and have the post tried at once
TRIABLE = frozenset({"x_unreachable", "x_credits", "x_client"})

#: what ends a host's part without Airhorn, and what needs a person
_ENDS = {
    ConfigStatus.POSTED: Light("Posted", Lamp.BLUE),
    ConfigStatus.FAILED: Light("Needs you", Lamp.AMBER),
    ConfigStatus.REVIEW: Light("Needs you", Lamp.AMBER),
    ConfigStatus.MISSED: Light("Missed", Lamp.GREY),
    ConfigStatus.CANCELLED: Light("Cancelled", Lamp.GREY),
}


def light_of_host(
    status: str, *, enabled: bool, post: Post | None, trouble: str | None, held_until: datetime | None = None
) -> Light:
    """Where one host's text stands. `trouble` is a sentence: why it could not go out now.

    `held_until`: nothing may be sent for this account before, whatever the post itself says.
    """
    state = ConfigStatus(status)
    if state == ConfigStatus.PENDING:
        if not enabled:
            return Light("Off", Lamp.GREY, "Switched off: nothing is posted.")
        return Light("Stand by", Lamp.AMBER, trouble) if trouble else Light("Ready", Lamp.GREEN)
    is_over = state == ConfigStatus.MISSED
    why = explain(post.cause, post.detail, is_over=is_over) if post is not None and post.cause else ""
    if state == ConfigStatus.POSTING:
        return _on_its_way(post, why, held_until)
    end = _ENDS[state]
    return Light(end.word, end.lamp, "" if state == ConfigStatus.POSTED else why)


def _on_its_way(post: Post | None, why: str, held_until: datetime | None) -> Light:
    known = light_of_post(post.status, post.cause) if post is not None else POSTING
    if post is None or known == POSTING:
        return POSTING
    if post.status == PostStatus.UNKNOWN:
        return replace(known, note=explain(post.cause or "", post.detail, is_settled=False) if post.cause else "")
    next_at = max(post.not_before, held_until) if held_until else post.not_before
    soon = next_at if next_at < post.not_after else None
    return replace(known, note=why, until=post.not_after, next_at=soon, is_of_start=post.trigger == "live")


def after_the_end(light: Light) -> Light:
    """Of a host whose stream is over: nobody is ready or stands by any more, and nothing comes in time."""
    if light.word == "Ready":
        return Light("Missed", Lamp.GREY, explain("stream_over"))
    if light.word == "Stand by":
        return Light("Missed", Lamp.GREY, in_the_past(light.note))
    if light.is_of_start:  # it waits, and becomes missed when its turn comes
        return Light(light.word, light.lamp, in_the_past(light.note))
    return light


POSTING, RETRYING, PAUSED = Light("Posting", Lamp.RED), Light("Retrying", Lamp.RED), Light("Paused", Lamp.AMBER)
#: where a post stands that is not queued
_POST_WORDS = {
    PostStatus.SENDING: POSTING,
    PostStatus.POSTED: Light("Posted", Lamp.BLUE),
    PostStatus.FAILED: Light("Needs you", Lamp.AMBER),
    PostStatus.UNKNOWN: Light("Checking with X", Lamp.RED),
    PostStatus.REVIEW: Light("Needs you", Lamp.AMBER),
    PostStatus.MISSED: Light("Missed", Lamp.GREY),
    PostStatus.CANCELLED: Light("Cancelled", Lamp.GREY),
}
#: where many posts of one state stand together; those that are queued may be paused or tried again, too
SUM_WORDS = {PostStatus.QUEUED: Light("Not sent yet", Lamp.HOLLOW)} | _POST_WORDS
#: what happened to a post, for its history
_EVENT_WORDS = _POST_WORDS | {
    PostStatus.QUEUED: Light("Queued", Lamp.HOLLOW),
    PostStatus.SENDING: Light("Sent to X", Lamp.RED),
}


def light_of_post(status: str, cause: str | None) -> Light:
    """Where one post stands, the same word on every page. `cause`: why it waits, of one that is queued."""
    state = PostStatus(status)
    if state != PostStatus.QUEUED:
        return _POST_WORDS[state]
    if not cause:
        return POSTING
    return PAUSED if cause in WAITS_FOR_A_PERSON else RETRYING


def light_of_event(status: str, cause: str | None, detail: str | None) -> Light:
    """One line of a post's history. A post that was queued again says why it has to wait."""
    known = _EVENT_WORDS[PostStatus(status)]
    if not cause:
        return known
    word = light_of_post(status, cause).word if status == PostStatus.QUEUED else known.word
    is_over = status == PostStatus.MISSED
    is_out = cause in CAUSES and status == PostStatus.POSTED
    is_settled = status != PostStatus.UNKNOWN
    said = CAUSES[cause].text if is_out else explain(cause, detail, is_over=is_over, is_settled=is_settled)
    return Light(word, known.lamp, said)


def light_of_episode(
    hosts: list[Light], broadcast: Broadcast | None, *, is_watched: bool = True, blind: str | None = None
) -> Light:
    """The lamp of a whole episode: on air, over, GO, or what it still waits for.

    `is_watched`: whether its start would be noticed, because a channel or a video is known. `blind`: why YouTube
    cannot be looked at as it should be, if so.
    """
    if broadcast is not None and broadcast.state == BroadcastState.LIVE:
        return Light("On air", Lamp.RED)
    if broadcast is not None and has_ended(broadcast):
        return Light("Over", Lamp.GREY)
    wanted = [light for light in hosts if light.word != "Off"]
    if not wanted:
        return Light("Nobody posts", Lamp.HOLLOW)
    if not is_watched:
        return Light("Stand by: no channel", Lamp.AMBER)
    if blind:
        return Light("Stand by: YouTube", Lamp.AMBER, blind)
    ready = sum(light.lamp in (Lamp.GREEN, Lamp.BLUE) for light in wanted)
    if ready == len(wanted):
        return Light("GO", Lamp.GREEN)
    return Light(f"Stand by: {ready} of {len(wanted)} ready", Lamp.AMBER)


_MATCH = "Say which episode it is."
_POST_NOW = "Each host can still press Post now on the page of its episode."
#: why a live broadcast was not announced, and what to do about it
SILENT = {
    Verdict.UNMATCHED: "No planned episode fits, or more than one podcast could be meant. " + _MATCH,
    Verdict.SAME_SHOW: (
        "It began soon after another stream of this podcast and may be the same show. "
        "If it is not, say which episode it is."
    ),
    Verdict.TOO_OLD: "It had been live for too long when it was first seen. " + _POST_NOW,
    Verdict.OVER: "It had ended before it was first seen. " + _POST_NOW,
    Verdict.NOT_PUBLIC: "It is not public. Make it public on YouTube if it should be announced.",
    Verdict.PREMIERE: "It is a premiere, and this podcast does not announce premieres.",
}

#: what showed a broadcast first
SIGNALS = {
    "uploads": "the channel's uploads list",
    "feed": "the channel's feed",
    "playlist_feed": "the feed of its uploads",
    "page": "the channel's live page",
    "episode": "an episode that names it",
}
