"""Several spend at the same moment: one gets the last of it, nothing happens twice, and everything adds up.

A thousand of each, between processes, by `python -m tests.chaos.races --only balance`.
"""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from extensions import db
from models import EntryKind
from services import wallet
from services.audit import NOBODY
from services.errors import Conflict, Uncovered
from services.money import DOLLAR
from services.wallet_allowances import pay_allowances
from tests import processes
from tests.till import WITH_LINK, Till

TIMES = range(5)


@pytest.fixture
def till(cast):
    till = Till(cast)
    yield till
    assert till.adds_up()


def at_once(app: Flask, *acts: Callable[[], Any]) -> list[Any]:
    """What each answered or raised, all begun at the same moment."""
    answers: list[Any] = [None] * len(acts)
    together = threading.Barrier(len(acts))

    def run(number: int, act: Callable[[], Any]) -> None:
        with app.app_context():
            together.wait(30)
            try:
                answers[number] = act()
            except Exception as error:  # noqa: BLE001 - what went wrong is what is asserted
                answers[number] = error

    threads = [threading.Thread(target=run, args=one) for one in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def meanwhile(app: Flask, act: Callable[[], Any]) -> Any:
    """What it answers or raises when it begins while this transaction is open, which is committed then."""
    begun, answers = threading.Event(), []

    def run() -> None:
        with app.app_context():
            begun.set()
            try:
                answers.append(act())
            except Exception as error:  # noqa: BLE001 - what went wrong is what is asserted
                answers.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    begun.wait(30)
    if db.engine.dialect.name == "postgresql":
        processes.eventually(somebody_waits, timeout=60)
    db.session.commit()
    thread.join(60)
    return answers[0]


def somebody_waits() -> bool:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return bool(db.session.execute(waiting).scalar_one())


def test_who_comes_second_sees_what_the_first_has_held(app, till):
    till.top_up(till.podcast)
    till.limit(till.podcast)
    first, second = till.draft(cost=DOLLAR), till.draft("bo", DOLLAR)
    wallet.reserve_all(db.session(), [first], till.now)
    answer = meanwhile(app, lambda: wallet.reserve(second, till.now))
    assert isinstance(answer, Uncovered)
    assert "$0.00 left" in str(answer)


def test_what_the_first_did_stands_in_the_balance_after_the_second(app, till):
    till.top_up(till.podcast)
    first, second = till.order(), till.order("bo")
    wallet.reserve_all(db.session(), [first], till.now)
    answer = meanwhile(app, lambda: wallet.reserve(second, till.now))
    assert answer.held_after == 2 * WITH_LINK


def test_the_same_order_at_the_same_moment_is_held_once(app, till):
    till.top_up(till.podcast)
    order = till.order()
    held = wallet.reserve_all(db.session(), [order], till.now)[order.key]
    assert meanwhile(app, lambda: wallet.reserve(order, till.now)) == held
    assert len(till.entries(EntryKind.RESERVE)) == 1


def test_the_same_end_at_the_same_moment_is_written_once(app, till):
    hold = wallet.reserve(till.order(), till.now)
    key = hold.key.removesuffix("#reserve")
    (charged,) = wallet.settle_all(db.session(), {key: None}, [], till.now)
    assert meanwhile(app, lambda: wallet.charge(hold, WITH_LINK, till.now)) == charged
    assert till.stands(till.podcast) == (-WITH_LINK, 0)


def test_the_whole_balance_is_spent_by_one_of_two(app, till):
    till.top_up(till.podcast)
    till.limit(till.podcast)
    for number in TIMES:
        orders = [till.draft(cost=DOLLAR), till.draft("bo", DOLLAR)]
        answers = at_once(app, *[lambda order=order: wallet.reserve(order, till.now) for order in orders])
        assert sorted(isinstance(answer, Uncovered) for answer in answers) == [False, True], number
        wallet.release(next(one for one in answers if not isinstance(one, Uncovered)), till.now)


def test_a_transfer_and_a_post_do_not_take_the_same_money(app, till):
    till.top_up(till.podcast)
    till.limit(till.podcast, stops_posts=True)
    for number in TIMES:
        order, key = till.order(cost=DOLLAR), f"gift-{number}"
        held, moved = at_once(
            app,
            lambda order=order: wallet.reserve(order, till.now),
            lambda key=key: wallet.transfer(till.podcast, till.of("bo"), DOLLAR, key=key, by=NOBODY, now=till.now),
        )
        assert isinstance(held, Uncovered) != isinstance(moved, Conflict), number
        if isinstance(moved, Conflict):
            wallet.release(held, till.now)
        else:
            wallet.transfer(till.of("bo"), till.podcast, DOLLAR, key=f"back-{number}", by=NOBODY, now=till.now)


def test_the_same_top_up_at_the_same_moment_is_made_once(app, till):
    for number in TIMES:
        answers = at_once(app, *[lambda key=str(number): till.top_up(till.podcast, 2, key=key)] * 3)
        assert len(set(answers)) == 1, answers
    assert till.stands(till.podcast) == (len(TIMES) * 2 * DOLLAR, 0)


def test_one_key_for_two_wallets_at_the_same_moment_is_good_for_one(app, till):
    for number in TIMES:
        acts = [lambda key=str(number), host=host: till.top_up(till.of(host), key=key) for host in ("ada", "bo")]
        answers = at_once(app, *acts)
        assert sorted(isinstance(answer, Conflict) for answer in answers) == [False, True], answers
    assert len(till.entries()) == len(TIMES)


def test_the_same_transfers_at_the_same_moment_are_made_once(app, till):
    till.top_up(till.podcast, 100)
    for number in TIMES:
        give = {"key": str(number), "by": NOBODY, "now": till.now}
        answers = at_once(app, *[lambda give=give: wallet.grant(till.show_id, DOLLAR, **give)] * 2)
        assert answers[0] == answers[1]
        assert answers[0].is_done
    assert till.stands(till.of("bo")) == (len(TIMES) * DOLLAR, 0)


def test_what_is_charged_and_released_at_the_same_moment_is_one_of_them(app, till):
    for number in TIMES:
        hold = wallet.reserve(till.order(), till.now)
        charge, release = (
            (lambda h=hold: wallet.charge(h, WITH_LINK, till.now)),
            (lambda h=hold: wallet.release(h, till.now)),
        )
        answers = at_once(app, charge, release)
        assert sorted(isinstance(answer, Conflict) for answer in answers) == [False, True], (number, answers)


def test_two_who_need_a_wallet_for_the_first_time_make_one(app, till):
    answers = at_once(app, *[lambda host=host: till.spend(host) for host in ("ada", "bo", "ada", "bo")])
    assert {answer.wallet_id for answer in answers} == {answers[0].wallet_id}
    assert till.stands(till.podcast) == (-4 * WITH_LINK, 0)


def test_two_processes_pay_an_allowance_once(app, till):
    wallet.set_rules(till.podcast, wallet.Rules(allowance=DOLLAR), NOBODY, till.now)
    assert sorted(at_once(app, *[lambda: pay_allowances(till.now)] * 3)) == [0, 0, 1]
    assert len(till.entries(EntryKind.ALLOWANCE)) == 1
