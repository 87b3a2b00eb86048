"""Figure 5: the real process, gunicorn with the scheduler inside, on a fresh SQLite database and idle."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bed import TOKEN_KEY, Databases
from benchmarks.report import HERE, Report

IDLE_SECONDS = 20
WORKERS = 1


def measure() -> Report:
    report = Report("idle", f"gunicorn with {WORKERS} worker and the scheduler inside, idle for {IDLE_SECONDS} s")
    with Databases(("sqlite",)) as databases:
        port = _free_port()
        begun = time.monotonic()
        with _serving(databases.fresh("sqlite"), databases.folder, port) as process:
            page = _first_page(process, port)
            first_page = time.monotonic() - begun
            time.sleep(IDLE_SECONDS)
            worker, master = max(_children(process.pid), key=_resident_mb), process.pid
            resident = _resident_mb(worker)
            report.rows.append(
                {
                    "first page s": first_page,
                    "page": page,
                    "worker MB": resident,
                    "worker's own MB": _own_mb(worker),
                    "master MB": _resident_mb(master),
                    "threads": len(os.listdir(f"/proc/{worker}/task")),
                    "cpu s in all": _cpu_seconds(worker),
                }
            )
    report.at_most("start to first page: seconds", first_page, 3)
    report.at_most("resident memory of the worker: MB", resident, 140)
    return report.finish()


@contextlib.contextmanager
def _serving(database_url: str, folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    settings = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": database_url,
        "INSTANCE_PATH": str(folder),
        "SECRET_KEY": "b" * 40,
        "TOKEN_ENCRYPTION_KEYS": TOKEN_KEY,
        "SCHEDULER": "embedded",
        "LOG_LEVEL": "ERROR",
        # Nothing outside is asked, whatever a .env says.
        "YOUTUBE_WEB_URL": "http://127.0.0.1:9",
        "X_API_URL": "http://127.0.0.1:9",
    }
    command = [sys.executable, "-m", "gunicorn", "--workers", str(WORKERS), "--threads", "4", "--log-level", "warning"]
    process = subprocess.Popen(
        [*command, "--bind", f"127.0.0.1:{port}", "app:create_app()"],
        cwd=HERE.parent,
        env=settings,
        process_group=0,
        # It offers a first account, which is not the reader's.
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _first_page(process: subprocess.Popen[bytes], port: int) -> str:
    """Asks until something answers: /healthz, or the front page where there is no such address."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for path in ("/healthz", "/"):
            with contextlib.suppress(OSError):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).read()
                except urllib.error.HTTPError as error:
                    if error.code == 404:
                        continue
                return path
        if process.poll() is not None:
            raise RuntimeError("gunicorn ended")
        time.sleep(0.02)
    raise RuntimeError("no page within 30 s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _resident_mb(pid: int) -> float:
    """VmRSS: what is in memory, shared pages included."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _own_mb(pid: int) -> float:
    """Without the pages that it shares with others."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean:", "Private_Dirty:"))) / 1024


def _cpu_seconds(pid: int) -> float:
    """User and system time since its start."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    measure()
