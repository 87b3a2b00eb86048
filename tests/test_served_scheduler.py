"""The scheduler inside a server that people run: one in each worker, however it came to be; it ends with its worker."""

import re
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select

from extensions import db
from models import JobRun, WorkerLease
from tests.cast import ago
from tests.processes import end, eventually, free_port, start

QUICK = {"live_watch_interval_seconds": 0.2, "live_check_interval_seconds": 2.0}
TOKEN = "a-token-for-scraping"


@contextmanager
def serving(settings, log, *options):
    """gunicorn with the scheduler inside. Yields (process, port)."""
    port = free_port()
    embedded = settings.model_copy(update=QUICK | {"scheduler": "embedded", "metrics_token": TOKEN})
    address = ("--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--no-control-socket")
    process = start(embedded, "gunicorn", "app:create_app()", *address, *options, log=log)
    try:
        yield process, port
    finally:
        end(process)


def lease():
    row = db.session.execute(select(WorkerLease.holder, WorkerLease.expires_at)).one_or_none()
    db.session.rollback()
    return row


def is_held():
    row = lease()
    return row is not None and row.expires_at > datetime.now(UTC)


def looker():
    return lease().holder if is_held() else None


@pytest.mark.slow
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_server_that_ends_gives_the_lease_back(app, settings, tmp_path):
    log = tmp_path / "gunicorn.log"
    with serving(settings, log):
        eventually(is_held, timeout=60)
    assert not is_held(), log.read_text()
    assert "scheduler stopped" in log.read_text()


def answering(port):
    """(name of the process that answered, whether it is ready)."""
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        families = {one.name: one.samples for one in text_string_to_metric_families(answer.read().decode())}
    return families["airhorn_pushes"][0].labels["process"], families["airhorn_ready"][0].value == 1


def all_ready(port, workers):
    """The names of so many workers, once all of them have said that they are ready."""
    found = set()

    def ask():
        name, is_ready = answering(port)
        found.add(name) if is_ready else found.discard(name)
        return len(found) == workers

    eventually(ask, timeout=60)
    return found


def beating():
    """The ids of all processes whose jobs ever ran."""
    names = db.session.execute(select(JobRun.process)).scalars().all()
    db.session.rollback()
    return {name.split("-")[-2] for name in names}


@pytest.mark.slow
@pytest.mark.calls_in_transaction
@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_workers_of_an_application_that_was_loaded_first_all_work_and_one_that_is_replaced_hands_on(
    cast, settings, tmp_path
):
    """The process that loaded it and forks does nothing. A worker ends after some requests; all posts are out once."""
    log = tmp_path / "gunicorn.log"
    first, second = cast.show("One", hosts=("ada",)), cast.show("Two", hosts=("bo",))
    cast.go_live(first, "Queues", at=ago(seconds=5))
    with serving(settings, log, "--preload", "--workers", "2", "--max-requests", "20") as (master, port):
        eventually(lambda: cast.timeline("ada"), timeout=60)
        workers = all_ready(port, 2)
        holder = looker()
        assert holder in workers
        eventually(lambda: answering(port) and looker() not in (None, holder), timeout=60)
        cast.go_live(second, "Trees", at=ago(seconds=5))
        eventually(lambda: cast.timeline("bo"), timeout=60)
        eventually(lambda: len(beating()) >= 3, timeout=60)
    assert str(master.pid) not in beating()
    assert [len(cast.timeline(host)) for host in ("ada", "bo")] == [1, 1]
    said = log.read_text()
    assert not re.search("CRITICAL|ERROR|TIMEOUT", said), said
