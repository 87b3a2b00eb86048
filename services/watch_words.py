"""How soon a start would be seen as things are, and why not sooner, in words. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.discovery import FEED_PATIENCE
from services.durations import duration
from services.quota import Spent
from services.watch_needs import CLOSE, WINDOWS
from services.watch_plan import PAGE_EVERY, PAGES_AT_FULL_PACE, Plan

#: YouTube's feeds show a video up to so much later
FEED_AGE = timedelta(minutes=15)
USUAL_STEP = WINDOWS[0][2]

NO_KEY = "There is no key for YouTube. With one, planned starts are seen within seconds. The operator sets it."
REFUSED = (
    "YouTube says that it was asked too often today, although Airhorn counted far fewer questions. It asks again soon, "
    "and looks at pages until then."
)
#: before what follows from it
LIMITED = "YouTube lets Airhorn ask only so much a day, and today’s units"
USED_UP = f"{LIMITED} are used up. Until midnight in California Airhorn looks at pages instead."
SHORT = f"{LIMITED} run short, so it asks less often than usual."
NOT_TOLD = "YouTube does not tell Airhorn of new videos, so Airhorn has to look by itself."


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
    how = "looks at its page" if _is_blind(seen) else "asks YouTube"
    planned = f"A planned start is seen within about {duration(step)}: around its time, Airhorn {how} that often."
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
    alone = f"within about {duration(within)}: Airhorn {how}."
    if not seen.has_push:
        return f"A start that nobody planned is seen {alone}"
    return (
        "A start that nobody planned is seen a few seconds after YouTube tells Airhorn that the channel has something "
        f"new. If YouTube tells nothing, it is seen {alone}"
    )


def _by_itself(seen: Watched) -> tuple[timedelta, str]:
    """How soon if YouTube tells nothing, and what Airhorn does for it."""
    plan = seen.plan
    if plan is not None and plan.lists_uploads and plan.discovery_left:
        return plan.channel_every, f"asks YouTube for the channel’s newest videos every {duration(plan.channel_every)}"
    if plan is None or (plan.is_blind and seen.channels <= PAGES_AT_FULL_PACE):
        every = PAGE_EVERY if seen.channels <= PAGES_AT_FULL_PACE else seen.check_every
        return every, f"looks at the channel’s page every {duration(every)}"
    which = "another list of its videos" if seen.failures >= FEED_PATIENCE else "the channel’s feed"
    every = seen.check_every
    return (
        every + FEED_AGE,
        f"reads {which} every {duration(every)}, to which YouTube adds a video up to {duration(FEED_AGE)} late",
    )


def _slower(seen: Watched, step: timedelta) -> list[str]:
    """What would make it sooner, one sentence each."""
    found = []
    if seen.plan is None:
        found.append(NO_KEY)
    elif seen.spent is not None and seen.spent.retry_at is not None:
        found.append(REFUSED)
    elif seen.plan.is_blind:
        found.append(USED_UP)
    elif step > USUAL_STEP:
        found.append(SHORT)
    if seen.failures >= FEED_PATIENCE:
        found.append(f"The last {seen.failures} times, Airhorn could not look at the channel, or not the usual way.")
    if not seen.has_push:
        found.append(NOT_TOLD)
    return found
