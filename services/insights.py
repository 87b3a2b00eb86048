"""What is worth knowing about a period, in plain sentences with numbers and what to do. Pure; silent on too little."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from services.figures import Figures, Half
from services.money import short

#: timed posts on either side: of fewer, a single late one moves the share by more than FALL
FEW = 10
#: points that on time has to fall by; less is the difference between two ordinary weeks
FALL = 10
#: posts in the period before: somebody who posted once was perhaps a guest
REGULAR = 2
#: starts in this period: of fewer, a host may just not have been on
STARTS = 2
#: who is named; of more hosts the rest is counted
MOST_NAMED = 3
#: episodes to hold the best one against: the middle of fewer says nothing
EPISODES = 4
#: times the usual; what is less is a good evening and no pattern
STANDS_OUT = 1.5
#: of a month that has to be over: a pace from fewer days is that of one show
PACE_FROM = 0.25
#: times what the plan allows by then
ABOVE = 1.10
#: the stretches of the way from the start to the post → what to do when one of them has grown
ADVICE = {
    "detection": "Most of it passed before the start was seen: the page of YouTube says how starts are noticed.",
    "queue": "Most of it passed before the posts were sent: look at what waited under Attention.",
    "x": "Most of it passed at X, which answered slowly: nothing needs to be done here.",
}


@dataclass(frozen=True, slots=True)
class HostPast:
    """How often a member posted in the period before, and in this one."""

    name: str
    before: int
    now: int


@dataclass(frozen=True, slots=True)
class Reach:
    """An episode whose posts X showed counts of. `is_now`: it is of this period."""

    title: str
    posts: int
    impressions: int
    is_now: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """This month's spend and budget in micro-dollars; `over` is the share of the month that is over."""

    month: str
    spent: int
    budget: int
    over: float


@dataclass(frozen=True, slots=True)
class Facts:
    """`now` and `before` name the periods in a sentence: "this week", "the week before"; no `before`: there is none.

    `starts`: episodes announced in this period. `plan` None: there is no budget, or the reader may not know of it.
    """

    now: str
    before: str
    current: Figures
    previous: Figures | None = None
    starts: int = 0
    hosts: Sequence[HostPast] = ()
    episodes: Sequence[Reach] = ()
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class Insight:
    """`kind` names the rule."""

    kind: str
    text: str


def of(facts: Facts) -> list[Insight]:
    """The most pressing first; empty where nothing stands out."""
    rules = {"spend": _above_plan, "on_time": _later, "dropped": _dropped, "best": _best, "few": _few}
    return [Insight(kind, text) for kind, rule in rules.items() for text in rule(facts)]


def _later(facts: Facts) -> Iterator[str]:
    now, before = facts.current, facts.previous
    if before is None or min(now.timed, before.timed) < FEW:
        return
    share, earlier = now.on_time_share or 0.0, before.on_time_share or 0.0
    if round(100 * (earlier - share)) < FALL:
        return
    late = now.timed - now.on_time
    yield (
        f"On time fell from {_percent(earlier)} {facts.before} to {_percent(share)} {facts.now}: "
        f"{late} of {now.timed} posts took longer than a minute. {ADVICE[_slowest(now, before)]}"
    )


def _slowest(now: Figures, before: Figures) -> str:
    """The stretch that has grown most."""
    grown = {name: _long(getattr(now, name)) - _long(getattr(before, name)) for name in ADVICE}
    return max(grown, key=lambda name: grown[name])


def _long(half: Half) -> float:
    return half.p95 or 0.0


def _dropped(facts: Facts) -> Iterator[str]:
    if not facts.before or facts.starts < STARTS:
        return
    gone = [host for host in facts.hosts if host.before >= REGULAR and not host.now]
    named = ", ".join(f"{host.name} ({host.before})" for host in gone[:MOST_NAMED])
    rest = f" and {len(gone) - MOST_NAMED} more" if len(gone) > MOST_NAMED else ""
    if gone:
        yield (
            f"Posted {facts.before} and not {facts.now}: {named}{rest}. There were {facts.starts} starts: ask whether "
            "that is wanted, and look at the page of hosts whether X is connected."
        )


def _best(facts: Facts) -> Iterator[str]:
    known = [one for one in facts.episodes if one.posts]
    mine = [one for one in known if one.is_now]
    if len(known) < EPISODES or not mine:
        return
    best = max(mine, key=lambda one: one.impressions)
    usual = median(one.impressions for one in known if one is not best)
    if usual and best.impressions >= STANDS_OUT * usual:
        posts = "1 post" if best.posts == 1 else f"{best.posts} posts"
        yield (
            f"“{best.title}” was seen most {facts.now}: {best.impressions:,} times with {posts}, "
            f"{best.impressions / usual:,.1f} times the usual {round(usual):,}. Read what those posts said."
        )


def _above_plan(facts: Facts) -> Iterator[str]:
    plan = facts.plan
    if plan is None or plan.budget <= 0:
        return
    if plan.spent > plan.budget:
        yield f"{short(plan.spent)} was spent in {plan.month}, and the budget is {short(plan.budget)}. {_SPARE}"
    elif plan.over >= PACE_FROM and plan.spent > ABOVE * plan.over * plan.budget:
        ahead = round(plan.spent / plan.over / 10_000) * 10_000
        yield (
            f"{short(plan.spent)} was spent in {plan.month}. At this pace it will be {short(ahead)}, and the "
            f"budget is {short(plan.budget)}. {_SPARE}"
        )


_SPARE = "Posts without a link cost least; an admin can change the budget under Spend."


def _few(facts: Facts) -> Iterator[str]:
    """Why nothing is held against the period before, where something was posted."""
    now, before = facts.current.timed, facts.previous.timed if facts.previous is not None else None
    if before is not None and facts.current.posted and min(now, before) < FEW:
        yield (
            f"Too few for a comparison of speed: {now} timed {_posts(now)} {facts.now} and {before} {facts.before}. "
            f"It is made from {FEW} on."
        )


def _posts(number: int) -> str:
    return "post" if number == 1 else "posts"


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"
