"""A small model of one post's way, explored whole: every order of every step of two workers, X and a person.

A step may happen at any moment, so a lease runs out, a clock jumps or a worker sleeps wherever that can hurt. Between
any two steps a worker may die and forget everything. X works on a request as late as it likes, answers or not, and a
read of the timeline shows what X has or does not. `python -m tests.chaos.model` prints what was explored.
"""

import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.chaos.model_steps import NEVER_OUT, QUIET, Rules, State, essence, steps

#: the mistakes that ordinary queues make: a lease that is over, a time-out and a 5xx mean "again", and an answer
#: settles the post whichever attempt it belongs to
MUTANTS = ("lease", "timeout", "5xx", "no id")


class Before(NamedTuple):
    """How a state was reached first."""

    state: State | None
    step: str


@dataclass(slots=True)
class Explored:
    """What was found: how many states and steps, and the shortest way to each kind of violation."""

    rules: Rules
    states: int = 0
    steps: int = 0
    is_whole: bool = False
    wrong: dict[str, list[str]] = field(default_factory=dict)


def explore(rules: Rules, *, until: str | None = None) -> Explored:
    """Every state that can be reached, breadth first; or until something wrong of this kind, or "any", is found."""
    first = State()
    before: dict[State, Before] = {first: Before(None, "queued")}
    leads_from: dict[State, list[State]] = {}
    found, todo = Explored(rules), deque([first])
    while todo:
        state = todo.popleft()
        for kind in violations(state):
            found.wrong.setdefault(kind, way_to(state, before))
        if until in found.wrong or (until == "any" and found.wrong):
            break
        for name, made in steps(state, rules):
            found.steps += 1
            following = essence(made)
            leads_from.setdefault(following, []).append(state)
            if following not in before:
                before[following] = Before(state, name)
                todo.append(following)
    found.states, found.is_whole = len(before), not todo
    stuck = next(stuck_in(before, leads_from), None) if found.is_whole else None
    found.wrong |= {"stuck": way_to(stuck, before)} if stuck else {}
    return found


def violations(state: State) -> Iterator[str]:
    stored = state.requests.count("S")
    if stored > 1:
        yield "twice"
    if state.status in NEVER_OUT and stored:
        yield "false no"
    if state.status == "posted" and not stored:
        yield "false yes"


def stuck_in(states: dict[State, Before], leads_from: dict[State, list[State]]) -> Iterator[State]:
    """States from which no end can be reached any more, also when nothing more goes wrong."""
    good = {state for state in states if state.status in QUIET}
    todo = deque(good)
    while todo:
        for state in leads_from.get(todo.popleft(), ()):
            if state not in good:
                good.add(state)
                todo.append(state)
    return (state for state in states if state not in good)


def way_to(state: State | None, before: dict[State, Before]) -> list[str]:
    """The names of the steps to a state, first to last."""
    way: list[str] = []
    while state is not None:
        state, step = before[state]
        way.append(step)
    return way[::-1]


def sound() -> list[Explored]:
    """Airhorn as it is where it promises everything: strict mode at any X; default mode at an X that refuses a text it
    has already and that is done with a request, and shows what it has, when the third complete read is made."""
    strict = [explore(Rules(strict=True, refuses=refuses)) for refuses in (True, False)]
    return [*strict, explore(Rules(strict=False, refuses=True, prompt=True))]


def at_a_late_x() -> Explored:
    """Default mode at an X that refuses doubles, but works on requests and shows posts as late as it likes."""
    return explore(Rules(strict=False, refuses=True))


def at_an_x_that_takes_doubles() -> Explored:
    """Default mode at an X that is as late as it likes and takes doubles: the known risk, which strict mode avoids."""
    return explore(Rules(strict=False, refuses=False), until="twice")


def mutants() -> list[Explored]:
    """Airhorn with each mistake, in strict mode at an X that takes everything."""
    return [explore(Rules(strict=True, refuses=False, mutant=name), until="any") for name in MUTANTS]


def _line(one: Explored) -> str:
    mode = "strict" if one.rules.strict else "default"
    at = ("prompt, " if one.rules.prompt else "late, ") + ("refuses doubles" if one.rules.refuses else "takes doubles")
    what = ", ".join(sorted(one.wrong)) or "nothing wrong"
    mutant = f" (mutant: {one.rules.mutant})" if one.rules.mutant else ""
    return f"{mode:8} X: {at:24} {one.states:6} states {one.steps:7} steps  {what}{mutant}"


def main() -> None:
    begun = time.process_time()
    for one in [*sound(), at_a_late_x(), at_an_x_that_takes_doubles(), *mutants()]:
        sys.stdout.write(_line(one) + "\n")
        for kind, way in one.wrong.items():
            sys.stdout.write(f"    {kind}: {' → '.join(way)}\n")
    sys.stdout.write(f"{time.process_time() - begun:.1f} s\n")


if __name__ == "__main__":
    main()
