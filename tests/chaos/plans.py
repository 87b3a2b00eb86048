"""Where workers die in the kill matrix: a plan for each named point."""

from dataclasses import dataclass, field
from typing import Any

from sandbox.standin import Fault


@dataclass(frozen=True)
class Plan:
    """The first worker is armed with the first strike, the next with the second; then one works undisturbed.

    `spoiled`: what X does to the first POSTs. `stale`: tokens must be renewed first. A strike comes at a pass of the
    point from `least` to `most`. `again`: the point is on the way of a second sending, which only default mode has.
    `unannounced`: the stream is live, and nobody has seen it yet.
    """

    name: str
    strikes: tuple[str, ...]
    action: str = "kill"
    spoiled: dict[str, Any] = field(default_factory=dict)
    stale: bool = False
    least: int = 1
    most: int = 1
    again: bool = False
    unannounced: bool = False

    def faults(self, count: int) -> list[Fault]:
        return [Fault(method="POST", path="^/2/tweets$", **self.spoiled)] * count if self.spoiled else []


#: leaves posts in `sending` that X has, or has not
SENT, UNSENT = "post:sent", "intent:after_commit"
#: X hangs up before it has read anything
LOST = {"hang_up": "before", "reset": True}

PLANS = (
    Plan("before the posts are committed", ("announce:before_commit",), unannounced=True),
    Plan("after the posts are committed", ("announce:after_commit",), unannounced=True),
    Plan("before the intent is written", ("intent:begin",)),
    Plan("before the intent is committed", ("intent:before_commit",)),
    Plan("after the intent, before the first byte", (UNSENT,)),
    Plan("between head and body of a post", ("post:head",), most=4),
    Plan("after a post is sent whole", (SENT,), most=4),
    Plan("when the answer to a post begins", ("post:answer",), most=4),
    Plan("after the answer, before it is written", ("outcome:begin",)),
    Plan("before the outcome is committed", ("outcome:before_commit",)),
    Plan("after the outcome is committed", ("outcome:after_commit",)),
    Plan("before the reaper writes", (SENT, "reap:begin")),
    Plan("before the reaper's commit", (UNSENT, "reap:before_commit")),
    Plan("after the reaper's commit", (SENT, "reap:after_commit")),
    Plan("before a look-up is taken", ("take:before_commit",), spoiled={"status": 503, "stored": True}),
    Plan("after a look-up is taken", ("take:after_commit",), spoiled={"hang_up": "after"}),
    Plan("while the timeline is read", ("read:sent",), spoiled={"status": 503}),
    Plan("when the timeline arrives", ("read:answer",), spoiled={"hang_up": "after", "reset": True}),
    Plan("before a look-up's result is written", ("look-up:begin",), spoiled={"status": 502}, most=3),
    Plan("before a look-up's result is committed", ("look-up:before_commit",), spoiled={"status": 503}, most=3),
    Plan("after a look-up's result is committed", ("look-up:after_commit",), spoiled={"status": 504}, most=3),
    Plan("before the second intent is committed", ("intent:before_commit",), spoiled=LOST, least=2, most=2, again=True),
    Plan("after the second intent", (UNSENT,), spoiled=LOST, least=2, most=2, again=True),
    Plan("before a refresh is sent", ("refresh:after_commit",), stale=True, most=3),
    Plan("after a refresh is sent", ("token:sent",), stale=True, most=3),
    Plan("when the new tokens arrive", ("token:answer",), stale=True, most=3),
    Plan("before the new tokens are written", ("tokens:begin",), stale=True, most=3),
    Plan("after the new tokens are committed", ("tokens:after_commit",), stale=True, most=3),
    Plan("stopped after the intent, woken after the lease", (UNSENT,), action="stop"),
    Plan("stopped between head and body, woken after the lease", ("post:head",), action="stop", most=2),
)
