"""What happens to processes: all killed and started anew, frozen, hung, short of files, told to end in mid-call.

Ada is in default mode: what is proven absent is sent once more. Bo is in strict mode: then a person decides.
"""

import ctypes
import os
import platform
import signal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from werkzeug.wrappers import Request

from extensions import db
from models import Post, PostAttempt
from sandbox.x import X
from tests.kill.conftest import Held, Stage

pytestmark = [pytest.mark.slow, pytest.mark.calls_in_transaction]

TGKILL = {"x86_64": 234, "aarch64": 131}.get(platform.machine(), 234)
POSTED, ASKED = ("posted", 1), ("review", 0)


class Blackout:
    """Kills every worker at once when X is asked for the last of so many posts."""

    def __init__(self, x: X, asked: int) -> None:
        self.pids: list[int] = []
        self._left = asked
        x.watchers.append(self)

    def __call__(self, request: Request) -> None:
        if (request.method, request.path) != ("POST", "/2/tweets"):
            return
        self._left -= 1
        if self._left == 0:
            for pid in self.pids:
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("stored", [True, False])
def test_f11_both_workers_are_killed_while_x_works_and_two_new_ones_find_out(
    stage: Stage, x: X, fault: Any, held: Held, stored: bool
):
    stage.queue(ada=False, bo=True)
    if not stored:
        fault(hang_up="before")
    blackout = Blackout(x, asked=2)
    blackout.pids = [stage.start(), stage.start()]
    assert [stage.wait(pid) for pid in blackout.pids] == [-signal.SIGKILL] * 2
    held.release()
    stage.start()
    stage.start()
    stage.settle()
    assert stage.violations() == []
    bo, attempts = (POSTED, 2) if stored else (ASKED, 3)
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (POSTED, bo, attempts)


#: where two workers die one after the other → what becomes of Ada's post, and of Bo's
TWICE = {
    "intent:begin": (POSTED, POSTED),
    "intent:before_commit": (POSTED, POSTED),
    "intent:after_commit": (ASKED, ASKED),
    "outcome:begin": (POSTED, POSTED),
    "outcome:before_commit": (POSTED, POSTED),
}


@pytest.mark.parametrize("point", TWICE)
def test_f11_the_next_worker_dies_at_the_same_point_and_two_new_ones_go_on(stage: Stage, held: Held, point: str):
    """What was sent again once is not sent a third time: then a person decides in default mode, too."""
    stage.queue(ada=False, bo=True)
    for _ in range(2):
        worker = stage.start(kill_at=point)
        held.release_together(point)
        assert stage.wait(worker) == -signal.SIGKILL
    stage.start()
    stage.start()
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo")) == TWICE[point]


@pytest.mark.parametrize("point", ["outcome:before_commit", "outcome:after_commit"])
def test_f10_who_dies_while_he_writes_down_what_he_found_leaves_it_to_the_next(stage: Stage, x: X, fault: Any, point):
    stage.queue(ada=False, bo=True)
    fault(status=503, stored=True)
    patient = stage.start(settings=stage.settings_with(lookup_delays_seconds=(60, 70, 80, 90)))
    stage.until(lambda: {post.status for post in stage.posts()} == {"unknown"}, "the doubt")
    stage.kill(patient)
    make_lookups_due(x)
    assert stage.wait(stage.start(kill_at=point)) == -signal.SIGKILL
    make_lookups_due(x)  # who looks a post up keeps the others away for half a minute, also when he dies
    stage.start()
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (POSTED, POSTED, 2)


def make_lookups_due(x: X) -> None:
    unclear = update(Post).where(Post.status == "unknown")
    db.session.execute(unclear.values(next_lookup_at=x.now()), execution_options={"synchronize_session": False})
    db.session.commit()


# Frozen


def test_f12_who_was_frozen_past_his_lease_sends_nothing_any_more(stage: Stage, x: X):
    stage.queue(ada=False, bo=True)
    frozen = stage.start(stop_at="intent:after_commit")
    stage.until_stopped(frozen)
    stage.start()
    stage.settle()
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (POSTED, ASKED, 1)
    os.kill(frozen, signal.SIGCONT)
    os.kill(frozen, signal.SIGTERM)
    assert stage.wait(frozen) in (0, 70)  # 70: its watchdog saw that its jobs had stood still for a minute
    assert x.attempts() == 1
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo")) == (POSTED, ASKED)


def test_f12_an_answer_that_was_read_after_the_freeze_changes_nothing_that_was_found_out(
    stage: Stage, x: X, held: Held
):
    """The post is out when its sender is frozen: another finds it, and the late sender agrees."""
    stage.queue(ada=False, bo=True)
    frozen = stage.start(stop_at="outcome:begin")
    held.release_together("outcome:begin")
    stage.until_stopped(frozen)
    assert x.attempts() == 2
    # On SQLite it may hold the lock on the database: then nobody can do anything before it goes on.
    os.kill(frozen, signal.SIGCONT)
    stage.start()
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (POSTED, POSTED, 2)


def test_f13_who_was_frozen_before_the_intent_finds_that_others_have_sent_it(stage: Stage, x: X):
    """On SQLite the frozen worker holds the lock: nobody sends before it goes on, and then one does."""
    stage.queue(ada=False, bo=True)
    # However long a busy machine keeps it frozen, its lease is not over: that is another story.
    patient = stage.settings_with(send_lease_seconds=30.0)
    frozen = stage.start(settings=patient, stop_at="intent:begin")
    stage.until_stopped(frozen)
    stage.start(settings=patient)
    os.kill(frozen, signal.SIGCONT)
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (POSTED, POSTED, 2)


# X is late


def test_f22_what_x_stores_long_after_we_gave_up_is_found_and_never_sent_over(stage: Stage, x: X, fault: Any):
    """In default mode it is sent again first: then X refuses the one that comes late as a double."""
    x.duplicate_filter = True
    stage.queue(ada=False, bo=True)
    fault(zombie=3600.0)
    stage.start(in_review=(1.0, 2.0, 4.0, 8.0, 16.0, 32.0))
    stage.until(lambda: {stage.state("ada")[0], stage.state("bo")[0]} == {"posted", "review"}, "the first end")
    assert stage.state("bo") == ASKED
    x.catch_up(ahead_of_time=True)
    stage.until(lambda: stage.state("bo")[0] == "posted", "what was late")
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (POSTED, POSTED, 3)


# Told to end


def test_f72_sigterm_while_x_says_nothing_ends_at_the_deadline_and_leaves_the_post_to_be_looked_up(
    stage: Stage, x: X, held: Held
):
    stage.queue(ada=False, bo=True)
    first = stage.start()
    held.wait()
    os.kill(first, signal.SIGTERM)
    assert stage.wait(first) == 0
    held.release()
    assert {post.status for post in stage.posts()} <= {"unknown", "posted"}
    stage.start()
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (POSTED, POSTED, 2)


def test_f72_sigterm_is_heard_whichever_thread_the_system_gives_it_to(stage: Stage):
    pid = stage.start()
    threads = Path(f"/proc/{pid}/task")
    stage.until(lambda: len(list(threads.iterdir())) > 3, "the jobs")
    for thread in sorted(int(task.name) for task in threads.iterdir())[1:3]:
        ctypes.CDLL(None).syscall(TGKILL, pid, thread, signal.SIGTERM)
    assert stage.wait(pid) == 0


# A scheduler that does not work


@pytest.mark.parametrize("broken", ["hangs", "dies"])
def test_f56_a_process_whose_jobs_hang_or_whose_scheduler_died_ends_with_70_and_the_next_one_works(
    stage: Stage, broken: str
):
    sick = stage.start(breaks=broken)
    assert stage.wait(sick) == 70
    stage.queue(ada=False, bo=True)
    stage.start()
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo")) == (POSTED, POSTED)


# Short of files


def test_f73_with_64_files_at_most_every_post_is_out_once(stage: Stage, x: X):
    """More calls at once than files: what gets no socket was not sent, and waits its turn."""
    names = [f"host{n}" for n in range(70)]
    stage.take_time()
    x.latency = 0.3
    stage.queue(**dict.fromkeys(names, False))
    stage.start(files=64)
    stage.settle()
    assert stage.violations() == []
    assert {stage.state(name) for name in names} == {POSTED}
    assert x.attempts() == len(names)
    assert open_attempts() == []


def open_attempts() -> list[Any]:
    query = select(PostAttempt.id).join(Post, Post.id == PostAttempt.post_id).where(PostAttempt.outcome.is_(None))
    found = list(db.session.execute(query).scalars())
    db.session.commit()
    return found
