"""How the machine is, for those who run it: who looks, what the jobs did, what waits, what is spent. Reads only."""

import tomllib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import func, select

from config import ROOT
from extensions import CountingPool, db
from models import JobRun, Post, PostStatus, SendGate, SocialConnection, TokenRevocation, WorkerLease
from services import clock_watch, jobs, leases
from services.causes import TO_OPERATOR, explain
from services.figures_cache import Counts
from services.health import SILENT_AFTER, Health, read_health
from services.looker import LOOKER
from services.registry import get_services
from services.scheduler import DEADLINES
from services.vocabulary import PAUSED, POSTING, RETRYING, Lamp, Light, light_of_post

DAY = timedelta(hours=24)
MOST_PROCESSES = 20
#: states in which a post still wants something, in the order of a post's life
WAITING = (PostStatus.QUEUED, PostStatus.SENDING, PostStatus.UNKNOWN, PostStatus.REVIEW)
WORDS = (POSTING, RETRYING, PAUSED, light_of_post(PostStatus.UNKNOWN, None), light_of_post(PostStatus.REVIEW, None))
ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(frozen=True, slots=True)
class Job:
    """The last run of one job in one process; `at` is when it ended, or began if it is still running.

    `what` is the job in words, `name` as it is called in logs.
    """

    what: str
    name: str
    at: datetime
    light: Light


@dataclass(frozen=True, slots=True)
class Process:
    name: str
    seen_at: datetime
    is_looker: bool
    jobs: list[Job]
    #: what is wrong with its clock; empty where nothing is
    clock: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Posts that one word is said of."""

    light: Light
    count: int


@dataclass(frozen=True, slots=True)
class Gate:
    """What holds posts back at X, and whose. `cause` is its code, `why` a sentence."""

    who: str
    until: datetime
    cause: str
    why: str

    @property
    def light(self) -> Light:
        """As it is said of a post that waits for this."""
        return light_of_post(PostStatus.QUEUED, self.cause)


@dataclass(frozen=True, slots=True)
class Pool:
    """Database connections of this process: kept, in use, idle, made beyond those kept; how often one was awaited."""

    size: int
    out: int
    idle: int
    overflow: int
    waits: int

    @property
    def most(self) -> int:
        return self.size + self.overflow


@dataclass(frozen=True, slots=True)
class Ended:
    """Posts that one word is said of: how many, and of how many of them which sentence says why."""

    light: Light
    count: int
    reasons: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """`ended` holds the posts of the last 24 hours, each word once."""

    scheduler: Light
    lease_until: datetime | None
    processes: list[Process]
    waiting: list[Waiting]
    oldest_queued: datetime | None
    to_revoke: int
    ended: list[Ended]
    gates: list[Gate]
    pool: Pool | None
    numbers: Counts
    engine: str
    migration: str
    health: Health
    version: str


def system_status(now: datetime) -> SystemStatus:
    """Always the same number of statements, whatever there is."""
    health = read_health(now)
    lease = db.session.get(WorkerLease, LOOKER)
    holder = lease.holder if lease is not None and leases.is_held(lease.expires_at, now) else None
    counted, oldest_queued = _counted()
    to_revoke, refused_until = _totals()
    return SystemStatus(
        scheduler=_scheduler_light(health, holder),
        lease_until=lease.expires_at if lease is not None and holder else None,
        processes=_processes(holder, now),
        waiting=[_waiting(light, counted[light.word]) for light in WORDS],
        oldest_queued=oldest_queued,
        to_revoke=to_revoke,
        ended=_ended(now),
        gates=_gates(now, refused_until),
        pool=pool(),
        numbers=get_services().numbers.counts(),
        engine=ENGINES.get(db.engine.dialect.name, db.engine.dialect.name),
        migration=health.migration or "none",
        health=health,
        version=version(),
    )


def _scheduler_light(health: Health, holder: str | None) -> Light:
    if health.sickness is not None:
        return Light("Not working", Lamp.AMBER, f"The scheduler of this process: {health.sickness}.")
    if health.scheduler_age is None:
        return Light("Never ran", Lamp.AMBER, "No scheduler has run yet. Set SCHEDULER or start “flask scheduler run”.")
    if health.scheduler_age >= SILENT_AFTER:
        return Light("Silent", Lamp.AMBER, "No scheduler has said anything for more than a minute.")
    if holder is None:
        return Light(
            "Nobody looks", Lamp.AMBER, "Schedulers run, but none holds the lease. One takes it within a minute."
        )
    return Light("Working", Lamp.GREEN)


def _processes(holder: str | None, now: datetime) -> list[Process]:
    """Of those that live: newest first; who looks before all others."""
    runs: dict[str, list[JobRun]] = {}
    query = jobs.of_living(now).order_by(JobRun.seen_at.desc(), JobRun.process).limit(MOST_PROCESSES * len(DEADLINES))
    for run in db.session.execute(query).scalars():
        runs.setdefault(run.process, []).append(run)
    found = [
        Process(
            name,
            max(run.seen_at for run in its),
            name == holder,
            [_job(run, now, has_ended=_is_silent(its, now)) for run in _in_order(its)],
            _clock(its),
        )
        for name, its in runs.items()
    ]
    return sorted(found, key=lambda process: not process.is_looker)


def _clock(runs: list[JobRun]) -> str:
    behind = next((run.seconds_behind for run in runs if run.seconds_behind is not None), None)
    return clock_watch.sentence(runs[0].process, behind) if behind is not None and clock_watch.is_wrong(behind) else ""


def _in_order(runs: list[JobRun]) -> list[JobRun]:
    order = list(DEADLINES)
    return sorted(runs, key=lambda run: order.index(run.job) if run.job in order else len(order))


def _is_silent(runs: list[JobRun], now: datetime) -> bool:
    return now - max(run.seen_at for run in runs) > SILENT_AFTER


def _job(run: JobRun, now: datetime, *, has_ended: bool) -> Job:
    """`has_ended`: its process notes nothing down any more, so nothing of it can hang."""
    names = jobs.in_words(run.job), run.job.replace("_", "-")
    if run.finished_at is None and has_ended:
        return Job(*names, run.started_at, Light("Ended", Lamp.GREY, "Its process ended meanwhile."))
    if run.finished_at is None:
        late = now - run.started_at > timedelta(seconds=DEADLINES.get(run.job, 60.0))
        return Job(*names, run.started_at, Light("Hangs", Lamp.AMBER) if late else Light("Running", Lamp.GREEN))
    if run.error:
        return Job(*names, run.finished_at, Light("Failed", Lamp.AMBER, run.error))
    return Job(*names, run.finished_at, Light("Done", Lamp.GREEN))


def _counted() -> tuple[Counter[str], datetime | None]:
    """How many posts that want something each word is said of, and since when the oldest that is not sent exists."""
    query = select(Post.status, Post.cause, func.count().label("number"), func.min(Post.created_at).label("since"))
    rows = db.session.execute(query.where(Post.status.in_(WAITING)).group_by(Post.status, Post.cause)).all()
    counted: Counter[str] = Counter()
    for row in rows:
        counted[light_of_post(row.status, row.cause).word] += row.number
    return counted, min((row.since for row in rows if row.status == PostStatus.QUEUED), default=None)


def _waiting(light: Light, count: int) -> Waiting:
    """A lamp is lit where there is something."""
    return Waiting(light if count else Light(light.word, Lamp.HOLLOW), count)


def _ended(now: datetime) -> list[Ended]:
    """Posts made in the last 24 hours by word, and each by reason, most first."""
    query = select(Post.status, Post.cause, func.count().label("number")).where(Post.created_at > now - DAY)
    found: dict[Light, Counter[str]] = {}
    for row in db.session.execute(query.group_by(Post.status, Post.cause)):
        reasons = found.setdefault(light_of_post(row.status, row.cause), Counter())
        reasons[explain(row.cause) if row.cause else ""] += row.number
    ended = [Ended(light, why.total(), [one for one in why.most_common() if one[0]]) for light, why in found.items()]
    return sorted(ended, key=lambda one: (-one.count, one.light.word))


def _totals() -> tuple[int, datetime | None]:
    """How many tokens are to be ended at X, and until when a post waits that X refused
    because of the server's own credentials; in one statement.
    """
    to_revoke = select(func.count()).select_from(TokenRevocation).scalar_subquery()
    refused = select(func.max(Post.not_after)).where(Post.status == PostStatus.QUEUED, Post.cause == "x_client")
    row = db.session.execute(select(to_revoke, refused.scalar_subquery())).one()
    return row[0], row[1]


def _gates(now: datetime, refused_until: datetime | None) -> list[Gate]:
    account = SocialConnection.is_active & (SendGate.key == "x:" + SocialConnection.platform_user_id)
    query = select(SendGate, SocialConnection.username).outerjoin(SocialConnection, account)
    rows = db.session.execute(query.where(SendGate.until > now).order_by(SendGate.until))
    shut = [(_name(row), row.SendGate.until, row.SendGate.cause) for row in rows]
    # No gate: each post that X refused for it waits by itself.
    found = [("Everybody", refused_until, "x_client"), *shut] if refused_until else shut
    return [Gate(who, until, cause, TO_OPERATOR.get(explain(cause), explain(cause))) for who, until, cause in found]


def _name(row: Any) -> str:
    if row.SendGate.key == "x":
        return "Everybody"
    return f"@{row.username}" if row.username else "An account that is not connected any more"


def pool() -> Pool | None:
    """None where connections are not pooled. Asks the database nothing."""
    found = db.engine.pool
    if not isinstance(found, CountingPool):
        return None
    return Pool(found.size(), found.checkedout(), found.checkedin(), max(0, found.overflow()), found.waits)


@cache
def version() -> str:
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])
