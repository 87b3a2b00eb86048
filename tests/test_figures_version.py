"""The version of a podcast's numbers: raised with every change of them, once, and with nothing that was taken back."""

import threading

import pytest
from sqlalchemy import text

from extensions import db
from models import EpisodeGuide, Podcast, Role, SocialConnection, User
from services import (
    accounts,
    episodes,
    figures_version,
    leaving,
    members,
    outbox,
    paying,
    people,
    podcast_settings,
    wallet,
)
from services.audit import NOBODY
from services.outbox import Move
from services.registry import get_services
from tests.till import EVENING, Till, statements


def version(podcast_id):
    found = figures_version.of(db.session(), podcast_id)
    db.session.rollback()
    return found


@pytest.fixture
def raised():
    """Whether what is done raises the version of this podcast, and no other."""

    def raised_by(podcast_id, act):
        before = version(podcast_id)
        act()
        return version(podcast_id) - before

    return raised_by


@pytest.fixture
def till(cast):
    return Till(cast)


@pytest.fixture
def elsewhere(cast):
    """A podcast that nothing of this is about."""
    return cast.show("Elsewhere", hosts=("eve",)).id


def test_whatever_is_settled_and_paid_in_one_transaction_raises_it_once(desk, raised):
    desk.on_air("ada", "bo")
    podcast_id = desk.post("ada").podcast_id
    assert raised(podcast_id, lambda: desk.cast.services.posting.drain(desk.at)) >= 1
    with statements() as asked:
        figures_version.raise_for(db.session(), [podcast_id, podcast_id, None])
        figures_version.raise_for(db.session(), [podcast_id])
        db.session.commit()
    assert sum(statement.startswith("INSERT INTO figures_versions") for statement in asked) == 1


def test_what_is_taken_back_changes_nothing(till, raised):
    def undone():
        figures_version.raise_for(db.session(), [till.show_id])
        db.session.execute(text("SELECT 1"))
        db.session.rollback()
        db.session.execute(text("SELECT 1"))
        db.session.commit()

    assert raised(till.show_id, undone) == 0


def test_a_savepoint_that_is_taken_back_forgets_nothing_that_came_before(till, raised):
    def half_undone():
        figures_version.raise_for(db.session(), [till.show_id])
        inner = db.session.begin_nested()
        db.session.execute(text("SELECT 1"))
        inner.rollback()
        with db.session.begin_nested():
            db.session.execute(text("SELECT 1"))
        db.session.commit()

    assert raised(till.show_id, half_undone) == 1


def test_a_transaction_that_changes_no_numbers_asks_nothing_more(till):
    db.session.execute(text("SELECT 1"))
    with statements() as asked:
        db.session.commit()
    assert asked == []


def test_a_post_on_its_way_is_no_change_and_one_that_ended_is(desk, raised):
    desk.on_air("ada")
    post = desk.post()
    sending = Move(post_id=post.id, expected="queued", to="sending", values={"attempt_token": "t", "attempts": 1})
    missed = Move(post_id=post.id, expected="sending", to="missed")
    for move, changes in ((sending, 0), (missed, 1)):

        def step(move=move):
            outbox.apply(db.session(), [move], desk.at)
            db.session.commit()

        assert raised(post.podcast_id, step) == changes


def test_money_that_is_spent_is_a_change_and_money_that_is_held_is_none(till, elsewhere, raised):
    till.top_up(till.podcast)
    before = version(elsewhere)
    charged = till.spend()

    def read():
        paying.record_reads(db.session(), [paying.Read(till.podcast, "1")], till.now)
        db.session.commit()

    assert raised(till.show_id, read) == 1
    assert raised(till.show_id, lambda: wallet.refund(charged, charged.cost, by=NOBODY, now=till.now)) == 1
    assert raised(till.show_id, lambda: till.top_up(till.podcast)) == 0
    assert version(elsewhere) == before


def test_who_is_on_a_podcast_and_as_what_is_a_change(cast, till, raised):
    cy = cast.user("cy").id
    db.session.rollback()

    def join():
        members.add(till.show_id, cy, Role.CONTRIBUTOR)
        db.session.commit()

    deeds = [
        join,
        lambda: members.set_role(till.show_id, cy, Role.ADMIN, NOBODY, till.now),
        lambda: accounts.change_profile(cy, name="Cyrus", timezone="UTC", default_text="", never_repost=False),
        lambda: people.switch_off(cy, NOBODY, till.now),
        lambda: people.switch_on(cy, NOBODY, till.now),
        lambda: members.remove(till.show_id, cy, NOBODY, till.now),
    ]
    assert [raised(till.show_id, deed) > 0 for deed in deeds] == [True] * len(deeds)
    same = {"name": "Cyrus", "timezone": "UTC", "default_text": "Other words", "never_repost": True}
    assert raised(till.show_id, lambda: accounts.change_profile(cy, **same)) == 0


def test_who_leaves_takes_the_numbers_along(cast, till, raised):
    bo = db.session.get_one(User, till.ids["bo"])
    email = bo.email
    db.session.rollback()
    assert raised(till.show_id, lambda: leaving.delete_account(till.ids["bo"], email, NOBODY, till.now)) == 1


def test_an_episode_that_has_another_title_or_is_gone_is_a_change(cast, till, elsewhere, raised):
    episode = cast.episode(db.session.get_one(Podcast, till.show_id), "Queues")
    db.session.commit()
    id, version_read, plan = episode.id, episode.version, episodes.Plan(title="Queues, again")
    db.session.rollback()
    before = version(elsewhere)

    def delete():
        episodes.delete_episode(db.session.get_one(EpisodeGuide, id), NOBODY, till.now)

    assert raised(till.show_id, lambda: episodes.change_episode(id, version_read, plan, till.now)) == 1
    assert raised(till.show_id, delete) == 1
    assert version(elsewhere) == before


def test_a_login_that_comes_goes_or_has_trouble_is_a_change(cast, elsewhere, raised):
    show = cast.show(hosts=("ada",))
    show_id, connection = show.id, db.session.query(SocialConnection).filter_by(username="ada").one()
    ids = connection.id, connection.user_id
    db.session.rollback()
    before = version(elsewhere)

    def trouble():
        figures_version.raise_for_connection(db.session(), ids[0])
        db.session.commit()

    assert raised(show_id, trouble) == 1
    assert raised(show_id, lambda: get_services().connections.disconnect(ids[1], NOBODY, EVENING)) == 1
    assert version(elsewhere) == before


def test_settings_are_a_change_and_a_podcast_that_is_gone_leaves_no_version(till, raised):
    podcast = db.session.get_one(Podcast, till.show_id)
    values = {name: getattr(podcast, name) for name in podcast_settings.FIELDS} | {"timezone": "Asia/Tokyo"}
    wanted = podcast_settings.Wanted(**values, version=podcast_settings.version_of(podcast))
    db.session.rollback()
    assert raised(till.show_id, lambda: podcast_settings.change(till.show_id, wanted, NOBODY, till.now)) == 1
    podcast_settings.delete_podcast(till.show_id, NOBODY, till.now)
    assert version(till.show_id) == 0
    assert db.session.execute(text("SELECT count(*) FROM figures_versions")).scalar() == 0


def test_a_start_that_is_corrected_is_a_change_of_the_podcasts_that_posted_for_it(desk, elsewhere, raised):
    desk.on_air("ada")
    post = desk.post()
    podcast_id, broadcast_id, before = post.podcast_id, post.broadcast_id, version(elsewhere)

    def corrected():
        figures_version.raise_for_broadcasts(db.session(), [broadcast_id])
        db.session.commit()

    assert raised(podcast_id, corrected) == 1
    assert version(elsewhere) == before


def test_many_at_once_in_any_order_lose_no_change_and_never_wait_for_each_other(app, till, elsewhere):
    ids, failed = [till.show_id, elsewhere], []
    before = [version(id) for id in ids]
    db.session.rollback()

    def change(order):
        with app.app_context():
            try:
                for _ in range(10):
                    figures_version.raise_for(db.session(), order)
                    db.session.commit()
            except Exception as error:  # noqa: BLE001 - what went wrong is what is asserted
                failed.append(error)

    threads = [threading.Thread(target=change, args=(order,)) for order in (ids, ids[::-1]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [version(id) for id in ids] == [number + 60 for number in before]


@pytest.mark.parametrize("engine_name", ["postgresql"])
def test_who_holds_the_podcast_keeps_nobody_waiting_who_has_posted(app, till):
    """As an announcer does: it waits for posts then, whose sender would wait for it in turn."""
    members.lock(till.show_id)
    done = threading.Event()

    def post():
        with app.app_context():
            figures_version.raise_for(db.session(), [till.show_id])
            db.session.commit()
            done.set()

    sender = threading.Thread(target=post)
    sender.start()
    assert done.wait(30)
    sender.join()
    db.session.rollback()
