"""Pure: whether a post whose outcome is unknown stands on the host's timeline."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.clients.x_posts import Timeline, TimelinePost
from services.tweet_text import normal_form, similarity
from services.youtube_reference import video_id_of

#: the host may have edited the post on X; more different than this it is another one
SAME_ENOUGH = 0.9
#: the timeline is read from so long before the sending; our clock and X's may differ
MARGIN = timedelta(minutes=10)
WIDE_MARGIN = timedelta(hours=24)
SKEW_TOLERATED = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Found:
    remote_id: str
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """Another post of the host with the same link: perhaps typed by hand. A person decides."""

    remote_id: str


@dataclass(frozen=True, slots=True)
class Absent:
    """A complete read that does not show it. Not proof by itself: X may still be working on it."""


@dataclass(frozen=True, slots=True)
class NoInformation:
    """The read was incomplete or failed."""


Judgement = Found | Candidate | Absent | NoInformation


def read_from(sent_at: datetime, skew: timedelta | None, *, known_at: datetime) -> datetime:
    """Where the read of a timeline begins, in X's time.

    `known_at`: when it had been sent for sure. Before `sent_at` our clock was set back since, nobody knows how far.
    """
    skew = skew or timedelta(0)
    if known_at < sent_at:
        return known_at + skew - WIDE_MARGIN
    return sent_at + skew - (MARGIN if abs(skew) <= SKEW_TOLERATED else WIDE_MARGIN)


def judge(text: str, video_id: str | None, timeline: Timeline, *, taken: Sequence[str] = ()) -> Judgement:
    """Looks for a post. A match is proof; a negative is not. `taken`: ids that belong to other posts of ours."""
    posts = [p for p in timeline.posts if not {p.id, *p.edit_ids} & set(taken)]
    wanted = normal_form(text)
    exact = [p for p in posts if normal_form(p.text) == wanted]
    linked = [p for p in posts if video_id and video_id in _videos(p)]
    edited = [p for p in linked if similarity(p.text, text) >= SAME_ENOUGH]
    match = min(exact or edited, key=lambda p: p.created_at, default=None)
    if match is not None:
        return Found(match.edit_ids[0] if match.edit_ids else match.id, match.created_at)
    if linked:
        return Candidate(linked[-1].id)
    return Absent() if timeline.complete else NoInformation()


def _videos(post: TimelinePost) -> set[str | None]:
    return {video_id_of(url) for url in post.urls}
