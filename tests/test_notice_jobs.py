"""Telling people beside posting, in the real jobs' own threads."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from extensions import db
from models import NoticeNetwork, PostStatus, User
from sandbox.standin import Fault
from services.audit import Actor
from services.notice_addresses import Wanted, set_address
from services.notice_store import store
from services.notice_words import Event
from services.registry import get_services
from tests import processes

WEBHOOK = "https://discord.com/api/webhooks/1234567890/" + "s" * 68


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def settings(settings, messengers):
    quick = {"live_watch_interval_seconds": 0.2, "live_check_interval_seconds": 2.0}
    return settings.model_copy(
        update=quick | {"discord_api_url": messengers.url, "heartbeat_url": f"{messengers.url}/heartbeat"}
    )


@pytest.fixture
def scheduler(app):
    scheduler = get_services().scheduler
    yield scheduler
    scheduler.stop()


def wants_discord(user_id):
    services, now = get_services(), datetime.now(UTC)
    set_address(Wanted(NoticeNetwork.DISCORD, WEBHOOK, True), services.vault, services.settings, Actor(user_id), now)


@pytest.mark.slow
@pytest.mark.calls_in_transaction  # jobs run side by side: one may write while another asks
def test_a_start_is_posted_and_told_by_the_jobs(cast, scheduler, messengers):
    show = cast.show(hosts=("ada",))
    wants_discord(db.session.execute(select(User.id)).scalar_one())
    scheduler.start()
    cast.go_live(show, "Queues")
    processes.eventually(lambda: messengers.texts("discord"), timeout=60)
    assert messengers.texts("discord")[0].startswith("Deep Dive is live: 1 of 1 posted\nQueues\n")


@pytest.mark.slow
@pytest.mark.calls_in_transaction
def test_a_hanging_discord_holds_up_no_post_and_no_end(cast, scheduler, messengers):
    show = cast.show(hosts=("ada",))
    ada = db.session.execute(select(User.id)).scalar_one()
    wants_discord(ada)
    events = [Event(f"e:{n}", "live", "Before", "", "/", (ada,)) for n in range(20)]
    store(events, datetime.now(UTC))
    messengers.faults = [Fault(path="webhooks", delay=9, hang_up="before")] * 20
    scheduler.start()
    processes.eventually(lambda: messengers.asked("POST"), timeout=60)
    cast.go_live(show, "Queues")
    processes.eventually(lambda: cast.posts(status=PostStatus.POSTED), timeout=60)
    scheduler.stop()
    # Those four were begun at once; of the others none was begun after it.
    assert len(messengers.asked("POST")) == 4
