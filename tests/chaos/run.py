"""One run of the kill matrix: workers die by plan, one works undisturbed, and what must be true at the end is asked."""

import contextlib
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from config import Settings
from models import Post, User
from sandbox.x import X
from tests.chaos.aftermath import Seconds, aftermath, deaths
from tests.chaos.bed import HOSTS, SHORT, Bed, forget_start, freshen, opened, people_of
from tests.chaos.forker import Forker
from tests.chaos.plans import Plan
from tests.desk import wrong_in

ENDS = frozenset({"posted", "failed", "review", "missed", "cancelled"})
NOT_OUT = frozenset({"failed", "missed", "cancelled"})
ENDED = select(func.count()).select_from(Post).where(Post.status.in_(ENDS))
QUIET_SECONDS = 0.3


@dataclass(frozen=True)
class Case:
    """What is run. `refuses`: X refuses doubles; where it takes them, everybody is in strict mode."""

    plan: Plan
    engine: str
    refuses: bool
    seed: int
    #: times of earnest instead of short ones
    is_default: bool = False
    mutant: str | None = None
    #: at the first pass of the point that will do: a later one never came
    is_early: bool = False


@dataclass
class Outcome:
    """What became of a run."""

    case: Case
    kills: int = 0
    #: by mode: how many posts ended how
    ended: dict[str, dict[str, int]] = field(default_factory=dict)
    double: int = 0
    lost: int = 0
    wrong: int = 0
    seconds: float = 0.0
    #: from a SIGKILL to the end of a post
    after: Seconds = field(default_factory=dict)
    found: list[str] = field(default_factory=list)


class NeverReached(Exception):  # noqa: N818 - reads as the sentence it is
    """Every post came to its end before the worker came to where it was to die."""


class Run:
    """One run on a database of its own, at an X of its lane."""

    def __init__(self, bed: Bed, forker: Forker, x: X, case: Case) -> None:
        self._bed, self._forker, self._x, self._case = bed, forker, x, case
        self._dice = random.Random(f"{case.seed} {case.plan.name} {case.engine} {case.refuses}")
        self._pids: set[int] = set()
        self._stopped: set[int] = set()
        self._engine: Engine
        self._order: dict[str, Any] = {}
        self._wake_at = 0.0
        # In earnest a post that was sent into the void is decided on after more than two minutes.
        self._patience = 400.0 if case.is_default else 40.0

    def go(self) -> Outcome:
        outcome, begun = Outcome(self._case), time.monotonic()
        with self._prepared():
            try:
                outcome.kills = self._strike()
                self._settle(outcome)
                self._judge(outcome)
            finally:
                self._end_all()
        outcome.seconds = time.monotonic() - begun
        return outcome

    @contextmanager
    def _prepared(self) -> Iterator[None]:
        case, x = self._case, self._x
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=self._bed.folder))
        people_of(x)
        x.duplicate_filter = case.refuses
        x.reuse_revokes_family = True
        x.latency = self._dice.choice((0.0, 0.0, 0.02))
        x.faults += case.plan.faults(6)
        with self._bed.database(case.engine, folder) as url:
            self._engine = opened(url)
            freshen(self._engine, x, stale=case.plan.stale, strict=not case.refuses)
            if case.plan.unannounced:
                forget_start(self._engine, x)
            more = {} if case.is_default else SHORT
            settings: Settings = self._bed.settings(url, folder, x.url, **more)
            self._order = {
                "settings": settings.model_dump(mode="json"),
                "log": str(folder / "workers.log"),
                "deaths": str(folder / "deaths"),
                "short": not case.is_default,
                "mutant": case.mutant,
            }
            try:
                yield
            finally:
                self._engine.dispose()
        shutil.rmtree(folder, ignore_errors=True)

    # Workers

    def _start(self, **armed: Any) -> int:
        pid = self._forker.start(**self._order, **armed)
        self._pids.add(pid)
        return pid

    def _strike(self) -> int:
        """One armed worker after another; at the last point in every second run two at once, and both may be struck."""
        kills = 0
        for point in self._case.plan.strikes:
            self._end_all()  # whoever was spared by the strike before
            victims = [self._arm(point)]
            may_be_two = point == self._case.plan.strikes[-1] and self._case.plan.action == "kill"
            if may_be_two and not self._case.plan.again and self._dice.random() < 0.5:
                victims.append(self._arm(point))
            kills += len(self._until(lambda v=victims: self._struck(v), f"{point} reached"))
        self._start()
        return kills

    def _struck(self, victims: list[int]) -> list[int]:
        """Raises NeverReached when all is over, and nobody was: on a slow machine one look decides for several."""
        is_over = self._is_over()
        struck = [pid for pid in victims if self._is_struck(pid)]
        if is_over and not struck and not self._case.is_early:
            raise NeverReached
        return struck

    def _arm(self, point: str) -> int:
        """The first of two strikes only prepares the second: it must come, at whichever post."""
        plan = self._case.plan
        nth = 1 if point != plan.strikes[-1] else self._dice.randint(plan.least, plan.most)
        nth = min(nth, plan.least) if self._case.is_early else nth
        return self._start(point=point, nth=nth, action=plan.action)

    def _is_struck(self, pid: int) -> bool:
        """Dead, or stopped: then it is woken when everything else is over."""
        if self._case.plan.action == "stop":
            with contextlib.suppress(OSError):
                state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
                if state == "T":
                    self._stopped.add(pid)
            return pid in self._stopped
        ended = self._forker.ended(pid)
        if ended is not None:
            self._pids.discard(pid)
            assert ended == -signal.SIGKILL, f"a worker ended with {ended}: {self._log()}"
        return ended is not None

    def _end_all(self) -> None:
        for pid in self._pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        over = time.monotonic() + 10
        while self._pids and time.monotonic() < over:
            self._pids = {pid for pid in self._pids if self._forker.ended(pid) is None}
            time.sleep(0.01)

    # The end

    def _settle(self, outcome: Outcome) -> None:
        """Until every post is at an end and sleepers were woken; then quiet for a while."""
        asleep = 150.0 if self._case.is_default else 3 * SHORT["send_lease_seconds"]
        self._wake_at = time.monotonic() + (asleep if self._stopped else self._patience)
        with contextlib.suppress(TimeoutError):
            self._until(lambda: self._is_over() or time.monotonic() > self._wake_at, "the end")
        for pid in self._stopped:
            os.kill(pid, signal.SIGCONT)
        time.sleep(QUIET_SECONDS + (0.7 if self._stopped else 0.0))
        with contextlib.suppress(TimeoutError):
            self._until(self._is_over, "the end")
        posts = self._posts()
        outcome.found += [f"I2: {post.key} is still {post.status}" for post, _ in posts if not _is_end(post)]
        outcome.lost += len(HOSTS) - len(posts)

    def _is_over(self) -> bool:
        with self._reading() as session:
            return session.execute(ENDED).scalar_one() == len(HOSTS)

    def _reading(self) -> Session:
        """Never waits for a writer, who may be stopped while it holds SQLite's lock."""
        return Session(self._engine.execution_options(read_only=True))

    def _until(self, is_so: Callable[[], Any], what: str) -> Any:
        over = time.monotonic() + self._patience
        pause = 1.0 if self._case.is_default else 0.1
        while not (found := is_so()):
            if time.monotonic() > over:
                raise TimeoutError(f"{self._case.plan.name} on {self._case.engine}: not {what}\n{self._log()}")
            time.sleep(pause)
        return found

    def _posts(self) -> list[Any]:
        with self._reading() as session:
            found = list(session.execute(select(Post, User.never_repost).join(User, User.id == Post.user_id)).all())
            session.expunge_all()
        return found

    def _judge(self, outcome: Outcome) -> None:
        """I1 at most one at X; I2 each at an end; I3 what is said is what X has."""
        for post, strict in self._posts():
            stored = [one.id for one in self._x.timeline(post.platform_user_id) if one.text == post.text]
            mode = outcome.ended.setdefault("strict" if strict else "default", {})
            mode[post.status] = mode.get(post.status, 0) + 1
            if len(stored) > 1:
                outcome.double += 1
                outcome.found.append(f"I1: {post.key} is at X {len(stored)} times")
            if not stored and not (_is_end(post) and post.status != "posted"):
                outcome.lost += 1
                outcome.found.append(f"lost: {post.key} is {post.status}, and X does not have it")
            if (post.status in NOT_OUT and stored) or (post.status == "posted" and post.remote_id not in stored):
                outcome.wrong += 1
                outcome.found.append(f"I3: {post.key} is {post.status} as {post.remote_id}, X has {stored}")
        with self._reading() as session:
            inside = wrong_in(session)
            if self._case.plan.action == "kill":
                outcome.after = aftermath(session, self._x, deaths(Path(self._order["deaths"])))
        outcome.wrong += len(inside)
        outcome.found += [f"inside: {one}" for one in inside]

    def _log(self) -> str:
        log = Path(self._order["log"])
        return log.read_text()[-3000:] if log.exists() else "no log"


def _is_end(post: Post) -> bool:
    return post.status in ENDS
