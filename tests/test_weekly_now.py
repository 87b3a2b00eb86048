"""The letter about the last week when a person asks for it: seen as it would come, and sent to himself alone."""

import contextlib
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from sqlalchemy import select, update

from extensions import db
from models import Notice, Podcast, PodcastMember, Role, User
from services import periods
from services.mail import Mailer
from services.registry import get_services
from services.weekly_letters import begins
from services.weekly_mail import WeeklyMail
from tests.browser import Browser, words
from tests.post_office import Postman, post_office
from tests.season import Season, Told
from tests.test_weekly_mail import unplanned

NEW_YORK = "America/New_York"
#: letters within an hour
MOST = 5


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def postman():
    with post_office(Postman()) as running:
        yield running


@pytest.fixture
def mail(postman):
    return {"smtp_host": "127.0.0.1", "smtp_port": postman.port, "smtp_from": "air@example.com"}


@pytest.fixture
def settings(settings, mail):
    return settings.model_copy(update=mail | {"smtp_security": "none"})


@pytest.fixture
def season(app):
    """Host 0, an admin, and host 1; both posted in the last full week."""
    season = Season.begun(2, timezone=NEW_YORK)
    at = begins(periods.week_of(datetime.now(UTC), NEW_YORK), NEW_YORK) - timedelta(days=4)
    season.tell([Told(host=n, at=at, cost=200_000, counts=(1_000, 5, 1, 0, 0, 0)) for n in (0, 1)])
    change(PodcastMember, PodcastMember.user_id == season.users[0], role=Role.ADMIN)
    return season


@pytest.fixture
def browsers(app, season):
    found = [Browser(app, keep_limits=True) for _ in season.users]
    for browser, user_id in zip(found, season.users, strict=True):
        browser.let_in(db.session.get_one(User, user_id))
    return found


def change(model, *where, **columns):
    db.session.execute(update(model).where(*where).values(**columns))
    db.session.commit()


def page_of(season):
    return f"/podcasts/{season.podcast_id}/weekly-mail/letter"


def send(browser, season):
    """What is said about it on the page that follows."""
    browser.post(f"/podcasts/{season.podcast_id}/weekly-mail/send", form="/profile/notices")
    return words(browser.get(page_of(season)))


def shown(browser, season):
    """The text on the page, as it stands there."""
    _, _, rest = browser.get(page_of(season)).text.partition("<pre>")
    return unescape(rest.partition("</pre>")[0]).removeprefix("\n")


def text_of(letter):
    return letter.get_content().replace("\r\n", "\n")


def on_monday(settings, season):
    """What the job sends at eight of this week's Monday."""
    db.session.rollback()
    with contextlib.closing(Mailer(settings)) as mailer:
        return WeeklyMail(settings, mailer).run(begins(periods.week_of(datetime.now(UTC), NEW_YORK), NEW_YORK))


def test_it_is_found_beside_the_choice_whether_it_comes(season, browsers):
    page = browsers[0].get("/profile/notices")
    assert f'href="{page_of(season)}"' in page.text
    assert "Deep Dive Off Send it to me See this week’s mail of Deep Dive" in words(page)


def test_what_is_shown_and_sent_now_is_what_comes_on_monday(season, browsers, postman, settings):
    seen = [shown(browser, season) for browser in browsers]
    assert all("Sent to" in send(browser, season) for browser in browsers)
    change(PodcastMember, weekly_mail=True)
    assert on_monday(settings, season) == 2
    now, monday = postman.letters[:2], sorted(postman.letters[2:], key=lambda letter: letter["To"])
    assert [text_of(letter) for letter in now] == seen
    for name in ("To", "Subject", "List-Unsubscribe"):
        assert [letter[name] for letter in now] == [letter[name] for letter in monday]
    # What needs a person is told as it is at that moment, so it is the first part that must be equal.
    assert [one.partition("Needs a person")[0] for one in seen] == [
        text_of(letter).partition("Needs a person")[0] for letter in monday
    ]


def test_nothing_is_kept_open_while_it_is_sent(season, browsers, postman):
    db.session.add(unplanned(season.podcast_id, datetime.now(UTC)))
    db.session.commit()
    assert "Sent to" in send(browsers[0], season)
    assert "Out of the blue" in text_of(postman.letters[0])
    assert postman.kept_waiting == []


def test_each_reads_what_he_may_read(season, browsers):
    texts = [shown(browser, season) for browser in browsers]
    assert ["Spend: $0.40" in text for text in texts] == [True, False]
    assert ["You: No X account is connected." in text for text in texts] == [True, True]
    assert "To deep-dive0@example.com Subject Deep Dive: last week, " in words(browsers[0].get(page_of(season)))


def test_one_sent_now_takes_nothing_from_monday(season, browsers, postman, settings):
    change(PodcastMember, weekly_mail=True)
    send(browsers[0], season)
    assert db.session.execute(select(Notice.id)).all() == []
    assert on_monday(settings, season) == 2
    assert "Sent to deep-dive0@example.com." in send(browsers[0], season)
    assert sorted(letter["To"] for letter in postman.letters).count("deep-dive0@example.com") == 3


def test_nobody_has_to_want_it_on_mondays_and_nobody_else_gets_it(season, browsers, postman):
    assert "Sent to deep-dive1@example.com. What comes on Mondays stays as it is." in send(browsers[1], season)
    assert [letter["To"] for letter in postman.letters] == ["deep-dive1@example.com"]
    assert db.session.execute(select(PodcastMember.id).where(PodcastMember.weekly_mail)).all() == []


@pytest.mark.parametrize("answer", ["550 no", "451 later"])
def test_why_a_mail_server_refused_is_said_and_it_can_be_asked_again(season, browsers, postman, answer):
    postman.refuse = answer
    assert "It was not sent. The mail server said no (SMTPDataError)." in send(browsers[0], season)
    postman.refuse = ""
    assert "Sent to" in send(browsers[0], season)


class HangsUp(Postman):
    """In the middle of the letter."""

    async def handle_DATA(self, server, _session, _envelope):  # noqa: N802 - the server's name
        server.transport.abort()
        return "250 OK"


def test_a_letter_that_may_have_arrived_is_called_neither_sent_nor_lost(season, browsers):
    with post_office(HangsUp()) as gone:
        mailer = get_services().mail
        mailer._settings = mailer._settings.model_copy(update={"smtp_port": gone.port})
        said = send(browsers[0], season)
    assert "It may have been sent. The conversation with the mail server broke off" in said
    assert "Look into your mailbox before you send it again." in said


def test_too_many_in_an_hour_are_refused_for_one_person_only(season, browsers, postman):
    path = f"/podcasts/{season.podcast_id}/weekly-mail/send"
    found = [browsers[0].post(path, form="/profile/notices").status_code for _ in range(MOST + 1)]
    assert found == [302] * MOST + [429]
    assert browsers[1].post(path, form="/profile/notices").status_code == 302
    assert len(postman.letters) == MOST + 1


def test_a_week_of_which_there_is_nothing_to_tell_says_so_and_sends_nothing(app, postman, cast):
    quiet, browser = Season.begun(1, timezone=NEW_YORK), Browser(app)
    change(Podcast, youtube_channel_id="UC" + "c" * 22)
    (host,) = quiet.users
    cast.connect(db.session.get_one(User, host))
    browser.let_in(db.session.get_one(User, host))
    page = words(browser.get(page_of(quiet)))
    assert "No mail would be sent: from " in page
    assert "Send it to me now" not in page
    assert "Nothing was sent: there is nothing to tell of that week." in send(browser, quiet)
    assert postman.letters == []


def test_who_is_not_on_the_podcast_has_no_letter_of_it(app, season, cast):
    eve = Browser(app)
    eve.let_in(cast.user("eve", is_admin=True))
    answer = eve.get(page_of(season))
    assert answer.status_code == 404
    assert "You are not on this podcast, so its week cannot come to you." in words(answer)
    assert eve.post(f"/podcasts/{season.podcast_id}/weekly-mail/send", form="/profile/notices").status_code == 404


def test_of_an_archived_podcast_there_is_none(season, browsers, postman):
    change(Podcast, is_active=False)
    answer = browsers[0].get(page_of(season))
    assert (answer.status_code, "This podcast is archived" in words(answer)) == (404, True)


class TestWithoutAMailServer:
    """As in a rehearsal."""

    @pytest.fixture
    def mail(self):
        return {"smtp_host": None}

    def test_the_letter_is_shown_and_that_none_goes_out_is_said(self, season, browsers):
        assert get_services().mail.is_set_up is False
        page = words(browsers[0].get(page_of(season)))
        assert "Announcements: 2 (2 of them went out); the week before 0" in shown(browsers[0], season)
        assert "This server sends no mail: its operator has set no SMTP_HOST." in page
        assert "Send it to me now" not in page
        assert f'href="{page_of(season)}"' in browsers[0].get("/profile/notices").text

    def test_sending_it_is_answered_with_the_reason(self, season, browsers):
        said = send(browsers[0], season)
        assert "Nothing was sent. This server sends no mail: its operator has set no SMTP_HOST." in said
