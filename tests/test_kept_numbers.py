"""Kept numbers are those that would be computed at this moment, whatever was done before: for each reader his own."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extensions import db
from models import Podcast, Role, User
from services import (
    access,
    accounts,
    explorer,
    host_breakdown,
    kept_numbers,
    members,
    metrics_rows,
    outbox,
    overview_numbers,
    people,
    podcast_settings,
    trends,
)
from services.audit import NOBODY, Actor
from services.clients.x_metrics import Metrics
from services.explorer_filters import Viewer, Wanted
from services.metrics_rows import Due, Kept
from services.outbox import Move
from services.periods import Kind, period
from services.registry import get_services
from services.wallet import Whose
from tests.till import EVENING, Till, statements

ZONES = ("UTC", "America/New_York", "Pacific/Kiritimati")
numbers = count(1)


class Scene:
    """A podcast with Ada, who is its admin, and Bo; its other admin Cy; and all that can happen to its numbers."""

    def __init__(self, cast):
        self.till = Till(cast, connected=True)
        self.podcast_id, self.now = self.till.show_id, EVENING
        self.cy, self.root = cast.user("cy").id, cast.user("root", is_admin=True).id
        self.hosts = self.till.ids
        self.posts: list[int] = []
        members.add(self.podcast_id, self.cy, Role.ADMIN)
        db.session.commit()
        members.set_role(self.podcast_id, self.hosts["bo"], Role.CONTRIBUTOR, NOBODY, self.now)

    # Deeds: what they are about is chosen by a number

    def make(self, n):
        """A post that waits."""
        host = self._host(n)
        row = {"key": f"kept:{next(numbers)}", "podcast_id": self.podcast_id, "user_id": host, "trigger": "live"}
        row |= {"host_name": "Host", "username": "host", "platform_user_id": str(host), "status": "queued"}
        row |= {"text": "On air" if n % 2 else "On air https://example.com/a", "text_source": ("own", "draft")[n % 2]}
        row |= {"not_after": self.now, "created_at": self.now, "remote_id": None}
        self.posts += outbox.add_posts(db.session(), [row], self.now).values()
        db.session.commit()

    def go_out(self, n):
        self._move(n, "queued", "sending", attempt_token=f"t{n}", attempts=1)
        self._move(n, "sending", "posted", posted_at=self.now, remote_id=str(next(numbers)))

    def fail(self, n):
        self._move(n, "queued", "sending", attempt_token=f"t{n}", attempts=1)
        self._move(n, "sending", ("failed", "missed")[n % 2])

    def cancel(self, n):
        self._move(n, "queued", "cancelled")

    def read(self, n):
        """What X shows of a post."""
        if self.posts:
            due = Due(self._post(n), f"r{n}", self.now, "1", Whose(self.podcast_id, self._host(n)), None)
            metrics_rows.store(db.session(), [Kept(due, Metrics(n, n, 0, 0, 0, 0), is_gone=False)], self.now)
            db.session.commit()

    def pay(self, n):
        self.till.spend(("ada", "bo")[n % 2], 15_000)

    def join_or_leave(self, n):
        if n % 2:
            members.add(self.podcast_id, self.root, Role.CONTRIBUTOR)
            db.session.commit()
        elif any(one.user_id == self.root for one in members.members_of(self.podcast_id)):
            members.remove(self.podcast_id, self.root, NOBODY, self.now)

    def promote(self, n):
        members.set_role(self.podcast_id, self._host(n), (Role.ADMIN, Role.CONTRIBUTOR)[n // 2 % 2], NOBODY, self.now)

    def rename(self, n):
        accounts.change_profile(self._host(n), name=f"Host {n}", timezone="UTC", default_text="", never_repost=False)

    def move_away(self, n):
        podcast = db.session.get_one(Podcast, self.podcast_id)
        values = {name: getattr(podcast, name) for name in podcast_settings.FIELDS} | {"timezone": ZONES[n % 3]}
        wanted = podcast_settings.Wanted(**values, version=podcast_settings.version_of(podcast))
        podcast_settings.change(self.podcast_id, wanted, NOBODY, self.now)

    def switch(self, n):
        (people.switch_on if n % 2 else people.switch_off)(self._host(n), NOBODY, self.now)

    def disconnect(self, n):
        get_services().connections.disconnect(self._host(n), NOBODY, self.now)

    def wait(self, n):
        self.now += timedelta(hours=5 * n)

    # Asking

    def access(self, user_id):
        user = db.session.get_one(User, user_id)
        return access.podcast_for(user, self.podcast_id, Actor(user_id, ""), self.now)

    def _host(self, n):
        return self.hosts[("ada", "bo")[n % 2]]

    def _post(self, n):
        return self.posts[n % len(self.posts)]

    def _move(self, n, expected, to, **values):
        if self.posts:
            step = Move(post_id=self._post(n), expected=expected, to=to, values=values)
            outbox.apply(db.session(), [step], self.now)
            db.session.commit()


DEEDS = [
    *[Scene.make, Scene.go_out, Scene.go_out, Scene.fail, Scene.cancel, Scene.read, Scene.pay, Scene.join_or_leave],
    *[Scene.promote, Scene.rename, Scene.move_away, Scene.switch, Scene.disconnect, Scene.wait],
]


def fresh(found: access.Access, kind: Kind, now):
    """Computed, and without money for who may not see any."""
    podcast, span = found.podcast, period(kind, now, found.podcast.timezone).current

    def seen(figures):
        return figures if found.is_admin else replace(figures, spend=0)

    overview = overview_numbers.overview(podcast, kind, now)
    previous = overview.previous and seen(overview.previous)
    rows = [replace(row, figures=seen(row.figures)) for row in host_breakdown.host_rows(podcast.id, span)]
    return (
        replace(overview, current=seen(overview.current), previous=previous),
        [replace(week, figures=seen(week.figures)) for week in overview_numbers.sparklines(podcast, now)],
        [replace(week, figures=seen(week.figures)) for week in trends.latency(podcast, now)],
        host_breakdown.arranged(span, rows, sort="posted", descending=True),
        trends.by_hour(podcast, span),
        trends.texts(podcast, span),
    )


def totals(user_id):
    """As the list of all posts has them, and as they are counted one by one."""
    viewer = Viewer(user_id, is_admin=False, timezone="UTC")
    for wanted in (Wanted(), Wanted(link="yes"), Wanted(host=str(user_id)), Wanted(status="queued")):
        lines = Counter(line.status for line in explorer.every_line(viewer, wanted))
        yield explorer.find(viewer, wanted).totals, dict(lines)


def kept(found: access.Access, kind: Kind, now):
    span = period(kind, now, found.podcast.timezone).current
    return (
        kept_numbers.overview(found, kind, now),
        kept_numbers.sparklines(found, now),
        kept_numbers.latency(found, now),
        kept_numbers.breakdown(found, span, sort="posted", descending=True),
        kept_numbers.by_hour(found, span),
        kept_numbers.texts(found, span),
    )


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture
def scene(cast):
    return Scene(cast)


def check(scene, kind):
    for reader in (scene.hosts["bo"], scene.cy):
        found = scene.access(reader)
        assert kept(found, kind, scene.now) == fresh(found, kind, scene.now)
        for told, counted in totals(reader):
            assert told == counted
    db.session.rollback()


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    deeds=st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 9)), min_size=4, max_size=10),
    kind=st.sampled_from(Kind),
)
def test_what_was_kept_is_what_would_be_computed_now(scene, deeds, kind):
    check(scene, kind)
    for deed, n in deeds:
        deed(scene, n)
        check(scene, kind)


@pytest.mark.parametrize("deed", dict.fromkeys(DEEDS), ids=lambda deed: deed.__name__)
def test_each_deed_is_seen_at_once(scene, deed):
    """After others, so that there is something to change."""
    for before, n in ((Scene.make, 0), (Scene.make, 1), (Scene.go_out, 0), (Scene.read, 0), (Scene.join_or_leave, 1)):
        before(scene, n)
    check(scene, Kind.ALL)
    for n in (1, 2):
        deed(scene, n)
        check(scene, Kind.ALL)


def test_the_second_time_the_database_is_not_asked(scene):
    found = scene.access(scene.cy)
    span = period(Kind.MONTH, scene.now, found.podcast.timezone).current
    questions: list[Callable[[], object]] = [
        lambda: kept_numbers.overview(found, Kind.MONTH, scene.now),
        lambda: kept_numbers.sparklines(found, scene.now),
        lambda: kept_numbers.latency(found, scene.now),
        lambda: kept_numbers.breakdown(found, span),
        lambda: kept_numbers.by_hour(found, span),
        lambda: kept_numbers.texts(found, span),
    ]
    for ask in questions:
        first = ask()
        with statements() as asked:
            assert ask() == first
        assert asked == []


def test_who_may_not_see_money_gets_none_whoever_asked_before(scene):
    scene.pay(0)
    admin, host = scene.access(scene.cy), scene.access(scene.hosts["bo"])
    for _ in range(2):
        for found, spend in ((admin, 15_000), (host, 0)):
            assert kept_numbers.overview(found, Kind.ALL, scene.now).current.spend == spend
            rows = kept_numbers.breakdown(found, period(Kind.ALL, scene.now, "UTC").current).rows
            assert sum(row.figures.spend for row in rows) == spend
