"""Where races are run: hosts with connected accounts, and episodes, broadcasts and posts by the hundred."""

import json
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Engine, insert, select, update
from sqlalchemy.orm import Session

from app import create_app
from extensions import db
from models import (
    Broadcast,
    EpisodeGuide,
    EpisodeTweetConfig,
    Podcast,
    PodcastMember,
    Post,
    SocialConnection,
    Wallet,
    WalletEntry,
)
from sandbox.x import X
from sandbox.x_limits import Limit
from services import outbox
from services.registry import get_services
from tests.cast import Cast
from tests.chaos.bed import Bed, opened
from tests.chaos.forker import Forker
from tests.chaos.racers import Meeting

HOSTS = 25
PATIENCE = 1_800.0


@dataclass
class Arena:
    """One database with its hosts, an X without limits, and processes that race on it."""

    bed: Bed
    forker: Forker
    x: X
    folder: Path
    engine: Engine
    order: dict[str, Any]
    dice: random.Random
    podcast_id: int = 0
    #: of each host: user, connection and X account
    hosts: list[tuple[int, int, str]] = field(default_factory=list)
    made: int = 0

    # Who is there

    def fill(self, app: Flask) -> None:
        with app.app_context():
            names = [f"host{n}" for n in range(HOSTS)]
            show = Cast(get_services(), self.bed.youtube, self.x).show("Races", hosts=names)
            self.podcast_id = show.id
            db.session.remove()
            db.engine.dispose()
        with self.session() as session:
            columns = SocialConnection.user_id, SocialConnection.id, SocialConnection.platform_user_id
            self.hosts = [tuple(row) for row in session.execute(select(*columns).order_by(SocialConnection.id))]

    def session(self) -> Session:
        return Session(self.engine)

    def new_x(self) -> None:
        """X forgets its posts; the accounts and their newest tokens stay as they are."""
        with self.x.lock:
            self.x.posts.clear()
            self.x.journal.clear()

    # What there is to race for

    def episodes(self, count: int, **columns: Any) -> list[list[int]]:
        """So many episodes with a config of each host; the ids of the configs by episode."""
        found = []
        with self.session() as session:
            for _ in range(count):
                self.made += 1
                made = {"podcast_id": self.podcast_id, "title": f"Episode {self.made}"}
                episode = session.execute(insert(EpisodeGuide).values(**made).returning(EpisodeGuide.id)).scalar_one()
                rows = [
                    {"episode_id": episode, "user_id": user, "text": f"{self.made} by {user}", **columns}
                    for user, _, _ in self.hosts
                ]
                ids = session.execute(insert(EpisodeTweetConfig).returning(EpisodeTweetConfig.id), rows).scalars()
                found.append(sorted(ids))
            session.commit()
        return found

    def broadcasts(self, episodes: Sequence[Sequence[int]]) -> list[int]:
        """A live broadcast that is matched with each of these episodes."""
        now, ids = self.x.now(), []
        with self.session() as session:
            for configs in episodes:
                config = session.get_one(EpisodeTweetConfig, configs[0])
                live = {"state": "live", "verdict": "announced", "actual_start_at": now, "live_seen_at": now}
                row = {"video_id": f"v{config.episode_id:010d}", "podcast_id": self.podcast_id, **live}
                row |= {"episode_id": config.episode_id, "last_good_look_at": now, "announced_at": now}
                ids.append(session.execute(insert(Broadcast).values(**row).returning(Broadcast.id)).scalar_one())
            session.commit()
        return ids

    def queue(self, configs: Sequence[int], *, after: float = 0.0, live: bool = False) -> None:
        """Queued posts of these configs, due in so many seconds; `live`: of the start of their episodes' broadcasts."""
        now = self.x.now()
        wanted = select(EpisodeTweetConfig).where(EpisodeTweetConfig.id.in_(configs))
        people = {user: (connection, account) for user, connection, account in self.hosts}
        with self.session() as session:
            streams = dict(session.execute(select(Broadcast.episode_id, Broadcast.id)).all()) if live else {}
            rows = []
            for config in session.execute(wanted).scalars():
                connection, account = people[config.user_id]
                rows.append(
                    {
                        "key": f"now:{config.id}:1",
                        "config_id": config.id,
                        "podcast_id": self.podcast_id,
                        "episode_id": config.episode_id,
                        "user_id": config.user_id,
                        "connection_id": connection,
                        "platform_user_id": account,
                        "broadcast_id": streams.get(config.episode_id),
                        "trigger": "live" if live else "now",
                        "text": config.text,
                        "status": "queued",
                        "not_before": now + timedelta(seconds=after),
                        "not_after": now + timedelta(hours=9),
                    }
                )
            outbox.add_posts(session, rows, now)
            session.execute(
                update(EpisodeTweetConfig).where(EpisodeTweetConfig.id.in_(configs)).values(status="posting")
            )
            session.commit()

    def row(self, key: str, n: int) -> dict[str, Any]:
        """A post of one of the hosts, to be put into the outbox."""
        user, connection, account = self.hosts[n % len(self.hosts)]
        people = {"podcast_id": self.podcast_id, "user_id": user, "connection_id": connection}
        return {"key": key, "platform_user_id": account, "trigger": "now", "text": key, "status": "queued", **people}

    def stale(self) -> list[int]:
        """Every pair of tokens must be renewed now."""
        with self.session() as session:
            session.execute(update(SocialConnection).values(expires_at=self.x.now() + timedelta(minutes=5)))
            session.commit()
        return [connection for _, connection, _ in self.hosts]

    def wallets(self, count: int, balance: int) -> dict[int, int]:
        """So many podcasts without hosts, each with a limit and this balance: the ids of the wallets by podcast."""
        found = {}
        with self.session() as session:
            for _ in range(count):
                self.made += 1
                made = {"slug": f"till-{self.made}", "name": f"Till {self.made}"}
                podcast = session.execute(insert(Podcast).values(**made).returning(Podcast.id)).scalar_one()
                full = {"owner": "podcast", "podcast_id": podcast, "balance": balance, "is_limited": True}
                wallet = session.execute(insert(Wallet).values(**full).returning(Wallet.id)).scalar_one()
                sums = {"amount": balance, "held": 0, "cost": 0, "balance_after": balance, "held_after": 0}
                first = {"wallet_id": wallet, "podcast_id": podcast, "kind": "top_up", "key": f"first {wallet}"}
                session.execute(insert(WalletEntry).values(at=self.x.now(), **first, **sums))
                found[podcast] = wallet
            session.commit()
        return found

    def join(self, podcast_id: int) -> int:
        """Puts the first host on this podcast. Answers who that is."""
        user = self.hosts[0][0]
        with self.session() as session:
            session.execute(insert(PodcastMember).values(podcast_id=podcast_id, user_id=user))
            session.commit()
        return user

    # The processes

    def race(self, *orders: dict[str, Any]) -> list[dict[str, Any]]:
        """Starts a process for each order and waits for all. Answers what they wrote, {} for nothing."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            seats = sum(order.get("threads", 0) for order in orders)
            Meeting.make(Path(name) / "meeting", max(seats, 1))
            given, seat = [], 0
            for n, order in enumerate(orders):
                mine = list(range(seat, seat + order.get("threads", 0)))
                seat += len(mine)
                places = {"out": f"{name}/{n}.json", "meeting": f"{name}/meeting", "seats": seats, "my_seats": mine}
                given.append({"seed": self.dice.getrandbits(32), **order, **places})
            pids = [self.forker.start(**self.order, **order) for order in given]
            self._wait(pids)
            outs = [Path(order["out"]) for order in given]
            return [json.loads(out.read_text()) if out.exists() else {} for out in outs]

    def _wait(self, pids: Sequence[int]) -> None:
        running, over = set(pids), time.monotonic() + PATIENCE
        while running:
            for pid in list(running):
                ended = self.forker.ended(pid)
                if ended is not None:
                    running.discard(pid)
                    assert ended == 0, f"a racer ended with {ended}: {Path(self.order['log']).read_text()[-3000:]}"
            if time.monotonic() > over:
                for pid in running:
                    os.kill(pid, signal.SIGKILL)
                raise TimeoutError("a race does not end")
            time.sleep(0.02)

    # What came of it

    def posts(self, configs: Sequence[int]) -> list[Post]:
        with self.session() as session:
            found = list(session.execute(select(Post).where(Post.config_id.in_(configs))).scalars())
            session.expunge_all()
        return found

    def balances(self, wallet_ids: Iterable[int]) -> dict[int, tuple[int, int]]:
        """(balance, held) of each."""
        query = select(Wallet.id, Wallet.balance, Wallet.held).where(Wallet.id.in_(list(wallet_ids)))
        with self.session() as session:
            return {id: (balance, held) for id, balance, held in session.execute(query)}

    def connections(self) -> list[SocialConnection]:
        with self.session() as session:
            found = list(session.execute(select(SocialConnection)).scalars())
            session.expunge_all()
        return found


@contextmanager
def arena(bed: Bed, forker: Forker, engine: str, seed: int, mutant: str | None = None) -> Iterator[Arena]:
    x = X()
    x.client_id, x.client_secret = "client", "client-secret"
    x.reuse_revokes_family = True
    for name in x.rate_limits:
        x.rate_limits[name] = Limit()
    folder = Path(tempfile.mkdtemp(prefix="arena-", dir=bed.folder))
    with x.serving(), bed.database(engine, folder) as url:
        settings = bed.settings(url, folder, x.url)
        order = {"settings": settings.model_dump(mode="json"), "log": str(folder / "racers.log"), "mutant": mutant}
        made = Arena(bed, forker, x, folder, opened(url), order, random.Random(seed))
        made.fill(create_app(settings))
        yield made
        made.engine.dispose()
