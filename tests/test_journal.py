"""The journal of what is about to be sent: whole, private, small, and nothing is sent without it."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config import ROOT
from models import Outcome
from services.journal import Intent, IntentJournal, sha256_of
from services.journal_files import JournalError
from services.registry import get_services
from tests.browser import Browser
from tests.conftest import ENGINES, NOON
from tests.desk import Desk

ONE = Intent("a" * 32, "live:dQw4w9WgXcQ:42", "We are live")
HERE = "http://127.0.0.1:5000"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(tmp_path: Path) -> IntentJournal:
    return IntentJournal(tmp_path)


@pytest.fixture
def another(tmp_path: Path) -> IntentJournal:
    """As another process of this machine has it."""
    return IntentJournal(tmp_path)


def lines(folder: Path) -> list[str]:
    return [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def test_what_is_written_down_is_known_to_other_processes(journal, another):
    assert journal.admit([ONE], {}, NOON) == set()
    (trace,) = another.traces([ONE.key, "live:other:1"])[ONE.key]
    assert (trace.attempt, trace.sha256, trace.at, trace.outcome) == (ONE.attempt, sha256_of(ONE.text), NOON, None)
    another.note([(ONE.key, ONE.attempt, Outcome.NOT_ACCEPTED, None)], NOON)
    assert journal.traces([ONE.key])[ONE.key][0].is_refused


def test_of_two_who_are_about_to_send_the_same_post_only_the_first_may(journal, another):
    assert journal.traces([ONE.key]) == another.traces([ONE.key]) == {}
    assert journal.admit([ONE], {}, NOON) == set()
    other = Intent("b" * 32, ONE.key, ONE.text)
    assert another.admit([other], {}, NOON) == {ONE.key}
    assert len(another.traces([ONE.key])[ONE.key]) == 1
    assert another.admit([other], {ONE.key: {ONE.attempt}}, NOON) == set()


def test_folder_and_files_are_for_their_owner_whatever_the_mask(journal, folder):
    old = os.umask(0)
    try:
        journal.admit([ONE], {}, NOON)
    finally:
        os.umask(old)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600]


def test_the_newest_attempts_are_at_hand_over_several_days(journal, another):
    for n in range(70):
        journal.admit([Intent(f"{n:032}", f"now:1:{n}", "")], {}, NOON + timedelta(hours=n))
    assert [trace.attempt for trace in another.last_intents()] == [f"{n:032}" for n in range(6, 70)]


# What stands in it


@pytest.mark.parametrize("engine_name", ENGINES[:1], indirect=True)
def test_no_text_and_no_token_stands_in_it(desk: Desk, tmp_path: Path):
    desk.on_air("ada", text="Nobody may read this here: {url}")
    before = desk.x.account("ada")
    secrets = [before.access_token, before.refresh_token]
    desk.change_connection(expires_at=desk.at + timedelta(minutes=1))
    assert desk.drain().status == "posted"
    after = desk.x.account("ada")
    written = (tmp_path / "journal").glob("*")
    text = "".join(path.read_text() for path in written)
    kinds = [json.loads(line)["kind"] for line in text.splitlines()]
    assert kinds == ["tokens", "intent", "outcome"]
    assert not [one for one in [*secrets, after.access_token, after.refresh_token] if one in text]
    assert "Nobody" not in text
    assert json.loads(text.splitlines()[-1])["id"] == desk.post().remote_id


# Damaged


@pytest.mark.logs_errors
def test_a_last_line_that_was_cut_off_is_passed_over_aloud_and_the_next_stands_alone(journal, another, folder, caplog):
    journal.admit([ONE], {}, NOON)
    (path,) = folder.glob("*.jsonl")
    with path.open("ab") as file:
        file.write(b'{"kind":"intent","key":"live:dQw4w9WgXcQ:43","att')
    two = Intent("b" * 32, "live:dQw4w9WgXcQ:44", "Live")
    assert another.admit([two], {}, NOON) == set()
    assert len([record for record in caplog.records if "is not whole" in record.message]) == 1
    assert set(IntentJournal(folder.parent).traces([ONE.key, "live:dQw4w9WgXcQ:43", two.key])) == {ONE.key, two.key}


@pytest.mark.logs_errors
def test_lines_of_anything_else_do_no_harm(journal, folder):
    journal.admit([ONE], {}, NOON)
    (path,) = folder.glob("*.jsonl")
    odd = [
        b"\0" * 100,
        b"[]",
        b"null",
        b'{"kind":"intent","key":"live:a:1"}',
        b'{"kind":"tokens","key":"live:a:1"}',
        b'{"kind":"intent","key":"live:a:1}',
        b'{"kind":"intent","key":"live:a:1","attempt":["a"],"sha256":"","at":"2026-11-22T06:30:00"}',
        b'{"kind":"outcome","key":"live:a:1","attempt":["a"],"outcome":"accepted"}',
        b'{"kind":"intent","key":"live:a:1","deep":' + b"[" * 100_000 + b"}",
        b"\xff",
    ]
    with path.open("ab") as file:
        file.write(b"\n".join(odd) + b"\n" + b"x" * 3_000_000 + b"\n")
    another = IntentJournal(folder.parent)
    assert set(another.traces([ONE.key, "live:a:1"])) == {ONE.key}
    assert another.pair_after("nothing") is None
    assert [trace.attempt for trace in another.last_intents()] == [ONE.attempt]
    assert another.admit([Intent("c" * 32, "live:b:1", "")], {}, NOON) == set()


# Not private


@pytest.mark.parametrize(
    "name, mode, command", [(".", 0o755, "chmod 700"), (".", 0o703, "chmod 700"), ("*.jsonl", 0o604, "chmod 600")]
)
def test_what_others_can_read_or_change_is_not_trusted(journal, folder, name, mode, command):
    journal.admit([ONE], {}, NOON)
    (path,) = [folder] if name == "." else folder.glob(name)
    path.chmod(mode)
    for use in (journal.check, journal.last_intents):
        with pytest.raises(JournalError, match=rf"^Other users of this machine can .* Run: {command} /"):
            use()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("name", [".", "*.jsonl"])
def test_what_belongs_to_somebody_else_is_not_trusted(journal, folder, name):
    journal.admit([ONE], {}, NOON)
    (path,) = [folder] if name == "." else folder.glob(name)
    os.chown(path, 54321, 54321)
    with pytest.raises(JournalError, match=r"belongs to another user of this machine\. Run: chown 0 /"):
        journal.check()


def test_a_link_to_elsewhere_is_not_followed(journal, folder, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError, match="cannot be used"):
        journal.check()


@pytest.mark.logs_errors
def test_without_a_private_journal_posts_wait_with_the_way_out_and_then_go(desk: Desk, folder, app):
    desk.on_air("ada")
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    post = desk.drain()
    assert (post.status, post.cause, post.attempts, desk.x.attempts()) == ("queued", "journal", 0, 0)
    assert f"Run: chmod 700 {folder}" in desk.words(post)
    page = operator(app, desk).get("/admin/system").text
    assert "Nothing is sent." in page
    assert f"chmod 700 {folder}" in page
    folder.chmod(0o700)
    assert desk.later(11).drain().status == "posted"
    assert "Nothing is sent." not in operator(app, desk).get("/admin/system").text


def operator(app, desk: Desk) -> Browser:
    browser = Browser(app)
    browser.let_in(desk.cast.user(f"operator{datetime.now(UTC):%f}", is_admin=True))
    return browser


# No room

LIMIT = 16 * 1024 * 1024


@contextmanager
def no_room(folder: Path, now: datetime) -> Iterator[None]:
    """The journal's file of the day has room for a hundred bytes: a file of this process may become no larger."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{now:%Y-%m-%d}.jsonl"
    path.touch(mode=0o600)
    line = b" " * 65535 + b"\n"
    with path.open("ab") as file:
        file.write((LIMIT // len(line) - 1) * line)
        file.write(b" " * (LIMIT - file.tell() - 101) + b"\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.logs_errors
def test_without_room_nothing_is_sent_and_the_posts_wait_aloud(desk: Desk, folder: Path):
    desk.on_air("ada", "bo")
    with no_room(folder, desk.at):
        post = desk.drain()
        assert (post.status, post.cause, post.attempts, desk.x.attempts()) == ("queued", "journal", 1, 0)
        assert "The journal in" in desk.words(post)
        for _ in range(15):
            post = desk.later(11).drain()
        assert (post.status, post.cause, post.attempts, desk.x.attempts()) == ("queued", "journal", 1, 0)
        assert get_services().guard.ground().journal
        assert (folder / f"{desk.at:%Y-%m-%d}.jsonl").stat().st_size == LIMIT - 100
    assert desk.later(11).drain().status == "posted"
    assert desk.x.attempts() == 2
    assert get_services().guard.ground().journal is None


# Many lines


@pytest.mark.slow
def test_a_million_lines_are_read_in_little_memory(tmp_path: Path, folder: Path):
    folder.mkdir(mode=0o700)
    path = folder / "2026-11-24.jsonl"
    about = '"key":"live:{0:011}:42","attempt":"{0:032}"'
    intent = f'{{{{"kind":"intent",{about},"sha256":"{"0" * 64}","at":"2026-11-24T12:00:00+00:00"}}}}\n'
    outcome = f'{{{{"kind":"outcome",{about},"outcome":"accepted","id":"{{0}}","at":"2026-11-24T12:00:01+00:00"}}}}\n'
    with path.open("w") as file:
        for n in range(500_000):
            file.write(intent.format(n) + outcome.format(n))
    path.chmod(0o600)
    measure = """
import re, sys
from pathlib import Path
from services.journal import IntentJournal
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
journal, before = IntentJournal(Path(sys.argv[1])), peak()
found = journal.traces(["live:00000000007:42", "live:00000499999:42", "live:00000500000:42"])
print(sorted(found), found["live:00000499999:42"][0].outcome, peak() - before)
"""
    said = subprocess.run(
        [sys.executable, "-c", measure, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    *found, kilobytes = said.split()
    assert " ".join(found) == "['live:00000000007:42', 'live:00000499999:42'] accepted"
    assert int(kilobytes) < 30_000


def test_a_week_later_a_file_goes_unless_a_post_of_it_still_waits(journal, folder):
    for n in range(10):
        journal.admit([Intent(f"{n:032}", f"live:{n}:1", "")], {}, NOON + timedelta(days=n))
    journal.prune(NOON + timedelta(days=9), ["live:1:1", "live:99:1"])
    assert sorted(path.stem for path in folder.iterdir()) == ["2026-11-25"] + [
        f"{NOON + timedelta(days=n):%Y-%m-%d}" for n in range(2, 10)
    ]


@pytest.mark.slow
def test_of_several_processes_at_once_one_may_send_each_post_and_lines_stay_whole(tmp_path: Path, folder: Path):
    work = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from services.journal import Intent, IntentJournal
journal = IntentJournal(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
for n in range(200):
    journal.admit([Intent(f"{sys.argv[2]}-{n}", f"live:{n}:1", "x" * n)], {}, datetime.now(UTC))
"""
    command = [sys.executable, "-c", work, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    running = [subprocess.Popen([*command, str(n)], cwd=ROOT, **pipes) for n in range(4)]
    assert [process.stdout.readline() for process in running] == [b"ready\n"] * 4
    for process in running:
        process.stdin.close()
    assert [process.wait(60) for process in running] == [0] * 4
    for process in running:
        process.stdout.close()
    assert sorted(json.loads(line)["key"] for line in lines(folder)) == sorted(f"live:{n}:1" for n in range(200))
