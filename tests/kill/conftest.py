"""Hosts in default and in strict mode whose posts wait; workers to start; and what must be true at the end."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.wrappers import Request, Response

from config import Settings
from extensions import db
from models import Post
from sandbox.standin import Fault
from sandbox.x import X
from tests.cast import Cast
from tests.desk import wrong_in

ROOT = Path(__file__).resolve().parents[2]
TERMINAL = {"posted", "failed", "review", "missed", "cancelled"}
NOT_OUT = {"failed", "missed", "cancelled"}
QUIET_SECONDS = 0.3

#: what takes a minute in earnest takes seconds here: enough for a machine that has far too much to do
SHORT: dict[str, Any] = {
    "live_watch_interval_seconds": 0.1,
    "send_deadline_seconds": 2.0,
    "send_lease_seconds": 4.0,
    "lookup_delays_seconds": (0.15, 0.3, 0.45, 0.6),
}


class Zygote:
    """The process that forks workers."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, **order: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.kill.worker"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield Zygote(process)
        assert process.stdin
        process.stdin.close()
        process.wait(60)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update=SHORT)


class Stage:
    """Workers on this test's database, and a view of what they did."""

    def __init__(self, zygote: Zygote, settings: Settings, cast: Cast, x: X) -> None:
        self._zygote, self.cast, self.x = zygote, cast, x
        self._settings = settings.model_dump(mode="json")
        self._log = str(settings.instance_path / "workers.log")
        self._running: set[int] = set()
        # X's own filter must not hide what Airhorn does wrong.
        x.duplicate_filter = False

    def take_time(self) -> None:
        """The times of earnest, where a crowd of threads would make short ones run out."""
        self._settings |= {name: Settings.model_fields[name].default for name in SHORT}

    def queue(self, **strict_by_name: bool) -> None:
        """A show is live and a post waits for each host; True is strict mode."""
        for name, strict in strict_by_name.items():
            words = f"{name} says: {{title}} {{url}}"
            self.cast.connect(self.cast.user(name, never_repost=strict, default_text=words))
        show = self.cast.show("Deep Dive", hosts=tuple(strict_by_name))
        self.cast.youtube.go_live(show.youtube_channel_id, "Queues")
        self.announce()

    def announce(self) -> None:
        now = self.x.now()
        for looked in self.cast.services.live.check(now):
            self.cast.services.tweets.announce(looked.broadcast_ids, now)

    def start(self, **order: Any) -> int:
        order = {"settings": self._settings, "log": self._log} | order
        pid = int(self._zygote.ask(do="start", **order))
        self._running.add(pid)
        return pid

    def settings_with(self, **changes: Any) -> dict[str, Any]:
        return self._settings | changes

    def wait(self, pid: int, seconds: float = 120.0) -> int | None:
        """What it ended with: minus the signal, or its status; None when it still runs."""
        ended = self._zygote.ask(do="wait", pid=pid, seconds=seconds)
        if ended is not None:
            self._running.discard(pid)
        return ended  # type: ignore[no-any-return]

    def kill(self, pid: int) -> None:
        self._zygote.ask(do="kill", pid=pid)
        self._running.discard(pid)

    def until_stopped(self, pid: int) -> None:
        """Until it stands still: SIGCONT lets it go on."""
        stat = Path(f"/proc/{pid}/stat")
        self.until(lambda: stat.read_text().rsplit(")", 1)[1].split()[0] == "T", "the stop")

    def close(self) -> None:
        for pid in list(self._running):
            self.kill(pid)

    def posts(self) -> list[Any]:
        """Plain rows: nothing stays open here that workers would wait for."""
        found = list(db.session.execute(select(Post.__table__).order_by(Post.id)))
        db.session.commit()
        return found

    def until(self, is_so: Callable[[], bool], what: str, seconds: float = 120.0) -> None:
        over = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > over:
                log = Path(self._log)
                raise AssertionError(f"{what} never came\n{log.read_text()[-4000:] if log.exists() else ''}")
            time.sleep(0.03)

    def settle(self) -> None:
        """Until every post is at an end, and then quiet for a while."""
        self.until(lambda: all(post.status in TERMINAL for post in self.posts()), "the end")
        time.sleep(QUIET_SECONDS)

    def state(self, host: str) -> tuple[str, int]:
        """What Airhorn says of the host's post, and how many of it X has."""
        (post,) = [post for post in self.posts() if post.host_name == host.capitalize()]
        return post.status, len(self._stored(post))

    def violations(self) -> list[str]:
        """I1: at most one stored post a key, in default mode one unless a person is asked. I2: every post is at an end.
        I3: what Airhorn says is what X has."""
        found = []
        for post in self.posts():
            stored = self._stored(post)
            if len(stored) > 1:
                found.append(f"I1: {post.key} is at X {len(stored)} times")
            if post.status not in TERMINAL:
                found.append(f"I2: {post.key} is still {post.status}")
            if post.status == "posted" and [one.id for one in stored[:1]] != [post.remote_id]:
                found.append(f"I3: {post.key} is posted as {post.remote_id}, X has {[one.id for one in stored]}")
            if post.status in NOT_OUT and stored:
                found.append(f"I3: {post.key} is {post.status}, and X has it")
        found += [f"inside: {wrong}" for wrong in wrong_in(db.session())]
        db.session.commit()
        return found

    def _stored(self, post: Any) -> list[Any]:
        timeline = self.x.timeline(post.platform_user_id)
        return [one for one in reversed(timeline) if one.text == post.text]


@pytest.fixture
def stage(zygote: Zygote, settings: Settings, cast: Cast, x: X) -> Iterator[Stage]:
    made = Stage(zygote, settings, cast, x)
    yield made
    made.close()


class Held:
    """X has worked on so many posts, and answers none of them until it is let go."""

    def __init__(self, x: X, posts: int = 2) -> None:
        self._left = posts
        self._lock, self._all, self._go = threading.Lock(), threading.Event(), threading.Event()
        self._reply: Callable[[Request], Response] = x.reply
        x.reply = self.reply  # type: ignore[method-assign]

    def reply(self, request: Request) -> Response:
        response = self._reply(request)
        if request.path == "/2/tweets" and request.method == "POST" and not self._go.is_set():
            with self._lock:
                self._left -= 1
                if self._left == 0:
                    self._all.set()
            self._go.wait(120)
        return response

    def wait(self) -> None:
        assert self._all.wait(120)

    def release(self) -> None:
        self._go.set()

    def release_together(self, point: str) -> None:
        """Whoever dies at an outcome dies when all are sent: what is still to be sent then is another story."""
        if point.startswith("outcome"):
            self.wait()
        self.release()


@pytest.fixture
def held(x: X) -> Iterator[Held]:
    made = Held(x)
    yield made
    made.release()


@pytest.fixture
def fault(x: X) -> Callable[..., None]:
    """Spoils the next POST of each of both hosts."""

    def spoil(**spoiled: Any) -> None:
        x.faults += [Fault(method="POST", path="^/2/tweets$", **spoiled) for _ in range(2)]

    return spoil
