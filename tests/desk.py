"""The posting desk: hosts whose posts wait in the outbox, a clock to move, and a check after every commit."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from extensions import db
from models import (
    Broadcast,
    EpisodeTweetConfig,
    Outcome,
    Post,
    PostAttempt,
    PostEvent,
    PostStatus,
    SocialConnection,
    User,
)
from sandbox.standin import Fault
from sandbox.x import X
from services.causes import explain
from tests.books import wrong_in_books
from tests.cast import Cast

#: what a post's state means for the host's text
CONFIG_OF = {
    "queued": "posting",
    "sending": "posting",
    "unknown": "posting",
    "posted": "posted",
    "failed": "failed",
    "review": "review",
    "missed": "missed",
    "cancelled": "cancelled",
}
#: states in which no attempt may still turn out to be accepted
NOTHING_OUT = {"queued", "failed", "missed", "cancelled"}
MAYBE = (None, Outcome.UNKNOWN, Outcome.ACCEPTED)


#: what `wrong_in` compares, as plain rows: it runs thousands of times
HISTORY = select(PostEvent.post_id, PostEvent.status).order_by(PostEvent.id)
ATTEMPTS = select(PostAttempt.post_id, PostAttempt.outcome).order_by(PostAttempt.id)
POSTS = select(Post.id, Post.key, Post.config_id, Post.status, Post.cause, Post.trigger, Post.broadcast_id)
POSTS = POSTS.order_by(Post.id)
CONFIGS = select(EpisodeTweetConfig.id, EpisodeTweetConfig.status, EpisodeTweetConfig.enabled)
CONFIGS = CONFIGS.add_columns(EpisodeTweetConfig.announce_again).order_by(EpisodeTweetConfig.id)


def wrong_in(session: Session) -> list[str]:
    """What contradicts itself: config against newest post, attempts, history and entries against their post."""
    found: list[str] = []
    newest: dict[int, Any] = {}
    attempts: dict[int, list[Any]] = {}
    read = session.connection().execute
    history = {line.post_id: line.status for line in read(HISTORY)}
    for attempt in read(ATTEMPTS):
        attempts.setdefault(attempt.post_id, []).append(attempt)
    for post in read(POSTS):
        newest[post.config_id] = post
        maybe = [one for one in attempts.get(post.id, []) if one.outcome in MAYBE]
        # What a person left as it is may be out, and nobody says that it is not.
        is_open = maybe and post.status in NOTHING_OUT and post.cause != "left_alone"
        if len(maybe) > 1 or is_open:
            found.append(f"{post.key} is {post.status} with attempts {[one.outcome for one in maybe]}")
        if post.status == PostStatus.POSTED and [one.outcome for one in maybe] != [Outcome.ACCEPTED]:
            found.append(f"{post.key} is posted without an accepted attempt")
        if history.get(post.id) != post.status:
            found.append(f"{post.key} is {post.status}, its history ends with {history.get(post.id)}")
    for config in read(CONFIGS):
        post = newest.get(config.id)
        meant = CONFIG_OF[post.status] if post else "pending"
        if post and (post.status, post.cause, config.enabled) == ("cancelled", "switched_off", True):
            meant = "pending"
        if post and config.announce_again and (post.status, post.trigger, post.broadcast_id) == ("posted", "now", None):
            meant = "pending"
        if config.status != meant:
            found.append(f"config {config.id} is {config.status}, its newest post means {meant}")
    return found + wrong_in_books(session)


@contextmanager
def checked_at_every_commit() -> Iterator[None]:
    """Runs `wrong_in` in every transaction that wrote, just before its commit; fails at the end with all it found."""
    found: list[str] = []
    has_written: set[int] = set()  # by thread: where one has only read, nothing can have become wrong

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "BEGIN", "PRAGMA")):
            has_written.add(threading.get_ident())

    def look(session: Session) -> None:
        session.flush()
        if threading.get_ident() in has_written:
            has_written.discard(threading.get_ident())
            # Others commit between its statements: what is wrong for them only is right at the second look.
            wrong = wrong_in(session)
            found.extend(set(wrong) & set(wrong_in(session)) if wrong else ())

    event.listen(db.session, "before_commit", look)
    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(db.session, "before_commit", look)
        event.remove(Engine, "before_cursor_execute", note)
    assert not found, found


class Desk:
    """Drives the real services by hand, at times of its own."""

    def __init__(self, cast: Cast, x: X) -> None:
        self.cast, self.x = cast, x
        self.at = datetime.now(UTC)
        x.now = cast.youtube.now = lambda: self.at

    def on_air(self, *hosts: str, text: str | None = None, strict: bool = False, minutes_ago: float = 0.2) -> str:
        """A show is live and each host's post waits in the outbox. Answers the video id."""
        for host in hosts:
            self.cast.connect(self.cast.user(host, never_repost=strict, default_text=text or ""), now=self.at)
        show = self.cast.show(f"Show of {hosts[0]}", hosts=hosts)
        start = self.at - timedelta(minutes=minutes_ago)
        video = self.cast.youtube.go_live(show.youtube_channel_id, "Queues", at=start)
        self.look()
        return video

    def look(self) -> None:
        """Looks at YouTube and announces, sends nothing."""
        for looked in self.cast.services.live.check(self.at):
            self.cast.services.tweets.announce(looked.broadcast_ids, self.at)

    def later(self, seconds: float) -> "Desk":
        self.at += timedelta(seconds=seconds)
        return self

    def drain(self) -> Post:
        """Sends what is due; answers the newest post."""
        self.cast.services.posting.drain(self.at)
        return self.post()

    def reap(self) -> Post:
        self.cast.services.posting.reap(self.at)
        return self.post()

    def look_up(self) -> Post:
        self.cast.services.confirming.look_up(self.at)
        return self.post()

    def find_out(self, *, until: float = 100.0, every: float = 5.0) -> Post:
        """Look-ups and drains every few seconds, as the jobs do them, until nothing is under way."""
        over = self.at + timedelta(seconds=until)
        while self.at < over and self.post().status in ("unknown", "queued"):
            self.later(every)
            self.look_up()
            self.drain()
        return self.post()

    def post(self, host: str | None = None) -> Post:
        """The newest post, of one host or of all."""
        query = select(Post).order_by(Post.id.desc()).limit(1)
        if host is not None:
            query = query.join(User, User.id == Post.user_id).where(User.email == f"{host}@example.com")
        found = db.session.execute(query, execution_options={"populate_existing": True}).scalar_one()
        db.session.commit()
        return found

    def attempts(self, post: Post) -> list[PostAttempt]:
        query = select(PostAttempt).filter_by(post_id=post.id).order_by(PostAttempt.number)
        found = list(db.session.execute(query, execution_options={"populate_existing": True}).scalars())
        db.session.commit()
        return found

    def history(self, post: Post) -> list[tuple[str, str | None]]:
        query = select(PostEvent.status, PostEvent.cause).filter_by(post_id=post.id).order_by(PostEvent.id)
        found = [tuple(row) for row in db.session.execute(query)]
        db.session.commit()
        return found  # type: ignore[return-value]

    def config(self, post: Post) -> EpisodeTweetConfig:
        return self._get(EpisodeTweetConfig, post.config_id)

    def broadcast(self, post: Post) -> Broadcast:
        return self._get(Broadcast, post.broadcast_id)

    def connection(self, host: str = "ada") -> SocialConnection:
        query = select(SocialConnection).join(User).where(SocialConnection.is_active)
        query = query.where(User.email == f"{host}@example.com")
        found = db.session.execute(query, execution_options={"populate_existing": True}).scalar_one()
        db.session.commit()
        return found

    def change_connection(self, host: str = "ada", **columns: Any) -> None:
        self.change(self.connection(host), **columns)

    def change(self, row: Any, **columns: Any) -> None:
        """Writes columns past the services: what another process or another time would have left."""
        row = db.session.get_one(type(row), row.id)
        for name, value in columns.items():
            setattr(row, name, value)
        db.session.commit()

    def words(self, post: Post) -> str:
        return explain(post.cause or "", post.detail)

    def texts(self, host: str = "ada") -> list[str]:
        return self.cast.timeline(host)

    def refreshes(self) -> list[Mapping[str, str]]:
        forms = [entry.form() for entry in self.x.asked("POST", "/2/oauth2/token")]
        return [form for form in forms if form["grant_type"] == "refresh_token"]

    def _get(self, model: type[Any], id: int | None) -> Any:
        found = db.session.get_one(model, id, populate_existing=True)
        db.session.commit()
        return found


# What X does to the requests to come


def spoil(x: X, times: int = 1, **spoiled: Any) -> None:
    """A fault for so many next POSTs of a post."""
    x.faults += [Fault(method="POST", path="^/2/tweets$", **spoiled)] * times


def lose(x: X, times: int = 1, **more: Any) -> None:
    """The answer to the next POST is lost; with stored=True the post is there all the same."""
    spoil(x, times, status=503, **more)


def blind(x: X, times: int, **spoiled: Any) -> None:
    """The next look-ups fail."""
    x.faults += [Fault(method="GET", path="/tweets$", **spoiled)] * times


def unknown(desk: Desk, *, text: str = "We are live & well: {url}", strict: bool = False) -> Post:
    """Ada's post was sent and nobody knows what became of it."""
    desk.on_air("ada", text=text, strict=strict)
    post = desk.drain()
    assert post.status == "unknown"
    return post
