"""Wallets: the old way, row by row, beside the new one in the same run. Milliseconds and statements of each."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Flask, current_app
from sqlalchemy import func, insert, select

from benchmarks.bed import ENGINES, Databases, counting, running, settings_for
from benchmarks.report import Report
from extensions import db, reading
from models import EpisodeGuide, Podcast, PodcastMember, Role, User, Wallet, WalletEntry
from services import prices, wallet
from services.audit import NOBODY
from services.money import DOLLAR
from services.wallet import Order, Rules, Transfer, Whose
from services.wallet_check import differences

HOSTS, EPISODES, ENTRIES = 50, 100, 10_000
TIMES, BATCHES, TRANSFERS = 40, 8, 100
#: less than a thread waits for one of the ten connections of its process before it gives up
THREADS, SECONDS = 20, 6.0
POST = 200_000
KEYS = itertools.count(1)


@dataclass
class Scene:
    """A podcast whose hosts have wallets of their own, and thousands of entries."""

    podcast: Whose
    hosts: list[Whose]
    episodes: list[int]
    now: datetime

    def order(self, n: int = 0, **more: Any) -> Order:
        spent = {"whose": self.hosts[n % HOSTS], "item": prices.POST_WITH_LINK, "cost": POST} | more
        return Order(key=f"deal {next(KEYS)}", episode_id=self.episodes[n % EPISODES], **spent)

    def deed(self) -> dict[str, Any]:
        return {"key": f"deed {next(KEYS)}", "by": NOBODY, "now": self.now}


def fill() -> Scene:
    session, now = db.session(), datetime.now(UTC)
    people = [{"email": f"host{n}@example.com", "name": f"Host {n}"} for n in range(HOSTS)]
    users = list(session.execute(insert(User).returning(User.id, sort_by_parameter_order=True), people).scalars())
    show = Podcast(slug="deep-dive", name="Deep Dive")
    session.add(show)
    session.flush()
    podcast_id = show.id
    rows = [{"podcast_id": podcast_id, "user_id": user_id, "role": Role.CONTRIBUTOR} for user_id in users]
    session.execute(insert(PodcastMember), rows)
    titles = [{"podcast_id": podcast_id, "title": f"Queues, part {n}"} for n in range(EPISODES)]
    made = session.execute(insert(EpisodeGuide).returning(EpisodeGuide.id), titles).scalars()
    scene = Scene(Whose(podcast_id), [Whose(podcast_id, user_id) for user_id in users], sorted(made), now)
    session.commit()
    wallet.top_up(scene.podcast, 900_000 * DOLLAR, **scene.deed())
    wallet.grant(podcast_id, 1_000 * DOLLAR, **scene.deed())
    for begin in range(0, ENTRIES, 500):
        wallet.record_all(session, [scene.order(n) for n in range(begin, begin + 500)], now)
        session.commit()
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql("ANALYZE")
        session.commit()
    return scene


# Measuring


@dataclass
class Way:
    """One way of doing a thing: milliseconds, sorted, and statements of one time."""

    name: str
    took: list[float]
    statements: int

    @property
    def p50(self) -> float:
        return _percentile(self.took, 0.50)

    def row(self, engine: str, what: str) -> dict[str, Any]:
        spread = {f"p{n} ms": round(_percentile(self.took, n / 100), 3) for n in (50, 95, 99)}
        return {"database": engine, "what": what, "way": self.name, "statements": self.statements, **spread}


def _percentile(took: list[float], share: float) -> float:
    return took[min(len(took) - 1, int(len(took) * share))]


def timed(name: str, act: Callable[[], Any], times: int, *, reads: bool = False) -> Way:
    took = []
    for _ in range(times + 2):  # the first ones compile statements and open connections
        if reads:
            reading()
        with counting() as counted:
            begun = time.perf_counter()
            act()
            took.append(1000 * (time.perf_counter() - begun))
        db.session.rollback()
        db.session.expunge_all()
    return Way(name, sorted(took[2:]), counted.statements)


def compare(report: Report, engine: str, what: str, old: Way, new: Way, *, times: float) -> None:
    report.rows += [old.row(engine, what), new.row(engine, what)]
    report.at_least(f"{engine}, {what}: times faster", old.p50 / new.p50, times)


# The old ways


def history_row_by_row(scene: Scene) -> list[tuple[Any, ...]]:
    """The entries, then the host and the episode of each."""
    query = select(WalletEntry).where(WalletEntry.podcast_id == scene.podcast.podcast_id)
    entries = db.session.execute(query.order_by(WalletEntry.id.desc()).limit(100)).scalars().all()
    return [
        (
            entry,
            db.session.execute(select(User.name).where(User.id == entry.user_id)).scalar(),
            db.session.execute(select(EpisodeGuide.title).where(EpisodeGuide.id == entry.episode_id)).scalar(),
        )
        for entry in entries
    ]


def balances_added_up(scene: Scene) -> list[int]:
    """Each wallet, then the sum of its entries."""
    found = []
    for whose in scene.hosts:
        wallet_id = db.session.execute(_wallet(whose)).scalar_one()
        summed = select(func.sum(WalletEntry.amount)).where(WalletEntry.wallet_id == wallet_id)
        found.append(int(db.session.execute(summed).scalar_one()))
    return found


def _wallet(whose: Whose) -> Any:
    return select(Wallet.id).where(Wallet.podcast_id == whose.podcast_id, Wallet.user_id == whose.user_id)


def transfers_one_by_one(scene: Scene) -> None:
    for one in transfers(scene):
        wallet.transfer(one.source, one.target, one.amount, **scene.deed())


def transfers(scene: Scene) -> list[Transfer]:
    return [Transfer(scene.podcast, scene.hosts[n % HOSTS], DOLLAR) for n in range(TRANSFERS)]


# The figures


def measure() -> Report:
    report = Report("wallet", f"Wallets: {HOSTS} hosts, {ENTRIES:,} entries, the old way beside the new one")
    with Databases() as databases:
        for engine in ENGINES:
            with running(settings_for(databases.fresh(engine), databases.folder)):
                scene = fill()
                _history(report, engine, scene)
                _balances(report, engine, scene)
                _charge(report, engine, scene)
                _transfers(report, engine, scene)
                if engine == "postgresql":
                    _many_threads(report, engine, scene)
                report.at_most(f"{engine}: differences between balances and entries", len(differences()), 0)
                db.session.rollback()
    return report.finish()


def _history(report: Report, engine: str, scene: Scene) -> None:
    old = timed("row by row", lambda: history_row_by_row(scene), TIMES, reads=True)
    new = timed("one statement", lambda: wallet.history(scene.podcast, everything=True), TIMES, reads=True)
    compare(report, engine, "history of 100", old, new, times=10)
    report.at_most(f"{engine}, history of 100: statements", new.statements, 1)


def _balances(report: Report, engine: str, scene: Scene) -> None:
    assert balances_added_up(scene) == [one.balance for one in wallet.bulk_get_balances(scene.hosts).values()]
    db.session.rollback()
    old = timed("added up one by one", lambda: balances_added_up(scene), TIMES, reads=True)
    new = timed("one statement", lambda: wallet.bulk_get_balances(scene.hosts), TIMES, reads=True)
    compare(report, engine, f"{HOSTS} balances", old, new, times=20)
    report.at_most(f"{engine}, {HOSTS} balances: statements", new.statements, 1)


def _charge(report: Report, engine: str, scene: Scene) -> None:
    holds = iter([wallet.reserve(scene.order(n), scene.now) for n in range(TIMES + 2)])
    way = timed("charge what is held", lambda: wallet.charge(next(holds), POST, scene.now), TIMES)
    report.rows.append(way.row(engine, "charge"))
    report.at_most(f"{engine}, charge: statements", way.statements, 2)
    orders = [[scene.order(n) for n in range(64)] for _ in range(BATCHES + 2)]
    batches = iter(orders)

    def claim_and_settle() -> None:
        batch = next(batches)
        wallet.reserve_all(db.session(), batch, scene.now)
        db.session.commit()
        wallet.settle_all(db.session(), {order.key: None for order in batch}, [], scene.now)
        db.session.commit()

    report.rows.append(timed("held, then charged, in bulk", claim_and_settle, BATCHES).row(engine, "64 posts"))


def _transfers(report: Report, engine: str, scene: Scene) -> None:
    old = timed("one by one", lambda: transfers_one_by_one(scene), BATCHES)
    new = timed("in bulk", lambda: wallet.bulk_transfer(transfers(scene), **scene.deed()), BATCHES)
    compare(report, engine, f"{TRANSFERS} transfers", old, new, times=5)


def _many_threads(report: Report, engine: str, scene: Scene) -> None:
    """Everybody holds and charges from one wallet with a limit, for some seconds."""
    whose = scene.hosts[0]
    wallet.set_rules(whose, Rules(is_limited=True), NOBODY, scene.now)
    wallet.top_up(whose, 100_000 * DOLLAR, **scene.deed())
    before = wallet.bulk_get_balances([whose])[whose]
    db.session.rollback()
    took, seconds, failed = spend_together(scene)
    after = wallet.bulk_get_balances([whose])[whose]
    db.session.rollback()
    rate, charged = len(took) / seconds, (before.balance - after.balance) / POST
    row = Way(f"{THREADS} threads, one wallet", sorted(took), 4).row(engine, "hold and charge")
    report.rows += [row, {"database": engine, "charges": len(took), "seconds": seconds, "charges a second": rate}]
    report.at_least(f"{engine}: charges a second by {THREADS} threads from one wallet", rate, 100)
    report.at_most(f"{engine}: charges that are not in the balance", abs(len(took) - charged) + after.held, 0)
    report.at_most(f"{engine}: threads that gave up", failed, 0)


def spend_together(scene: Scene) -> tuple[list[float], float, int]:
    """Milliseconds of each cycle, how long all of it took, and how many threads did not come to their end."""
    app: Flask = current_app._get_current_object()  # noqa: SLF001
    took: list[float] = []
    ended: list[bool] = []
    together = threading.Barrier(THREADS + 1)
    until = [0.0]

    def spend() -> None:
        with app.app_context():
            together.wait()
            while time.monotonic() < until[0]:
                begun = time.perf_counter()
                wallet.charge(wallet.reserve(scene.order(), scene.now), POST, scene.now)
                took.append(1000 * (time.perf_counter() - begun))
        ended.append(True)

    with _threads(spend):
        until[0] = time.monotonic() + SECONDS
        begun = time.monotonic()
        together.wait()
    return took, time.monotonic() - begun, THREADS - len(ended)


@contextmanager
def _threads(act: Callable[[], None]) -> Iterator[None]:
    threads = [threading.Thread(target=act) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    measure()
