"""The bed to measure in: migrated databases of both kinds, an application wired to the stand-ins, shows with hosts."""

import contextlib
import os
import shutil
import signal
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import flask_migrate
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import event, insert

from app import create_app
from benchmarks.scratch import Postgres
from benchmarks.stand_ins import StandIns
from commands_checks import Named
from config import Settings
from extensions import db
from models import EpisodeGuide, EpisodeTweetConfig, Podcast, PodcastMember, Role, User
from services.clients.x_answers import Tokens, XUser
from services.registry import Services, get_services

ENGINES = ("sqlite", "postgresql")
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())  # or the PostgreSQL wheel warns
TOKEN_KEY = Fernet.generate_key().decode()


class Databases:
    """A migrated template of each kind, copied for every run. Durable as in production: no fsync is left out.

    With `memory` the files are kept in memory where the system can: for figures that measure no time.
    Raises NoPostgresError.
    """

    def __init__(self, engines: Sequence[str] = ENGINES, *, memory: bool = False) -> None:
        place = "/dev/shm" if memory and os.path.isdir("/dev/shm") else None
        self.folder = Path(tempfile.mkdtemp(prefix=f"airhorn-bench-{os.getpid()}-", dir=place))
        self._server: Postgres | None = None
        try:
            self._make(engines)
        except BaseException:  # somebody may have had enough of it
            self.__exit__()
            raise

    def _make(self, engines: Sequence[str]) -> None:
        if "sqlite" in engines:
            _migrate(f"sqlite:///{self.folder / 'template.sqlite'}", self.folder)
        if "postgresql" in engines:
            self._server = Postgres(self.folder / "pg")
            self._server.execute("CREATE DATABASE template_airhorn")
            _migrate(self._server.at("template_airhorn"), self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with undisturbed():
            if self._server is not None:
                self._server.stop()
            shutil.rmtree(self.folder, ignore_errors=True)

    def fresh(self, engine: str) -> str:
        """The address of a new, migrated, empty database."""
        name = f"b{uuid.uuid4().hex}"
        if engine == "sqlite":
            shutil.copy(self.folder / "template.sqlite", self.folder / f"{name}.sqlite")
            return f"sqlite:///{self.folder / name}.sqlite"
        if self._server is None:
            raise ValueError("no PostgreSQL was asked for")
        self._server.execute(f"CREATE DATABASE {name} TEMPLATE template_airhorn")
        return self._server.at(name)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Whoever presses Ctrl+C twice has nothing left behind either."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _migrate(url: str, folder: Path) -> None:
    app = create_app(settings_for(url, folder))
    with app.app_context():
        flask_migrate.upgrade()
        db.session.remove()
        db.engine.dispose()


def settings_for(url: str, folder: Path, **more: Any) -> Settings:
    values: dict[str, Any] = {
        "database_url": url,
        "secret_key": "b" * 40,
        "token_encryption_keys": TOKEN_KEY,
        "scheduler": "off",
        "log_level": "ERROR",
        "instance_path": folder,
    }
    return Named.load(_env_file=None, **values | more)


def wired(stand_ins_urls: tuple[str, str], url: str, folder: Path, *, key: bool = True) -> Settings:
    youtube, x = stand_ins_urls
    return settings_for(
        url,
        folder / uuid.uuid4().hex,  # another database, another journal
        youtube_api_key="test-key" if key else None,
        youtube_api_url=f"{youtube}/youtube/v3",
        youtube_web_url=youtube,
        x_api_url=x,
        x_client_id="sandbox-client",
        x_client_secret="sandbox-secret",
    )


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[Services]:
    """An application in this process, its context pushed, its connections closed afterwards."""
    app: Flask = create_app(settings)
    with app.app_context():
        yield get_services()
        db.session.remove()
        db.engine.dispose()


@dataclass
class Counted:
    """Statements and commits of the application's database. An executemany is one; BEGIN is part of its commit."""

    statements: int = 0
    commits: int = 0


@contextlib.contextmanager
def counting() -> Iterator[Counted]:
    counted, engine = Counted(), db.engine

    def executed(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        counted.statements += not statement.startswith("BEGIN")

    def committed(_connection: Any) -> None:
        counted.commits += 1

    event.listen(engine, "before_cursor_execute", executed)
    event.listen(engine, "commit", committed)
    try:
        yield counted
    finally:
        event.remove(engine, "before_cursor_execute", executed)
        event.remove(engine, "commit", committed)


def add_shows(services: Services, stand_ins: StandIns, channel_ids: Sequence[str], hosts: int) -> list[str]:
    """One show for each channel with so many connected hosts and an episode planned for now. Returns access tokens."""
    now = datetime.now(UTC)
    people = len(channel_ids) * hosts
    users = [{"email": f"host{n}@example.com", "name": f"Host {n}"} for n in range(people)]
    user_ids = list(db.session.execute(insert(User).returning(User.id, sort_by_parameter_order=True), users).scalars())
    db.session.commit()
    accounts = stand_ins.accounts([f"host{n}" for n in range(people)])
    for user_id, account in zip(user_ids, accounts, strict=True):
        tokens = Tokens(account["access_token"], account["refresh_token"], 7200, frozenset())
        who = XUser(account["id"], account["username"], account["username"], None)
        services.connections.connect(user_id, who, tokens, now)
    podcast_ids = add_podcasts(channel_ids)
    for number, podcast_id in enumerate(podcast_ids):
        members = user_ids[number * hosts : (number + 1) * hosts]
        rows = [{"podcast_id": podcast_id, "user_id": id, "role": Role.CONTRIBUTOR} for id in members]
        db.session.execute(insert(PodcastMember), rows)
        episode = EpisodeGuide(podcast_id=podcast_id, title=f"Queues, part {number}", scheduled_at=now)
        db.session.add(episode)
        db.session.flush()
        configs = [{"episode_id": episode.id, "user_id": id} for id in members]
        db.session.execute(insert(EpisodeTweetConfig), configs)
    db.session.commit()
    return [account["access_token"] for account in accounts]


def add_podcasts(channel_ids: Sequence[str]) -> list[int]:
    """A podcast without hosts for each channel. Returns their ids."""
    rows = [
        {"slug": f"show-{n}", "name": f"Show {n}", "youtube_channel_id": channel_id}
        for n, channel_id in enumerate(channel_ids)
    ]
    made = db.session.execute(insert(Podcast).returning(Podcast.id, sort_by_parameter_order=True), rows)
    ids = list(made.scalars())
    db.session.commit()
    return ids


@dataclass
class Started:
    """One start, measured. Seconds are counted from the last question to YouTube before the posts: the start seen."""

    posts: int
    seconds_to_last_post: float
    seconds_of_check: float
    counted: Counted


def measure_start(databases: Databases, stand_ins: StandIns, engine: str, *, shows: int, hosts: int) -> Started:
    """Shows that wait quietly, are checked once, then all go live; the next check finds them and posts."""
    stand_ins.reset()
    channel_ids = stand_ins.channels(shows, videos=3)
    settings = wired((stand_ins.youtube_url, stand_ins.x_url), databases.fresh(engine), databases.folder)
    with running(settings) as services:
        add_shows(services, stand_ins, channel_ids, hosts)
        services.tweets.check_and_post_live_tweets()
        stand_ins.latency(x=0.3)
        stand_ins.go_live(channel_ids)
        begun = time.monotonic()
        with counting() as counted:
            summary = services.tweets.check_and_post_live_tweets(datetime.now(UTC) + timedelta(seconds=1))
        took = time.monotonic() - begun
    accepted, seen = stand_ins.posts(), stand_ins.asked()["last_videos"]
    assert len(accepted) == summary.posted == shows * hosts, summary
    return Started(len(accepted), accepted[-1] - seen, took, counted)
