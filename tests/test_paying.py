"""What posting costs: wallets say what X's own bill says, and money stops a post only where a podcast wants that."""

from typing import Any

import pytest
from sqlalchemy import select, text

from extensions import db
from models import EntryKind, Post, User, WalletEntry
from services import wallet
from services.audit import NOBODY
from services.errors import Uncovered
from services.money import DOLLAR
from services.wallet import Rules, Whose
from services.wallet_check import differences
from services.wallet_rows import lock
from tests.books import forget_all_entries
from tests.conftest import ENGINES
from tests.desk import Desk, blind, checked_at_every_commit, lose, spoil, unknown

WITH_LINK, WITHOUT, READ = 200_000, 15_000, 5_000
CHARGE, RELEASE, RESERVE = EntryKind.CHARGE, EntryKind.RELEASE, EntryKind.RESERVE


@pytest.fixture
def desk(cast, x):
    with checked_at_every_commit():
        yield Desk(cast, x)


def podcast_of(post: Post) -> Whose:
    assert post.podcast_id is not None
    return Whose(post.podcast_id)


def stands(whose: Whose) -> tuple[int, int]:
    """(balance, held)."""
    found = wallet.bulk_get_balances([whose])[whose]
    db.session.rollback()
    return found.balance, found.held


def entries(post: Post) -> list[tuple[str, str | None]]:
    query = select(WalletEntry.kind, WalletEntry.item).where(WalletEntry.post_id == post.id).order_by(WalletEntry.id)
    found = [(kind, item) for kind, item in db.session.execute(query)]
    db.session.rollback()
    return found


def top_up(whose: Whose, micros: int, desk: Desk) -> None:
    wallet.top_up(whose, micros, key=f"paying {whose.podcast_id} {whose.user_id} {micros}", by=NOBODY, now=desk.at)


def stop_at_zero(whose: Whose, desk: Desk, **more: Any) -> None:
    wallet.set_rules(whose, Rules(is_limited=True, stops_posts=True, **more), NOBODY, desk.at)


def same_as_the_bill(post: Post, x: Any) -> bool:
    balance, held = stands(podcast_of(post))
    assert differences() == []
    db.session.rollback()
    return (-balance, held) == (x.spent_on("post", "post_url", "read"), 0)


def test_a_post_is_held_with_its_intent_and_charged_when_x_took_it(app, desk, x):
    held: list[tuple[int, int]] = []
    desk.on_air("ada")
    podcast = podcast_of(desk.post())

    def look(_: Any) -> None:
        with app.app_context():
            held.append(stands(podcast))

    x.watchers.append(look)
    post = desk.drain()
    assert held == [(0, WITH_LINK)]
    assert entries(post) == [(RESERVE, "x_post_link"), (CHARGE, "x_post_link")]
    assert same_as_the_bill(post, x)


def test_a_post_without_a_link_costs_what_x_asks_for_one(desk, x):
    episode = desk.cast.episode(desk.cast.show("Small Talk", hosts=("ada",)))
    desk.cast.services.by_hand.post_now(desk.cast.config(episode, "ada").id, desk.at, without_link=True)
    post = desk.drain()
    assert (entries(post), x.spent_micros) == ([(RESERVE, "x_post"), (CHARGE, "x_post")], WITHOUT)
    assert same_as_the_bill(post, x)


def test_what_x_clearly_refused_costs_nothing(desk, x):
    spoil(x, status=403, body={"title": "Forbidden", "detail": "No", "status": 403, "type": "about:blank"})
    desk.on_air("ada")
    post = desk.drain()
    assert (post.status, stands(podcast_of(post))) == ("failed", (0, 0))
    assert [kind for kind, _ in entries(post)] == [RESERVE, RELEASE]


def test_an_unclear_post_stays_held_until_it_is_found(desk, x):
    lose(x, stored=True)
    post = unknown(desk)
    assert stands(podcast_of(post)) == (0, WITH_LINK)
    post = desk.later(6).look_up()
    assert post.status == "posted"
    assert entries(post) == [(RESERVE, "x_post_link"), (CHARGE, "x_post_link"), (CHARGE, "x_read")]
    assert same_as_the_bill(post, x)


def test_a_post_that_is_sent_a_second_time_is_paid_once(desk, x):
    lose(x)
    post = unknown(desk)
    post = desk.find_out()
    assert (post.status, post.was_reposted) == ("posted", True)
    assert same_as_the_bill(post, x)


def test_the_same_post_read_again_on_the_same_day_costs_nothing(desk, x):
    lose(x, stored=True)
    blind(x, 1, status=503)
    post = unknown(desk, text="Live with {guest}: {url}")
    post = desk.find_out()
    assert post.status == "posted"
    assert [item for _, item in entries(post)].count("x_read") == 1
    assert same_as_the_bill(post, x)


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "kinds"), [("there", [RESERVE, CHARGE]), ("leave", [RESERVE, CHARGE])])
def test_what_a_person_leaves_or_saw_is_charged(desk, x, answer, kinds):
    lose(x)
    unknown(desk, strict=True)
    post = desk.find_out()
    assert post.status == "review"
    desk.cast.services.by_hand.resolve(post.id, answer, NOBODY, desk.at)
    assert [kind for kind, item in entries(post) if item == "x_post_link"] == kinds


@pytest.mark.slow
def test_what_was_sent_before_there_were_wallets_is_charged_when_it_is_found(desk, x):
    lose(x, stored=True)
    post = unknown(desk)
    forget_all_entries()
    db.session.commit()
    post = desk.later(6).look_up()
    assert post.status == "posted"
    assert entries(post) == [(CHARGE, "x_post_link"), (CHARGE, "x_read")]
    assert same_as_the_bill(post, x)


# Limits


def test_without_a_limit_nothing_is_refused_and_the_wallet_goes_below_zero(desk, x):
    desk.on_air("ada", "bo", "cy")
    post = desk.drain()
    assert (x.attempts(), stands(podcast_of(post))) == (3, (-3 * WITH_LINK, 0))


def test_a_limit_alone_stops_no_post(desk, x):
    desk.on_air("ada")
    podcast = podcast_of(desk.post())
    wallet.set_rules(podcast, Rules(is_limited=True), NOBODY, desk.at)
    post = desk.drain()
    assert (post.status, stands(podcast)) == ("posted", (0, 0))
    assert [kind for kind, _ in entries(post)] == [RESERVE, CHARGE]


@pytest.mark.parametrize("engine_name", ENGINES)
def test_where_money_stops_posts_they_wait_and_go_when_somebody_tops_up(desk, x):
    desk.on_air("ada", "bo")
    podcast = podcast_of(desk.post())
    top_up(podcast, WITH_LINK + 1, desk)
    stop_at_zero(podcast, desk)
    desk.drain()
    posts = {post.status: post for post in (desk.post("ada"), desk.post("bo"))}
    assert (set(posts), x.attempts()) == ({"posted", "queued"}, 1)
    waits = posts["queued"]
    assert waits.cause == "no_balance"
    assert (waits.detail, "top" in desk.words(waits)) == (None, True)
    for _ in range(3):
        desk.later(11).drain()
    assert [cause for _, cause in desk.history(waits)] == [None, "no_balance"]
    top_up(podcast, DOLLAR, desk)
    desk.later(11).drain()
    assert (desk.post("ada").status, desk.post("bo").status, x.attempts()) == ("posted", "posted", 2)
    assert stands(podcast) == (DOLLAR + WITH_LINK + 1 - 2 * WITH_LINK, 0)


def test_a_post_that_nobody_paid_in_time_is_missed_and_says_so(desk, x):
    desk.on_air("ada")
    stop_at_zero(podcast_of(desk.post()), desk)
    desk.drain()
    post = desk.later(31 * 60).drain()
    assert (post.status, post.cause, x.attempts()) == ("missed", "too_late", 0)
    assert "The wallet that pays for this post does not cover it." in desk.words(post)


def test_a_host_who_was_given_money_pays_alone(desk, x):
    desk.on_air("ada", "bo")
    podcast = podcast_of(desk.post())
    ada = Whose(podcast.podcast_id, desk.post("ada").user_id)
    top_up(ada, DOLLAR, desk)
    desk.drain()
    assert (stands(ada), stands(podcast)) == ((DOLLAR - WITH_LINK, 0), (-WITH_LINK, 0))


def test_who_probes_for_credits_and_is_not_covered_holds_nobody_up_for_long(desk, x):
    x.credits_usd = 0
    desk.on_air("ada")
    post = desk.drain()
    assert (post.cause, stands(podcast_of(post))) == ("x_credits", (0, 0))
    x.credits_usd = None
    desk.later(301).look()
    post = desk.drain()
    assert (post.status, stands(podcast_of(post))) == ("posted", (-WITH_LINK, 0))


def test_a_person_who_posts_now_reads_at_once_that_it_is_not_covered(desk, x):
    show = desk.cast.show("Small Talk", hosts=("ada",))
    episode = desk.cast.episode(show, video_id="dQw4w9WgXcQ")
    stop_at_zero(Whose(show.id), desk)
    config = desk.cast.config(episode, "ada")
    with pytest.raises(Uncovered, match="does not cover it"):
        desk.cast.services.by_hand.post_now(config.id, desk.at)
    db.session.rollback()
    assert db.session.execute(select(Post)).all() == []
    assert db.session.execute(select(User)).all() != []


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_who_falls_asleep_with_a_locked_wallet_is_not_waited_for(desk):
    setting = text("SHOW idle_in_transaction_session_timeout")
    desk.on_air("ada")
    lock(db.session(), [podcast_of(desk.post())])
    inside = db.session.execute(setting).scalar_one()
    db.session.commit()
    after = db.session.execute(setting).scalar_one()
    db.session.rollback()
    assert (inside, after) == ("15s", "0")
