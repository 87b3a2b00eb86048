"""Deliveries that come while another one is written: what was acknowledged is kept, whatever the database does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from extensions import db
from models import Broadcast
from sandbox import hub_payloads as payloads
from services.push_deliveries import PATIENT_ONES
from tests.processes import eventually
from tests.push_stage import *  # noqa: F403 - its fixtures


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def channels(push):
    """Whose callbacks these are is known, and who waits does so as long as the test needs."""
    push.service.deliveries.patience = 300.0
    found = [push.subscribed(f"Show {n}") for n in range(PATIENT_ONES + 2)]
    for channel in found:
        push.send(channel, secret="another")
    return found


class Stopped:
    """The first one that keeps a video stands still inside its transaction until it is told how that ends."""

    def __init__(self) -> None:
        self.is_reached, self.goes_on = threading.Event(), threading.Event()
        self.is_refused = False

    def __call__(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("INSERT INTO broadcasts") or self.is_reached.is_set():
            return
        self.is_reached.set()
        assert self.goes_on.wait(60)
        if self.is_refused:
            raise OperationalError(statement, {}, Exception("database is locked"))


@contextmanager
def stopped() -> Iterator[Stopped]:
    stop, engine = Stopped(), db.engine
    event.listen(engine, "before_cursor_execute", stop)
    try:
        yield stop
    finally:
        stop.goes_on.set()
        event.remove(engine, "before_cursor_execute", stop)


class Sending:
    """One delivery, in a thread of its own."""

    def __init__(self, send: Callable[..., Any], *given: Any) -> None:
        self._sent: list[Any] = []
        self.thread = threading.Thread(target=lambda: self._sent.append(send(*given)), daemon=True)
        self.thread.start()

    def status(self) -> int:
        self.thread.join(60)
        return self._sent[0].status


def kept() -> set[str]:
    db.session.rollback()
    found = set(db.session.execute(select(Broadcast.video_id)).scalars())
    db.session.rollback()
    return found


def naming(push, channel: str, number: int) -> Sending:
    return Sending(push.send, channel, push.body(channel, f"video-{number:05}"))


def waiting(push, number: int) -> None:
    eventually(lambda: len(push.service.deliveries._waiting) == number)


@pytest.mark.logs_errors
def test_when_the_write_of_another_fails_a_hub_is_told_to_come_again_and_what_it_repeats_is_kept(push, channels):
    with stopped() as stop:
        first = naming(push, channels[0], 0)
        assert stop.is_reached.wait(60)
        second = naming(push, channels[1], 1)
        waiting(push, 1)
        stop.is_refused = True
        stop.goes_on.set()
        assert [first.status(), second.status()] == [503, 503]
    assert kept() == set()
    assert [naming(push, channel, n).status() for n, channel in enumerate(channels[:2])] == [204, 204]
    assert kept() == {"video-00000", "video-00001"}
    assert push.wishes(channels[1]) == (1, True)


def test_what_is_left_to_another_is_kept_when_that_is_acknowledged(push, channels):
    with stopped() as stop:
        first = naming(push, channels[0], 0)
        assert stop.is_reached.wait(60)
        others = [naming(push, channels[0], 1), naming(push, channels[1], 2)]
        waiting(push, 2)
        assert all(one.thread.is_alive() for one in others)
        stop.goes_on.set()
        assert [one.status() for one in (first, *others)] == [204] * 3
    assert kept() == {"video-00000", "video-00001", "video-00002"}


def test_only_a_few_wait_and_who_names_nothing_new_does_not(push, channels):
    with stopped() as stop:
        naming(push, channels[0], 0)
        assert stop.is_reached.wait(60)
        patient = [naming(push, channel, 1 + n) for n, channel in enumerate(channels[1:-1])]
        waiting(push, PATIENT_ONES)
        assert naming(push, channels[-1], 9).status() == 503
        gone = payloads.tombstone(channels[-1], "v" * 11, author="Ada", when=datetime.now(UTC))
        assert push.send(channels[-1], gone).status == 204
        assert all(one.thread.is_alive() for one in patient)
        stop.goes_on.set()
        assert {one.status() for one in patient} == {204}
    eventually(lambda: "video-00009" in kept())  # it was written with the others all the same
    assert naming(push, channels[-1], 9).status() == 204


def test_while_the_database_stands_still_nothing_that_names_a_video_is_acknowledged(push, channels):
    """Also not the video that is being written: a hub whose patience is over delivers that again."""
    with stopped() as stop:
        first = naming(push, channels[0], 0)
        assert stop.is_reached.wait(60)
        push.service.deliveries.patience = 0.0
        assert [naming(push, channel, n).status() for n, channel in enumerate(channels[:2])] == [503, 503]
        push.service.deliveries.patience = 300.0
        stop.goes_on.set()
        assert first.status() == 204
    assert [naming(push, channel, n).status() for n, channel in enumerate(channels[:2])] == [204, 204]
    assert kept() == {"video-00000", "video-00001"}


def test_whose_patience_is_over_has_to_come_again(push, channels):
    with stopped() as stop:
        naming(push, channels[0], 0)
        assert stop.is_reached.wait(60)
        deliveries = push.service.deliveries
        deliveries._writing_since += 300.0  # so that the one who writes is not taken for stuck
        deliveries.patience = 0.0
        assert naming(push, channels[1], 1).status() == 503
        deliveries.patience = 300.0
        again = naming(push, channels[1], 1)
        stop.goes_on.set()
        assert again.status() == 204
    assert "video-00001" in kept()
