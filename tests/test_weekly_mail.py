"""The letter about a week: on Monday at eight where the podcast is, once to each who wants it, and only with news."""

import contextlib
import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from extensions import db
from models import Broadcast, Dismissal, Notice, Podcast, PodcastMember, Role, User, Verdict
from services.mail import Mailer
from services.weekly_mail import WeeklyMail, begins
from tests.browser import Browser, words
from tests.post_office import Postman, post_office
from tests.season import Season, Told
from tests.till import statements

#: eight in New York in winter
MONDAY = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)
LAST_WEEK = datetime(2026, 2, 25, 18, 0, tzinfo=UTC)
NEW_YORK = "America/New_York"


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def postman():
    with post_office(Postman()) as running:
        yield running


@pytest.fixture
def settings(settings, postman):
    mail = {
        "smtp_host": "127.0.0.1",
        "smtp_port": postman.port,
        "smtp_from": "air@example.com",
        "smtp_security": "none",
    }
    return settings.model_copy(update=mail)


@pytest.fixture
def season(app):
    """Three hosts who want the letter, the first one an admin; one episode last week, for which two posted."""
    season = Season.begun(timezone=NEW_YORK)
    season.tell([Told(host=n, at=LAST_WEEK, cost=200_000, counts=(1_000, 5, 1, 0, 0, 0)) for n in (0, 1)])
    mine = PodcastMember.podcast_id == season.podcast_id
    db.session.execute(update(PodcastMember).where(mine).values(weekly_mail=True))
    first = PodcastMember.user_id == season.users[0]
    db.session.execute(update(PodcastMember).where(mine, first).values(role=Role.ADMIN))
    db.session.commit()
    return season


@pytest.fixture
def job(settings):
    mailer = Mailer(settings)
    yield Job(settings, mailer)
    mailer.close()


class Job(WeeklyMail):
    def run(self, now):
        db.session.rollback()
        return super().run(now)


def sent(postman):
    return sorted(letter["To"] for letter in postman.letters)


def text_to(postman, number):
    (letter,) = [one for one in postman.letters if one["To"] == f"deep-dive{number}@example.com"]
    return letter.get_content().replace("\r\n", "\n")


def change(model, *where, **columns):
    db.session.execute(update(model).where(*where).values(**columns))
    db.session.commit()


# When


def test_it_comes_at_eight_on_monday_once_and_not_on_another_day(season, job, postman):
    before = MONDAY - timedelta(seconds=1)
    assert [job.run(at) for at in (before, MONDAY, MONDAY + timedelta(minutes=1))] == [0, 3, 0]
    assert job.run(MONDAY + timedelta(days=1)) == 0
    assert sent(postman) == [f"deep-dive{n}@example.com" for n in range(3)]


def test_a_server_that_was_off_in_the_morning_sends_it_later_that_day_and_not_on_tuesday(season, job, postman):
    assert job.run(MONDAY + timedelta(hours=24)) == 0
    assert job.run(MONDAY + timedelta(hours=23)) == 3


@pytest.mark.parametrize(
    "monday, zone, at",
    [
        (date(2026, 3, 9), NEW_YORK, datetime(2026, 3, 9, 12, tzinfo=UTC)),  # the clocks went forward the day before
        (date(2026, 11, 2), NEW_YORK, datetime(2026, 11, 2, 13, tzinfo=UTC)),  # and back
        (date(2026, 4, 6), "Australia/Lord_Howe", datetime(2026, 4, 5, 21, 30, tzinfo=UTC)),  # by half an hour
        (date(2026, 3, 2), "Pacific/Kiritimati", datetime(2026, 3, 1, 18, tzinfo=UTC)),
    ],
)
def test_eight_is_eight_where_the_podcast_is(monday, zone, at):
    assert begins(monday, zone) == at


# What it says


def test_a_letter_has_numbers_insights_what_needs_a_person_and_links(season, job, postman):
    change(Podcast, youtube_channel_id=None)
    job.run(MONDAY)
    text = text_to(postman, 0)
    assert "Announcements: 2 (2 of them went out); the week before 0" in text
    assert "Needs a person\n" in text
    assert "* YouTube: No channel is set, so no start is noticed." in text
    assert "* You: No X account is connected. Connect X in time" in text
    assert f"All numbers: http://127.0.0.1:5000/podcasts/{season.podcast_id}/numbers\n" in text
    assert "To end it: http://127.0.0.1:5000/profile/notices#weekly\n" in text
    assert postman.letters[0]["Subject"] == "Deep Dive: last week, Mon 23 Feb to Sun 1 Mar 2026"
    assert "!" not in text


def test_a_stream_that_nobody_planned_is_named_and_nothing_is_kept_open_while_it_is_sent(season, job, postman):
    """Its name is another row's, which is read before the mail server is spoken to."""
    db.session.add(unplanned(season.podcast_id, MONDAY))
    db.session.commit()
    job.run(MONDAY)
    assert "Out of the blue" in text_to(postman, 0)
    assert postman.kept_waiting == []


def unplanned(podcast_id, now):
    stream = {"video_id": "aaaaaaaaaaa", "title": "Out of the blue", "state": "ended", "verdict": Verdict.UNMATCHED}
    return Broadcast(podcast_id=podcast_id, first_seen_at=now, **stream)


def test_what_the_podcast_spends_is_told_to_its_admins_alone(season, job, postman):
    job.run(MONDAY)
    assert "Spend: $0.40" in text_to(postman, 0)
    assert "Spend" not in text_to(postman, 1)


def test_what_somebody_put_aside_is_not_in_his_letter(season, job, postman):
    item = f"connection:{season.users[1]}:no_connection:0.0"
    for user in (None, season.users[1]):
        db.session.add(Dismissal(podcast_id=season.podcast_id, user_id=user, item=item, made_at=MONDAY))
    db.session.commit()
    job.run(MONDAY)
    assert "Host 1: No X account" not in text_to(postman, 0)
    assert "You: No X account" not in text_to(postman, 1)
    assert "You: No X account" in text_to(postman, 2)


# Who


def test_without_an_episode_and_with_nothing_to_do_no_letter_comes(season, job, postman, cast):
    quiet_week = MONDAY + timedelta(weeks=1) - timedelta(hours=1)
    for user_id in season.users:
        cast.connect(db.session.get_one(User, user_id), now=quiet_week)
    change(Podcast, youtube_channel_id="UC" + "c" * 22)
    assert job.run(quiet_week) == 0
    with statements() as asked:
        job.run(quiet_week + timedelta(minutes=1))
    assert len(asked) == 2  # it is not put together again every minute
    assert postman.letters == []


def test_who_did_not_ask_left_is_switched_off_or_whose_podcast_is_archived_gets_none(season, job, postman):
    zero, one, two = season.users
    change(PodcastMember, PodcastMember.user_id == zero, weekly_mail=False)
    change(User, User.id == one, is_active=False)
    db.session.delete(db.session.execute(select(PodcastMember).filter_by(user_id=two)).scalar_one())
    db.session.commit()
    assert job.run(MONDAY) == 0
    change(PodcastMember, PodcastMember.user_id == zero, weekly_mail=True)
    change(Podcast, is_active=False)
    assert job.run(MONDAY) == 0


def test_without_a_mail_server_nothing_is_begun(season, settings):
    off = settings.model_copy(update={"smtp_host": None})
    with contextlib.closing(Mailer(off)) as mailer:
        assert Job(off, mailer).run(MONDAY) == 0
    assert db.session.execute(select(Notice.id)).all() == []


# Once, whatever happens


def test_a_mail_server_that_says_not_now_is_asked_again(season, job, postman):
    postman.refuse = "451 later"
    assert job.run(MONDAY) == 0
    postman.refuse = ""
    assert job.run(MONDAY + timedelta(minutes=1)) == 3
    assert len(postman.letters) == 3


def test_one_that_refuses_for_good_is_not_asked_again(season, job, postman):
    postman.refuse = "550 no"
    assert job.run(MONDAY) == 0
    postman.refuse = ""
    assert job.run(MONDAY + timedelta(minutes=1)) == 0


def test_of_a_mail_server_that_is_away_one_letter_finds_out(season, settings):
    away = settings.model_copy(update={"smtp_port": 9})
    with contextlib.closing(Mailer(away)) as mailer:
        assert Job(away, mailer).run(MONDAY) == 0
    assert db.session.execute(select(Notice.id)).all() == []


@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
def test_several_schedulers_at_once_send_each_letter_once(app, season, settings, postman):
    gate, counts = threading.Barrier(4), []

    def work():
        with app.app_context(), contextlib.closing(Mailer(settings)) as mailer:
            gate.wait(10)
            counts.append(WeeklyMail(settings, mailer).run(MONDAY))
            db.session.remove()

    db.session.rollback()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(counts) == 3
    assert sent(postman) == [f"deep-dive{n}@example.com" for n in range(3)]


def test_one_that_dies_while_it_sends_leaves_a_letter_that_is_not_sent_again(season, settings, postman):
    class Dies(Mailer):
        def hand_over(self, *arguments, **options):
            super().hand_over(*arguments, **options)
            raise KeyboardInterrupt

    with contextlib.closing(Dies(settings)) as mailer, pytest.raises(KeyboardInterrupt):
        Job(settings, mailer).run(MONDAY)
    with contextlib.closing(Mailer(settings)) as mailer:
        assert Job(settings, mailer).run(MONDAY + timedelta(minutes=1)) == 2
    assert sent(postman) == [f"deep-dive{n}@example.com" for n in range(3)]


def test_a_letter_is_among_the_notices_as_read_and_is_sent_nowhere_else(season, job):
    job.run(MONDAY)
    found = db.session.execute(select(Notice.title, Notice.read_at).distinct()).all()
    assert [tuple(row) for row in found] == [("Deep Dive: last week, Mon 23 Feb to Sun 1 Mar 2026", MONDAY)]


@pytest.mark.parametrize("hosts", [5, 50])
def test_the_statements_grow_by_those_of_the_letters_alone(app, job, hosts):
    season = Season.begun(hosts, timezone=NEW_YORK)
    season.tell([Told(host=n, at=LAST_WEEK) for n in range(hosts)])
    db.session.execute(update(PodcastMember).values(weekly_mail=True))
    db.session.commit()
    with statements() as asked:
        assert job.run(MONDAY) == hosts
    assert len(asked) <= 16 + 2 * hosts  # what was put aside, and the claim


# The switch


@pytest.fixture
def browser(app, season):
    browser = Browser(app)
    change(PodcastMember, weekly_mail=False)
    browser.let_in(db.session.get_one(User, season.users[1]))
    return browser


def wanting():
    found = set(db.session.execute(select(PodcastMember.user_id).where(PodcastMember.weekly_mail)).scalars())
    db.session.rollback()
    return found


def test_the_switch_stands_beside_the_other_choices_and_works_both_ways(season, browser):
    page, path = "/profile/notices", f"/podcasts/{season.podcast_id}/weekly-mail"
    assert "Deep Dive Off Send it to me" in words(browser.get(page))
    answer = browser.post(path, {"weekly": "on"}, form=page)
    assert (answer.location, wanting()) == ("/profile/notices#weekly", {season.users[1]})
    assert "Deep Dive On Stop" in words(browser.get(page))
    browser.post(path, {"weekly": "off"}, form=page)
    assert wanting() == set()


@pytest.mark.parametrize("sent", [{}, {"weekly": "x" * 10_000}, {"weekly": ["", "on"]}, {"weekly": "ON"}])
def test_anything_odd_is_off(season, browser, sent):
    browser.post(f"/podcasts/{season.podcast_id}/weekly-mail", sent, form="/profile/notices")
    assert wanting() == set()


def test_an_admin_of_the_server_who_is_not_on_the_podcast_cannot_have_it(app, season, cast):
    eve = Browser(app)
    eve.let_in(cast.user("eve", is_admin=True))
    answer = eve.post(f"/podcasts/{season.podcast_id}/weekly-mail", {"weekly": "on"}, form="/profile/notices")
    assert answer.status_code == 404
    assert "You are not on any podcast yet." in words(eve.get("/profile/notices"))


def test_the_link_of_a_letter_leads_to_the_switch_after_signing_in(app, season):
    guest = Browser(app)
    answer = guest.get("/profile/notices")
    assert answer.location == "/sign-in?next=/profile/notices"
    user = db.session.get_one(User, season.users[1])
    assert guest.sign_in(user, next="/profile/notices").location == "/profile/notices"
