"""A worker is killed with SIGKILL at every point of a post's way, another takes over, and each post is out once.

Ada is in default mode: what is proven absent is sent once more. Bo is in strict mode: then a person decides.
"""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from sandbox.x import X
from tests.kill.conftest import Held, Stage

pytestmark = [pytest.mark.slow, pytest.mark.calls_in_transaction]

POSTED, ASKED = ("posted", 1), ("review", 0)

#: where the worker dies → what becomes of Ada's post, and of Bo's
POINTS = {
    "f1 before the intent is written": ("intent:begin", POSTED, POSTED),
    "f2 before the intent is committed": ("intent:before_commit", POSTED, POSTED),
    "f4 after the intent, before the first byte": ("intent:after_commit", POSTED, ASKED),
    "f8 after the answer, before it is recorded": ("outcome:begin", POSTED, POSTED),
    "f9 while it is recorded": ("outcome:before_commit", POSTED, POSTED),
    "f9 just after it is recorded": ("outcome:after_commit", POSTED, POSTED),
}


@pytest.mark.parametrize("name", POINTS)
def test_a_worker_that_dies_in_the_database_loses_and_doubles_nothing(stage: Stage, held: Held, name: str):
    point, ada, bo = POINTS[name]
    stage.queue(ada=False, bo=True)
    worker = stage.start(kill_at=point)
    held.release_together(point)
    assert stage.wait(worker) == -signal.SIGKILL
    stage.start()
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo")) == (ada, bo)


def test_f5_a_worker_that_dies_between_head_and_body_has_sent_nothing(stage: Stage, x: X):
    """Another host's post may be out already when one thread kills them all."""
    stage.queue(ada=False, bo=True)
    assert stage.wait(stage.start(kill_at="wire:headers")) == -signal.SIGKILL
    stage.until(lambda: x.incomplete > 0, "the incomplete request")
    assert x.attempts() == 0
    stage.start()
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo")) == (POSTED, ASKED)


def test_f7_a_worker_that_dies_while_it_reads_the_answer_finds_its_post(stage: Stage, x: X):
    stage.queue(bo=True)
    assert stage.wait(stage.start(kill_at="wire:status")) == -signal.SIGKILL
    stage.start()
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("bo"), x.attempts()) == (POSTED, 1)


class Assassin:
    """Kills the worker when X has stored so many posts, before it answers any of them."""

    def __init__(self, x: X, stored: int) -> None:
        self.pid = 0
        self._left = stored
        self._reply: Callable[[Request], Response] = x.reply
        x.reply = self.reply  # type: ignore[method-assign]

    def reply(self, request: Request) -> Response:
        response = self._reply(request)
        if request.path == "/2/tweets" and request.method == "POST":
            self._left -= 1
            if self._left == 0:
                os.kill(self.pid, signal.SIGKILL)
        return response


def test_f6_a_worker_that_dies_before_the_answer_finds_its_posts(stage: Stage, x: X):
    stage.queue(ada=False, bo=True)
    assassin = Assassin(x, stored=2)
    assassin.pid = stage.start()
    assert stage.wait(assassin.pid) == -signal.SIGKILL
    stage.start()
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (POSTED, POSTED, 2)


# The same checks on an Airhorn that is broken on purpose


def kill_broken(stage: Stage, x: X, mutant: str) -> None:
    """A broken worker dies when both posts are stored; another broken one takes over."""
    stage.queue(ada=False, bo=True)
    assassin = Assassin(x, stored=2)
    assassin.pid = stage.start(mutant=mutant)
    assert stage.wait(assassin.pid) == -signal.SIGKILL
    stage.start(mutant=mutant)


def test_an_airhorn_that_queues_a_post_again_when_its_lease_is_over_is_found_out(stage: Stage, x: X):
    kill_broken(stage, x, "lease")
    stage.until(lambda: x.attempts() == 4, "the mistake")
    stage.settle()
    assert [found[:2] for found in stage.violations()].count("I1") == 2


def test_and_where_it_only_forgets_the_attempt_the_database_holds_it_back(stage: Stage, x: X):
    kill_broken(stage, x, "lease, index")
    stage.until(lambda: all(post.status == "queued" for post in stage.posts()), "the mistake")
    time.sleep(1.0)
    assert x.attempts() == 2
    assert {found[:2] for found in stage.violations() if found.startswith("I")} == {"I2"}


def test_an_airhorn_that_takes_silence_for_a_refusal_is_found_out(stage: Stage, x: X, fault: Any):
    stage.queue(ada=False, bo=True)
    fault(hold=3.0)
    stage.start(mutant="timeout")
    stage.until(lambda: x.attempts() >= 4, "the mistake")
    stage.settle()
    assert any(found.startswith("I1") for found in stage.violations())
