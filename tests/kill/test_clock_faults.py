"""The machine's clock is set while workers run. X and YouTube keep the true time."""

import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from werkzeug.wrappers import Request

from extensions import db
from models import Broadcast, Post, YouTubeChannel
from sandbox.x import X
from services.registry import get_services
from tests.kill.conftest import Stage

pytestmark = [pytest.mark.slow, pytest.mark.calls_in_transaction]

POSTED = ("posted", 1)
HOUR, TEN_YEARS = 3600, 10 * 365 * 86400
#: what is sent half an hour after the start is too late, and by a wrong clock, too
PART = 1200


class Clock:
    """The clock of all workers: a file that says how far it is ahead of the true time, which they follow at once."""

    def __init__(self, file: Path) -> None:
        self.file, self._lock = file, threading.Lock()
        self.set(0)

    def set(self, seconds: int) -> None:
        fresh = self.file.with_suffix(".new")
        with self._lock:
            fresh.write_text(str(seconds))
            fresh.replace(self.file)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "ahead")


def looked_at(stage: Stage) -> bool:
    """Whether a worker has looked at everything there is."""
    channels = list(db.session.execute(select(YouTubeChannel.last_look_at)).scalars())
    broadcasts = list(db.session.execute(select(Broadcast.last_look_at)).scalars())
    db.session.commit()
    return len(channels) == 2 and len(broadcasts) == 1 and None not in channels + broadcasts


@pytest.mark.parametrize("ahead", [HOUR, -HOUR, TEN_YEARS], ids=("1 h back", "1 h on", "10 y and back"))
def test_f52_after_the_clock_was_put_right_the_next_starts_are_seen_at_once(stage: Stage, clock: Clock, ahead: int):
    """One stream has a waiting room that is known, the other begins unforeseen."""
    clock.set(ahead)
    youtube = stage.cast.youtube
    known, sudden = stage.cast.show("Known", hosts=("ada",)), stage.cast.show("Sudden", hosts=("bo",))
    channels = [known.youtube_channel_id, sudden.youtube_channel_id]
    video = youtube.schedule(channels[0], "Queues", start=datetime.now(UTC) + timedelta(hours=2))
    db.session.commit()
    worker = stage.start(clock=str(clock.file))
    stage.until(lambda: looked_at(stage), "the first look")
    time.sleep(1.0)  # a look under way would judge by the old time
    os.kill(worker, signal.SIGSTOP)
    clock.set(0)
    youtube.go_live(video)
    youtube.go_live(channels[1], "Trees")
    os.kill(worker, signal.SIGCONT)
    stage.until(lambda: len(stage.posts()) == 2, "both starts")
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo")) == (POSTED, POSTED)


def set_when_x_is_asked(x: X, clock: Clock, ahead: int) -> None:
    def watch(request: Request) -> None:
        if (request.method, request.path) == ("POST", "/2/tweets"):
            clock.set(ahead)

    x.watchers.append(watch)


@pytest.mark.parametrize("answer", [{"hold": 0.3}, {"status": 503, "stored": True}], ids=("slow", "503"))
@pytest.mark.parametrize("before, after", [(PART, 0), (-PART, 0), (0, TEN_YEARS)], ids=("back", "on", "+10 y"))
def test_f52_a_clock_that_is_set_during_the_call_makes_nothing_go_out_twice(
    stage: Stage, x: X, clock: Clock, fault: Any, before: int, after: int, answer: dict[str, Any]
):
    clock.set(before)
    set_when_x_is_asked(x, clock, after)
    stage.queue(ada=False, bo=True)
    db.session.execute(update(Post).values(not_before=x.now() - timedelta(hours=1)))
    db.session.commit()
    fault(**answer)
    stage.start(clock=str(clock.file))
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), stage.state("bo"), x.attempts()) == (POSTED, POSTED, 2)


def test_f52_a_clock_that_jumps_ahead_proves_no_absence(stage: Stage, x: X, clock: Clock, fault: Any):
    """X shows the post after five seconds; two looks were in vain when twenty minutes are over at once."""
    x.visibility_delay = 5.0
    stage.queue(ada=False)
    fault(status=503, stored=True)
    patient = stage.settings_with(lookup_delays_seconds=(1, 2, 3, 6))
    stage.start(settings=patient, clock=str(clock.file))
    stage.until(lambda: stage.posts()[0].absences == 2, "two looks")
    clock.set(PART)
    stage.settle()
    assert stage.violations() == []
    assert (stage.state("ada"), x.attempts()) == (POSTED, 1)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/St_Johns"])
def test_f54_the_zone_of_the_machine_changes_nothing(stage: Stage, x: X, zone: str):
    stage.queue(ada=False)
    worker = stage.start(zone=zone)
    stage.settle()
    stage.kill(worker)
    assert stage.violations() == []
    sent = stage.posts()[0]
    assert (stage.state("ada"), x.attempts()) == (POSTED, 1)
    assert abs(sent.posted_at - x.now()) < timedelta(minutes=5)


def test_f57_a_run_that_is_a_minute_late_is_made_up_for(make_app: Callable[..., Any], stage: Stage):
    """APScheduler by itself drops what is a second late."""
    app = make_app(live_check_interval_seconds=3600.0)
    with app.app_context():
        jobs = get_services().scheduler
        jobs.start()
    try:
        stage.until(lambda: "check" in jobs._runs and jobs._runs["check"].finished is not None, "the first check")
        first = jobs._runs["check"]
        inside: Any = jobs._scheduler
        inside.modify_job("check", next_run_time=datetime.now(UTC) - timedelta(seconds=60))
        stage.until(lambda: jobs._runs["check"] is not first, "the late check")
    finally:
        jobs.stop()
    assert db.session.execute(select(Post.id)).all() == []
    db.session.commit()
