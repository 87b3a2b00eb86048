"""What a call costs: held, charged, released; with and without a limit; once each."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from extensions import db
from models import EntryKind, Podcast, User
from services import wallet
from services.audit import NOBODY
from services.errors import Conflict, Uncovered
from services.money import DOLLAR
from services.wallet import Rules
from services.wallet_entries import find
from tests.till import WITH_LINK, WITHOUT, Till, statements


@pytest.fixture
def till(cast):
    till = Till(cast)
    yield till
    assert till.adds_up()


def test_without_a_limit_nothing_is_refused_and_all_is_written_down(till):
    hold = wallet.reserve(till.order(), till.now)
    assert till.stands(till.podcast) == (0, WITH_LINK)
    wallet.charge(hold, WITH_LINK, till.now)
    assert till.stands(till.podcast) == (-WITH_LINK, 0)
    held, charged = till.entries()
    assert (held.kind, held.amount, held.held, held.cost, held.price) == ("reserve", 0, WITH_LINK, 0, WITH_LINK)
    assert (charged.kind, charged.amount, charged.held, charged.cost) == ("charge", -WITH_LINK, -WITH_LINK, WITH_LINK)
    assert (charged.balance_after, charged.held_after, charged.user_id) == (-WITH_LINK, 0, till.ids["ada"])


def test_what_was_clearly_refused_costs_nothing(till):
    till.top_up(till.podcast)
    wallet.release(wallet.reserve(till.order(), till.now), till.now)
    assert till.stands(till.podcast) == (DOLLAR, 0)
    assert [entry.cost for entry in till.entries(EntryKind.RELEASE)] == [0]


def test_an_answer_that_cost_less_than_was_held_is_charged_what_it_cost(till):
    till.top_up(till.podcast)
    wallet.charge(wallet.reserve(till.draft(cost=900), till.now), 350, till.now)
    assert till.stands(till.podcast) == (DOLLAR - 350, 0)


def test_what_an_entry_was_for_is_kept(till):
    order = till.order(post_id=7, episode_id=8, draft_id=9, price_list_id=1, actor_id=3)
    wallet.charge(wallet.reserve(order, till.now), WITH_LINK, till.now)
    for entry in till.entries():
        said = (entry.item, entry.post_id, entry.episode_id, entry.draft_id, entry.price_list_id, entry.actor_id)
        assert said == ("x_post_link", 7, 8, 9, 1, 3)
        assert (entry.podcast_id, entry.at) == (till.show_id, till.now)


class TestWithALimit:
    @pytest.fixture
    def till(self, cast):
        till = Till(cast)
        till.top_up(till.podcast)
        till.limit(till.podcast, stops_posts=True)
        yield till
        assert till.adds_up()

    def test_the_whole_balance_can_be_spent_and_not_a_micro_dollar_more(self, till):
        till.spend(cost=DOLLAR - 1)
        with pytest.raises(Uncovered, match=r"The podcast's wallet has \$0.000001 left, and this costs \$0.000002."):
            wallet.reserve(till.order(cost=2), till.now)
        till.spend(cost=1)
        assert till.stands(till.podcast) == (0, 0)

    def test_what_is_held_is_not_there_for_others(self, till):
        hold = wallet.reserve(till.order(cost=DOLLAR), till.now)
        with pytest.raises(Uncovered):
            wallet.reserve(till.order("bo", cost=1), till.now)
        wallet.release(hold, till.now)
        till.spend("bo", cost=DOLLAR)

    def test_what_is_refused_leaves_no_entry(self, till):
        before = len(till.entries())
        with pytest.raises(Uncovered):
            wallet.reserve(till.order(cost=2 * DOLLAR), till.now)
        assert len(till.entries()) == before

    def test_a_post_goes_out_all_the_same_unless_the_podcast_says_otherwise(self, till):
        wallet.set_rules(till.podcast, Rules(is_limited=True), NOBODY, till.now)
        till.spend(cost=DOLLAR - WITHOUT)
        charged = till.spend()
        assert (charged.amount, charged.cost) == (-WITHOUT, WITH_LINK)
        assert till.stands(till.podcast) == (0, 0)
        charged = till.spend()
        assert (charged.amount, charged.cost) == (0, WITH_LINK)

    def test_a_draft_stops_at_the_limit_whatever_the_podcast_says_of_posts(self, till):
        wallet.set_rules(till.podcast, Rules(is_limited=True), NOBODY, till.now)
        with pytest.raises(Uncovered):
            wallet.reserve(till.draft(cost=DOLLAR + 1), till.now)

    def test_more_than_was_held_is_never_taken(self, till):
        charged = wallet.charge(wallet.reserve(till.draft(cost=600_000), till.now), DOLLAR + 5, till.now)
        assert (charged.amount, charged.cost, till.stands(till.podcast)) == (-600_000, DOLLAR + 5, (400_000, 0))

    def test_the_database_itself_keeps_it_above_zero(self, till):
        with pytest.raises(Exception, match="never_below_zero"):
            db.session.execute(text("UPDATE wallets SET held = balance + 1"))
        db.session.rollback()


def test_a_host_who_was_given_money_pays_from_his_own_wallet(till):
    till.top_up(till.of("bo"))
    till.spend("ada")
    till.spend("bo")
    assert till.stands(till.podcast) == (-WITH_LINK, 0)
    assert till.stands(till.of("bo")) == (DOLLAR - WITH_LINK, 0)


def test_a_host_with_a_budget_and_no_money_is_paid_for_by_the_podcast(till):
    wallet.set_rules(till.of("bo"), Rules(budget=DOLLAR), NOBODY, till.now)
    till.spend("bo")
    wallet.reserve_all(db.session(), [till.order("bo")], till.now)
    db.session.commit()
    assert till.stands(till.podcast) == (-WITH_LINK, WITH_LINK)
    assert till.stands(till.of("bo")) == (0, 0)


def test_several_are_paid_for_by_whose_they_are(till):
    till.top_up(till.of("bo"))
    orders = [till.order("ada"), till.order("bo")]
    wallet.reserve_all(db.session(), orders, till.now)
    wallet.record_all(db.session(), [till.order("bo", 5, item="x_read"), till.order("ada", 5, item="x_read")], till.now)
    db.session.commit()
    assert till.stands(till.podcast) == (-5, WITH_LINK)
    assert till.stands(till.of("bo")) == (DOLLAR - 5, WITH_LINK)


def test_a_host_with_a_limit_and_nothing_has_to_ask(till):
    till.limit(till.of("bo"))
    with pytest.raises(Uncovered, match=r"Your wallet has \$0.00 left"):
        wallet.reserve(till.draft("bo"), till.now)
    till.spend("bo")  # the podcast does not stop posts


def test_where_a_podcast_stops_posts_a_hosts_own_limit_does_too(till):
    till.limit(till.podcast, stops_posts=True)
    till.limit(till.of("bo"))
    with pytest.raises(Uncovered):
        wallet.reserve(till.order("bo"), till.now)


# Once


def test_the_same_order_twice_is_held_once(till):
    order = till.order()
    assert wallet.reserve(order, till.now) == wallet.reserve(order, till.now)
    with pytest.raises(Conflict, match=r"used before, with \$0.20"):
        wallet.reserve(replace(order, cost=5), till.now)
    assert len(till.entries()) == 1


def test_a_call_is_charged_once_however_often_it_is_said(till):
    hold = wallet.reserve(till.order(), till.now)
    first = wallet.charge(hold, WITH_LINK, till.now)
    assert wallet.charge(hold, WITH_LINK, till.now) == first
    with pytest.raises(Conflict, match=r"used before, with \$0.20"):
        wallet.charge(hold, WITHOUT, till.now)
    with pytest.raises(Conflict, match="something else"):
        wallet.release(hold, till.now)
    assert till.stands(till.podcast) == (-WITH_LINK, 0)


def test_what_was_released_is_not_charged_any_more(till):
    hold = wallet.reserve(till.order(), till.now)
    assert wallet.release(hold, till.now) == wallet.release(hold, till.now)
    with pytest.raises(Conflict):
        wallet.charge(hold, WITH_LINK, till.now)
    assert till.stands(till.podcast) == (0, 0)


# Several at once, in somebody else's transaction


def test_several_are_held_and_ended_together(till):
    orders = [till.order("ada"), till.order("bo", WITHOUT), till.order("ada"), till.draft("bo")]
    holds = wallet.reserve_all(db.session(), orders, till.now)
    assert [holds[order.key].held for order in orders] == [WITH_LINK, WITHOUT, WITH_LINK, 1_000]
    db.session.commit()
    assert till.stands(till.podcast) == (0, 2 * WITH_LINK + WITHOUT + 1_000)
    keys = [order.key for order in orders]
    wallet.settle_all(db.session(), {keys[0]: None, keys[3]: 400}, [keys[1]], till.now)
    db.session.commit()
    assert till.stands(till.podcast) == (-WITH_LINK - 400, WITH_LINK)  # one is still unknown


def test_each_learns_for_itself_whether_there_is_enough(till):
    till.top_up(till.podcast)
    till.limit(till.podcast, stops_posts=True)
    orders = [till.order(cost=600_000), till.order(cost=600_000), till.order(cost=400_000), till.order(cost=1)]
    answers = wallet.reserve_all(db.session(), orders, till.now)
    db.session.commit()
    assert [isinstance(answers[order.key], Uncovered) for order in orders] == [False, True, False, True]
    assert till.stands(till.podcast) == (DOLLAR, DOLLAR)


def test_what_was_held_or_ended_before_is_not_again(till):
    order = till.order()
    for _ in range(2):
        wallet.reserve_all(db.session(), [order], till.now)
        db.session.commit()
    for _ in range(2):
        wallet.settle_all(db.session(), {order.key: None}, ["never held"], till.now)
        db.session.commit()
    assert [entry.kind for entry in till.entries()] == ["reserve", "charge"]


def test_what_the_caller_takes_back_never_was(till):
    wallet.reserve_all(db.session(), [till.order()], till.now)
    db.session.rollback()
    assert (till.entries(), till.stands(till.podcast)) == ([], (0, 0))


def test_a_call_ends_although_its_podcast_and_host_are_gone(till):
    hold = wallet.reserve(till.order(), till.now)
    db.session.delete(db.session.get_one(Podcast, till.show_id))
    db.session.delete(db.session.get_one(User, till.ids["ada"]))
    db.session.commit()
    wallet.settle_all(db.session(), {hold.key.removesuffix("#reserve"): None}, [], till.now)
    db.session.commit()
    assert [(entry.kind, entry.podcast_id) for entry in till.entries()] == [
        ("reserve", till.show_id),
        ("charge", till.show_id),
    ]


def test_reads_that_have_happened_are_written_down_as_far_as_the_balance_goes(till):
    till.top_up(till.podcast)
    till.limit(till.podcast, stops_posts=True)
    reads = [till.order(cost=600_000, item="x_read") for _ in range(3)]
    for _ in range(2):
        wallet.record_all(db.session(), reads, till.now)
        db.session.commit()
    assert [(entry.amount, entry.cost) for entry in till.entries(EntryKind.CHARGE)] == [
        (-600_000, 600_000),
        (-400_000, 600_000),
        (0, 600_000),
    ]
    assert till.stands(till.podcast) == (0, 0)


# Statements


def test_holding_charging_and_releasing_take_two_statements_each(till):
    till.top_up(till.podcast)
    till.limit(till.podcast)
    first = wallet.reserve(till.order(), till.now)
    with statements() as asked:
        second = wallet.reserve(till.order(), till.now)
    assert len(asked) == 2
    with statements() as asked:
        wallet.charge(first, WITH_LINK, till.now)
    assert len(asked) == 2
    with statements() as asked:
        wallet.release(second, till.now)
    assert len(asked) == 2


def test_the_statements_do_not_grow_with_the_calls(till):
    till.top_up(till.of("bo"))
    for number in (1, 64):
        orders = [till.order(host) for host in ("ada", "bo") for _ in range(number)]
        with statements() as asked:
            wallet.reserve_all(db.session(), orders, till.now)
            db.session.commit()
        assert len(asked) == 4
        with statements() as asked:
            wallet.settle_all(db.session(), {order.key: None for order in orders}, [], till.now)
            db.session.commit()
        assert len(asked) == 4


def test_nothing_to_do_asks_nothing(till):
    with statements() as asked:
        assert wallet.reserve_all(db.session(), [], till.now) == {}
        assert wallet.settle_all(db.session(), {}, [], till.now) == wallet.record_all(db.session(), [], till.now) == []
    assert asked == []


def test_an_entry_is_read_back_as_it_was_written(till):
    hold = wallet.reserve(till.order(post_id=7, episode_id=8), till.now)
    assert find(db.session(), [hold.key]) == {hold.key: hold}
