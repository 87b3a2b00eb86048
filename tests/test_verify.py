"""`flask verify` and `flask bench`: what they promise, miss, and leave alone."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import click
import pytest
from sqlalchemy import text

from benchmarks import index_use, verify
from benchmarks.bed import Databases, settings_for
from benchmarks.scratch import NoPostgresError
from commands_checks import settings_apart
from config import ROOT
from extensions import db
from tests.redis_server import redis_stand_in

FLASK = [sys.executable, "-m", "flask", "--app", "app"]


@pytest.fixture
def engine_name():
    return "sqlite"


@pytest.fixture(scope="module")
def scratch():
    with Databases(("sqlite",), memory=True) as databases:
        yield databases


def judged(act, scratch):
    return verify.judged("check", "sqlite", act, scratch)


def holds(databases, engine):
    return "seen"


def fails(databases, engine):
    raise verify.MissedError("3 of 2")


def breaks(databases, engine):
    raise OSError("no room")


def test_a_check_says_what_it_has_seen_or_missed(scratch):
    assert (judged(holds, scratch).is_met, judged(holds, scratch).said) == (True, "seen")
    assert (judged(fails, scratch).is_met, judged(fails, scratch).said) == (False, "3 of 2")


def test_a_check_that_could_not_run_is_missed(scratch):
    assert (judged(breaks, scratch).is_met, judged(breaks, scratch).said) == (False, "could not run: OSError: no room")
    without = judged(holds, NoPostgresError("PostgreSQL does not start here."))
    assert not without.is_met
    assert "PostgreSQL does not start here." in without.said


@pytest.mark.parametrize("name", ["double_spend", "ledger_sum"])
def test_money_holds_in_a_database_of_ones_own(scratch, name):
    act, engines = verify.CHECKS[name]
    assert "sqlite" in engines
    assert judged(act, scratch).is_met


class Doubling:
    """Databases in which whatever is paid is paid twice, and written down so: entries and balances agree."""

    def __init__(self, databases):
        self.databases, self.folder = databases, databases.folder

    def fresh(self, engine):
        url = self.databases.fresh(engine)
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.executescript(TWICE)
        return url


TWICE = """
DROP TRIGGER wallet_entries_no_update;
CREATE TRIGGER twice AFTER INSERT ON wallet_entries WHEN NEW.kind = 'charge' BEGIN
  UPDATE wallets SET balance = balance + NEW.amount WHERE id = NEW.wallet_id;
  UPDATE wallet_entries SET amount = 2 * amount, balance_after = balance_after + amount WHERE id = NEW.id;
END;
"""


def test_money_that_is_taken_twice_is_missed_though_the_books_agree(scratch):
    act, _ = verify.CHECKS["ledger_sum"]
    found = judged(act, Doubling(scratch))
    assert not found.is_met
    assert "though by the orders it is" in found.said


def test_an_index_that_is_gone_or_is_for_other_columns_is_missed(app):
    assert index_use.missing_indexes() == []
    db.session.execute(text("DROP INDEX ix_posts_config_id"))
    db.session.execute(text("DROP INDEX ix_posts_episode_id"))
    db.session.execute(text("CREATE INDEX ix_posts_episode_id ON posts (user_id)"))
    db.session.commit()
    assert index_use.missing_indexes() == ["ix_posts_config_id of posts", "ix_posts_episode_id of posts"]


def test_what_is_set_for_the_real_installation_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9/0")
    monkeypatch.setenv("DATABASE_URL", "sqlite:////nowhere/real.sqlite")
    settings = settings_for(f"sqlite:///{tmp_path}/own.sqlite", tmp_path)
    assert (settings.redis_url, settings.database_url) == (None, f"sqlite:///{tmp_path}/own.sqlite")


@pytest.mark.parametrize("command", ["verify", "bench"])
def test_both_say_what_there_is_and_refuse_what_there_is_not(runner, command):
    listed = runner.invoke(args=[command, "--list"])
    assert listed.exit_code == 0
    lines = dict(line.split(maxsplit=1) for line in listed.output.splitlines())
    wanted = {
        "verify": ("double_spend", "Of many who want the last money at once, one gets it, whichever way they ask"),
        "bench": ("many_shows", "100 shows of 3 hosts go live in the same second, X answers in 300 ms"),
    }
    name, what = wanted[command]
    assert lines[name] == what
    refused = runner.invoke(args=[command, "everything"])
    assert refused.exit_code == 1
    assert "There is no “everything”. There are: " in refused.output


@pytest.mark.parametrize(
    "arguments, is_apart",
    [
        (["verify"], True),
        (["--app", "app", "bench", "cache"], True),
        (["--debug", "-A", "app", "verify", "--list"], True),
        (["--app", "verify", "users", "list"], False),
        (["users", "create", "verify"], False),
        (["--help"], False),
    ],
)
def test_only_these_two_commands_know_nothing_of_the_real_installation(arguments, is_apart):
    with click.Context(click.Command("flask")):
        found = settings_apart(arguments)
    assert (found is not None) == is_apart
    assert settings_apart(["verify"]) is None, "whoever is no command is the server"
    assert found is None or not found.instance_path.exists()


# In a process


def environment(folder, **more):
    values = {
        "DATABASE_URL": f"sqlite:///{folder / 'real.sqlite'}",
        "INSTANCE_PATH": str(folder),
        "SECRET_KEY": "s" * 40,
    }
    return os.environ | values | more


@pytest.fixture
def open_folder():
    """Where everybody on this machine can read."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.slow
def test_verifying_leaves_the_real_installation_as_it_is_whoever_may_read_it(open_folder):
    real = open_folder / "real.sqlite"
    real.write_bytes(os.urandom(10_000))
    real.chmod(0o644)
    before, at = real.read_bytes(), real.stat().st_mtime_ns
    names = ["double_spend", "pool_budget"]
    with redis_stand_in() as redis:
        ran = subprocess.run(
            [*FLASK, "verify", *names, "--json"],
            cwd=ROOT,
            env=environment(open_folder, REDIS_URL=redis.url),
            capture_output=True,
            text=True,
            timeout=250,
        )
        assert redis.asked == 0
    found = json.loads(ran.stdout)
    assert (ran.returncode, found["is_met"]) == (0, True), ran.stdout + ran.stderr
    assert {one["check"] for one in found["checks"]} == set(names)
    assert (real.read_bytes(), real.stat().st_mtime_ns) == (before, at)
    assert [path.name for path in open_folder.iterdir()] == ["real.sqlite"]


@pytest.mark.slow
def test_who_has_had_enough_of_it_finds_nothing_left_behind(tmp_path):
    with subprocess.Popen(
        [*FLASK, "verify", "cache_equality"],
        cwd=ROOT,
        env=environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        wait_until(lambda: left_by(running.pid))
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert (running.returncode, said) == (130, "Stopped. What was made for it is gone.\n")
    assert left_by(running.pid) == []


def left_by(pid):
    places = (Path("/dev/shm"), Path(tempfile.gettempdir()))
    return [path for place in places if place.is_dir() for path in place.glob(f"airhorn-bench-{pid}-*")]


def wait_until(is_so):
    ends = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.02)
