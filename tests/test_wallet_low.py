"""Who is told that a wallet does not cover the next show: by notice, on the first page, and as NO-GO."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from extensions import db
from models import Notice, Podcast, PodcastMember, Role, SocialConnection, User
from services import wallet
from services.audit import NOBODY
from services.money import DOLLAR
from services.notice_ahead import near_events
from services.overview import home
from services.wallet import Rules
from services.wallet_job import WalletJob
from tests.browser import Browser, words
from tests.till import WITH_LINK, Till, statements


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def till(cast):
    """Ada, an admin, and Bo are connected."""
    till = Till(cast, connected=True)
    for login in db.session.execute(select(SocialConnection)).scalars():
        login.expires_at = till.now + timedelta(days=9)
    members = select(PodcastMember).filter_by(user_id=till.ids["bo"])
    db.session.execute(members).scalar_one().role = Role.CONTRIBUTOR
    db.session.commit()
    return till


def plan(till, cast, title="Queues", **ahead):
    cast.episode(db.session.get_one(Podcast, till.show_id), title, at=till.now + timedelta(**(ahead or {"days": 2})))
    db.session.commit()


def put(till, whose, micros, **rules):
    wallet.adjust(whose, micros, key=till.key(), by=NOBODY, now=till.now)
    wallet.set_rules(whose, Rules(is_limited=True, **rules), NOBODY, till.now)


def told(till):
    """(who, title, body, link) of every notice after the job has run."""
    WalletJob().run(till.now)
    query = select(User.name, Notice.title, Notice.body, Notice.link).join(User, User.id == Notice.user_id)
    found = [tuple(row) for row in db.session.execute(query.order_by(Notice.id))]
    db.session.rollback()
    return found


def test_admins_are_told_once_for_each_show_that_is_not_covered(till, cast):
    put(till, till.podcast, 2 * WITH_LINK - 1)
    plan(till, cast)
    for _ in range(2):
        assert told(till) == [
            (
                "Ada",
                "Deep Dive: the podcast's wallet does not cover the next show",
                "$0.399999 are left, and Queues costs $0.40, planned for Thu 26 Nov, 20:00 UTC. "
                "An admin can top it up.",
                f"/podcasts/{till.show_id}/spend",
            )
        ]
    till.now += timedelta(days=3)
    plan(till, cast, "Clocks")
    assert [body.partition(" costs")[0] for _, _, body, _ in told(till)][1:] == ["$0.399999 are left, and Clocks"]


def test_a_host_is_told_of_the_own_wallet_beside_the_admins(till, cast):
    put(till, till.of("bo"), WITH_LINK - 1)
    plan(till, cast)
    assert [(who, title) for who, title, _, _ in told(till)] == [
        ("Ada", "Deep Dive: the wallet of Bo does not cover the next show"),
        ("Bo", "Deep Dive: the wallet of Bo does not cover the next show"),
    ]


def test_nobody_is_told_where_there_is_enough_no_limit_or_time(till, cast):
    put(till, till.podcast, 2 * WITH_LINK)
    plan(till, cast)
    assert told(till) == []
    wallet.adjust(till.podcast, 0, key="none", by=NOBODY, now=till.now)
    wallet.set_rules(till.podcast, Rules(), NOBODY, till.now)
    assert told(till) == []
    put(till, till.podcast, 0)
    till.now -= timedelta(days=6)
    assert told(till) == []


def test_without_a_limit_anywhere_it_is_one_statement(till, cast):
    plan(till, cast)
    WalletJob().run(till.now)
    with statements() as asked:
        WalletJob().run(till.now)
    assert len([one for one in asked if "episode_guides" in one]) == 0


def test_a_budget_notice_leads_to_the_page_of_what_was_spent(till):
    wallet.set_rules(till.podcast, Rules(budget=DOLLAR), NOBODY, till.now)
    till.spend("ada", DOLLAR)
    assert {link for *_, link in told(till)} == {f"/podcasts/{till.show_id}/spend"}


def test_no_go_is_told_to_admins_who_can_top_up_and_not_to_each_host(till, cast):
    put(till, till.podcast, 0, stops_posts=True)
    plan(till, cast, hours=2)
    (event,) = near_events(till.now)
    db.session.rollback()
    assert event.title.startswith("NO-GO")
    assert event.user_ids == (till.ids["ada"],)
    assert "The podcast’s wallet has $0.00 of the $0.40 that this show costs: $0.40 is missing." in event.body


def test_the_first_page_has_one_line_with_the_button_for_who_can(app, till, cast):
    put(till, till.podcast, 0, stops_posts=True)
    plan(till, cast, hours=2)
    plan(till, cast, "Clocks", days=2)
    needs = home(db.session.get_one(User, till.ids["ada"]), till.now).needs
    assert [(need.who, need.episode_title, need.fix) for need in needs] == [("Wallet", "Queues", "spend")]
    db.session.rollback()


@pytest.mark.parametrize("host, has_button", [("ada", True), ("bo", False)])
def test_only_an_admin_is_shown_the_button(app, till, cast, host, has_button):
    put(till, till.podcast, 0, stops_posts=True)
    podcast = db.session.get_one(Podcast, till.show_id)
    cast.episode(podcast, "Soon", at=db.session.get_one(User, till.ids["ada"]).created_at + timedelta(hours=2))
    db.session.commit()
    browser = Browser(app)
    browser.let_in(db.session.get_one(User, till.ids[host]))
    said = words(browser.get("/")).partition("Needs a person")[2]
    assert "The wallet that pays for this post does not cover it." in said
    assert ("Top up" in said) == ("$0.40 is missing" in said) == has_button


def test_the_editor_says_what_the_paying_wallet_has_left(app, till, cast):
    podcast = db.session.get_one(Podcast, till.show_id)
    episode = cast.episode(podcast, at=till.now + timedelta(days=5))
    path = f"/podcasts/{till.show_id}/episodes/{episode.id}/tweets"
    browser = Browser(app)
    browser.let_in(db.session.get_one(User, till.ids["bo"]))
    assert "left in" not in words(browser.get(path))
    till.top_up(till.podcast, 4)
    assert "X charges $0.20 for this one, of $4.00 left in the podcast’s wallet" in words(browser.get(path))
    for rules, ends in (
        ({}, "It is posted all the same: the limit stops drafts only."),
        ({"stops_posts": True}, "It is not posted unless an admin tops it up in time."),
    ):
        put(till, till.podcast, 15_000, **rules)
        page = browser.get(path)
        assert f"This costs more than the podcast’s wallet has left. {ends}" in words(page)
        assert 'data-short-without=""' in page.text
    till.top_up(till.of("bo"), 2)
    assert "of $2.00 left in your wallet" in words(browser.get(path))


def test_an_allowance_that_comes_before_the_show_is_counted(till, cast):
    put(till, till.podcast, 0, allowance=WITH_LINK)  # this month's is paid at once
    plan(till, cast, days=6, hours=5)
    assert [title for _, title, _, _ in told(till)] == []
