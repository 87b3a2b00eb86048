"""Kept numbers beside computed ones, after anything that people and machines do to a podcast."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from extensions import db
from models import Podcast, PodcastMember, Role, User
from services import (
    access,
    accounts,
    explorer,
    host_breakdown,
    insight_facts,
    insights,
    kept_numbers,
    members,
    metrics_rows,
    outbox,
    overview_numbers,
    paying,
    people,
    podcast_settings,
    trends,
)
from services.audit import NOBODY, Actor
from services.clients.x_answers import Tokens, XUser
from services.clients.x_metrics import Metrics
from services.explorer_filters import Viewer, Wanted
from services.figures import Figures
from services.metrics_rows import Due, Kept
from services.outbox import Move
from services.paying import Read
from services.periods import Kind, period
from services.registry import get_services
from services.wallet import Whose

BEGINNING = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
ZONES = ("UTC", "America/New_York", "Pacific/Kiritimati")
numbers = count(1)


class Scene:
    """A podcast with Ada, who is its admin, and Bo; its other admin Cy; and all that can happen to its numbers."""

    def __init__(self) -> None:
        self.now, self.posts = BEGINNING, list[int]()
        people = {name: User(email=f"{name}@example.com", name=name.title()) for name in ("ada", "bo", "cy", "root")}
        people["root"].is_admin = True
        podcast = Podcast(slug="deep-dive", name="Deep Dive")
        db.session.add_all([podcast, *people.values()])
        db.session.flush()
        self.podcast_id, ids = podcast.id, {name: user.id for name, user in people.items()}
        self.hosts, self.cy, self.root = {"ada": ids["ada"], "bo": ids["bo"]}, ids["cy"], ids["root"]
        roles = {"ada": Role.ADMIN, "bo": Role.CONTRIBUTOR, "cy": Role.ADMIN}
        member = {"podcast_id": self.podcast_id}
        db.session.add_all(PodcastMember(user_id=ids[name], role=role, **member) for name, role in roles.items())
        db.session.commit()
        for name in self.hosts:
            self.connect(name)

    def connect(self, name: str) -> None:
        who, tokens = XUser(f"x{name}", name, name, None), Tokens(f"a-{name}", f"r-{name}", 7200, frozenset())
        get_services().connections.connect(self.hosts[name], who, tokens, self.now)

    # Deeds: what they are about is chosen by a number

    def make(self, n: int) -> None:
        """A post that waits."""
        host = self._host(n)
        row = {"key": f"kept:{next(numbers)}", "podcast_id": self.podcast_id, "user_id": host, "trigger": "live"}
        row |= {"host_name": "Host", "username": "host", "platform_user_id": str(host), "status": "queued"}
        row |= {"text": "On air" if n % 2 else "On air https://example.com/a", "text_source": ("own", "draft")[n % 2]}
        row |= {"has_link": n % 2 == 0, "not_after": self.now, "created_at": self.now, "remote_id": None}
        self.posts += outbox.add_posts(db.session(), [row], self.now).values()
        db.session.commit()

    def go_out(self, n: int) -> None:
        self._move(n, "queued", "sending", attempt_token=f"t{n}", attempts=1)
        self._move(n, "sending", "posted", posted_at=self.now, remote_id=str(next(numbers)))

    def fail(self, n: int) -> None:
        self._move(n, "queued", "sending", attempt_token=f"t{n}", attempts=1)
        self._move(n, "sending", ("failed", "missed")[n % 2])

    def cancel(self, n: int) -> None:
        self._move(n, "queued", "cancelled")

    def read(self, n: int) -> None:
        """What X shows of a post."""
        if self.posts:
            self.show(n, n)

    def show(self, n: int, impressions: int) -> None:
        due = Due(self._post(n), f"r{n}", self.now, "1", Whose(self.podcast_id, self._host(n)), None)
        metrics_rows.store(db.session(), [Kept(due, Metrics(impressions, n, 0, 0, 0, 0), is_gone=False)], self.now)
        db.session.commit()

    def pay(self, n: int) -> None:
        whose = Whose(self.podcast_id, self._host(n))
        paying.record_reads(db.session(), [Read(whose, str(next(numbers)))], self.now)
        db.session.commit()

    def join_or_leave(self, n: int) -> None:
        if n % 2:
            members.add(self.podcast_id, self.root, Role.CONTRIBUTOR)
            db.session.commit()
        elif any(one.user_id == self.root for one in members.members_of(self.podcast_id)):
            members.remove(self.podcast_id, self.root, NOBODY, self.now)

    def promote(self, n: int) -> None:
        members.set_role(self.podcast_id, self._host(n), (Role.ADMIN, Role.CONTRIBUTOR)[n // 2 % 2], NOBODY, self.now)

    def rename(self, n: int) -> None:
        accounts.change_profile(self._host(n), name=f"Host {n}", timezone="UTC", default_text="", never_repost=False)

    def move_away(self, n: int) -> None:
        podcast = db.session.get_one(Podcast, self.podcast_id)
        values = {name: getattr(podcast, name) for name in podcast_settings.FIELDS} | {"timezone": ZONES[n % 3]}
        wanted = podcast_settings.Wanted(**values, version=podcast_settings.version_of(podcast))
        podcast_settings.change(self.podcast_id, wanted, NOBODY, self.now)

    def switch(self, n: int) -> None:
        (people.switch_on if n % 2 else people.switch_off)(self._host(n // 2), NOBODY, self.now)

    def disconnect(self, n: int) -> None:
        get_services().connections.disconnect(self._host(n), NOBODY, self.now)

    def wait(self, n: int) -> None:
        self.now += timedelta(hours=5 * n)

    # Asking

    @property
    def readers(self) -> tuple[int, ...]:
        """A host and an admin."""
        return self.hosts["bo"], self.cy

    def access(self, user_id: int) -> access.Access:
        user = db.session.get_one(User, user_id)
        return access.podcast_for(user, self.podcast_id, Actor(user_id, ""), self.now)

    def _host(self, n: int) -> int:
        return self.hosts[("ada", "bo")[n % 2]]

    def _post(self, n: int) -> int:
        return self.posts[n % len(self.posts)]

    def _move(self, n: int, expected: str, to: str, **values: Any) -> None:
        if self.posts:
            step = Move(post_id=self._post(n), expected=expected, to=to, values=values)
            outbox.apply(db.session(), [step], self.now)
            db.session.commit()


DEEDS: list[Callable[[Scene, int], None]] = [
    *[Scene.make, Scene.go_out, Scene.go_out, Scene.fail, Scene.cancel, Scene.read, Scene.pay, Scene.join_or_leave],
    *[Scene.promote, Scene.rename, Scene.move_away, Scene.switch, Scene.disconnect, Scene.wait],
]


def warm(scene: Scene, kind: Kind) -> None:
    """Keeps what each reader would be shown, so that it is old if the next deed changes it and says nothing."""
    for reader in scene.readers:
        kept(scene.access(reader), kind, scene.now)
    db.session.rollback()


def fresh(found: access.Access, kind: Kind, now: datetime) -> tuple[Any, ...]:
    """Computed, and without money for who may not see any."""
    podcast, span = found.podcast, period(kind, now, found.podcast.timezone).current

    def seen(figures: Figures) -> Figures:
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
        insights.of(insight_facts.facts(podcast, overview, now, money=found.is_admin)),
    )


def totals(user_id: int) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
    """As the list of all posts has them, and as they are counted one by one."""
    viewer = Viewer(user_id, is_admin=False, timezone="UTC")
    for wanted in (Wanted(), Wanted(link="yes"), Wanted(host=str(user_id)), Wanted(status="queued")):
        lines = Counter(line.status for line in explorer.every_line(viewer, wanted))
        yield explorer.find(viewer, wanted).totals, dict(lines)


def kept(found: access.Access, kind: Kind, now: datetime) -> tuple[Any, ...]:
    span = period(kind, now, found.podcast.timezone).current
    overview = kept_numbers.overview(found, kind, now)
    return (
        overview,
        kept_numbers.sparklines(found, now),
        kept_numbers.latency(found, now),
        kept_numbers.breakdown(found, span, sort="posted", descending=True),
        kept_numbers.by_hour(found, span),
        kept_numbers.texts(found, span),
        kept_numbers.insights(found, overview, now),
    )


ASKED = ("overview", "12 weeks", "26 weeks", "hosts", "hours", "texts", "what stands out")


def differences(scene: Scene, kind: Kind) -> list[str]:
    """What a host and an admin get that is not what would be computed now."""
    found = []
    for reader in scene.readers:
        asking = scene.access(reader)
        both = zip(ASKED, kept(asking, kind, scene.now), fresh(asking, kind, scene.now), strict=True)
        found += [f"{name} of {reader}: {told} is {computed}" for name, told, computed in both if told != computed]
        found += [f"totals of {reader}: {told} is {counted}" for told, counted in totals(reader) if told != counted]
    db.session.rollback()
    return found


def after_anything(steps: int, seed: int = 6) -> list[str]:
    """Does so many things in an application whose database is empty. Returns what was not equal afterwards."""
    dice, scene, found = random.Random(seed), Scene(), []
    for deed in anything(steps, dice):
        found += after(scene, deed, dice.randrange(10), dice.choice(list(Kind)))
    return found


def anything(steps: int, dice: random.Random) -> list[Callable[[Scene, int], None]]:
    """In any order. Each is among them: what is never done proves nothing."""
    deeds = [*DEEDS, *dice.choices(DEEDS, k=steps - len(DEEDS))]
    dice.shuffle(deeds)
    return deeds


def after(scene: Scene, deed: Callable[..., None], n: int, kind: Kind) -> list[str]:
    """What is not equal after this one deed."""
    warm(scene, kind)
    deed(scene, n)
    return [f"after {deed.__name__}: {one}" for one in differences(scene, kind)]
