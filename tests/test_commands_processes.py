"""The commands as people run them: real processes, the stand-ins on one port, a database of their own."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import create_app
from config import Settings
from extensions import db
from sandbox.control import Sandbox

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def rehearsal():
    """YouTube, X and the buttons on one loopback port, with the demo's channel and people."""
    with Sandbox(seed=1, demo=True).serving() as sandbox:
        yield sandbox


@pytest.fixture
def environment(tmp_path):
    """The whole environment of the processes."""
    return {
        "PATH": os.environ["PATH"],
        "INSTANCE_PATH": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'test.sqlite'}",
        "FLASK_SKIP_DOTENV": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@pytest.fixture
def migrated(sqlite_template, tmp_path):
    """The processes find their database up to date."""
    shutil.copy(sqlite_template, tmp_path / "test.sqlite")


@pytest.fixture
def flask(environment):
    def flask(*args, **changed):
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "app:create_app", *args],
            cwd=ROOT,
            env=environment | changed,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return flask


def line_of(result):
    assert (result.returncode, result.stdout) == (1, ""), result
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return result.stderr


@pytest.fixture
def rehearsing(environment, rehearsal, migrated):
    """Runs commands with --json here, on the migrated database and the sandbox that the processes use as well."""
    environment |= {
        "SANDBOX_URL": rehearsal.url,
        "YOUTUBE_API_KEY": "test-key",
        "YOUTUBE_API_URL": f"{rehearsal.url}/youtube/v3",
        "YOUTUBE_WEB_URL": rehearsal.url,
        "X_API_URL": rehearsal.url,
        "X_CLIENT_ID": "rehearsal",
    }
    values = {name.lower(): value for name, value in environment.items()}
    app = create_app(Settings.load(_env_file=None, scheduler="off", **values))

    def run(*args):
        result = app.test_cli_runner().invoke(args=[*args, "--json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    yield run
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def show(rehearsing, rehearsal):
    """A podcast on the demo's channel with Ada, who is connected."""
    rehearsing("users", "create", "ada@example.com", "--name", "Ada")
    ada = rehearsal.x.account("ada")
    tokens = ("--access-token", ada.access_token, "--refresh-token", ada.refresh_token)
    rehearsing("connections", "import-x", "ada@example.com", *tokens)
    return rehearsing("podcasts", "create", "Deep Dive", "--owner", "ada@example.com", "--channel", "@deepdive")


@pytest.mark.slow
def test_a_show_goes_live_and_a_tick_in_a_process_of_its_own_posts_once(flask, rehearsing, rehearsal, show):
    start = datetime.now(UTC).isoformat()
    episode = str(rehearsing("episodes", "create", show["slug"], "Queues", "--at", start)["id"])
    rehearsing("tweets", "set", show["slug"], episode, "ada@example.com", "--text", "We are on: {url}")
    video = rehearsing("sandbox", "go-live")["video_id"]
    for _ in range(2):
        tick = flask("scheduler", "tick", "--json")
        assert tick.returncode == 0, tick.stderr
        assert isinstance(json.loads(tick.stdout), dict)
    (post,) = rehearsal.x.timeline("ada")
    (row,) = rehearsing("tweets", "list", show["slug"], episode)
    assert (row["status"], row["error"]) == ("posted", None)
    assert row["text"] == f"We are on: https://www.youtube.com/watch?v={video}"
    assert row["post_url"] == f"https://x.com/ada/status/{post.id}"


def test_the_buttons_start_and_end_the_stream_of_the_podcast_that_is_named(rehearsing, rehearsal, show):
    rehearsing("podcasts", "set", show["slug"], "--title-filter", "Late Edition")
    answer = rehearsing("sandbox", "go-live", show["slug"])
    assert (answer["podcast"], answer["channel"]) == ("deep-dive", show["channel"])
    assert "Late Edition" in rehearsal.youtube.video(answer["video_id"]).title
    assert rehearsing("sandbox", "end")["ended"] == [answer["video_id"]]


@pytest.mark.slow
def test_before_the_first_migration_the_way_on_is_said(flask):
    assert "flask db upgrade" in line_of(flask("users", "create", "ada@example.com", "--name", "Ada"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, value",
    [
        ("SEND_LEASE_SECONDS", "1"),
        ("DATABASE_URL", "mysql://x"),
        ("PUBLIC_URL", "http://example.com"),
        ("PORT", "http"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(flask, name, value):
    assert name in line_of(flask("scheduler", "status", **{name: value}))


@pytest.mark.slow
def test_a_database_that_is_not_there_is_one_line_without_a_password(flask):
    line = line_of(
        flask("users", "create", "a@x.de", "--name", "A", DATABASE_URL="postgresql://u:secret-word@127.0.0.1:1/x")
    )
    assert "DATABASE_URL" in line
    assert "secret-word" not in line


@pytest.mark.slow
def test_a_name_that_is_no_text_is_refused(flask):
    assert "cannot be shown" in line_of(flask("users", "create", "a@x.de", "--name", os.fsdecode(b"\xff\xfe")))


@pytest.mark.slow
def test_the_foreground_scheduler_ends_at_sigterm(migrated, environment, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "app:create_app", "scheduler", "run", "--json"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for_looker(tmp_path / "test.sqlite")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, err
    assert "stopped_at" in json.loads(out)


def wait_for_looker(path):
    """Until the process has taken the lease, which is after it began to listen to signals."""
    until = time.monotonic() + 30
    with contextlib.closing(sqlite3.connect(path)) as database:
        while not database.execute("SELECT count(*) FROM worker_leases").fetchone()[0]:
            assert time.monotonic() < until, "nobody took the lease"
            time.sleep(0.1)
