"""HEARTBEAT_URL: asked while all is well, and quiet as soon as anything is not."""

import logging
import resource
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from extensions import db
from models import Installation, JobRun, WorkerLease
from sandbox.standin import Fault
from services.alive import AliveService
from services.clients.http import Http
from services.registry import get_services

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECRET = "3f1c-secret-9a"


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def alive(app, settings, messengers):
    address = {"heartbeat_url": f"{messengers.url}/heartbeat/{SECRET}?status=up"}
    return AliveService(settings.model_copy(update=address), Http(), get_services().guard.journal)


def ran(*, checked=NOW, seen=NOW, error=None):
    """What the scheduler's last heartbeat wrote down."""
    db.session.merge(WorkerLease(name="looker", holder="p", expires_at=NOW + timedelta(days=1)))
    db.session.merge(
        JobRun(process="p", job="check", started_at=checked, finished_at=checked, error=error, seen_at=seen)
    )
    db.session.commit()


def test_it_is_called_while_all_is_well(alive, messengers):
    ran()
    assert alive.call_if_well(NOW, None)
    (asked,) = messengers.asked("GET")
    assert (asked.path, asked.query) == (f"/heartbeat/{SECRET}", {"status": "up"})


@pytest.mark.parametrize(
    "trouble",
    [
        {"seen": NOW - timedelta(seconds=70)},
        {"checked": NOW - timedelta(minutes=8)},
        {"error": "OperationalError: disk I/O error"},
    ],
)
def test_it_is_not_called_when_checks_or_writes_are_late_or_fail(alive, messengers, trouble):
    ran(**trouble)
    assert not alive.call_if_well(NOW, None)
    assert messengers.asked() == []


def test_it_is_not_called_before_the_first_check(alive, messengers):
    assert not alive.call_if_well(NOW, None)
    assert messengers.asked() == []


def test_it_is_not_called_while_the_scheduler_is_sick(alive, messengers):
    ran()
    assert not alive.call_if_well(NOW, "the check job has been running for 130 s")
    assert messengers.asked() == []


def test_it_is_not_called_in_quarantine(alive, messengers):
    ran()
    db.session.merge(Installation(id=1, instance_id="i", quarantined_at=NOW))
    db.session.commit()
    assert not alive.call_if_well(NOW, None)
    assert messengers.asked() == []


@contextmanager
def small_files():
    """Files of this process may not grow over a thousand bytes, as on a disk that is nearly full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.logs_errors
def test_it_is_not_called_while_the_journal_has_no_room_and_the_system_page_knows(alive, messengers, tmp_path):
    ran()
    with small_files():
        assert not alive.call_if_well(NOW, None)
        assert "cannot be used" in get_services().guard.ground().journal
    assert messengers.asked() == []
    assert alive.call_if_well(NOW + timedelta(seconds=30), None)
    assert get_services().guard.ground().journal is None
    assert (tmp_path / "journal" / f"{NOW:%Y-%m-%d}.jsonl").read_bytes() == b""


def test_a_call_that_fails_is_one_line_until_it_works_again_and_keeps_the_secret(alive, messengers, caplog):
    caplog.set_level(logging.DEBUG)
    ran()
    answers = [Fault(status=404), Fault(status=500), Fault(hang_up="before"), None, Fault(status=302)]
    called = []
    for fault in answers:
        messengers.faults = [fault] * 2 if fault else []
        called.append(alive.call_if_well(NOW, None))
    assert called == [False, False, False, True, False]
    lines = [r.getMessage() for r in caplog.records if r.name == "services.alive"]
    assert lines == [
        "HEARTBEAT_URL could not be called: it answered 404",
        "HEARTBEAT_URL could not be called: it answered 302",
    ]
    assert SECRET not in caplog.text


def test_without_an_address_nobody_is_called(app, settings, messengers):
    ran()
    assert not AliveService(settings, Http(), get_services().guard.journal).call_if_well(NOW, None)
    assert messengers.asked() == []


def test_no_transaction_is_open_while_it_is_called(alive, messengers):
    ran()
    open_ones = []
    messengers.watchers.append(
        lambda _request: open_ones.extend(s for s in db.session.registry.registry.values() if s.in_transaction())
    )
    assert alive.call_if_well(NOW, None)
    assert open_ones == []
