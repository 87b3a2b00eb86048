"""Shows with many hosts: pages name whom something holds up, count the others, and stay light."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from extensions import db
from models import EpisodeTweetConfig, Podcast, PodcastMember, SocialConnection, User
from tests.browser import Browser, words
from tests.cast import ago

HOSTS, LEFT_OUT = 50, 3
#: bytes of HTML, not compressed
LIGHT = 25_000


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def show(cast):
    """Fifty hosts, of whom the last three are connected to nothing; eight episodes to come."""
    podcast_id = cast.show(hosts=("ada",)).id
    people = [User(email=f"h{n}@example.com", name=f"Host {n:02}") for n in range(1, HOSTS)]
    db.session.add_all(people)
    db.session.flush()
    db.session.add_all(PodcastMember(podcast_id=podcast_id, user_id=person.id) for person in people)
    login = {"access_token": b"sealed", "refresh_token": b"sealed", "expires_at": ago(hours=-1)}
    for person in people[:-LEFT_OUT]:
        name = f"h{person.id}"
        db.session.add(SocialConnection(user_id=person.id, platform_user_id=name, username=name, **login))
    db.session.commit()
    podcast = db.session.get_one(Podcast, podcast_id)
    for week in range(8):
        cast.episode(db.session.get_one(Podcast, podcast_id), f"Week {week}", at=ago(days=-1) + timedelta(weeks=week))
    return podcast


@pytest.fixture
def browser(app, show):
    somebody = Browser(app)
    somebody.let_in(db.session.execute(select(User).filter_by(email="ada@example.com")).scalar_one())
    return somebody


@pytest.mark.parametrize("path", ["/", "/podcasts/{}"])
def test_of_fifty_hosts_those_who_are_not_ready_are_named(browser, show, path):
    seen = words(browser.get(path.format(show.id)))
    assert seen.count("47 of 50 ready") >= 8
    assert "Stand by Host 47, Host 48, Host 49 No X account is connected." in seen
    assert seen.count("Host 07") <= 1  # in the list of the podcast's hosts


def test_the_first_page_stays_light_with_fifty_hosts(browser):
    assert len(browser.get("/").data) <= LIGHT


def test_a_switched_off_host_of_many_is_counted_apart(browser):
    person = select(User.id).filter_by(name="Host 07").scalar_subquery()
    db.session.execute(update(EpisodeTweetConfig).filter_by(user_id=person).values(enabled=False))
    db.session.commit()
    assert "46 of 49 ready 1 off" in words(browser.get("/"))
