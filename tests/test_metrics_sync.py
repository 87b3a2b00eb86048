"""What X shows of posts: read at each age once, paid for as X asks for it, and never more than a wallet covers."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, update

from extensions import db
from models import Podcast, Post, PostSnapshot, SendGate, SocialConnection, WalletEntry
from sandbox.standin import Fault
from services import metrics_rows, podcast_settings, wallet
from services.audit import NOBODY
from services.clients.x_metrics import Metrics, parse_metrics
from services.errors import Refused
from services.metrics_rows import STEPS, next_due, step_at
from services.registry import get_services
from services.wallet import Rules, Whose
from services.wallet_check import differences
from tests.till import statements

EVENING = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
READ = 5_000
COUNTS = {"impression_count": 90, "like_count": 5, "retweet_count": 4, "reply_count": 3, "quote_count": 2}
SHOWN = (90, 5, 4, 3, 2, 1)
#: impressions and engagements of these
NEWEST = (90, 15)


class Reading:
    """Deep Dive with Ada and Bo, whose posts are out; everybody has the same clock."""

    def __init__(self, cast, x):
        self.cast, self.x, self.at = cast, x, EVENING
        x.now = lambda: self.at
        self.podcast_id = cast.show(hosts=(), connected=False).id
        self.users, self.accounts = {}, {}
        for name in ("ada", "bo"):
            user = cast.user(name)
            self.users[name] = user.id
            self.accounts[name] = cast.connect(user, now=self.at)
        db.session.commit()

    def posts(self, number=1, host="ada", *, ago=HOUR, **columns):
        """So many posts, out at X and in the database. Answers those of X."""
        account = self.accounts[host]
        made = [self.x.post_by_hand(account, f"Live {len(self.x.posts)}") for _ in range(number)]
        rows = [self.row(post, host, ago) | columns for post in made]
        db.session.execute(insert(Post), rows)
        db.session.commit()
        for post in made:
            post.metrics |= {**COUNTS, "bookmark_count": 1}
        return made

    def row(self, post, host, ago):
        at = self.at - ago
        return {
            "key": f"live:{post.id}",
            "text": post.text,
            "status": "posted",
            "remote_id": post.id,
            "podcast_id": self.podcast_id,
            "user_id": self.users[host],
            "platform_user_id": post.account_id,
            "created_at": at,
            "posted_at": at,
            "not_after": at,
        }

    def sync(self, **later):
        self.at += timedelta(**later)
        done = self.cast.services.metrics.sync(self.at)
        assert not db.session().in_transaction()
        return done

    def calls(self):
        """How many ids each question had."""
        asked = [entry for entry in self.x.asked("GET") if entry.path == "/2/tweets"]
        return [entry.query["ids"].count(",") + 1 for entry in asked]

    def snapshots(self):
        """(step, counts) of all, in order."""
        names = [getattr(PostSnapshot, name) for name in Metrics.__slots__]
        rows = db.session.execute(select(PostSnapshot.step, *names).order_by(PostSnapshot.step)).all()
        db.session.rollback()
        return [(step, tuple(counts)) for step, *counts in rows]

    def newest(self):
        """Impressions, engagements and when they were read, of the only post."""
        post = self.post()
        return post.impressions, post.engagements, post.counted_at

    def post(self):
        found = db.session.execute(select(Post), execution_options={"populate_existing": True}).scalar_one()
        db.session.commit()
        return found

    def spent(self):
        found = db.session.execute(select(func.coalesce(func.sum(WalletEntry.cost), 0))).scalar_one()
        db.session.rollback()
        return int(found)


@pytest.fixture
def reading(cast, x):
    return Reading(cast, x)


def test_a_post_is_read_at_each_age_once_and_then_no_more(reading):
    reading.posts(ago=timedelta(0))
    assert reading.sync(minutes=59).read == 0
    for wait in (1 / 60, 5, 18, 48, 96):
        assert reading.sync(hours=wait).read == 1
        assert reading.sync(minutes=4).read == 0
        reading.at -= timedelta(minutes=4)
    assert reading.sync(hours=24).read == reading.sync(days=30).read == 0
    assert reading.snapshots() == [(step, SHOWN) for step in STEPS]
    assert reading.newest() == (*NEWEST, reading.at - timedelta(days=31))
    assert reading.calls() == [1] * 5


def test_a_rehearsal_shows_how_numbers_come_a_minute_after_a_post(reading, make_app):
    reading.posts(ago=timedelta(0))
    assert reading.sync(seconds=61).read == 0
    with make_app(sandbox_url="http://127.0.0.1:5999").app_context():
        rehearsing = get_services().metrics
    # Everything but when it begins is as ever.
    assert rehearsing.sync(reading.at - timedelta(seconds=2)).read == 0
    assert [rehearsing.sync(reading.at).read for _ in range(2)] == [1, 0]
    assert reading.newest() == (*NEWEST, reading.at)
    assert reading.sync(minutes=59).read == 1
    assert reading.snapshots() == [(1, SHOWN)]


def test_the_newest_counts_stand_beside_those_of_each_age(reading):
    (post,) = reading.posts()
    reading.sync()
    post.metrics["impression_count"] = 900
    reading.sync(hours=5)
    assert reading.snapshots() == [(1, SHOWN), (6, (900, *SHOWN[1:]))]
    assert reading.newest() == (900, NEWEST[1], reading.at)


def test_what_was_read_earlier_and_stored_later_replaces_nothing(reading):
    reading.posts()
    reading.sync()
    post = reading.post()
    due = metrics_rows.Due(
        post.id, post.remote_id, post.posted_at, post.platform_user_id, Whose(reading.podcast_id, post.user_id), None
    )
    for counts, minutes, newest in ((1, -1, (*NEWEST, EVENING)), (2, 1, (2, 10, EVENING + timedelta(minutes=1)))):
        late = metrics_rows.Kept(due, Metrics(*[counts] * 6), is_gone=False)
        metrics_rows.store(db.session(), [late], EVENING + timedelta(minutes=minutes))
        db.session.commit()
        assert reading.newest() == newest
    assert reading.snapshots() == [(1, (2,) * 6)]


def test_a_hundred_ids_go_into_one_question_with_the_hosts_own_token(reading):
    reading.posts(250)
    reading.posts(3, "bo")
    assert reading.sync().read == 253
    assert sorted(reading.calls()) == [3, 50, 100, 100]


def test_the_statements_do_not_grow_with_the_posts(reading):
    def asked(number):
        reading.posts(number)
        with statements() as found:
            assert reading.sync(minutes=1).read == number
        return len(found)

    reading.posts()
    reading.sync()  # makes the wallet
    few = asked(2)
    assert asked(300) == few <= 16


def test_new_field_names_are_read_as_the_old_ones(reading, x):
    x.new_field_names = True
    reading.posts()
    reading.sync()
    assert reading.snapshots() == [(1, SHOWN)]


def test_what_is_not_there_any_more_is_marked_and_neither_asked_for_again_nor_paid(reading, x):
    (post,) = reading.posts()
    x.delete_by_hand(post)
    found = reading.sync()
    assert (found.read, found.gone, reading.spent()) == (0, 1, 0)
    assert reading.post().gone_at == EVENING
    reading.sync(hours=30)
    assert reading.calls() == [1]


def test_what_x_does_not_show_for_another_reason_is_not_gone(reading):
    (hidden,) = reading.posts()
    hidden.protected = True
    (shown,) = reading.posts()
    found = reading.sync()
    assert (found.read, found.gone, found.put_off) == (1, 0, 1)
    hidden.protected = False
    assert reading.sync(hours=1.1).read == 1
    assert shown.id != hidden.id


def test_what_was_read_is_paid_as_x_asks_for_it(reading, x):
    reading.posts(3)
    reading.sync()
    reading.sync(hours=2)
    assert reading.spent() == x.spent_on("read") == 3 * READ
    assert differences() == []


def test_a_limit_without_cover_is_not_read_until_somebody_tops_up(reading, x):
    whose = Whose(reading.podcast_id)
    wallet.top_up(whose, 2 * READ, key="first", by=NOBODY, now=EVENING)
    wallet.set_rules(whose, Rules(is_limited=True), NOBODY, EVENING)
    reading.posts(3)
    found = reading.sync()
    assert (found.read, found.uncovered, found.cost, x.spent_on("read")) == (2, 1, 2 * READ, 2 * READ)
    assert wallet.bulk_get_balances([whose])[whose].balance == 0
    db.session.rollback()
    wallet.top_up(whose, READ, key="second", by=NOBODY, now=reading.at)
    assert reading.sync(hours=1.1).read == 1


def test_a_podcast_that_does_not_want_it_is_not_read(reading):
    reading.posts()
    db.session.execute(update(Podcast).values(reads_metrics=False))
    db.session.commit()
    reading.sync()
    assert reading.calls() == []


@pytest.mark.parametrize("key", ["x", "account"])
def test_a_gate_that_holds_posts_back_holds_reading_back(reading, key):
    reading.posts()
    key = key if key == "x" else f"x:{reading.accounts['ada'].id}"
    db.session.add(SendGate(key=key, until=EVENING + HOUR, cause="x_rate"))
    db.session.commit()
    reading.sync()
    assert reading.calls() == []
    assert reading.sync(hours=1.5).read == 1


@pytest.mark.parametrize("status", [402, 429, 500, 503])
def test_nothing_is_lost_when_x_refuses_and_the_next_try_reads_it(reading, x, status):
    reading.posts(2)
    reading.posts(2, "bo")
    x.faults = [Fault(status=status)] * 2
    reading.sync()
    assert reading.snapshots() == []
    x.faults = []
    assert reading.sync(hours=1.1).read == 4
    assert reading.spent() == x.spent_on("read")


def test_without_credits_nothing_more_is_asked_for_a_while(reading, x):
    x.credits_usd = 0
    reading.posts()
    reading.sync()
    reading.posts(1, "bo")
    reading.sync(minutes=5)
    assert reading.calls() == [1]


def test_a_refused_token_is_renewed_and_one_that_was_just_renewed_needs_a_person(reading, x):
    reading.posts()
    x.expire_token(reading.accounts["ada"])
    reading.sync()
    assert connection().trouble is None
    assert connection().expires_at <= EVENING
    assert reading.sync(hours=1.1).read == 1


def connection():
    found = db.session.execute(
        select(SocialConnection).order_by(SocialConnection.id).limit(1), execution_options={"populate_existing": True}
    ).scalar_one()
    db.session.commit()
    return found


def test_two_processes_never_read_the_same_post(reading, app, make_app):
    reading.posts(40)
    other = make_app()
    started = threading.Barrier(2)
    found = []

    def run(one):
        with one.app_context():
            started.wait()
            found.append(one.extensions["airhorn"].metrics.sync(EVENING).read)
            db.session.remove()

    threads = [threading.Thread(target=run, args=(one,)) for one in (app, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(found) == sum(reading.calls()) == 40


def test_what_was_claimed_and_never_stored_is_read_when_its_time_is_over(reading):
    reading.posts()
    metrics_rows.claim(db.session(), EVENING, 10)
    db.session.commit()
    assert reading.sync(minutes=9).read == 0
    assert reading.sync(minutes=2).read == 1


def test_a_podcast_that_is_deleted_while_x_is_asked_takes_only_its_own_posts_along(reading, x, cast, app):
    reading.posts(2)
    other = cast.show("Another", hosts=(), connected=False).id
    reading.posts(1, "bo", podcast_id=other)
    now = reading.at + HOUR

    def gone(request):
        if request.path == "/2/tweets" and not deleted:
            deleted.append(other)
            with app.app_context():
                podcast_settings.delete_podcast(other, NOBODY, now)

    deleted = []
    x.watchers.append(gone)
    done = cast.services.metrics.sync(now)
    assert deleted
    assert sorted(reading.calls()) == [1, 2]
    assert {post_id for (post_id,) in db.session.execute(select(PostSnapshot.post_id))} == set(
        db.session.execute(select(Post.id).where(Post.podcast_id == reading.podcast_id)).scalars()
    )
    db.session.rollback()
    assert reading.spent() == 2 * READ
    assert done.read >= 2
    assert differences() == []


# Pure


def test_ages_are_those_reached_and_the_next_is_ahead():
    hours = {0.5: 1, 1: 1, 5.9: 1, 6: 6, 24: 24, 100: 72, 168: 168, 190: 168}
    assert {wait: step_at(EVENING, EVENING + wait * HOUR) for wait in hours} == hours
    assert next_due(EVENING, EVENING + HOUR) == EVENING + 6 * HOUR
    assert next_due(EVENING, EVENING + 168 * HOUR) == EVENING + metrics_rows.LAST


@pytest.mark.parametrize("answer", [None, [], {}, {"title": "Odd"}, "data"])
def test_what_is_no_answer_about_posts_is_refused(answer):
    with pytest.raises(Refused):
        parse_metrics(answer, ["1"])


def test_what_x_does_not_count_is_zero_and_posts_nobody_asked_for_are_left_out():
    counts = {"impression_count": 9, "reply_count": 2**70}
    data = {"data": [{"id": "1", "public_metrics": counts}, {"id": "2", "public_metrics": counts}, 5]}
    found = parse_metrics(data | {"errors": [{"resource_id": "3", "type": "x/resource-not-found"}, 7]}, ["1", "4"])
    assert found.found == {"1": Metrics(9, 0, 0, 2**53, 0, 0)}
    assert found.missing == found.unreadable == frozenset()


ODD = [
    {},
    {"like_count": 6},
    {"impression_count": "9"},
    {"impression_count": 9.0},
    {"impression_count": None},
    {"impression_count": 9, "like_count": -1},
    {"impression_count": 9, "repost_count": True},
]


@pytest.mark.parametrize("counts", ODD)
def test_counts_that_cannot_be_read_are_said_to_be_so(counts):
    found = parse_metrics({"data": [{"id": "1", "public_metrics": counts}]}, ["1"])
    assert (found.found, found.missing, found.unreadable) == ({}, frozenset(), frozenset(["1"]))


@pytest.mark.parametrize("counts", ODD[2:5])
def test_counts_that_cannot_be_read_are_paid_for_and_leave_those_that_are_known(reading, counts):
    (post,) = reading.posts()
    reading.sync()
    post.metrics = counts
    assert reading.sync(hours=30).read == 0
    assert reading.snapshots() == [(1, SHOWN)]
    assert reading.newest() == (*NEWEST, EVENING)
    assert reading.spent() == 2 * READ
    assert reading.post().metrics_due_at > reading.at + 10 * HOUR


def test_a_host_without_a_login_takes_no_money_from_those_who_can_be_read(reading):
    mine = Whose(reading.podcast_id)
    wallet.top_up(mine, 10 * READ, key="first", by=NOBODY, now=reading.at)
    wallet.set_rules(mine, Rules(is_limited=True), NOBODY, reading.at)
    reading.posts(10, "bo", ago=2 * HOUR)
    reading.posts(10, "ada", ago=1.5 * HOUR)
    of_bo = update(SocialConnection).where(SocialConnection.user_id == reading.users["bo"])
    db.session.execute(of_bo.values(trouble="x_auth", refresh_state="revoked"))
    db.session.commit()
    done = reading.sync()
    assert (done.read, done.uncovered, done.put_off) == (10, 0, 10)
