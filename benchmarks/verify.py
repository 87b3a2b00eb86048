"""Whether what is promised of the database holds on this machine: in scratch databases, on both engines.

A check that cannot run is missed like one that fails: nothing is promised that was not seen.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

from flask import Flask, current_app
from sqlalchemy import text

from benchmarks import equality, index_use, pages
from benchmarks.bed import ENGINES, Databases, running, settings_for
from benchmarks.scratch import NoPostgresError
from config import MOST_CONNECTIONS, Settings, SettingsError
from extensions import db
from services import prices, wallet, wallet_check
from services.audit import NOBODY
from services.errors import Uncovered
from services.wallet import Order, Rules, Whose

HOSTS, EPISODES, POSTS = (5, 50), 20, 200
RACERS, ORDERS = 12, 20
PRICE = 15_000
STEPS = 60
ASKING = 30


class MissedError(Exception):
    """What was promised does not hold: a sentence."""


@dataclass(frozen=True, slots=True)
class Verdict:
    check: str
    engine: str
    is_met: bool
    said: str
    seconds: float


# The checks: each returns what it has seen, or raises MissedError


def statements(databases: Databases, engine: str) -> str:
    """Pages take few statements, and no more with more hosts."""
    few, many = (pages.statements(databases, engine, hosts, episodes=EPISODES, posts=POSTS) for hosts in HOSTS)
    grown = [f"{page} {few[page]} → {number}" for page, number in many.items() if number > few[page]]
    dear = [f"{page} {number}" for page, number in many.items() if number > pages.MOST_STATEMENTS]
    _none("more statements at 50 hosts", grown)
    _none(f"more than {pages.MOST_STATEMENTS} statements", dear)
    return f"{len(many)} pages, {max(many.values())} statements at most, as many at {HOSTS[1]} hosts as at {HOSTS[0]}"


def index_used(databases: Databases, engine: str) -> str:
    """No list reads a large table from end to end."""
    with _application(databases, engine):
        scene = index_use.fill()
        with index_use.listening() as asked:
            index_use.ask_for_pages(scene)
        found = index_use.read_whole(asked)
    _none("read from end to end", [f"{', '.join(tables)}: {one[:200]}" for one, tables in found.items()])
    return f"{len(asked)} statements of pages at 100,000 posts"


def double_spend(databases: Databases, engine: str) -> str:
    """Of many who want the last money at once, one gets it."""
    with _application(databases, engine):
        whose = _rich(PRICE)
        answers = _all_at_once(lambda number: _reserve(whose, f"race:{number}"))
        spent = sum(one is not None for one in answers)
        _none("differences in the books", wallet_check.differences())
    if spent != 1:
        raise MissedError(f"{spent} of {RACERS} got money that was there once")
    return f"one of {RACERS} at once"


def ledger_sum(databases: Databases, engine: str) -> str:
    """Entries add up to balances, whoever holds, pays and takes back at once."""
    with _application(databases, engine):
        whose = _rich(PRICE * RACERS * ORDERS // 2)
        _all_at_once(lambda number: _trade(whose, random.Random(number), number))
        _none("differences in the books", wallet_check.differences())
        entries = db.session.execute(text("SELECT count(*) FROM wallet_entries")).scalar_one()
    return f"{entries} entries of {RACERS} at once"


def pool_budget(databases: Databases, engine: str) -> str:
    """All processes together leave PostgreSQL some connections, and no process takes more than its share."""
    settings = settings_for(databases.fresh(engine), databases.folder)
    each = settings.db_pool_size + settings.db_max_overflow
    allowed = MOST_CONNECTIONS // each
    if _is_allowed(settings, allowed + 1) or not _is_allowed(settings, allowed):
        raise MissedError(f"{allowed} processes of {each} connections are the most, and the settings say otherwise")
    with running(settings):
        pool: Any = db.engine.pool
        most = max(_all_at_once(lambda _: _hold_one(pool), ASKING))
    if most > each:
        raise MissedError(f"{most} connections in use, {each} allowed")
    return f"{ASKING} at once share {most} connections; {allowed} processes of {each} are allowed"


def cache_equality(databases: Databases, engine: str) -> str:
    """What is kept is what would be computed now, after anything."""
    with _application(databases, engine):
        _none("not what would be computed", equality.after_anything(STEPS))
    return f"after {STEPS} things that happen to a podcast"


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


def _none(what: str, found: Sequence[Any]) -> None:
    if found:
        raise MissedError(f"{len(found)} {what}, such as {found[0]}")


def _application(databases: Databases, engine: str) -> Any:
    return running(settings_for(databases.fresh(engine), databases.folder))


def _is_allowed(settings: Settings, processes: int) -> bool:
    try:
        settings_for(settings.database_url, settings.instance_path, web_concurrency=processes)
    except SettingsError:
        return False
    return True


def _all_at_once(act: Callable[[int], Any], number: int = RACERS) -> list[Any]:
    """What each of so many threads of one application gets. Raises what one of them raised."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    together, answers, failed = threading.Barrier(number), list[Any](), list[Exception]()

    def run(one: int) -> None:
        with app.app_context():
            together.wait()
            try:
                answers.append(act(one))
            except Exception as error:  # noqa: BLE001 - handed on below
                failed.append(error)

    threads = [threading.Thread(target=run, args=(one,), daemon=True) for one in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return answers


def _rich(balance: int) -> Whose:
    """A podcast whose wallet has so much and no more."""
    whose = Whose(equality.Scene().podcast_id)
    wallet.top_up(whose, balance, key="verify", by=NOBODY, now=equality.BEGINNING)
    wallet.set_rules(whose, Rules(is_limited=True, stops_posts=True), NOBODY, equality.BEGINNING)
    return whose


def _reserve(whose: Whose, key: str) -> Any:
    try:
        return wallet.reserve(Order(key=key, whose=whose, item=prices.POST, cost=PRICE), equality.BEGINNING)
    except Uncovered:
        return None


def _trade(whose: Whose, dice: random.Random, number: int) -> None:
    for order in range(ORDERS):
        held = _reserve(whose, f"{number}:{order}")
        if held is not None and dice.random() < 0.5:
            wallet.charge(held, dice.choice((PRICE, 0)), equality.BEGINNING)
        elif held is not None and dice.random() < 0.8:
            wallet.release(held, equality.BEGINNING)


def _hold_one(pool: Any) -> int:
    """How many are in use while this one is."""
    db.session.execute(text("SELECT pg_sleep(0.05)"))
    in_use: int = pool.checkedout()
    db.session.remove()
    return in_use
