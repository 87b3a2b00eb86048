"""Notices on their way to people's addresses: each once, never twice, and never in the way of anything else."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from extensions import db
from models import Notice, NoticeAddress, NoticeNetwork, NoticeSending, User
from sandbox.notify import BOT_TOKEN
from sandbox.standin import Fault
from services.audit import Actor
from services.notice_addresses import Wanted, set_address
from services.notice_store import store
from services.notice_words import INFO, NEEDS_YOU, Event
from services.notices import NoticeService
from services.registry import get_services

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PASTED = {
    "discord": "https://discord.com/api/webhooks/1234567890/" + "s" * 68,
    "slack": "https://hooks.slack.com/services/T0000AAAA/B0000BBBB/" + "s" * 24,
    "telegram": "424242",
    "email": "",
}


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def settings(settings, messengers):
    return settings.model_copy(
        update={
            "discord_api_url": messengers.url,
            "slack_api_url": messengers.url,
            "telegram_api_url": messengers.url,
            "telegram_bot_token": BOT_TOKEN,
        }
    )


@pytest.fixture
def ada(cast):
    return cast.user("ada").id


@pytest.fixture
def post_office(services):
    return PostOffice(services)


class PostOffice:
    """The job that sends, at times of its own."""

    def __init__(self, services):
        self.services, self.at = services, NOW

    def later(self, **delta):
        self.at += timedelta(**delta)
        return self

    def send(self):
        db.session.rollback()
        return self.services.notify.send_due(self.at)

    def way(self, user_id, network, *, everything=True):
        wanted, services = Wanted(NoticeNetwork(network), PASTED[network], everything), self.services
        set_address(wanted, services.vault, services.settings, Actor(user_id), self.at)
        return db.session.execute(select(NoticeAddress.id).filter_by(user_id=user_id, network=network)).scalar_one()

    def tell(self, *user_ids, key="live:1", level=NEEDS_YOU, title="Deep Dive is live"):
        db.session.rollback()
        store([Event(key, "live", title, "2 of 2 posted.", "/podcasts/1", user_ids, level)], self.at)


def sendings():
    query = select(NoticeSending.status, NoticeSending.tries, NoticeSending.error).order_by(NoticeSending.id)
    found = [tuple(row) for row in db.session.execute(query)]
    db.session.rollback()
    return found


def address(address_id):
    found = db.session.get(NoticeAddress, address_id, populate_existing=True)
    db.session.expunge(found)
    db.session.rollback()
    return found


@pytest.mark.parametrize("network", ["discord", "slack", "telegram"])
def test_a_notice_is_sent_once_with_a_link_to_this_server(post_office, ada, messengers, network):
    way = post_office.way(ada, network)
    post_office.tell(ada)
    assert (post_office.send(), post_office.later(hours=1).send()) == (1, 0)
    assert messengers.texts(network) == ["Deep Dive is live\n2 of 2 posted.\nhttp://127.0.0.1:5000/podcasts/1"]
    assert address(way).last_sent_at == NOW


def test_only_what_needs_somebody_goes_where_only_that_is_wanted(post_office, ada, messengers):
    post_office.way(ada, "discord")
    post_office.way(ada, "slack", everything=False)
    post_office.tell(ada, key="a", level=INFO, title="Went well")
    post_office.tell(ada, key="b", level=NEEDS_YOU, title="Needs you")
    post_office.send()
    assert len(messengers.texts("discord")) == 2
    (only,) = messengers.texts("slack")
    assert only.startswith("Needs you")


def test_what_certainly_did_not_arrive_is_tried_again_five_times(post_office, ada, messengers):
    way = post_office.way(ada, "discord")
    post_office.tell(ada)
    port = messengers._server.port
    messengers.stop()
    tried = []
    for minutes in (0, 0.9, 0.2, 4.9, 0.2, 14.9, 0.2, 14.9, 0.2, 60, 60):
        post_office.later(minutes=minutes).send()
        tried.append(sendings()[0][1])
    assert tried == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5]
    assert sendings()[0][0] == "failed"
    assert address(way).error == "The other side cannot be reached right now. Airhorn tries again."
    messengers.start(port)
    post_office.tell(ada, key="live:2")
    assert post_office.send() == 1
    assert (address(way).error, address(way).failures) == (None, 0)


def test_the_time_to_wait_is_what_the_other_side_says(post_office, ada, messengers):
    post_office.way(ada, "discord")
    post_office.tell(ada)
    messengers.faults = [Fault(status=429, body='{"retry_after": 7.5}')]
    assert [post_office.later(seconds=s).send() for s in (0, 7, 1)] == [0, 0, 1]


@pytest.mark.parametrize(
    "fault",
    [Fault(hang_up="after"), Fault(hang_up="before"), Fault(status=500, stored=True), Fault(status=302), Fault(cut=1)],
)
def test_what_may_have_arrived_is_never_sent_again(post_office, ada, messengers, fault):
    way = post_office.way(ada, "slack")
    post_office.tell(ada)
    messengers.faults = [fault]
    post_office.send()
    assert [post_office.later(hours=1).send() for _ in range(3)] == [0, 0, 0]
    assert sendings() == [("failed", 1, "The notice was sent, but nobody confirmed it. It is not sent twice.")]
    assert len(messengers.asked("POST")) == 1
    assert not address(way).is_broken


def test_a_webhook_that_is_gone_is_asked_no_more_and_its_owner_is_told_by_what_still_works(
    post_office, ada, messengers
):
    way = post_office.way(ada, "discord")
    messengers.gone.add("1234567890/" + "s" * 68)
    post_office.tell(ada)
    post_office.later(seconds=1).tell(ada, key="live:2")
    post_office.way(ada, "slack")
    post_office.send()
    assert address(way).is_broken
    assert "Set a new one under Profile, Notices." in address(way).error
    assert post_office.later(seconds=5).send() == 1
    assert messengers.texts("slack")[0].startswith("Notices no longer reach you by Discord")
    asked = len(messengers.asked("POST", "/api/webhooks"))
    post_office.tell(ada, key="live:3")
    post_office.later(hours=1).send()
    assert len(messengers.asked("POST", "/api/webhooks")) == asked
    broken = db.session.execute(select(Notice).filter_by(kind="address")).scalars().all()
    assert [one.link for one in broken] == ["/profile/notices"]


def test_a_sending_that_was_interrupted_is_left_alone(post_office, ada, messengers):
    post_office.way(ada, "discord")
    post_office.tell(ada)
    db.session.execute(update(NoticeSending).values(status="sending", tries=1))
    db.session.commit()
    post_office.later(minutes=4).send()
    assert sendings()[0][0] == "sending"
    post_office.later(minutes=2).send()
    assert sendings() == [("failed", 1, "Airhorn was interrupted while sending a notice. It is not sent twice.")]
    assert messengers.asked() == []


def test_what_is_hours_old_helps_nobody_and_is_not_sent(post_office, ada, messengers):
    post_office.way(ada, "discord")
    post_office.tell(ada)
    post_office.later(hours=7).send()
    assert sendings()[0][0] == "failed"
    assert messengers.asked() == []


def test_who_is_switched_off_is_sent_nothing(post_office, ada, messengers):
    post_office.way(ada, "discord")
    post_office.tell(ada)
    db.session.execute(update(User).values(is_active=False))
    db.session.commit()
    assert post_office.send() == 0
    assert messengers.asked() == []


def test_an_address_sealed_with_a_lost_key_says_so(post_office, ada, messengers):
    way = post_office.way(ada, "discord")
    db.session.execute(update(NoticeAddress).values(address=b"rubbish"))
    db.session.commit()
    post_office.tell(ada)
    post_office.send()
    assert address(way).is_broken
    assert address(way).error.startswith("The stored address does not open.")


def test_addresses_are_sealed_and_open_with_a_new_key_after_resealing(post_office, ada, messengers):
    way = post_office.way(ada, "discord")
    stored = address(way).address
    assert b"ssss" not in stored
    post_office.services.tokens.reseal()
    assert address(way).address != stored
    post_office.tell(ada)
    assert post_office.send() == 1


def test_one_that_hangs_is_enough_of_its_network_and_holds_up_no_other(post_office, cast, messengers):
    people = [cast.user(f"user{n}").id for n in range(12)]
    for person in people:
        post_office.way(person, "discord")
    post_office.way(people[0], "slack")
    post_office.tell(*people)
    messengers.faults = [Fault(path="webhooks", delay=1.0, hang_up="before")] * 12
    post_office.send()
    assert messengers.texts("slack") != []
    # four threads, one second each, and the rest is put off
    assert len(messengers.asked("POST", "webhooks")) <= 4
    messengers.faults = []
    assert post_office.later(minutes=2).send() >= 8


@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
def test_two_processes_send_each_notice_once(post_office, cast, make_app, messengers):
    people = [cast.user(f"user{n}").id for n in range(10)]
    for person in people:
        post_office.way(person, "discord")
    post_office.tell(*people)
    barrier, apps = threading.Barrier(2), [make_app(), make_app()]

    def run(app):
        with app.app_context():
            barrier.wait()
            get_services().notify.send_due(NOW)

    threads = [threading.Thread(target=run, args=(app,)) for app in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(messengers.asked("POST")) == 10
    assert {row[:2] for row in sendings()} == {("sent", 1)}


def test_no_transaction_is_open_while_somebody_else_is_asked(post_office, ada, messengers):
    post_office.way(ada, "discord")
    post_office.tell(ada)
    held = []

    def watch(_request):
        held.extend(s.get_transaction() for s in list(db.session.registry.registry.values()) if s.in_transaction())

    messengers.watchers.append(watch)
    assert post_office.send() == 1
    assert held == []


def test_a_real_start_goes_all_the_way(desk, services, messengers):
    office = PostOffice(services)
    office.at = desk.at
    desk.on_air("ada")
    ada = db.session.execute(select(User.id)).scalar_one()
    office.way(ada, "telegram")
    desk.drain()
    db.session.rollback()
    NoticeService(services.settings).make(desk.later(2).at)
    office.at = desk.at
    assert office.send() == 1
    (text,) = messengers.texts("telegram")
    assert text.startswith("Show of ada is live: 1 of 1 posted\nQueues\nThe last post was out ")


def test_a_test_arrives_at_once_and_tells_what_is_wrong(post_office, ada, messengers):
    way = post_office.way(ada, "discord")
    db.session.rollback()
    assert post_office.services.notify.test(way, ada, NOW) == (True, "Sent. Look at Discord.")
    messengers.faults = [Fault(status=404)]
    arrived, sentence = post_office.services.notify.test(way, ada, NOW)
    assert (arrived, sentence.split(".")[0]) == (False, "The address for notices is not there any more")
    assert address(way).is_broken
    assert post_office.services.notify.test(way, ada, NOW)[0]
    assert not address(way).is_broken
