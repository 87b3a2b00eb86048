"""How soon a start would be seen as things are, and why not sooner, in words. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.discovery import FEED_PATIENCE
from services.quota import Spent
from services.watch_needs import CLOSE, WINDOWS
from services.watch_plan import PAGE_EVERY, PAGES_AT_FULL_PACE, Plan

#: YouTube's feeds show a video up to so much later
FEED_AGE = timedelta(minutes=15)
USUAL_STEP = WINDOWS[0][2]


@dataclass(frozen=True, slots=True)
class Watched:
    """What the answer depends on. `plan` and `spent` are None without a key; `failures` are the channel's in a row."""

    plan: Plan | None
    spent: Spent | None
    channels: int
    check_every: timedelta
    has_push: bool = False
    failures: int = 0
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class Ways:
    """`planned` and `unplanned` say how soon a start is seen and how; `slower` why that is not sooner.

    `until` is when YouTube is asked again after it refused, if it did.
    """

    planned: str
    unplanned: str
    slower: list[str] = field(default_factory=list)
    until: datetime | None = None
    planned_step: timedelta = USUAL_STEP


def ways(seen: Watched) -> Ways:
    """How starts are noticed now."""
    step = planned_step(seen)
    how = "its page is asked" if _is_blind(seen) else "YouTube is asked"
    planned = f"A planned start is seen within about {in_words(step)}: {how} every {in_words(step)} around it."
    until = seen.spent.retry_at if seen.spent is not None else None
    return Ways(planned, _unplanned(seen), _slower(seen, step), until, step)


def planned_step(seen: Watched) -> timedelta:
    """How often a known waiting room is asked about right around its planned start."""
    if seen.plan is None:
        return PAGE_EVERY
    pace = seen.plan.pace(seen.check_every, 1)
    is_close = CLOSE in pace.windows(is_first=seen.is_first) and not seen.plan.is_blind
    return pace.step(CLOSE[2] if is_close else USUAL_STEP, is_first=seen.is_first)


def _is_blind(seen: Watched) -> bool:
    return seen.plan is None or seen.plan.is_blind


def _unplanned(seen: Watched) -> str:
    within, how = _by_itself(seen)
    if not seen.has_push:
        return f"A start that nobody planned is seen within about {in_words(within)}: {how}."
    sooner = "its page" if _is_blind(seen) else "its uploads list"
    return (
        "A start that nobody planned is seen a few seconds after YouTube’s push, "
        f"which has {sooner} asked at once. Without a push it is seen within about {in_words(within)}: {how}."
    )


def _by_itself(seen: Watched) -> tuple[timedelta, str]:
    """How soon without a push, and by what."""
    plan = seen.plan
    if plan is not None and plan.lists_uploads and plan.discovery_left:
        return plan.channel_every, f"the channel’s uploads list is asked every {in_words(plan.channel_every)}"
    if plan is None or (plan.is_blind and seen.channels <= PAGES_AT_FULL_PACE):
        every = PAGE_EVERY if seen.channels <= PAGES_AT_FULL_PACE else seen.check_every
        return every, f"the channel’s page is asked every {in_words(every)}"
    which = "the channel’s feed"
    if seen.failures >= FEED_PATIENCE:
        which = "its feed is broken, so the feed of its uploads, or a list while units allow,"
    return (
        seen.check_every + FEED_AGE,
        f"{which} is asked every {in_words(seen.check_every)} and is up to 15 minutes old",
    )


def _slower(seen: Watched, step: timedelta) -> list[str]:
    """What would make it sooner, one sentence each."""
    found = []
    if seen.plan is None:
        found.append("There is no API key. With one, planned starts are seen within seconds. The operator sets it.")
    elif seen.spent is not None and seen.spent.retry_at is not None:
        found.append(
            "YouTube says that today’s units are used up, although many are left by our count. It is asked again soon."
        )
    elif seen.plan.is_blind:
        found.append("Today’s YouTube units are used up until midnight Pacific time, so pages are asked instead.")
    elif step > USUAL_STEP:
        found.append("Today’s YouTube units run short, so every step around a start is longer than usual.")
    if seen.failures >= FEED_PATIENCE:
        found.append(f"The last {seen.failures} looks at the channel failed or had to go another way.")
    if not seen.has_push:
        found.append("YouTube’s push is not on, so Airhorn looks by itself.")
    return found


def in_words(span: timedelta) -> str:
    """ "2 s", "3 minutes", "5 hours"."""
    seconds = span.total_seconds()
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.0f} hours"
