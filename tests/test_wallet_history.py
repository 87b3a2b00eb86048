"""Reading wallets: balances, history by pages with people and episodes, sums; all in one statement each."""

from dataclasses import replace
from datetime import timedelta

import pytest

from extensions import db
from models import EpisodeGuide, User
from services import wallet
from services.audit import Actor
from services.money import DOLLAR
from services.wallet import Balance, Order, Whose
from services.wallet_history import Sum
from tests.till import WITH_LINK, WITHOUT, Till, statements


@pytest.fixture
def till(cast):
    return Till(cast)


def kinds(found):
    return [line.kind for line in found.lines]


def test_a_line_says_who_did_it_for_whom_and_for_which_episode(till, cast):
    episode = EpisodeGuide(podcast_id=till.show_id, title="Queues")
    db.session.add(episode)
    db.session.commit()
    till.top_up(till.podcast, by=Actor(till.ids["bo"]), note="November")
    till.spend("ada", episode_id=episode.id, post_id=7)
    newest, held, first = wallet.history(till.podcast).lines
    assert (newest.host, newest.actor, newest.episode, newest.post_id, newest.wallet) == (
        "Ada",
        None,
        "Queues",
        7,
        None,
    )
    assert (newest.amount, newest.balance_after, newest.at) == (-WITH_LINK, DOLLAR - WITH_LINK, till.now)
    assert (held.kind, held.price, held.held_after) == ("reserve", WITH_LINK, WITH_LINK)
    assert (first.host, first.actor, first.note, first.episode) == (None, "Bo", "November", None)


def test_a_wallet_shows_its_own_entries_and_the_podcast_all(till):
    till.top_up(till.podcast, 5)
    wallet.transfer(till.podcast, till.of("bo"), DOLLAR, key="k", by=Actor(), now=till.now)
    assert kinds(wallet.history(till.podcast)) == ["transfer", "top_up"]
    assert kinds(wallet.history(till.of("bo"))) == ["transfer"]
    assert kinds(wallet.history(till.of("ada"))) == []
    everything = wallet.history(till.podcast, everything=True).lines
    assert [(line.wallet, line.amount) for line in everything] == [
        ("Bo", DOLLAR),
        (None, -DOLLAR),
        (None, 5 * DOLLAR),
    ]


def test_nothing_is_shown_of_other_podcasts(till, cast):
    other = Till(cast, ("ada",), name="Night Shift")
    other.top_up(other.podcast)
    other.top_up(other.of("ada"))
    assert wallet.history(till.podcast, everything=True).lines == []
    assert wallet.history(till.of("ada")).lines == []


def test_pages_follow_each_other_without_gaps_while_others_spend(till):
    for dollars in range(1, 8):
        till.top_up(till.podcast, dollars)
    first = wallet.history(till.podcast, limit=3)
    till.top_up(till.podcast, 8)
    second = wallet.history(till.podcast, limit=3, before=first.older)
    third = wallet.history(till.podcast, limit=3, before=second.older)
    seen = [line.amount // DOLLAR for page in (first, second, third) for line in page.lines]
    assert (seen, third.older) == ([7, 6, 5, 4, 3, 2, 1], None)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_a_page_has_at_least_one_line_and_at_most_a_hundred(till):
    for _ in range(3):
        till.top_up(till.podcast)
    assert [len(wallet.history(till.podcast, limit=limit).lines) for limit in (-1, 0, 2, 10**9)] == [1, 1, 2, 3]


def test_who_is_gone_has_no_name(till):
    till.top_up(till.of("bo"), by=Actor(till.ids["ada"]))
    for name in ("ada", "bo"):
        db.session.delete(db.session.get_one(User, till.ids[name]))
    db.session.commit()
    (line,) = wallet.history(till.podcast, everything=True).lines
    assert (line.wallet, line.host, line.actor) == ("a former host",) * 3


def test_a_hundred_lines_are_one_statement(till):
    orders = [till.order("ada"), till.order("bo")] * 50
    wallet.record_all(db.session(), [replace(one, key=till.key()) for one in orders], till.now)
    db.session.commit()
    with statements() as asked:
        found = wallet.history(till.podcast)
    assert (len(asked), len(found.lines), {line.host for line in found.lines}) == (1, 100, {"Ada", "Bo"})


def test_fifty_balances_are_one_statement(till):
    till.top_up(till.of("bo"), 2)
    till.limit(till.of("bo"), budget=DOLLAR)
    till.spend("ada")
    wanted = [till.podcast, till.of("ada"), till.of("bo"), *(Whose(till.show_id, number) for number in range(900, 947))]
    with statements() as asked:
        found = wallet.bulk_get_balances(wanted)
    assert (len(asked), len(found)) == (1, 50)
    assert found[till.podcast] == Balance(balance=-WITH_LINK)
    assert found[till.of("bo")] == Balance(balance=2 * DOLLAR, is_limited=True, pays=True, budget=DOLLAR)
    assert (found[till.of("bo")].free, found[till.of("ada")]) == (2 * DOLLAR, Balance())
    assert wallet.bulk_get_balances([]) == {}


def test_what_was_spent_is_summed_by_host_and_thing(till):
    till.spend("ada")
    till.spend("ada")
    till.spend("bo", WITHOUT, item="x_post")
    refunded = till.spend("bo", WITHOUT, item="x_post")
    wallet.refund(refunded, WITHOUT, by=Actor(), now=till.now)
    wallet.reserve(till.order("ada"), till.now)  # not spent yet
    own = Order(key="own", whose=till.podcast, item="ai", cost=70)
    wallet.record_all(db.session(), [own], till.now + timedelta(hours=1))
    db.session.commit()
    day = timedelta(days=1)
    with statements() as asked:
        found = wallet.sums(till.show_id, till.now - day, till.now + day)
    ada, bo = till.ids["ada"], till.ids["bo"]
    assert found == [
        Sum(ada, "x_post_link", 2 * WITH_LINK, 2),
        Sum(bo, "x_post", WITHOUT, 3),
        Sum(None, "ai", 70, 1),
    ]
    assert len(asked) == 1
    assert wallet.sums(till.show_id, till.now + timedelta(minutes=1), till.now + timedelta(hours=1)) == []
