"""The steps of the model: who may do what when, as in services/outbox.py, claiming.py, sending.py and confirming.py.

Attempts are counted from 1; place n-1 of `outcomes` and `requests` is attempt n's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

#: the most attempts of the model: one refused, one unknown, one again
MOST = 3
NEGATIVES_NEEDED = 3
#: says that nothing is out
NEVER_OUT = frozenset({"failed", "missed", "cancelled"})
#: an end, or a person's turn
QUIET = NEVER_OUT | {"posted", "review", "left"}


@dataclass(frozen=True)
class Rules:
    """What is explored. `refuses`: X refuses a text that it has already.

    `prompt`: when three complete reads over 90 seconds show nothing, there is nothing and nothing more comes.
    """

    strict: bool
    refuses: bool
    prompt: bool = False
    mutant: str | None = None


class Worker(NamedTuple):
    """What a process has in mind: the attempt it sends, or what a look-up read of which attempt."""

    doing: str = "idle"  # idle, ready, waiting, answered, looked
    attempt: int = 0
    #: the answer of X, or what the timeline showed
    saw: str = ""
    #: for a look-up: the status, the absences and whether it may be sent again when it began
    knew: tuple[str, int, bool] = ("", 0, False)


IDLE = Worker()


class State(NamedTuple):
    """outcomes: o open, u unknown, n not accepted, a accepted. requests: - none, w on the wire, S stored, x gone."""

    status: str = "queued"
    token: int = 0
    outcomes: str = ""
    requests: str = ""
    reposted: bool = False
    absences: int = 0
    is_double: bool = False
    #: switched on, and the stream is on
    wanted: bool = True
    workers: tuple[Worker, Worker] = (IDLE, IDLE)


Steps = Iterator[tuple[str, State]]


def steps(state: State, rules: Rules) -> Steps:
    """Everything that may happen next, by name."""
    for n, worker in enumerate(state.workers):
        if worker == state.workers[n - 1] and n:
            break  # the other one can do the same
        if worker.doing == "idle":
            yield from _idle(state, n, rules)
        else:
            yield "kill -9", _with(state, n, IDLE)
            yield from DOING[worker.doing](state, n, rules)
    yield from _at_x(state, rules)
    yield from _lease_over(state, rules)
    yield from _by_people(state)


def essence(state: State) -> State:
    """The same state without what can make no difference any more, so that fewer are to be explored."""
    if state.status in NEVER_OUT or state.status in ("posted", "left"):
        workers = [w if w.doing in ("ready", "waiting") else IDLE for w in state.workers]
        return State(state.status, requests=state.requests, workers=(min(workers), max(workers)), wanted=False)
    if state.status != "unknown" and (state.absences or state.is_double):
        return state._replace(absences=0, is_double=False)
    return state


def _with(state: State, n: int, worker: Worker, **changes: object) -> State:
    workers = [state.workers[1 - n], worker]
    return state._replace(workers=(min(workers), max(workers)), **changes)


def _put(text: str, attempt: int, mark: str) -> str:
    return text[: attempt - 1] + mark + text[attempt:]


# Claim and send


def _idle(state: State, n: int, rules: Rules) -> Steps:
    if state.status == "queued":
        yield "too late", state._replace(status="missed")
        if not state.wanted:
            return
        if set(state.outcomes) <= {"n"} and len(state.outcomes) < MOST:
            mine = len(state.outcomes) + 1
            begun = {"outcomes": state.outcomes + "o", "requests": state.requests + "-"}
            yield "claim", _with(state, n, Worker("ready", mine), status="sending", token=mine, **begun)
    elif state.status in ("unknown", "review"):
        may_repost = state.wanted and not rules.strict and not state.reposted and state.status == "unknown"
        knew = (state.status, state.absences, may_repost)
        if not (rules.prompt and state.absences + 1 == NEGATIVES_NEEDED and _may_come(state)):
            yield "look: nothing", _with(state, n, Worker("looked", state.token, "absent", knew))
        if "S" in state.requests:
            yield "look: there", _with(state, n, Worker("looked", state.token, "found", knew))


def _ready(state: State, n: int, _rules: Rules) -> Steps:
    mine = state.workers[n].attempt
    sent = _put(state.requests, mine, "w")
    yield f"send {mine}", _with(state, n, Worker("waiting", mine), requests=sent)
    yield "no connection", _with(state, n, Worker("answered", mine, "no"))


def _waiting(state: State, n: int, _rules: Rules) -> Steps:
    yield "time-out", _with(state, n, Worker("answered", state.workers[n].attempt, "?"))


def _at_x(state: State, rules: Rules) -> Steps:
    """X takes up a request, now or much later; its answer reaches who still waits for it."""
    for attempt, mark in enumerate(state.requests, start=1):
        if mark != "w":
            continue
        gone = state._replace(requests=_put(state.requests, attempt, "x"))
        if rules.refuses and "S" in state.requests:
            yield from _answer(gone, attempt, f"X refuses {attempt} as a double", "double")
            continue
        stored = state._replace(requests=_put(state.requests, attempt, "S"))
        yield from _answer(stored, attempt, f"X stores {attempt}", "ok")
        yield from _answer(stored, attempt, f"X stores {attempt}, says 503", "5xx")
        yield from _answer(gone, attempt, f"X fails {attempt}", "5xx")
        yield from _answer(gone, attempt, f"X refuses {attempt}", "no")
        yield from _answer(gone, attempt, f"X refuses {attempt} for good", "never")


def _answer(state: State, attempt: int, name: str, said: str) -> Steps:
    """Without anybody waiting all answers are the same; a lost one is a time-out before."""
    for n, worker in enumerate(state.workers):
        if worker == Worker("waiting", attempt):
            yield name, _with(state, n, Worker("answered", attempt, said))
            return
    yield name, state


# Settle


def _answered(state: State, n: int, rules: Rules) -> Steps:
    """One transaction: the post moves if it is still being sent by this attempt."""
    worker = state.workers[n]
    done = _with(state, n, IDLE)
    said = "no" if rules.mutant == {"?": "timeout", "5xx": "5xx"}.get(worker.saw, "-") else worker.saw
    is_mine = state.token == worker.attempt or rules.mutant == "no id"
    if state.status != "sending" or not is_mine:
        yield f"settle {worker.attempt}: too late", done
        return
    status, outcome = SETTLED[said]
    if said == "no" and worker.attempt >= MOST:
        status = "failed"
    outcomes = _put(state.outcomes, worker.attempt, outcome)
    more = {"absences": 0, "is_double": said == "double"} if status == "unknown" else {}
    yield f"settle {worker.attempt}: {status}", done._replace(status=status, outcomes=outcomes, **more)


SETTLED = {
    "ok": ("posted", "a"),
    "no": ("queued", "n"),
    "never": ("failed", "n"),
    "?": ("unknown", "u"),
    "5xx": ("unknown", "u"),
    "double": ("unknown", "u"),
}


def _lease_over(state: State, rules: Rules) -> Steps:
    if state.status != "sending" or rules.mutant == "no reaper":
        return
    if rules.mutant == "lease":
        yield "lease over", state._replace(status="queued", outcomes=_put(state.outcomes, state.token, "n"))
    else:
        outcomes = _put(state.outcomes, state.token, "u")
        yield "lease over", state._replace(status="unknown", outcomes=outcomes, absences=0, is_double=False)


# Look up


def _looked(state: State, n: int, rules: Rules) -> Steps:
    worker = state.workers[n]
    status, absences, may_repost = worker.knew
    done = _with(state, n, IDLE)
    is_same = state.status == status and (state.token == worker.attempt or rules.mutant == "no id")
    to, outcome, more = _decided(state, worker.saw, status, absences, may_repost)
    if to is None:
        # Counting an absence is not guarded by the attempt, only by the status.
        counts = {"absences": absences + 1} if state.status == status == "unknown" else {}
        yield "still nothing", done._replace(**counts)
    elif is_same:
        outcomes = _put(state.outcomes, worker.attempt, outcome) if outcome else state.outcomes
        yield f"found out: {to}", done._replace(status=to, outcomes=outcomes, **more)
    else:
        yield "found out too late", done


def _decided(
    state: State, saw: str, status: str, absences: int, may_repost: bool
) -> tuple[str | None, str, dict[str, object]]:
    if saw == "found":
        return "posted", "a", {}
    if status == "review":
        return None, "", {}
    if state.is_double and not state.reposted:
        return "failed", "n", {}
    if absences + 1 < NEGATIVES_NEEDED:
        return None, "", {}
    if may_repost:
        return "queued", "n", {"reposted": True, "absences": 0}
    if state.is_double:
        return "posted", "a", {}
    return "review", "", {}


# People


def _by_people(state: State) -> Steps:
    """Who decides in review is right: that he may be wrong is no fault of ours."""
    if state.wanted:
        yield "stream over", state._replace(wanted=False)
        if state.status == "queued":
            yield "switched off", state._replace(status="cancelled", wanted=False)
    if state.status != "review":
        return
    yield "“leave it”", state._replace(status="left")
    if "S" in state.requests:
        yield "“it is there”", state._replace(status="posted", outcomes=_put(state.outcomes, state.token, "a"))
    elif not _may_come(state) and len(state.outcomes) < MOST:
        outcomes = _put(state.outcomes, state.token, "n")
        yield "“again”", state._replace(status="queued", outcomes=outcomes, reposted=True, absences=0, wanted=True)


def _may_come(state: State) -> bool:
    """Whether X has it, or may still get it."""
    return bool({"S", "w"} & set(state.requests)) or any(worker.doing == "ready" for worker in state.workers)


DOING = {"ready": _ready, "waiting": _waiting, "answered": _answered, "looked": _looked}
