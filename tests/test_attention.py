"""Put aside: for oneself or everybody, for a day, a week or good; back when it gets worse; never more than meant."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from extensions import db
from models import Dismissal, EpisodeTweetConfig, Podcast, PodcastMember, Post, SocialConnection, User
from services import attention as service
from services import overview, wallet
from services.attention import HowLong
from services.audit import NOBODY, Actor
from services.errors import Conflict, Invalid, NotFound
from services.wallet import Rules, Whose
from tests.cast import ago
from tests.test_needs import Desk as Needy
from tests.test_needs import past

SYDNEY = "Australia/Sydney"


class Desk(Needy):
    """With the deeds, each in a transaction of its own."""

    def aside(self, item, host="ada", length=HowLong.GOOD, **later):
        """`item`: one, or several that were shown together."""
        seen = [item] if isinstance(item, str) else item
        db.session.rollback()
        show, by = db.session.get_one(Podcast, self.show.id), Actor(self.ids[host])
        return service.put_aside(show, seen, length, by, self.now + timedelta(**later), is_admin=host == "ada")

    def back(self, dismissal_id, host="ada"):
        db.session.rollback()
        show = db.session.get_one(Podcast, self.show.id)
        service.bring_back(show, dismissal_id, Actor(self.ids[host]), self.now, is_admin=host == "ada")

    def put_aside(self, host="ada", **later):
        db.session.rollback()
        show = db.session.get_one(Podcast, self.show.id)
        page = service.attention(show, self.ids[host], self.now + timedelta(**later), is_admin=host == "ada")
        db.session.rollback()
        return page.aside

    def at_home(self, host):
        db.session.rollback()
        return [need.item for need in overview.home(db.session.get_one(User, self.ids[host]), self.now).needs]


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def desk(cast):
    return Desk(cast)


@pytest.fixture
def stream(desk):
    """A stream that nothing was announced for. Returns its item."""
    desk.stream(state="ended")
    (item,) = desk.items()
    return item


def rows():
    found = db.session.execute(select(Dismissal.item, Dismissal.user_id, Dismissal.until)).all()
    db.session.rollback()
    return [tuple(row) for row in found]


# Whose it is


def test_what_an_admin_puts_aside_nobody_sees_any_more_on_any_page(desk, stream):
    desk.aside(stream)
    assert [desk.items(host) for host in ("ada", "bo")] == [[], []]
    assert [desk.at_home(host) for host in ("ada", "bo")] == [[], []]
    assert [(one.is_for_all, one.by, one.may_come_back) for one in desk.put_aside("bo")] == [(True, "Ada", False)]


def test_what_a_host_puts_aside_is_gone_for_him_alone(desk, stream):
    desk.aside(stream, "bo")
    assert (desk.items("bo"), desk.items("ada")) == ([], [stream])
    assert (desk.at_home("bo"), desk.at_home("ada")) == ([], [stream])
    assert desk.put_aside("ada") == []


def test_it_can_be_brought_back_by_who_may(desk, stream):
    desk.aside(stream, "bo")
    desk.aside(stream, "ada")
    everybody, own = desk.put_aside("ada")[0].id, dismissal_of(desk.ids["bo"])
    for dismissal_id, host in ((own, "ada"), (everybody, "bo"), (999, "ada"), (2**40, "ada"), (0, "ada")):
        with pytest.raises(NotFound):
            desk.back(dismissal_id, host)
    desk.back(everybody)
    assert (desk.items("ada"), desk.items("bo")) == ([stream], [])
    desk.back(own, "bo")
    assert desk.items("bo") == [stream]
    assert rows() == []


def dismissal_of(user_id):
    found = db.session.execute(select(Dismissal.id).filter_by(user_id=user_id)).scalar_one()
    db.session.rollback()
    return found


def test_what_is_shown_together_is_put_aside_together_and_who_comes_later_is_shown(desk, cast):
    for name in ("cy", "di"):
        user = cast.user(name)
        db.session.add(PodcastMember(podcast_id=desk.show.id, user_id=user.id))
    db.session.commit()
    cy, di = desk.items()
    desk.aside([cy, di])
    assert desk.items() == []
    assert [item for item, *_ in rows()] == [cy, di]
    eve = cast.user("eve").id
    db.session.add(PodcastMember(podcast_id=desk.show.id, user_id=eve))
    db.session.commit()
    assert [need.user_id for need in desk.seen()] == [eve]


def test_who_failed_alike_while_somebody_read_is_not_put_aside_unseen(desk, cast):
    for name in ("cy", "di"):
        cast.connect(user := cast.user(name))
        db.session.add(PodcastMember(podcast_id=desk.show.id, user_id=user.id, role="contributor"))
        desk.ids[name] = user.id
    db.session.commit()
    episode = past(desk, 1)
    failed = {"status": "failed", "config_status": "failed", "cause": "x_forbidden"}
    shown = [f"failed:{desk.post(episode, host, **failed)}" for host in ("bo", "cy")]
    unseen = f"failed:{desk.post(episode, 'di', **failed)}"
    desk.aside([*shown, "failed:0"])
    assert sorted(item for item, *_ in rows()) == sorted(shown)
    assert [desk.items("ada"), desk.items("di")] == [[unseen], [unseen]]


# For how long


@pytest.mark.parametrize(
    "length, now, until",
    [
        # in Sydney it is Monday morning, and the clocks went forward the day before
        (HowLong.TODAY, datetime(2026, 10, 4, 22, tzinfo=UTC), datetime(2026, 10, 5, 13, tzinfo=UTC)),
        # on the Saturday before, ten hours east; the week ends with summer time
        (HowLong.WEEK, datetime(2026, 10, 3, 1, tzinfo=UTC), datetime(2026, 10, 9, 13, tzinfo=UTC)),
        (HowLong.GOOD, datetime(2026, 10, 3, 1, tzinfo=UTC), None),
    ],
)
def test_it_is_back_on_a_morning_of_the_podcast(desk, length, now, until):
    db.session.execute(update(Podcast).values(timezone=SYDNEY, youtube_channel_id=None))
    db.session.commit()
    desk.now = now
    assert desk.aside("channel:none", length=length) == until
    assert desk.items(minutes=1) == []
    if until:
        ahead = until - now
        assert desk.items(seconds=ahead.total_seconds() - 1) == []
        assert desk.items(seconds=ahead.total_seconds()) == ["channel:none"]


def test_put_aside_again_it_is_for_the_new_time(desk, stream):
    desk.aside(stream, length=HowLong.TODAY)
    with pytest.raises(Conflict):  # it is not on the list
        desk.aside(stream)
    desk.back(desk.put_aside()[0].id)
    desk.aside(stream)
    assert rows() == [(stream, None, None)]


def test_what_ran_out_in_the_past_hides_nothing_and_is_renewed_in_place(desk, stream):
    old = ago(days=400)
    db.session.add(Dismissal(podcast_id=desk.show.id, item=stream, until=old, made_at=old))
    db.session.commit()
    assert desk.items() == [stream]
    desk.aside(stream)
    assert rows() == [(stream, None, None)]


# What gets worse, or happens anew


def test_a_post_that_fails_after_all_is_back(desk):
    post_id = desk.post(past(desk, 1), "bo", "queued", "posting", cause="x_auth")
    (waits,) = desk.items()
    desk.aside(waits)
    assert desk.items() == []
    waiting = EpisodeTweetConfig.status == "posting"
    db.session.execute(update(Post).values(status="failed"))
    db.session.execute(update(EpisodeTweetConfig).where(waiting).values(status="failed"))
    db.session.commit()
    assert desk.items() == [f"failed:{post_id}"]


def test_a_text_is_back_on_the_day_of_its_show_and_when_something_else_is_wrong_with_it(desk):
    episode = desk.episode(days=2)
    desk.write(episode, "bo", text="w" * 300)
    (long,) = desk.items()
    desk.aside(long)
    desk.write(episode, "bo", text="w" * 310)
    assert desk.items() == []
    desk.write(episode, "bo", text="{nonsense}")
    assert len(desk.items()) == 1
    desk.write(episode, "bo", text="w" * 300)
    assert desk.items(days=1, hours=1) == [f"{long}:soon"]


def test_a_login_that_is_lost_again_is_back(desk):
    trouble = {"trouble": "x_auth"}
    db.session.execute(update(SocialConnection).where(SocialConnection.user_id == desk.ids["bo"]).values(trouble))
    db.session.commit()
    desk.aside(*desk.items())
    assert desk.items() == []
    db.session.execute(update(SocialConnection).values(token_version=SocialConnection.token_version + 1))
    db.session.commit()
    assert len(desk.items()) == 1


# What it was about is over


def test_what_is_settled_takes_its_dismissal_with_it(desk, stream):
    desk.aside(stream)
    service.clean(desk.now + timedelta(minutes=6))
    assert [item for item, *_ in rows()] == [stream]
    service.clean(desk.now + timedelta(days=3))  # nobody is asked about it any more
    assert rows() == []


def test_what_ran_out_is_cleaned_away(desk, stream):
    desk.aside(stream, length=HowLong.TODAY)
    service.clean(desk.now + timedelta(hours=25))
    assert rows() == []
    assert desk.items() == [stream]


def test_dismissals_go_with_their_person_and_podcast(desk, stream):
    desk.aside(stream, "bo")
    desk.aside(stream, "ada")
    db.session.delete(db.session.get_one(User, desk.ids["bo"]))
    db.session.commit()
    assert rows() == [(stream, None, None)]
    db.session.delete(db.session.get_one(Podcast, desk.show.id))
    db.session.commit()
    assert rows() == []


# Bad input


@pytest.mark.parametrize("item", ["", "nonsense", "stream:1", "x" * 100_000, "stream:\x00", "💥", "channel:none "])
def test_names_that_are_not_on_the_list_are_refused_and_never_stored(desk, stream, item):
    with pytest.raises(Conflict, match="not on the list"):
        desk.aside(item)
    assert rows() == []


@pytest.mark.parametrize("text", ["", "2020-01-01", "9999-12-31", "forever", "x" * 10_000, "TODAY"])
def test_there_are_three_times_and_no_others(text):
    with pytest.raises(Invalid):
        service.how_long(text)


def test_a_host_can_not_put_aside_what_he_may_not_read(desk):
    wallet.set_rules(Whose(desk.show.id), Rules(is_limited=True), NOBODY, desk.now)
    desk.episode(days=2)
    (low,) = desk.items("ada")
    with pytest.raises(Conflict):
        desk.aside(low, "bo")


@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
def test_two_admins_at_the_same_moment_leave_one_line(app, desk, stream):
    found, gate, show_id, now, ada = [], threading.Barrier(2), desk.show.id, desk.now, Actor(desk.ids["ada"])
    db.session.rollback()

    def put():
        with app.app_context():
            gate.wait(60)
            show = db.session.get_one(Podcast, show_id)
            try:
                service.put_aside(show, [stream], HowLong.WEEK, ada, now, is_admin=True)
            except Conflict as error:  # the other one was a moment faster
                found.append(error)

    threads = [threading.Thread(target=put) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(rows()) == 1
    assert len(found) <= 1
