"""Files with secrets are for their owner: made that way, and a server does not start on others."""

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
from sqlalchemy import text

from app import create_app
from config import Settings, SettingsError
from extensions import READ_ONLY, db
from tests.conftest import TOKEN_KEY, settings_for

PUBLIC = {"public_url": "https://airhorn.example", "secret_key": "s" * 40, "token_encryption_keys": TOKEN_KEY}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users of the machine can look into, unlike those of tests."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_database_and_what_sqlite_puts_beside_it_are_for_their_owner(folder: Path) -> None:
    old = os.umask(0)
    try:
        settings = Settings.load(_env_file=None, instance_path=folder / "instance", scheduler="off")
        app = create_app(settings)
        with app.app_context():
            flask_migrate.upgrade()
            made = {path.name: mode(path) for path in (folder / "instance").iterdir()}
            db.session.remove()
            db.engine.dispose()
    finally:
        os.umask(old)
    assert {"airhorn.sqlite", "airhorn.sqlite-wal", "airhorn.sqlite-shm", "secret_key", "token_key"} <= set(made)
    assert set(made.values()) == {0o600}
    assert mode(folder / "instance") == 0o700


@pytest.mark.parametrize("name", ["secret_key", "token_key"])
def test_a_key_that_others_can_read_stops_the_start_with_the_way_out(folder: Path, name: str) -> None:
    Settings.load(_env_file=None, instance_path=folder)
    (folder / name).chmod(0o644)
    with pytest.raises(SettingsError, match=rf"^Other users of this machine can read .*/{name}\. Run: chmod 600 /"):
        Settings.load(_env_file=None, instance_path=folder)
    (folder / name).chmod(0o600)
    assert Settings.load(_env_file=None, instance_path=folder).secret_key


def test_a_database_that_others_can_read_stops_the_start(folder: Path) -> None:
    path = folder / "a b.sqlite"
    path.touch(mode=0o644)
    with pytest.raises(SettingsError, match=r"Run: chmod 600 '/.*/a b\.sqlite'$"):
        settings_for(f"sqlite:///{path}", folder)


def test_a_folder_that_keeps_others_out_is_enough(folder: Path) -> None:
    (folder / "kept").mkdir(mode=0o700)
    path = folder / "kept" / "db.sqlite"
    path.touch(mode=0o644)
    assert settings_for(f"sqlite:///{path}", folder / "kept").database_url == f"sqlite:///{path}"


def test_the_settings_of_a_public_server_are_for_their_owner_too(folder: Path) -> None:
    (folder / "env").write_text("LOG_LEVEL=INFO\n")
    (folder / "env").chmod(0o644)
    given = {"_env_file": folder / "env", "instance_path": folder}
    assert not Settings.load(**given).is_public
    with pytest.raises(SettingsError, match="chmod 600"):
        Settings.load(**given, **PUBLIC)


def test_compressed_copies_are_in_a_folder_for_their_owner(folder: Path) -> None:
    app = create_app(settings_for(f"sqlite:///{folder / 'db.sqlite'}", folder))
    app.test_client().get("/static/anything")
    assert mode(folder / "static") == 0o700


def test_a_command_beside_a_server_leaves_its_log_alone(folder: Path) -> None:
    """Who opens and closes the file as another process must see that it is in use."""
    app = create_app(Settings.load(_env_file=None, instance_path=folder / "instance", scheduler="off"))
    with app.app_context():
        flask_migrate.upgrade()
        path = folder / "instance" / "airhorn.sqlite"
        with db.engine.connect() as one, db.engine.connect() as other:
            for connection in (one, other):
                connection.execution_options(**READ_ONLY).execute(text("SELECT count(*) FROM users"))
            visit = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM users'); c.close()"
            subprocess.run([sys.executable, "-c", visit, str(path)], check=True)
            assert path.with_name("airhorn.sqlite-wal").exists()
        db.session.remove()
        db.engine.dispose()
