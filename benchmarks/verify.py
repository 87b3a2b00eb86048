"""Whether what is promised of the database holds on this machine: in scratch databases, on both engines.

A check that cannot run is missed like one that fails: nothing is promised that was not seen.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import text

from benchmarks import equality, equality_jobs, equality_once, index_use, pages
from benchmarks.bed import ENGINES, Databases, running, settings_for, wired
from benchmarks.checking import MissedError, all_at_once, application, none
from benchmarks.scratch import NoPostgresError
from benchmarks.verify_money import double_spend, ledger_sum
from config import MOST_CONNECTIONS, Settings, SettingsError
from extensions import db

LITTLE = {"hosts": 5, "episodes": 20, "podcasts": 1, "posts": 200}
#: each alone, or one that grows would hide another
MORE = ({"hosts": 50}, {"episodes": 60}, {"podcasts": 10})
STEPS = 40
#: what is done once, each after the other: the stage, the deeds, and those after which the version must be another one
ONCE = (
    (equality_once.Stage, equality_once.DEEDS, equality_once.UNSEEN),
    (equality_jobs.Desk, equality_jobs.DEEDS, equality_jobs.RAISING),
)
#: jobs ask nobody: nobody is there
NOWHERE = "http://127.0.0.1:9"
#: of each process, as the README says: kept open, and more when they are needed
POOL = 5, 5


@dataclass(frozen=True, slots=True)
class Verdict:
    check: str
    engine: str
    is_met: bool
    said: str
    seconds: float


# The checks: each returns what it has seen, or raises MissedError


def statements(databases: Databases, engine: str) -> str:
    """Pages take few statements, and no more with more hosts, episodes or podcasts."""
    few = pages.statements(databases, engine, **LITTLE)
    grown, dear, most = [], [], max(few.values())
    for more in MORE:
        ((what, number),) = more.items()
        many = pages.statements(databases, engine, **LITTLE | more)
        grown += [
            f"{page} {few[page]} → {asked} at {number} {what}" for page, asked in many.items() if asked > few[page]
        ]
        dear += [f"{page} {asked}" for page, asked in many.items() if asked > pages.MOST_STATEMENTS]
        most = max(most, *many.values())
    none("more statements", grown)
    none(f"more than {pages.MOST_STATEMENTS} statements", dear)
    wider = ", ".join(f"{number} {what}" for more in MORE for what, number in more.items())
    return f"{len(few)} pages, {most} statements at most, no more at {wider}"


def index_used(databases: Databases, engine: str) -> str:
    """Every index is there, and no list and no job reads a large table from end to end."""
    with running(wired((NOWHERE, NOWHERE), databases.fresh(engine), databases.folder)) as services:
        none("indexes are not there as the models name them", index_use.missing_indexes())
        scene = index_use.fill()
        with index_use.listening() as asked:
            index_use.ask_for_pages(scene)
            index_use.let_jobs_run(services.scheduler)
        found = index_use.read_whole(index_use.without_nightly(asked))
    none("read from end to end", [f"{', '.join(tables)}: {one[:200]}" for one, tables in found.items()])
    return f"{len(asked)} statements of pages and jobs at 100,000 posts"


def pool_budget(databases: Databases, engine: str) -> str:
    """All processes together leave PostgreSQL some connections, and no process takes more or less than its share."""
    settings = settings_for(databases.fresh(engine), databases.folder)
    sizes = settings.db_pool_size, settings.db_max_overflow
    if sizes != POOL:
        raise MissedError(
            f"{sizes[0]} + {sizes[1]} connections unless something else is set, {POOL[0]} + {POOL[1]} told"
        )
    each, asking = sum(sizes), sum(sizes) + 10
    allowed = MOST_CONNECTIONS // each
    if _is_allowed(settings, allowed + 1) or not _is_allowed(settings, allowed):
        raise MissedError(f"{allowed} processes of {each} connections are the most, and the settings say otherwise")
    with running(settings):
        pool, is_full = db.engine.pool, threading.Event()
        most = max(all_at_once(lambda _: _hold_one(pool, each, is_full), asking))
    if most != each:
        raise MissedError(f"{most} connections in use, {each} are the share of a process")
    return f"{asking} at once share {most} connections; {allowed} processes of {each} are allowed"


def cache_equality(databases: Databases, engine: str) -> str:
    """What is kept is what would be computed now, after anything."""
    for made, deeds, raising in ONCE:
        with application(databases, engine):
            none("not what would be computed", equality_once.after_each(made(), deeds, raising))
    with application(databases, engine):
        none("not what would be computed", equality.after_anything(STEPS))
    return f"after {STEPS + sum(len(deeds) for _, deeds, _ in ONCE)} things that happen to a podcast"


BOTH, POSTGRESQL = ENGINES, ("postgresql",)
#: by name; in which databases
CHECKS: dict[str, tuple[Callable[[Databases, str], str], Sequence[str]]] = {
    "statements": (statements, BOTH),
    "index_use": (index_used, POSTGRESQL),
    "double_spend": (double_spend, BOTH),
    "ledger_sum": (ledger_sum, BOTH),
    "pool_budget": (pool_budget, POSTGRESQL),
    "cache_equality": (cache_equality, BOTH),
}


def verify(names: Sequence[str] = (), say: Callable[[Verdict], None] = lambda _: None) -> list[Verdict]:
    """Runs the named checks, or all; `say` hears each verdict at once."""
    found = []
    with ExitStack() as scratch:
        made = {engine: _made(scratch, engine) for engine in ENGINES if _is_wanted(engine, names)}
        for name in names or CHECKS:
            act, engines = CHECKS[name]
            for engine in engines:
                verdict = judged(name, engine, act, made[engine])
                found.append(verdict)
                say(verdict)
    return found


def document(found: Sequence[Verdict]) -> dict[str, Any]:
    return {"is_met": all(one.is_met for one in found), "checks": [asdict(one) for one in found]}


def _is_wanted(engine: str, names: Sequence[str]) -> bool:
    return any(engine in CHECKS[name][1] for name in names or CHECKS)


def _made(scratch: ExitStack, engine: str) -> Databases | NoPostgresError:
    try:
        return scratch.enter_context(Databases((engine,), memory=True))
    except NoPostgresError as error:
        return error


def judged(name: str, engine: str, act: Callable[[Databases, str], str], made: Databases | NoPostgresError) -> Verdict:
    """Of one check; whatever keeps it from running makes it a miss."""
    begun = time.monotonic()
    is_met = False
    try:
        if isinstance(made, NoPostgresError):
            raise made
        said, is_met = act(made, engine), True
    except MissedError as error:
        said = str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is: it was not seen to hold
        said = f"could not run: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return Verdict(name, engine, is_met, said, round(time.monotonic() - begun, 1))


def _is_allowed(settings: Settings, processes: int) -> bool:
    try:
        settings_for(settings.database_url, settings.instance_path, web_concurrency=processes)
    except SettingsError:
        return False
    return True


def _hold_one(pool: Any, each: int, is_full: threading.Event) -> int:
    """How many are in use while this one is: kept until all are, and a little longer for one too many."""
    db.session.execute(text("SELECT 1"))
    ends = time.monotonic() + 5
    while pool.checkedout() < each and not is_full.is_set() and time.monotonic() < ends:
        time.sleep(0.01)
    is_full.set()
    db.session.execute(text("SELECT pg_sleep(0.1)"))
    in_use: int = pool.checkedout()
    db.session.remove()
    return in_use
