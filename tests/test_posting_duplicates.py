"""What X refuses as a duplicate and never says where it has it: looked for until it is plain, and its id taken late."""

from datetime import timedelta
from typing import Any

import pytest

from config import Settings
from extensions import db
from models import Post
from sandbox.x import X
from services import prices
from services.audit import NOBODY
from services.registry import get_services
from services.vocabulary import light_of_host
from tests.conftest import ENGINES
from tests.desk import Desk, blind, checked_at_every_commit, lose, spoil, unknown
from tests.test_paying import CHARGE, RELEASE, RESERVE, WITH_LINK, entries, podcast_of, same_as_the_bill, stands

HOUR = timedelta(hours=1)
REFUSED = {"status": 403, "body": '{"detail":"You are not allowed to create a Tweet with duplicate content."}'}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"send_deadline_seconds": 2.0})


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def desk(cast, x):
    with checked_at_every_commit():
        yield Desk(cast, x)


def doubled(desk: Desk, x: X, *, shown_after: float) -> Any:
    """X has the text before Airhorn sends it, and shows it so many seconds later."""
    desk.on_air("ada", text="Live now: {url}")
    x.visibility_delay = shown_after
    stored = x.post_by_hand(x.account("ada"), desk.post().text)
    assert desk.drain().status == "unknown"
    return stored


# The first try


def test_a_copy_that_shows_up_seconds_later_is_the_post_and_nothing_is_sent_meanwhile(desk, x):
    stored = doubled(desk, x, shown_after=30)
    post = desk.later(1).look_up()
    assert (post.status, post.cause, post.absences) == ("unknown", "x_duplicate", 1)
    post = desk.find_out()
    assert (post.status, post.cause, post.remote_id) == ("posted", "found", stored.id)
    assert (x.attempts(), len(desk.texts())) == (1, 1)
    assert [one.outcome for one in desk.attempts(post)] == ["accepted"]


def test_what_never_shows_up_fails_at_the_end_of_the_usual_looks_and_says_what_to_do(desk, x):
    spoil(x, **REFUSED)
    desk.on_air("ada")
    since = desk.drain().unknown_since
    post = desk.find_out(until=200, every=1)
    assert (post.status, post.cause, x.attempts()) == ("failed", "x_duplicate", 1)
    assert desk.words(post) == "X says this text was already posted. Make it unique, for example add {title}."
    assert timedelta(seconds=95) <= desk.at - since < timedelta(seconds=96)
    assert len(x.asked("GET", "/tweets")) == 5
    assert [one.outcome for one in desk.attempts(post)] == ["not_accepted"]


def test_looks_that_fail_put_the_failure_off_until_one_is_whole(desk, x):
    spoil(x, **REFUSED)
    desk.on_air("ada")
    desk.drain()
    blind(x, 6, status=503)
    post = desk.find_out(until=130)
    assert (post.status, post.absences) == ("unknown", 0)
    post = desk.find_out(until=100)
    assert (post.status, post.cause, x.attempts()) == ("failed", "x_duplicate", 1)


def test_a_duplicate_that_can_never_be_looked_for_ends_with_a_person(desk, x):
    spoil(x, **REFUSED)
    desk.on_air("ada")
    desk.drain()
    x.rate_limits.clear()
    blind(x, 500, status=503)
    for _ in range(40):
        desk.look()
        desk.find_out(until=60, every=15)
    post = desk.post()
    assert (post.status, post.cause, x.attempts()) == ("review", "not_found", 1)


@pytest.mark.parametrize("engine_name", ENGINES, indirect=True)
def test_a_process_that_is_killed_between_looks_leaves_the_rest_of_them_to_the_next(desk, x, cast, make_app):
    stored = doubled(desk, x, shown_after=30)
    desk.later(1).look_up()
    taken = cast.services.confirming._take(desk.later(5).at)
    assert len(taken) == 1  # and this is where it ends
    with make_app().app_context():
        get_services().confirming.look_up(desk.later(31).at)
    post = desk.post()
    assert (post.status, post.remote_id, x.attempts()) == ("posted", stored.id, 1)


def test_its_money_is_held_while_it_is_looked_for_and_given_back_when_x_has_it_not(desk, x):
    spoil(x, **REFUSED)
    desk.on_air("ada")
    desk.drain()
    post = desk.later(1).look_up()
    assert (post.status, stands(podcast_of(post))) == ("unknown", (0, WITH_LINK))
    post = desk.find_out(until=200)
    assert [kind for kind, _ in entries(post)] == [RESERVE, RELEASE]
    assert stands(podcast_of(post)) == (0, 0)


def test_while_it_is_looked_for_nobody_is_told_to_change_it(desk, x):
    spoil(x, **REFUSED)
    desk.on_air("ada")
    post = desk.drain()
    assert told(post).startswith("X says this text was already posted.")
    assert "Make it unique" not in told(post)
    assert "Make it unique" in told(desk.find_out(until=200), "failed")


def told(post: Post, status: str = "posting") -> str:
    return light_of_host(status, enabled=True, post=post, trouble=None).note


def test_what_x_calls_a_double_both_times_is_not_said_to_be_out_and_costs_nothing(desk, x):
    """Nobody could look, so a person had it sent again; neither try was ever taken."""
    spoil(x, **REFUSED)
    desk.on_air("ada")
    desk.drain()
    blind(x, 500, status=503)
    while desk.post().status == "unknown":
        desk.find_out(until=60)
    post = desk.post()
    assert post.status == "review"
    x.faults.clear()
    spoil(x, **REFUSED)
    db.session.rollback()
    desk.cast.services.by_hand.resolve(post.id, "again", NOBODY, desk.at)
    assert desk.drain().status == "unknown"
    post = desk.find_out(until=200)
    assert (post.status, post.cause, post.remote_id) == ("failed", "x_duplicate", None)
    assert "charge" not in [kind for kind, _ in entries(post)]


# The second try: the first is out, and nobody has seen it


def out_without_id(desk: Desk, x: X, *, shown_after: float) -> Post:
    x.visibility_delay = shown_after
    lose(x, stored=True)
    unknown(desk)
    desk.find_out()
    post = desk.find_out(until=200)
    assert (post.status, post.cause, post.remote_id) == ("posted", "x_has_it", None)
    return post


def test_a_post_that_is_out_without_an_id_gets_it_when_x_shows_it_at_last(desk, x):
    post = out_without_id(desk, x, shown_after=1800)
    before = desk.history(post)
    first = desk.later(600).look_up()
    assert (first.status, first.remote_id, first.next_lookup_at) == ("posted", None, post.unknown_since + 2 * HOUR)
    post = desk.later(7200).look_up()
    stored = x.timeline("ada")[0]
    assert (post.status, post.cause, post.remote_id) == ("posted", "found", stored.id)
    assert abs(post.posted_at - stored.created_at) < timedelta(seconds=1)
    assert post.next_lookup_at is None
    assert desk.history(post) == [*before, ("posted", "found")]
    assert (x.attempts(), len(desk.texts())) == (2, 1)


def test_its_counts_are_read_from_then_on(desk, x, cast):
    out_without_id(desk, x, shown_after=300)
    desk.later(600).look_up()
    cast.services.metrics.sync(desk.later(3600).at)
    assert desk.post().impressions is not None


def test_it_is_paid_once_although_it_is_found_twice(desk, x):
    post = out_without_id(desk, x, shown_after=300)
    desk.later(600).look_up()
    assert [kind for kind, item in entries(post) if item != prices.READ].count(CHARGE) == 1
    assert same_as_the_bill(post, x)


def test_it_is_looked_for_three_times_and_then_left_as_it_is(desk, x):
    post = out_without_id(desk, x, shown_after=10**7)
    asked = len(x.asked("GET", "/tweets"))
    for _ in range(60):
        post = desk.later(1800).look_up()
    assert (post.status, post.cause, post.remote_id, post.next_lookup_at) == ("posted", "x_has_it", None, None)
    assert len(x.asked("GET", "/tweets")) == asked + 3


@pytest.mark.parametrize("engine_name", ENGINES, indirect=True)
def test_another_process_gives_it_its_id_after_the_first_was_killed(desk, x, make_app):
    out_without_id(desk, x, shown_after=300)
    get_services().confirming._take(desk.later(600).at)
    with make_app().app_context():
        get_services().confirming.look_up(desk.later(31).at)
    assert desk.post().remote_id == x.timeline("ada")[0].id


def test_an_id_that_another_post_has_is_not_taken(desk, x):
    post = out_without_id(desk, x, shown_after=300)
    other = desk.on_air("bo")
    assert other
    desk.change(desk.post("bo"), remote_id=x.timeline("ada")[0].id)
    desk.later(600).look_up()
    assert desk.post("ada").remote_id is None
    assert post.status == "posted"
