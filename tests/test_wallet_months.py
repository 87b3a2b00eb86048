"""Budgets, allowances and the nightly check: months in the podcast's own zone, each thing once."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from extensions import db
from models import EntryKind, Notice, Podcast, PodcastMember, Role, User
from services import wallet, wallet_job
from services.audit import NOBODY
from services.errors import Uncovered
from services.money import DOLLAR
from services.wallet import Rules
from services.wallet_allowances import pay_allowances
from services.wallet_check import differences
from services.wallet_job import WalletJob
from services.wallet_months import month_of
from tests import processes
from tests.till import WITH_LINK, Till, statements

NEW_YORK, AUCKLAND = "America/New_York", "Pacific/Auckland"


@pytest.fixture
def till(cast):
    return Till(cast)


def at(*when):
    return datetime(*when, tzinfo=UTC)


def rules(till, whose, **more):
    wallet.set_rules(whose, Rules(**more), NOBODY, till.now)


def told():
    found = [
        (one.title, one.body, one.level) for one in db.session.execute(select(Notice).order_by(Notice.id)).scalars()
    ]
    db.session.rollback()
    return sorted(set(found))


# Months


@pytest.mark.parametrize(
    "now, zone, name, since, until",
    [
        (at(2026, 11, 30, 11, 30), AUCKLAND, "2026-12", at(2026, 11, 30, 11), at(2026, 12, 31, 11)),
        (at(2026, 11, 30, 10, 30), AUCKLAND, "2026-11", at(2026, 10, 31, 11), at(2026, 11, 30, 11)),
        (at(2026, 12, 1, 4, 59), NEW_YORK, "2026-11", at(2026, 11, 1, 4), at(2026, 12, 1, 5)),
        (at(2026, 12, 31, 23), "UTC", "2026-12", at(2026, 12, 1), at(2027, 1, 1)),
    ],
)
def test_a_month_begins_at_midnight_in_its_zone(now, zone, name, since, until):
    found = month_of(now, zone)
    assert (found.name, found.since, found.until) == (name, since, until)


# Budgets


def test_drafts_stop_before_the_months_budget_is_overrun_and_posts_go_on(till):
    rules(till, till.podcast, budget=DOLLAR)
    till.spend("ada", 600_000, item="ai")
    wallet.reserve(till.draft("bo", 300_000), till.now)
    with pytest.raises(Uncovered, match=r"The podcast's budget of this month is \$1.00, and \$0.90 of it are used."):
        wallet.reserve(till.draft("ada", 100_001), till.now)
    till.spend("ada", 100_000, item="ai")
    till.spend("bo")


def test_a_hosts_budget_counts_what_others_paid_for_him(till):
    rules(till, till.of("bo"), budget=DOLLAR)
    till.spend("bo", 700_000)
    till.spend("ada", 700_000)
    with pytest.raises(Uncovered, match=r"Your budget of this month is \$1.00, and \$0.70 of it are used."):
        wallet.reserve(till.draft("bo", 300_001), till.now)
    wallet.reserve(till.draft("ada", 300_001), till.now)


def test_several_drafts_at_once_do_not_overrun_a_budget_together(till):
    rules(till, till.podcast, budget=DOLLAR)
    orders = [till.draft("ada", 600_000), till.draft("bo", 600_000), till.draft("bo", 400_000)]
    answers = wallet.reserve_all(db.session(), orders, till.now)
    db.session.commit()
    assert [isinstance(answers[order.key], Uncovered) for order in orders] == [False, True, False]


def test_a_new_month_has_its_whole_budget(till, cast):
    rules(till, till.podcast, budget=DOLLAR)
    till.spend("ada", DOLLAR)
    with pytest.raises(Uncovered):
        wallet.reserve(till.draft(), till.now)
    till.now = at(2026, 12, 1)
    wallet.reserve(till.draft(cost=DOLLAR), till.now)


def test_without_a_budget_nobody_counts(till):
    with statements() as asked:
        wallet.reserve_all(db.session(), [till.draft()], till.now)
        db.session.commit()
    assert not [one for one in asked if "sum(" in one.lower()]


def test_admins_are_told_at_80_percent_and_when_all_is_spent(till):
    rules(till, till.podcast, budget=DOLLAR)
    rules(till, till.of("bo"), budget=10 * DOLLAR)
    till.spend("bo", 799_999)
    WalletJob().run(till.now)
    assert told() == []
    till.spend("bo", 1)
    for _ in range(2):
        WalletJob().run(till.now)
    assert told() == [
        ("Deep Dive: 80 % of the podcast's budget is spent", "$0.80 of $1.00 are spent in November 2026.", "info")
    ]
    till.spend("bo", 9 * DOLLAR)
    for _ in range(2):
        WalletJob().run(till.now)
    assert [(title, level) for title, _, level in told()] == [
        ("Deep Dive: 80 % of the budget of Bo is spent", "info"),
        ("Deep Dive: 80 % of the podcast's budget is spent", "info"),
        ("Deep Dive: all of the podcast's budget is spent", "needs_you"),
    ]


def test_a_host_is_told_of_his_own_budget_and_not_of_the_podcasts(till):
    db.session.execute(
        db.update(PodcastMember).where(PodcastMember.user_id == till.ids["bo"]).values(role=Role.CONTRIBUTOR)
    )
    db.session.commit()
    rules(till, till.of("bo"), budget=DOLLAR)
    rules(till, till.podcast, budget=DOLLAR)
    till.spend("bo", DOLLAR)
    WalletJob().run(till.now)
    query = select(Notice.title, User.name).join(User, User.id == Notice.user_id).order_by(Notice.title, User.name)
    assert [tuple(row) for row in db.session.execute(query)] == [
        ("Deep Dive: all of the budget of Bo is spent", "Ada"),
        ("Deep Dive: all of the budget of Bo is spent", "Bo"),
        ("Deep Dive: all of the podcast's budget is spent", "Ada"),
    ]


# Allowances


def test_an_allowance_comes_once_in_each_month_of_the_podcasts_zone(cast):
    till = Till(cast, timezone=AUCKLAND)
    rules(till, till.podcast, allowance=5 * DOLLAR)
    for now in (at(2026, 11, 24), at(2026, 11, 25), at(2026, 11, 30, 10, 59)):
        pay_allowances(now)
        assert till.stands(till.podcast) == (5 * DOLLAR, 0)
    assert [pay_allowances(at(2026, 11, 30, 11)) for _ in range(2)] == [1, 0]
    assert till.stands(till.podcast) == (10 * DOLLAR, 0)
    assert [entry.kind for entry in till.entries()] == ["allowance"] * 2
    assert till.adds_up()


def test_a_month_that_was_slept_through_is_not_made_up_for(till):
    rules(till, till.podcast, allowance=DOLLAR)
    pay_allowances(at(2026, 11, 24))
    pay_allowances(at(2027, 2, 3))
    assert till.stands(till.podcast) == (2 * DOLLAR, 0)


def test_an_allowance_that_is_changed_counts_from_the_next_month(till):
    rules(till, till.podcast, allowance=DOLLAR)
    pay_allowances(at(2026, 11, 24))
    rules(till, till.podcast, allowance=3 * DOLLAR)
    pay_allowances(at(2026, 11, 25))
    assert till.stands(till.podcast) == (DOLLAR, 0)
    pay_allowances(at(2026, 12, 1))
    assert till.stands(till.podcast) == (4 * DOLLAR, 0)


def test_a_host_with_an_allowance_pays_from_it(till):
    rules(till, till.of("bo"), allowance=DOLLAR)
    pay_allowances(till.now)
    till.spend("bo")
    assert (till.stands(till.of("bo")), till.stands(till.podcast)) == ((DOLLAR - WITH_LINK, 0), (0, 0))
    (entry,) = till.entries(EntryKind.ALLOWANCE)
    assert entry.user_id == till.ids["bo"]


def test_who_has_left_and_what_is_archived_gets_nothing(till, cast):
    other = Till(cast, ("ada",), name="Night Shift")
    for whose in (till.of("bo"), other.podcast):
        rules(till, whose, allowance=DOLLAR)
    db.session.execute(db.delete(PodcastMember).where(PodcastMember.user_id == till.ids["bo"]))
    db.session.get_one(Podcast, other.show_id).is_active = False
    db.session.commit()
    assert pay_allowances(till.now) == 0


def test_while_there_is_nothing_to_pay_two_statements_are_enough(till):
    rules(till, till.podcast, allowance=DOLLAR)
    pay_allowances(till.now)
    with statements() as asked:
        assert pay_allowances(till.now) == 0
    assert len(asked) == 2


# The check


def spoil(statement):
    if db.engine.dialect.name == "sqlite":
        db.session.execute(text("DROP TRIGGER wallet_entries_no_update"))
    else:
        db.session.execute(text("ALTER TABLE wallet_entries DISABLE TRIGGER USER"))
    db.session.execute(text(statement))
    db.session.commit()


@pytest.mark.parametrize(
    "statement, said",
    [
        ("UPDATE wallets SET balance = balance + 1", "It says $1.000001 with $0.00 held; its entries add up to $1.00"),
        ("UPDATE wallets SET held = 2", "It says $1.00 with $0.000002 held; its entries add up to $1.00 with $0.00"),
        ("UPDATE wallet_entries SET balance_after = 3", "From entry 1 on, the balance written beside each entry"),
        (
            "UPDATE wallet_entries SET amount = amount - 4",
            "It says $1.00 with $0.00 held; its entries add up to $0.9999",
        ),
    ],
)
def test_a_wallet_that_does_not_add_up_is_found(till, statement, said):
    till.top_up(till.podcast)
    assert differences() == []
    spoil(statement)
    found = differences()
    db.session.rollback()
    assert said in found[0].what
    assert (found[0].podcast_id, found[0].user_id) == (till.show_id, None)


def test_money_that_was_lost_between_two_wallets_is_found(till):
    till.top_up(till.podcast, 2)
    wallet.transfer(till.podcast, till.of("bo"), DOLLAR, key="k", by=NOBODY, now=till.now)
    spoil("UPDATE wallet_entries SET amount = amount - 5 WHERE kind = 'transfer' AND amount > 0")
    assert "Its transfers leave -$0.000005 that no wallet has." in [one.what for one in differences()]
    db.session.rollback()


@pytest.mark.logs_errors
def test_those_who_run_the_server_are_told_each_day_until_it_adds_up(till, cast):
    cast.user("root", is_admin=True)
    till.top_up(till.podcast)
    spoil("UPDATE wallets SET balance = balance + 1")
    job = WalletJob()
    job.run(at(2026, 11, 24, 2, 59))
    assert told() == []
    for now in (at(2026, 11, 24, 3), at(2026, 11, 24, 4), at(2026, 11, 25, 3)):
        job.run(now)
    assert [one.title for one in db.session.execute(select(Notice)).scalars()] == ["A wallet does not add up"] * 2
    db.session.execute(text("UPDATE wallets SET balance = balance - 1"))
    db.session.commit()
    job.run(at(2026, 11, 26, 3))
    assert len(db.session.execute(select(Notice)).all()) == 2


def test_the_nightly_check_runs_once_a_day(till):
    job = WalletJob()
    with statements() as asked:
        for hours in range(3, 23):
            job.run(at(2026, 11, 24) + timedelta(hours=hours))
    assert len([one for one in asked if "over (" in one.lower()]) == 1
    assert wallet_job.difference_events([], till.now) == []


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_the_scheduler_pays_allowances_when_it_starts(till, services):
    rules(till, till.podcast, allowance=DOLLAR)
    services.scheduler.start()
    try:
        processes.eventually(lambda: till.stands(till.podcast) == (DOLLAR, 0), timeout=60)
    finally:
        services.scheduler.stop()
