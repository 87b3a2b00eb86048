"""Pure: which podcast and which episode a live broadcast belongs to. Computed on instants."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models import Verdict

#: an episode fits if it is planned from so long before to so long after the start
EARLIEST, LATEST = timedelta(hours=-3), timedelta(hours=6)
#: a second video so soon after an announced one is perhaps the same show again
SAME_SHOW_WITHIN = timedelta(hours=3)
#: so soon after an announced one, an episode that is this far ahead is not taken for an early start
NOT_THAT_EARLY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Show:
    """A podcast as matching sees it. `title_filter` is folded, empty for every title."""

    id: int
    title_filter: str
    auto_create: bool
    announces_premieres: bool


@dataclass(frozen=True, slots=True)
class Planned:
    """An open episode: no announced broadcast is matched to it."""

    id: int
    podcast_id: int
    scheduled_at: datetime | None
    video_id: str | None


@dataclass(frozen=True, slots=True)
class Start:
    """A broadcast that is live, or was. `was_late`: live for longer than the maximum age when first seen.

    `was_over`: it had ended by then.
    """

    video_id: str
    title: str
    started_at: datetime
    is_public: bool
    is_premiere: bool
    was_late: bool
    was_over: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """`episode_id` None with verdict ANNOUNCED: make one. Every other verdict explains why nothing is announced."""

    verdict: Verdict
    podcast_id: int | None = None
    episode_id: int | None = None


def match(
    start: Start, shows: Sequence[Show], episodes: Sequence[Planned], announced: Sequence[tuple[int, datetime]]
) -> Match:
    """Named first, then nearest in time, then made anew.

    `shows`: the active podcasts on the video's channel, or those whose episodes name it if there is none.
    `episodes`: their open episodes. `announced`: podcast and start of broadcasts announced within three hours.
    """
    named = [e for e in episodes if e.video_id == start.video_id]
    show = _show(start, shows, {e.podcast_id for e in named})
    if show is None:
        return Match(Verdict.UNMATCHED)
    own = next((e for e in named if e.podcast_id == show.id), None)
    recent = [at for podcast_id, at in announced if podcast_id == show.id]
    episode = own or _nearest(start, [e for e in episodes if e.podcast_id == show.id], after_another=bool(recent))
    episode_id = episode.id if episode else None
    refused = _refusal(start, show)
    if refused is not None:
        return Match(refused, show.id, episode_id)
    if episode is None and recent:
        return Match(Verdict.SAME_SHOW, show.id)
    if episode is None and not show.auto_create:
        return Match(Verdict.UNMATCHED, show.id)
    return Match(Verdict.ANNOUNCED, show.id, episode_id)


def _show(start: Start, shows: Sequence[Show], naming: set[int]) -> Show | None:
    """The one podcast: named by an episode, else the longest matching filter, else the one without a filter."""
    candidates = [show for show in shows if show.id in naming] or list(shows)
    if len(candidates) == 1 and naming & {candidates[0].id}:
        return candidates[0]
    title = start.title.casefold()
    fitting = [show for show in candidates if show.title_filter and show.title_filter in title]
    longest = max((len(show.title_filter) for show in fitting), default=0)
    best = [show for show in fitting if len(show.title_filter) == longest] or [
        show for show in candidates if not show.title_filter
    ]
    return best[0] if len(best) == 1 else None


def _refusal(start: Start, show: Show) -> Verdict | None:
    if not start.is_public:
        return Verdict.NOT_PUBLIC
    if start.is_premiere and not show.announces_premieres:
        return Verdict.PREMIERE
    if start.was_over:
        return Verdict.OVER
    return Verdict.TOO_OLD if start.was_late else None


def _nearest(start: Start, episodes: Sequence[Planned], *, after_another: bool) -> Planned | None:
    def distance(episode: Planned) -> timedelta:
        assert episode.scheduled_at is not None
        return episode.scheduled_at - start.started_at

    latest = NOT_THAT_EARLY if after_another else LATEST
    fitting = [e for e in episodes if e.scheduled_at and e.video_id in (None, start.video_id)]
    fitting = [e for e in fitting if EARLIEST <= distance(e) <= latest]
    return min(fitting, key=lambda e: (abs(distance(e)), e.id), default=None)
