"""Two hosts, the real services on a real database, the X stand-in, and one clock: what the state machine plays with."""

from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from extensions import db
from models import Broadcast, EpisodeTweetConfig, Installation, Post, PostStatus
from sandbox.standin import Fault
from sandbox.x import X
from services.audit import NOBODY
from services.errors import Conflict, Invalid
from services.social_posting import Delivery, running_clock
from tests.cast import Cast
from tests.desk import Desk, wrong_in

HOSTS = ("ada", "bo")
#: no quarantine for what stands in the journal from examples before
FOR_EVER = datetime(2099, 1, 1, tzinfo=UTC)
ENDS = frozenset({"posted", "failed", "review", "missed", "cancelled"})
NOT_OUT = frozenset({"failed", "missed", "cancelled"})
#: tables that stay between examples: nobody can take out of the first two, which the third belongs to; prices are given
KEPT = frozenset({"audit_events", "price_lists", "prices"})

#: what X may do to the next POST of a post; "late" ones are worked on after the client is gone
SPOILED: dict[str, dict[str, Any]] = {
    "503, stored": {"status": 503, "stored": True},
    "503, not stored": {"status": 503},
    "no answer, stored": {"hang_up": "after"},
    "reset before reading": {"hang_up": "before", "reset": True},
    "a minute late": {"zombie": 55.0},
    "201 without an id, stored": {"status": 201, "body": "{}", "stored": True},
    "redirect": {"status": 302, "headers": {"Location": "https://example.org/"}},
    "401": {"status": 401},
    "402": {"status": 402},
    "403 locked": {"status": 403, "body": '{"detail": "Your account is temporarily locked."}'},
    "400": {"status": 400},
    "429": {"status": 429},
}
#: seconds after which everything that is still under way must have come to an end
QUIET = (1, 46, 5, 16, 31, 46, 46, 60, 301, 601, 601, 1_900, 60, 60, 60, 60)


@dataclass
class World:
    """Begun anew for each example."""

    cast: Cast
    x: X
    desk: Desk = field(init=False)
    video: str = ""
    held: list[Delivery] = field(default_factory=list)
    said: int = 0
    begun: int = 0

    # The beginning

    def begin(self, *, refuses_doubles: bool) -> None:
        """A show is live. Where X takes doubles both hosts are in strict mode, else only Bo."""
        self.forget()
        self.begun += 1
        self.x.duplicate_filter = refuses_doubles
        self.x.reuse_revokes_family = True
        self.desk = Desk(self.cast, self.x)
        self.desk.at = datetime.now(UTC)
        for name in HOSTS:
            strict = name == "bo" or not refuses_doubles
            text = f"{name} is live: {{url}}"
            user = self.cast.user(self.name(name), never_repost=strict, default_text=text)
            self.cast.connect(user, now=self.at)
        show = self.cast.show("Deep Dive", hosts=[self.name(name) for name in HOSTS])
        start = self.at - timedelta(seconds=10)
        self.video = self.cast.youtube.go_live(show.youtube_channel_id, "Queues", at=start)
        self.desk.look()

    def name(self, host: str) -> str:
        """People are new in each example: what the journal has of those before is about others."""
        return f"{host}{self.begun}"

    def forget(self) -> None:
        self.held, self.said = [], 0
        with self.x.lock:
            for kept in (self.x.posts, self.x.journal, self.x.faults, self.x._late):
                kept.clear()
        self.x.visibility_delay = 0.0
        db.session.remove()
        db.session.execute(text("PRAGMA defer_foreign_keys = ON"))
        db.session.execute(text("DROP TRIGGER IF EXISTS wallet_entries_no_delete"))
        for table in reversed(db.metadata.sorted_tables):
            if table.name not in KEPT:
                db.session.execute(table.delete())
        db.session.add(Installation(id=1, instance_id="chaos", released_at=FOR_EVER))
        db.session.commit()

    @property
    def at(self) -> datetime:
        return self.desk.at

    # The workers

    def deliver(self) -> None:
        self.cast.services.posting.drain(self.at)

    def begin_delivery(self) -> Delivery:
        """Claims and sends all there is; nothing of what X says is stored yet."""
        work = self.cast.services.posting.begin(self.at)
        work.go_on_at = 0.0
        self.cast.services.posting.go_on(work)
        wait(work.futures, timeout=60)
        return work

    def end_delivery(self, work: Delivery) -> None:
        """A worker that slept goes on as if nothing had happened."""
        work.clock = running_clock(self.at)
        self.cast.services.posting._finish(work)

    def reap(self) -> None:
        self.cast.services.posting.reap(self.at)

    def look_up(self) -> None:
        self.cast.services.confirming.look_up(self.at)

    def look(self) -> None:
        """Looks at YouTube and announces what is live."""
        self.desk.look()
        self.cast.services.tweets.close_overdue(self.at)

    # X

    def spoil(self, name: str) -> None:
        self.x.faults.append(Fault(method="POST", path="^/2/tweets$", **SPOILED[name]))

    def blind(self) -> None:
        self.x.faults.append(Fault(method="GET", path="/tweets$", status=503))

    @property
    def late(self) -> int:
        """Requests that X still has before it."""
        return len(self.x._late)

    # People

    def config(self, host: str) -> EpisodeTweetConfig | None:
        newest = [post for post in self.posts() if post.host_name == self.name(host).capitalize()]
        return db.session.get(EpisodeTweetConfig, newest[-1].config_id) if newest else None

    def person(self, act: Callable[[], Any]) -> None:
        """What somebody tries may be refused with a sentence."""
        db.session.rollback()
        try:
            act()
        except (Conflict, Invalid):
            db.session.rollback()

    def switch(self, config_id: int, host: str, *, on: bool) -> None:
        """Who switches on again writes something new, so that it can be told from what was stopped."""
        words = None
        if on:
            self.said += 1
            words = self.words(host)
        self.person(lambda: self.cast.services.tweets.set_tweet(config_id, text=words, enabled=on, now=self.at))

    def write(self, config_id: int, host: str) -> None:
        self.said += 1
        words = self.words(host)
        self.person(lambda: self.cast.services.tweets.set_tweet(config_id, text=words, now=self.at))

    def words(self, host: str) -> str:
        return f"{host} says {self.said}: {{url}}"

    def post_now(self, config_id: int, host: str) -> None:
        """With words of its own, so that it can be told from what was sent before."""
        self.write(config_id, host)
        config = db.session.get_one(EpisodeTweetConfig, config_id, populate_existing=True)
        if config.text == self.words(host):
            self.person(lambda: self.cast.services.by_hand.post_now(config_id, self.at))

    def decide(self, post: Post, answer: str) -> None:
        """Nobody says what is not so."""
        stored = self.stored(post)
        if answer == "leave" or (answer == "there" and stored) or (answer == "again" and not stored and not self.late):
            self.person(lambda: self.cast.services.by_hand.resolve(post.id, answer, NOBODY, self.at))

    def end_stream(self) -> None:
        self.cast.youtube.end(self.video, at=self.at)

    # What came of it

    def posts(self) -> list[Post]:
        return self.cast.posts()

    def stored(self, post: Post) -> list[str]:
        """The ids under which X has this post."""
        return [one.id for one in self.x.timeline(post.platform_user_id) if one.text == post.text]

    def wrong(self) -> list[str]:
        """I1 at most one stored, I3 what is said is so, and nothing in the outbox contradicts itself."""
        found = wrong_in(db.session())
        db.session.commit()
        for post in self.posts():
            stored = self.stored(post)
            if len(stored) > 1:
                found.append(f"I1: {post.key} is at X {len(stored)} times")
            if post.status == PostStatus.POSTED and not stored:
                found.append(f"I3: {post.key} is posted, and X does not have it")
            if post.status == PostStatus.POSTED and post.remote_id not in (None, *stored):
                found.append(f"I3: {post.key} is posted as {post.remote_id}, X has {stored}")
            if post.status in NOT_OUT and post.cause != "left_alone" and stored:
                found.append(f"I3: {post.key} is {post.status}, and X has it")
        return found

    def quiet(self) -> list[str]:
        """Nothing goes wrong any more. I2: all comes to an end."""
        self.x.faults.clear()
        self.held.clear()
        for seconds in QUIET:
            self.desk.later(seconds)
            for job in (self.reap, self.look_up, self.look, self.deliver):
                job()
            if all(post.status in ENDS for post in self.posts()) and not self.late:
                break
        open_still = [f"I2: {post.key} is still {post.status}" for post in self.posts() if post.status not in ENDS]
        return [*open_still, *self.wrong()]

    def is_live(self) -> bool:
        broadcast = db.session.query(Broadcast).one()
        db.session.commit()
        return broadcast.state == "live"
