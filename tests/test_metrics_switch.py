"""The switch of reading at X what came of posts: whose it is, what it says, what it leaves behind."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from extensions import db
from models import AuditEvent, Podcast, PodcastMember, Role, User
from services import prices
from services.money import dollars
from tests.browser import Browser, words
from tests.season import Season


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def season(app):
    """Host 0 is an admin, Host 1 and 2 are not."""
    season = Season.begun()
    admin = update(PodcastMember).where(PodcastMember.user_id == season.users[0])
    db.session.execute(admin.values(role=Role.ADMIN))
    db.session.commit()
    return season


@pytest.fixture
def send(app, season):
    def send(data, host=0):
        browser = Browser(app)
        browser.let_in(db.session.get_one(User, season.users[host]))
        return browser.post(f"/podcasts/{season.podcast_id}/numbers/reads", data, follow_redirects=True)

    return send


def reads(season):
    db.session.rollback()
    return db.session.execute(select(Podcast.reads_metrics).where(Podcast.id == season.podcast_id)).scalar_one()


def changes():
    query = select(AuditEvent.detail).where(AuditEvent.kind == "podcast_changed").order_by(AuditEvent.id)
    return list(db.session.execute(query).scalars())


def test_an_admin_switches_reading_off_and_on_and_both_are_written_down(season, send):
    said = words(send({"reads": "off"}))
    assert "Nothing more is read at X" in said
    assert not reads(season)
    send({"reads": "off"})
    assert "first an hour after each post" in words(send({"reads": "on"}))
    assert reads(season)
    assert len(changes()) == 2
    assert all("reads_metrics" in str(detail) for detail in changes())


def test_a_host_who_is_no_admin_switches_nothing(season, send):
    assert send({"reads": "off"}, host=1).status_code == 403
    assert reads(season)
    assert changes() == []


def test_the_settings_say_what_reading_costs(app, season):
    browser = Browser(app)
    browser.let_in(db.session.get_one(User, season.users[0]))
    read = prices.current(datetime.now(UTC)).cost(prices.READ)
    assert read > 0
    said = words(browser.get(f"/podcasts/{season.podcast_id}/settings"))
    each, show = (dollars(times * read) for times in (5, 15))
    assert f"Each is read 5 times, an hour, 6 hours and 1, 3 and 7 days after it went out: {each} a post" in said
    assert f"up to {show} for a show with 3 hosts" in said
