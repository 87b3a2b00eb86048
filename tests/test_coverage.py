"""GO and NO-GO of wallets: only where an empty one stops posts, and from a day before the start."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from extensions import db
from models import Broadcast, EpisodeGuide, EpisodeTweetConfig, Podcast, Post, SocialConnection
from services import prices, wallet
from services.audit import NOBODY
from services.coverage import uncovered
from services.hosts import hosts_with_texts
from services.lamps import lamps_of, missing
from services.money import DOLLAR
from services.wallet import Rules
from tests.conftest import ENGINES
from tests.till import WITH_LINK, WITHOUT, Till, statements


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def till(cast):
    """Ada and Bo are connected."""
    till = Till(cast, connected=True)
    for user in db.session.execute(select(SocialConnection)).scalars():
        user.expires_at = till.now + timedelta(days=9)
    db.session.commit()
    return till


@pytest.fixture
def show(till):
    return Show(till)


class Show:
    def __init__(self, till, **ahead):
        self.till = till
        podcast = db.session.get_one(Podcast, till.show_id)
        till.cast.episode(podcast, at=till.now + timedelta(**(ahead or {"hours": 2})))
        db.session.commit()

    def put(self, micros, whose=None, **rules):
        whose = whose or self.till.podcast
        wallet.adjust(whose, micros, key=self.till.key(), by=NOBODY, now=self.till.now)
        wallet.set_rules(whose, Rules(**rules), NOBODY, self.till.now)

    @property
    def words(self):
        """Of the first show."""
        return self.words_of(self.episode())

    def words_of(self, episode):
        """{host: word} as lists have it; that the page of the episode says the same is looked at each time."""
        lamps = self.lamps_of(episode)
        views = hosts_with_texts(episode.id, "", self.till.now)
        found = {lamp.name: lamp.light for lamp in lamps}
        assert {view.name: view.light for view in views} == found
        db.session.rollback()
        return {name: "NO-GO" if light.note == uncovered() else light.word for name, light in found.items()}

    def lamps_of(self, *episodes):
        podcast = db.session.get_one(Podcast, self.till.show_id)
        return lamps_of(episodes, {podcast.id: podcast}, self.till.now)[episodes[-1].id]

    def another(self, **ahead):
        podcast = db.session.get_one(Podcast, self.till.show_id)
        episode = self.till.cast.episode(podcast, "Later", at=self.till.now + timedelta(**ahead))
        db.session.commit()
        return episode

    def episode(self):
        return db.session.execute(select(EpisodeGuide).order_by(EpisodeGuide.id)).scalars().first()

    def set(self, host, **columns):
        query = select(EpisodeTweetConfig).filter_by(user_id=self.till.ids[host], episode_id=self.episode().id)
        config = db.session.execute(query).scalar_one()
        for name, value in columns.items():
            setattr(config, name, value)
        db.session.commit()


READY = {"Ada": "Ready", "Bo": "Ready"}
NEITHER = {"Ada": "NO-GO", "Bo": "NO-GO"}


@pytest.mark.parametrize("engine_name", ENGINES)
def test_a_wallet_that_stops_posts_has_to_cover_all_posts_of_the_show(show):
    show.put(2 * WITH_LINK - 1, is_limited=True, stops_posts=True)
    assert show.words == NEITHER
    show.put(2 * WITH_LINK, is_limited=True, stops_posts=True)
    assert show.words == READY


@pytest.mark.parametrize("rules", [{}, {"is_limited": True}])
def test_nobody_is_held_up_unless_an_admin_wanted_it(show, rules):
    show.put(0, **rules)
    assert show.words == READY


def test_more_than_a_day_ahead_there_is_time_to_top_up(till):
    show = Show(till, hours=24, seconds=1)
    show.put(0, is_limited=True, stops_posts=True)
    assert show.words == READY
    till.now += timedelta(seconds=1)
    assert show.words == NEITHER


def test_what_is_held_for_other_calls_is_not_there(show, till):
    show.put(3 * WITH_LINK, is_limited=True, stops_posts=True)
    wallet.reserve(till.order(cost=2 * WITH_LINK), till.now)
    assert show.words == NEITHER


def test_posts_without_a_link_cost_less(show):
    show.put(2 * WITHOUT, is_limited=True, stops_posts=True)
    for host in ("ada", "bo"):
        show.set(host, include_link=False)
    assert show.words == READY
    show.set("bo", text="See https://example.com/show", include_link=False)
    assert show.words == NEITHER


def test_a_host_who_is_off_or_has_left_needs_no_money(show, till):
    show.put(WITH_LINK, is_limited=True, stops_posts=True)
    show.set("bo", enabled=False)
    assert show.words == {"Ada": "Ready", "Bo": "Off"}


def test_a_host_with_money_of_the_own_stands_apart(show, till):
    show.put(0, till.of("bo"), is_limited=True)
    show.put(WITH_LINK, is_limited=True, stops_posts=True)
    assert show.words == {"Ada": "Ready", "Bo": "NO-GO"}
    show.put(0, is_limited=True, stops_posts=True)
    show.put(DOLLAR, till.of("bo"), is_limited=True)
    assert show.words == {"Ada": "NO-GO", "Bo": "Ready"}


# What is posted before it


@pytest.mark.parametrize("engine_name", ENGINES)
def test_money_for_one_of_two_shows_of_a_day_is_go_for_the_first_alone(show):
    later = show.another(hours=20)
    show.put(4 * WITH_LINK - 1, is_limited=True, stops_posts=True)
    assert show.words == READY
    assert show.words_of(later) == NEITHER
    assert {lamp.light.note for lamp in show.lamps_of(show.episode(), later)} == {uncovered()}
    show.put(4 * WITH_LINK, is_limited=True, stops_posts=True)
    assert show.words_of(later) == READY


def test_how_much_is_missing_counts_what_the_show_before_takes(show):
    later = show.another(hours=20)
    show.put(3 * WITH_LINK, is_limited=True, stops_posts=True)
    said = "The podcast’s wallet has $0.60. Posts before this show take $0.40, and it costs $0.40: $0.20 is missing."
    assert missing(show.lamps_of(later)) == [said]


def test_a_show_before_it_that_asks_for_nothing_takes_nothing(show):
    later = show.another(hours=20)
    for host in ("ada", "bo"):
        show.set(host, enabled=False)
    show.put(2 * WITH_LINK, is_limited=True, stops_posts=True)
    assert show.words_of(later) == READY


def test_a_show_that_was_seen_already_takes_nothing_more(show, till):
    later = show.another(hours=20)
    stream = Broadcast(video_id="v" * 11, channel_id="UC" + "d" * 22, title="Queues", state="vod", verdict="announced")
    stream.podcast_id, stream.episode_id = till.show_id, show.episode().id
    db.session.add(stream)
    db.session.commit()
    show.put(2 * WITH_LINK, is_limited=True, stops_posts=True)
    assert show.words_of(later) == READY


def ada_waits(show, till, text, time_left):
    """Her post waits for credits, and Bo has switched his off."""
    show.set("ada", status="posting")
    show.set("bo", enabled=False)
    config = db.session.execute(select(EpisodeTweetConfig).filter_by(status="posting")).scalar_one()
    post = Post(key="p", podcast_id=till.show_id, user_id=till.ids["ada"], config_id=config.id, text=text)
    post.status, post.cause, post.not_after = "queued", "x_credits", till.now + time_left
    db.session.add(post)
    db.session.commit()


def test_posts_that_wait_take_what_they_cost_first(show, till):
    later = show.another(hours=20)
    ada_waits(show, till, "We are live", timedelta(minutes=5))
    show.put(2 * WITH_LINK + WITHOUT - 1, is_limited=True, stops_posts=True)
    assert show.words_of(later) == NEITHER
    show.put(2 * WITH_LINK + WITHOUT, is_limited=True, stops_posts=True)
    assert show.words_of(later) == READY


def test_the_show_before_takes_only_from_the_wallet_that_pays_for_it(show, till):
    later = show.another(hours=20)
    show.put(WITH_LINK, till.of("bo"), is_limited=True)
    show.put(2 * WITH_LINK, is_limited=True, stops_posts=True)
    assert show.words_of(later) == {"Ada": "Ready", "Bo": "NO-GO"}


def test_lists_are_asked_once_more_where_an_empty_wallet_stops_posts(show, till):
    counts = []
    for rules in ({}, {"is_limited": True, "stops_posts": True}):
        show.put(DOLLAR, **rules)
        podcast, episode = db.session.get_one(Podcast, till.show_id), show.episode()
        with statements() as asked:
            lamps_of([episode], {podcast.id: podcast}, till.now)
        counts.append(len(asked))
    assert counts == [1, 2]


# What changes before it

#: the till's podcast counts its months in UTC
LAST_EVENING = datetime(2026, 11, 30, 20, 0, tzinfo=UTC)


@pytest.fixture
def last_evening(till):
    """A show in the first hours of the next month."""
    till.now = LAST_EVENING
    for login in db.session.execute(select(SocialConnection)).scalars():
        login.expires_at = till.now + timedelta(days=9)
    return Show(till, hours=6)


def dearer(till, at, micros=2 * WITH_LINK):
    prices.change({prices.POST_WITH_LINK: micros}, at, NOBODY, till.now)


@pytest.mark.parametrize("engine_name", ENGINES)
def test_a_show_is_judged_by_the_prices_in_force_at_its_start(show, till):
    show.put(2 * WITH_LINK, is_limited=True, stops_posts=True)
    dearer(till, till.now + timedelta(hours=2, seconds=1))
    assert show.words == READY
    dearer(till, till.now + timedelta(hours=2))
    assert show.words == NEITHER
    said = "The podcast’s wallet has $0.40 of the $0.80 that this show costs: $0.40 is missing."
    assert missing(show.lamps_of(show.episode())) == [said]


def test_what_is_posted_before_it_is_paid_by_the_prices_of_its_own_turn(show, till):
    later = show.another(hours=20)
    dearer(till, till.now + timedelta(hours=10))
    show.put(6 * WITH_LINK - 1, is_limited=True, stops_posts=True)
    assert show.words_of(later) == NEITHER
    show.put(6 * WITH_LINK, is_limited=True, stops_posts=True)
    assert show.words_of(later) == READY


def test_a_post_that_waits_is_paid_by_the_prices_of_today(show, till):
    later = show.another(hours=20)
    ada_waits(show, till, "example.com", timedelta(hours=5))
    dearer(till, till.now + timedelta(hours=1))
    show.put(5 * WITH_LINK, is_limited=True, stops_posts=True)
    assert show.words_of(later) == READY


@pytest.mark.parametrize("engine_name", ENGINES)
def test_an_allowance_that_comes_before_the_show_is_there_for_it(last_evening):
    show = last_evening
    show.put(WITH_LINK, is_limited=True, stops_posts=True, allowance=WITH_LINK)
    assert show.words == READY
    tonight = show.another(hours=3)
    assert show.words_of(tonight) == NEITHER
    show.put(0, is_limited=True, stops_posts=True, allowance=WITH_LINK - 1)
    assert show.words_of(show.episode()) == NEITHER


def test_how_much_is_missing_counts_what_comes_in(last_evening):
    last_evening.put(50_000, is_limited=True, stops_posts=True, allowance=WITH_LINK)
    said = "The podcast’s wallet has $0.05, and $0.20 come in before the show. The show costs $0.40: $0.15 is missing."
    assert missing(last_evening.lamps_of(last_evening.episode())) == [said]


def test_a_host_is_told_what_comes_in_before_the_show(last_evening, till):
    last_evening.put(50_000, till.of("bo"), is_limited=True, allowance=50_000)
    last_evening.put(DOLLAR, is_limited=True, stops_posts=True)
    bo = next(view for view in hosts_with_texts(last_evening.episode().id, "", till.now) if view.name == "Bo")
    assert bo.purse.words == "of $0.05 left in your wallet, and $0.05 that come in before the show"
    assert bo.purse.trouble(has_link=True).startswith("This costs more than your wallet will have.")


def test_nothing_more_is_asked_for_prices_and_allowances_to_come(last_evening, till):
    last_evening.put(DOLLAR, is_limited=True, stops_posts=True, allowance=DOLLAR)
    dearer(till, till.now + timedelta(hours=1))
    podcast, episode = db.session.get_one(Podcast, till.show_id), last_evening.episode()
    with statements() as asked:
        lamps_of([episode], {podcast.id: podcast}, till.now)
    assert len(asked) == 2
