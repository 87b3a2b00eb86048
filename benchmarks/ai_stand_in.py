"""An AI provider in a process of its own, that writes texts which no two hosts have in common."""

import re
from collections.abc import Mapping
from typing import Any

from benchmarks.stand_ins import Pipe, serve
from sandbox.ai import AiProvider

#: any two of 49 hosts share one of the three parts at most, as people's own texts would
BEGINNINGS = (
    "The studio lights are warm and so are we",
    "Somebody pressed the big red button again",
    "Headphones on, phones off, doors closed",
    "A quiet evening was the plan, then this came up",
    "You asked for it twice, so here it is",
    "Fresh coffee, old friends, one long list of questions",
    "Half of the notes are gone and nobody minds",
)
MIDDLES = (
    "we talk about {about} until it makes sense",
    "it is all about {about} tonight, from the ground up",
    "{about} gets the whole hour and no mercy",
    "our heads are full of {about}, and they have to be emptied",
    "let us take {about} apart, screw by screw",
    "nobody leaves before {about} is settled",
    "there is more to {about} than we thought last week",
)
ENDINGS = (
    "Come in and sit wherever you like: {url}",
    "Your questions decide where it goes {url}",
    "Bring a friend who disagrees: {url}",
    "Late is fine, missing it would be a pity {url}",
    "The chat is open and friendly, mostly: {url}",
    "Watch along and tell us where we are wrong {url}",
    "Turn the sound up, the first minute is the best: {url}",
)


def fluent(data: Mapping[str, Any]) -> str:
    """A text for each host that is like no other's, in as many hosts as there are here."""
    number = int(re.sub(r"\D", "", str(data["host"])) or 0)
    first, second = number % 7, number // 7 % 7
    parts = BEGINNINGS[first], MIDDLES[second], ENDINGS[(first + second + number // 49 * 3) % 7]
    return ". ".join((parts[0], parts[1][:1].upper() + parts[1][1:], parts[2])).replace("{about}", str(data["title"]))


class AiStandIn(Pipe):
    """Every method asks the process and waits for its answer."""

    def __init__(self) -> None:
        super().__init__("benchmarks.ai_stand_in")
        self.url: str = self._ask("url")

    def latency(self, seconds: float) -> None:
        """Before each answer."""
        self._ask("latency", seconds=seconds)


class Commands:
    """What the process does when asked."""

    def __init__(self, ai: AiProvider) -> None:
        self.ai, ai.writes = ai, fluent

    def url(self) -> str:
        return self.ai.url

    def latency(self, seconds: float) -> None:
        self.ai.latency = seconds


if __name__ == "__main__":
    with AiProvider().serving() as served:
        assert isinstance(served, AiProvider)
        serve(Commands(served))
