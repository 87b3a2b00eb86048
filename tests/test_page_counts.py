"""How many statements a page takes: few, and no more for fifty hosts than for five."""

import contextvars
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from benchmarks.bed import counting
from benchmarks.pages import FEW, MANY, MOST_STATEMENTS, signed_in
from benchmarks.scene import fill
from extensions import db
from models import EpisodeGuide, Podcast, Wallet, WalletOwner
from services.registry import get_services

#: what answers GET and shows neither hosts nor posts: the own account, one link, a calendar, the health of the server
WITHOUT_HOSTS = frozenset(
    (
        *("auth.code", "auth.confirm", "auth.sign_in", "connections.callback"),
        *("links.forgot", "links.invitation", "links.password", "links.setup", "notices.stop"),
        *("profile.delete", "profile.email", "profile.password", "profile.second_step_page"),
        *("bootstrap.static", "calendar.feed", "health.healthz", "health.readyz", "help.troubleshooting", "static"),
        *("health.connections", "metrics.metrics", "websub.callback"),
        # read by its address it leads to another page
        "podcasts.youtube_test",
    )
)
EPISODES, POSTED = 20, 5


@pytest.fixture
def engine_name():
    return "sqlite"


def statements_of(client, path):
    """Of the second time, when the session was just seen."""
    for _ in range(2):
        with counting() as counted:
            answer = contextvars.Context().run(lambda: client.get(path, buffered=True))
        assert answer.status_code == 200, (path, answer.status_code)
    return counted.statements


def keep_short():
    """An empty wallet stops posts, and a show is near: then more is asked."""
    soon = datetime.now(UTC) + timedelta(hours=3)
    planned = select(func.max(EpisodeGuide.id)).where(EpisodeGuide.scheduled_at > soon).scalar_subquery()
    db.session.execute(update(EpisodeGuide).where(EpisodeGuide.id == planned).values(scheduled_at=soon))
    rules = {"owner": WalletOwner.PODCAST, "is_limited": True, "stops_posts": True}
    db.session.add_all(Wallet(podcast_id=id, **rules) for id in db.session.execute(select(Podcast.id)).scalars())
    db.session.commit()
    db.session.remove()


@pytest.fixture
def measured(make_app, sqlite_template, tmp_path):
    """{hosts: {page: statements}}, each with a database of its own, and the endpoints of the pages."""
    found, endpoints = {}, set()
    for hosts in (FEW, MANY):
        path = tmp_path / f"{hosts}.sqlite"
        shutil.copy(sqlite_template, path)
        app = make_app(database_url=f"sqlite:///{path}")
        with app.app_context():
            scene = fill(get_services(), hosts, episodes=EPISODES, posts=POSTED * hosts)
            keep_short()
            with signed_in(app, scene.token) as client:
                found[hosts] = {name: statements_of(client, path) for name, path in scene.paths.items()}
            endpoints = {app.url_map.bind("localhost").match(path)[0] for path in scene.paths.values()}
    reads = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in rule.methods}
    return found, reads - endpoints


def test_every_page_takes_few_statements_and_no_more_for_fifty_hosts_than_for_five(measured):
    found, not_tried = measured
    assert {page: count for page, count in found[MANY].items() if count > MOST_STATEMENTS} == {}
    assert {page: (found[FEW][page], count) for page, count in found[MANY].items() if count != found[FEW][page]} == {}
    assert not_tried == WITHOUT_HOSTS  # a new page is tried too, or named above
