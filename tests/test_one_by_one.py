"""One podcast that raises stops nobody behind it: letters, weeks, what was put aside; and who failed waits longer."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select, text, update

from extensions import db
from models import Dismissal, EpisodeGuide, HostWeek, Podcast, PodcastMember, Role, User
from services import attention
from services.errors import Refused
from services.host_weeks import WEEKS_BACK
from services.mail import Mailer
from services.metrics_job import WeeksJob
from services.one_by_one import LONGEST_WAIT, Turns
from services.weekly_mail import WeeklyMail
from tests.post_office import Postman, post_office
from tests.season import Season, Told

NEW_YORK = "America/New_York"
#: eight in New York in winter
MONDAY = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)
LAST_WEEK = datetime(2026, 2, 25, 18, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def postman():
    with post_office(Postman()) as running:
        yield running


@pytest.fixture
def settings(settings, postman):
    mail = {"smtp_host": "127.0.0.1", "smtp_port": postman.port, "smtp_from": "air@example.com"}
    return settings.model_copy(update=mail | {"smtp_security": "none"})


def begun(name, hosts=2):
    """A podcast with a post last week, whose members all want the letter."""
    season = Season.begun(hosts, name=name, timezone=NEW_YORK)
    season.tell([Told(host=0, at=LAST_WEEK, cost=200_000)])
    mine = PodcastMember.podcast_id == season.podcast_id
    db.session.execute(update(PodcastMember).where(mine).values(weekly_mail=True))
    db.session.commit()
    return season


def change(model, *where, **columns):
    db.session.execute(update(model).where(*where).values(**columns))
    db.session.commit()


class Picky(Mailer):
    """Does with each letter what it is told to; the rest arrives."""

    def __init__(self, settings, deed):
        super().__init__(settings)
        self.deed, self.asked = deed, []

    def hand_over(self, to, *arguments, **options):
        self.asked.append(to)
        self.deed(to)
        return super().hand_over(to, *arguments, **options)


@pytest.fixture
def sending(settings):
    """deed → (mailer, job)."""
    with contextlib.ExitStack() as stack:

        def made(deed):
            mailer = stack.enter_context(contextlib.closing(Picky(settings, deed)))
            db.session.rollback()
            return mailer, WeeklyMail(settings, mailer)

        yield made


def taken(_to):
    """Nothing is in its way."""


def sent(postman):
    return sorted(letter["To"] for letter in postman.letters)


# Letters


@pytest.mark.logs_errors
def test_a_podcast_whose_letters_break_keeps_nobody_elses_back(app, sending, postman):
    begun("Aaa")
    begun("Bbb")

    def breaks(to):
        if to.startswith("aaa"):
            raise RuntimeError("odd row of one podcast")

    _, job = sending(breaks)
    assert job.run(MONDAY) == 2
    assert sent(postman) == ["bbb0@example.com", "bbb1@example.com"]


@pytest.mark.logs_errors
def test_a_podcast_in_a_zone_that_is_gone_keeps_nobody_elses_letters_and_weeks_back(app, sending, postman):
    change(Podcast, Podcast.id == begun("Aaa").podcast_id, timezone="Mars/Base")
    other = begun("Bbb")
    _, job = sending(taken)
    assert job.run(MONDAY) == 2
    WeeksJob().run(MONDAY)
    assert set(db.session.execute(select(HostWeek.podcast_id)).scalars()) == {other.podcast_id}


def test_mailboxes_that_say_later_do_not_keep_others_from_theirs(app, sending, postman):
    begun("Aaa", hosts=30)
    begun("Bbb")

    def later(to):
        if to.startswith("aaa"):
            raise Refused("Ask again.", cause="notice_rate")

    mailer, job = sending(later)
    assert job.run(MONDAY) == 2
    assert len(mailer.asked) == 3 + 2
    mailer.asked.clear()
    assert [job.run(MONDAY + n * MINUTE) for n in range(1, 10)] == [0] * 9
    assert len(set(mailer.asked)) == 27  # each has its turn before one is asked again
    mailer.deed = taken
    assert job.run(MONDAY + timedelta(hours=1)) == 30


@pytest.mark.parametrize("answer", ["451 later", "450 busy"])
def test_a_server_that_puts_one_mailbox_off_is_not_taken_for_away(app, sending, postman, answer):
    class Choosy(Postman):
        async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - the server's name
            if address.startswith("aaa"):
                return answer
            envelope.rcpt_tos.append(address)
            return "250 OK"

    begun("Aaa")
    begun("Bbb")
    mailer, job = sending(taken)
    with post_office(Choosy()) as choosy:
        mailer._settings = mailer._settings.model_copy(update={"smtp_port": choosy.port})
        assert job.run(MONDAY) == 2
        assert sent(choosy) == ["bbb0@example.com", "bbb1@example.com"]


def test_a_process_that_ends_leaves_the_letters_to_another(app, sending, settings, postman):
    begun("Aaa")
    mailer, job = sending(taken)
    mailer.close()
    assert job.run(MONDAY) == 0
    _, other = sending(taken)
    assert other.run(MONDAY + MINUTE) == 2


# Meanwhile

MEANWHILE = {
    "left": lambda user: db.session.execute(delete(PodcastMember).where(PodcastMember.user_id == user)),
    "ended the letters": lambda user: change(PodcastMember, PodcastMember.user_id == user, weekly_mail=False),
    "is switched off": lambda user: change(User, User.id == user, is_active=False),
    "has another address": lambda user: change(User, User.id == user, email="new@example.com"),
    "manages no more": lambda user: change(PodcastMember, PodcastMember.user_id == user, role=Role.CONTRIBUTOR),
}


@pytest.mark.parametrize("what", MEANWHILE)
@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
def test_who_changes_while_others_get_theirs_is_told_as_what_he_is_now(app, sending, postman, what):
    user = begun("Aaa").users[1]
    change(PodcastMember, PodcastMember.user_id == user, role=Role.ADMIN)

    def meanwhile(to):
        if to == "aaa0@example.com":
            MEANWHILE[what](user)
            db.session.commit()

    _, job = sending(meanwhile)
    assert job.run(MONDAY) == 1
    assert sent(postman) == ["aaa0@example.com"]
    new = {"has another address": ["new@example.com"], "manages no more": ["aaa1@example.com"]}.get(what, [])
    assert job.run(MONDAY + MINUTE) == len(new)
    assert [letter["To"] for letter in postman.letters[1:]] == new
    assert all(("Spend" in one.get_content()) == (what != "manages no more") for one in postman.letters[1:])


# Weeks, and what was put aside


@pytest.mark.logs_errors
@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
def test_a_week_that_does_not_fit_keeps_no_other_back_and_old_numbers_go_all_the_same(app):
    odd, other = begun("Aaa"), begun("Bbb")
    odd.tell([Told(host=0, at=LAST_WEEK, cost=2**62)] * 2)
    old = MONDAY.date() - timedelta(days=749)
    db.session.add(HostWeek(podcast_id=odd.podcast_id, user_id=odd.users[0], week=old, made_at=MONDAY))
    db.session.commit()
    WeeksJob().run(MONDAY)
    found = db.session.execute(select(HostWeek.podcast_id, HostWeek.week).distinct()).all()
    weeks = {season.podcast_id: [week for id, week in found if id == season.podcast_id] for season in (odd, other)}
    assert [len(one) for one in weeks.values()] == [WEEKS_BACK - 1, WEEKS_BACK]
    assert old not in weeks[odd.podcast_id]


@pytest.mark.logs_errors
def test_a_podcast_whose_needs_break_keeps_no_others_from_being_cleaned(app):
    odd, other = begun("Aaa"), begun("Bbb")
    for season in (odd, other):
        db.session.add(Dismissal(podcast_id=season.podcast_id, item="stream:9", made_at=MONDAY))
    db.session.commit()
    db.session.add(EpisodeGuide(podcast_id=odd.podcast_id, title="Odd", scheduled_at=MONDAY))
    db.session.flush()
    db.session.execute(text("UPDATE episode_guides SET scheduled_at = '2026-03-03 odd'"))
    db.session.commit()
    attention.clean(MONDAY + timedelta(days=1))
    assert other.podcast_id not in set(db.session.execute(select(Dismissal.podcast_id)).scalars())


def test_of_many_podcasts_all_have_their_turn_to_be_cleaned(app):
    for name in ("Aaa", "Bbb", "Ccc"):
        db.session.add(Dismissal(podcast_id=begun(name).podcast_id, item="stream:9", made_at=MONDAY))
        db.session.commit()
    # What is still asked about stays, and must not keep the others waiting.
    first = db.session.execute(select(Dismissal).limit(1)).scalar_one()
    first.made_at = MONDAY + timedelta(days=9)
    db.session.commit()
    kept = first.podcast_id
    for hours in range(4):
        attention.clean(MONDAY + timedelta(days=1, hours=hours), at_once=1)
    assert list(db.session.execute(select(Dismissal.podcast_id)).scalars()) == [kept]


# Turns


def test_who_failed_waits_twice_as_long_each_time_and_others_come_first():
    turns = Turns()
    turns.later("a", MONDAY)
    assert turns.of("ab", MONDAY) == ["b"]
    assert turns.of("ab", MONDAY + MINUTE) == ["b", "a"]
    turns.later("a", MONDAY)
    assert turns.of("ab", MONDAY + MINUTE) == ["b"]
    for _ in range(50):
        turns.later("a", MONDAY)
    assert turns.of("ab", MONDAY + LONGEST_WAIT) == ["b", "a"]
    assert (turns.of("b", MONDAY), turns.of("ab", MONDAY)) == (["b"], ["a", "b"])
