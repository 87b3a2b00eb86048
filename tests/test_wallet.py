"""Money put in, given back, set and moved: what is refused, what happens once, and what all of it adds up to."""

import pytest
from sqlalchemy import select, update

from extensions import db
from models import AuditEvent, EntryKind, PodcastMember, Wallet
from services import wallet
from services.audit import NOBODY, Actor
from services.errors import Conflict, Invalid, NotFound, Uncovered
from services.money import DOLLAR
from services.wallet import Rules, Transfer, Whose
from tests.till import EVENING, WITH_LINK, Till, statements

BAD_AMOUNTS = [0, -1, 10**30, 0.5, 2.0, "2", None, True]


@pytest.fixture
def till(cast):
    till = Till(cast)
    yield till
    assert till.adds_up()


def move(till, *rows, key=None, **more):
    """(source, target, dollars) each."""
    transfers = [Transfer(source, target, int(dollars * DOLLAR)) for source, target, dollars in rows]
    return wallet.bulk_transfer(transfers, key=key or till.key(), by=NOBODY, now=till.now, **more)


# Top-ups


def test_a_top_up_is_in_the_wallet_and_in_its_history(till):
    booked = till.top_up(till.podcast, 25, by=Actor(till.ids["ada"]), note="Credits of November")
    assert (booked.balance_after, till.stands(till.podcast)) == (25 * DOLLAR, (25 * DOLLAR, 0))
    (entry,) = till.entries()
    assert (entry.kind, entry.actor_id, entry.note) == ("top_up", till.ids["ada"], "Credits of November")


def test_the_same_top_up_twice_is_answered_twice_and_made_once(till):
    assert till.top_up(till.podcast, 2, key="one") == till.top_up(till.podcast, 2, key="one")
    with pytest.raises(Conflict, match=r"used before, with \$2.00. Nothing was changed."):
        till.top_up(till.podcast, 3, key="one")
    with pytest.raises(Conflict, match="something else"):
        till.top_up(till.of("ada"), 2, key="one")
    assert [entry.amount for entry in till.entries()] == [2 * DOLLAR]


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("amount", BAD_AMOUNTS)
def test_what_is_no_amount_is_refused_everywhere(till, amount):
    by = {"key": "k", "by": NOBODY, "now": till.now}
    with pytest.raises(Invalid):
        wallet.top_up(till.podcast, amount, **by)
    with pytest.raises(Invalid):
        wallet.transfer(till.podcast, till.of("bo"), amount, **by)
    with pytest.raises(Invalid):
        wallet.bulk_transfer([Transfer(till.podcast, till.of("bo"), amount)], **by)
    with pytest.raises(Invalid):
        wallet.grant(till.show_id, amount, **by)
    for rules in ({"allowance": amount}, {"budget": amount}):
        if amount is not None:
            with pytest.raises(Invalid):
                wallet.set_rules(till.podcast, Rules(**rules), NOBODY, till.now)
    assert till.entries() == []


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("key", ["", " ", "a\nb", "k" * 61])
def test_what_is_no_key_is_refused(till, key):
    with pytest.raises(Invalid):
        till.top_up(till.podcast, key=key)
    with pytest.raises(Invalid):
        move(till, (till.podcast, till.of("bo"), 1), key=key or " ")


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_note_that_cannot_be_shown_or_does_not_fit_is_refused(till):
    for note in ("a\x00b", "n" * 201):
        with pytest.raises(Invalid, match="The note"):
            till.top_up(till.podcast, note=note)


def test_who_is_on_no_podcast_has_no_wallet_there(till, cast):
    stranger = cast.user("cy").id
    with pytest.raises(NotFound, match="This person is not on Deep Dive"):
        till.top_up(Whose(till.show_id, stranger))
    with pytest.raises(NotFound, match="no such podcast"):
        till.top_up(Whose(999))
    assert db.session.execute(select(Wallet.user_id).where(Wallet.user_id.is_not(None))).all() == []


# Transfers


def test_a_transfer_goes_to_a_host_and_back(till):
    till.top_up(till.podcast, 10)
    wallet.transfer(till.podcast, till.of("bo"), 4 * DOLLAR, key="a", by=NOBODY, now=till.now, note="For you")
    moved = wallet.transfer(till.of("bo"), till.podcast, DOLLAR, key="b", by=NOBODY, now=till.now)
    assert (moved.source_after, moved.target_after) == (3 * DOLLAR, 7 * DOLLAR)
    assert (till.stands(till.of("bo")), till.stands(till.podcast)) == ((3 * DOLLAR, 0), (7 * DOLLAR, 0))
    entries = till.entries(EntryKind.TRANSFER)
    assert [entry.user_id for entry in entries] == [till.ids["bo"]] * 4
    assert entries[0].other_wallet_id == entries[1].wallet_id
    assert [entry.note for entry in entries] == ["For you", "For you", "", ""]


def test_the_same_transfer_twice_is_made_once(till):
    till.top_up(till.podcast, 10)
    rows = [(till.podcast, till.of("ada"), 1), (till.podcast, till.of("bo"), 2)]
    assert move(till, *rows, key="k") == move(till, *rows, key="k")
    for others in (rows[:1], [*rows, rows[0]], [rows[1], rows[0]], [(till.podcast, till.of("ada"), 5), rows[1]]):
        with pytest.raises(Conflict, match="used"):
            move(till, *others, key="k")
    assert till.stands(till.podcast) == (7 * DOLLAR, 0)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_what_can_be_no_transfer_is_refused_with_a_sentence(till, cast):
    elsewhere = Till(cast, ("ada",), name="Night Shift")
    till.top_up(till.podcast, 10)
    for source, target, said in (
        (till.podcast, till.podcast, "This is the same wallet. Choose another one to transfer to."),
        (till.of("ada"), till.of("ada"), "the same wallet"),
        (till.of("ada"), till.of("bo"), "Transfers go from the podcast to a host, or back."),
        (till.podcast, elsewhere.podcast, "Money stays within its podcast."),
        (till.podcast, elsewhere.of("ada"), "Money stays within its podcast."),
        (till.of("ada"), elsewhere.podcast, "Money stays within its podcast."),
    ):
        with pytest.raises(Invalid, match=said):
            move(till, (source, target, 1))
    with pytest.raises(Invalid, match="within one podcast"):
        move(till, (till.podcast, till.of("ada"), 1), (elsewhere.podcast, elsewhere.of("ada"), 1))
    for number in (0, 1_001):
        with pytest.raises(Invalid, match="Between 1 and 1000"):
            move(till, *[(till.podcast, till.of("ada"), 1)] * number)
    assert till.entries(EntryKind.TRANSFER) == []


def test_nobody_gives_away_what_is_not_there_also_without_a_limit(till):
    with pytest.raises(Conflict, match=r"Deep Dive has \$0.00 to give away, not \$1.00."):
        wallet.transfer(till.podcast, till.of("bo"), DOLLAR, key="k", by=NOBODY, now=till.now)
    till.top_up(till.of("bo"))
    hold = wallet.reserve(till.order("bo"), till.now)
    with pytest.raises(Conflict, match=r"Bo has \$0.80 to give away, not \$1.00."):
        wallet.transfer(till.of("bo"), till.podcast, DOLLAR, key="k", by=NOBODY, now=till.now)
    wallet.release(hold, till.now)


def test_nothing_is_given_to_who_is_not_on_the_podcast(till, cast):
    till.top_up(till.podcast, 10)
    stranger = Whose(till.show_id, cast.user("cy").id)
    for whose in (stranger, Whose(till.show_id, 999)):
        batch = move(till, (till.podcast, till.of("ada"), 1), (till.podcast, whose, 1))
        assert (batch.is_done, batch.trouble) == (False, "This person is not on Deep Dive.")


def test_who_has_left_gives_back_what_is_left(till):
    till.top_up(till.of("bo"), 3)
    db.session.execute(db.delete(PodcastMember).where(PodcastMember.user_id == till.ids["bo"]))
    db.session.commit()
    assert move(till, (till.of("bo"), till.podcast, 3)).is_done
    assert till.stands(till.podcast) == (3 * DOLLAR, 0)


def test_many_are_made_together_or_not_at_all(till):
    till.top_up(till.podcast, 5)
    ada, bo = till.of("ada"), till.of("bo")
    batch = move(till, (till.podcast, ada, 3), (till.podcast, bo, 3), (ada, till.podcast, 2), (till.podcast, bo, 4))
    assert batch.is_done is False
    assert [row.trouble for row in batch.rows] == [
        None,
        "Deep Dive has $2.00 to give away, not $3.00.",
        None,
        None,
    ]
    assert (till.stands(till.podcast), till.stands(ada)) == ((5 * DOLLAR, 0), (0, 0))
    batch = move(till, (till.podcast, ada, 3), (ada, till.podcast, 2), (till.podcast, bo, 4))
    assert batch.is_done
    assert [(row.source_after, row.target_after) for row in batch.rows] == [
        (2 * DOLLAR, 3 * DOLLAR),
        (DOLLAR, 4 * DOLLAR),
        (0, 4 * DOLLAR),
    ]


def test_every_host_is_given_the_same_or_nobody_anything(till):
    till.top_up(till.podcast, 3)
    batch = wallet.grant(till.show_id, 2 * DOLLAR, key="k", by=NOBODY, now=till.now)
    assert (batch.is_done, till.stands(till.of("ada"))) == (False, (0, 0))
    till.top_up(till.podcast, 1)
    assert wallet.grant(till.show_id, 2 * DOLLAR, key="k", by=NOBODY, now=till.now).is_done
    assert [till.stands(whose)[0] for whose in (till.podcast, till.of("ada"), till.of("bo"))] == [0, *[2 * DOLLAR] * 2]


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_podcast_without_hosts_gives_nobody_anything(cast):
    with pytest.raises(Conflict, match="Nobody is on Deep Dive yet"):
        wallet.grant(Till(cast, ()).show_id, 1, key="k", by=NOBODY, now=EVENING)


def test_the_statements_of_transfers_do_not_grow_with_them(till):
    till.top_up(till.podcast, 500)
    move(till, (till.podcast, till.of("ada"), 1), (till.podcast, till.of("bo"), 1))
    for number in (1, 100):
        with statements() as asked:
            assert move(till, *[(till.podcast, till.of("bo"), 1)] * number).is_done
        assert len(asked) == 5


# Set and given back


def test_a_balance_that_is_set_says_by_how_much_it_changed(till):
    till.spend()
    for _ in range(2):
        booked = wallet.adjust(till.podcast, 0, key="k", by=NOBODY, now=till.now, note="Paid elsewhere")
        assert (booked.kind, booked.amount, booked.balance_after) == ("adjust", WITH_LINK, 0)
    with pytest.raises(Conflict, match="used before"):
        wallet.adjust(till.podcast, 5, key="k", by=NOBODY, now=till.now)
    assert wallet.adjust(till.podcast, -5, key="l", by=NOBODY, now=till.now).balance_after == -5


@pytest.mark.parametrize("balance", [10**30, -(10**30), 0.5, "2", None, True])
@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_what_can_be_no_balance_is_refused(till, balance):
    with pytest.raises(Invalid, match="A balance is between"):
        wallet.adjust(till.podcast, balance, key="k", by=NOBODY, now=till.now)


def test_a_limit_is_kept_when_a_balance_is_set(till):
    till.top_up(till.podcast)
    till.limit(till.podcast)
    wallet.reserve(till.order(), till.now)
    with pytest.raises(Conflict, match=r"\$0.20 are held for calls under way"):
        wallet.adjust(till.podcast, WITH_LINK - 1, key="k", by=NOBODY, now=till.now)


def test_a_charge_that_was_not_asked_for_is_given_back_once(till):
    till.top_up(till.podcast)
    charged = till.spend()
    with pytest.raises(Invalid, match=r"At most \$0.20 can be refunded."):
        wallet.refund(charged, WITH_LINK + 1, by=NOBODY, now=till.now)
    for _ in range(2):
        booked = wallet.refund(charged, WITH_LINK, by=NOBODY, now=till.now, note="X counted twice")
        assert (booked.amount, booked.cost, booked.about.user_id) == (WITH_LINK, -WITH_LINK, till.ids["ada"])
    with pytest.raises(Conflict):
        wallet.refund(charged, 1, by=NOBODY, now=till.now)
    assert till.stands(till.podcast) == (DOLLAR, 0)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_only_what_was_charged_is_given_back(till):
    with pytest.raises(Invalid):
        wallet.refund(till.top_up(till.podcast), 1, by=NOBODY, now=till.now)


# Rules


def test_a_wallet_below_zero_takes_no_limit_until_it_is_filled(till):
    till.spend()
    with pytest.raises(Conflict, match=r"The wallet is \$0.20 below zero. Top it up"):
        till.limit(till.podcast)
    till.top_up(till.podcast)
    till.limit(till.podcast)
    assert till.balance(till.podcast).is_limited


def test_a_limit_counts_what_is_held(till):
    wallet.reserve(till.order(), till.now)
    with pytest.raises(Conflict, match="below zero"):
        till.limit(till.podcast)


def test_who_sets_rules_is_written_down(till):
    rules = Rules(is_limited=True, allowance=DOLLAR, budget=2 * DOLLAR)
    wallet.set_rules(till.of("bo"), rules, Actor(till.ids["ada"]), till.now)
    found = till.balance(till.of("bo"))
    assert (found.is_limited, found.allowance, found.budget, found.pays) == (True, DOLLAR, 2 * DOLLAR, True)
    line = db.session.execute(select(AuditEvent)).scalar_one()
    assert (line.kind, line.actor_id, line.subject_id, line.podcast_id) == (
        "wallet_set",
        till.ids["ada"],
        till.ids["bo"],
        till.show_id,
    )


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_whether_posts_stop_is_set_for_the_whole_podcast(till):
    with pytest.raises(Invalid, match="whole podcast"):
        till.limit(till.of("bo"), stops_posts=True)


def test_a_wallet_that_was_never_needed_is_empty_and_without_a_limit(till):
    assert till.balance(till.of("ada")) == wallet.Balance()
    assert db.session.execute(update(Wallet).values(balance=0)).rowcount == 0
    db.session.rollback()


def test_a_host_who_is_given_money_keeps_the_podcasts_limit(till):
    till.top_up(till.podcast, 5)
    till.limit(till.podcast, stops_posts=True)
    wallet.grant(till.show_id, 150_000, key=till.key(), by=NOBODY, now=till.now)
    with pytest.raises(Uncovered):
        wallet.reserve(till.order("ada"), till.now)
    assert till.stands(till.of("ada")) == (150_000, 0)


def test_who_gives_all_back_is_paid_for_by_the_podcast_again(till):
    till.top_up(till.podcast, 5)
    wallet.transfer(till.podcast, till.of("ada"), 150_000, key=till.key(), by=NOBODY, now=till.now)
    wallet.transfer(till.of("ada"), till.podcast, 150_000, key=till.key(), by=NOBODY, now=till.now)
    till.spend("ada")
    assert (till.stands(till.of("ada")), till.stands(till.podcast)) == ((0, 0), (5_000_000 - WITH_LINK, 0))


def test_a_wallet_without_a_limit_cannot_stop_posts(till):
    with pytest.raises(Invalid, match="Set the limit as well"):
        wallet.set_rules(till.podcast, Rules(stops_posts=True), NOBODY, till.now)
