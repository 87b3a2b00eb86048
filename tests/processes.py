"""Real processes of Airhorn for tests: started with their own environment, ended with the test."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config import ROOT, Settings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(settings: Settings, **changes: str) -> dict[str, str]:
    """The environment that makes a process run with these settings."""
    values: dict[str, Any] = settings.model_dump(exclude_none=True)
    for name in ("token_encryption_keys", "secret_key_fallbacks", "lookup_delays_seconds"):
        values[name] = ",".join(str(value) for value in values[name])
    named = {name.upper(): str(value) for name, value in values.items()}
    return {"PATH": os.environ["PATH"], "HOME": str(settings.instance_path), "PYTHONPATH": str(ROOT)} | named | changes


def start(settings: Settings, *arguments: str, log: Path, **changes: str) -> subprocess.Popen[bytes]:
    """`python -m …` with the settings; everything it prints goes to `log`."""
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=environment(settings, **changes),
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes], timeout: float = 60.0) -> int:
    """SIGTERM, as a supervisor does. Returns the exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    return process.wait(timeout)


def eventually(condition: Callable[[], Any], timeout: float = 60.0, every: float = 0.05) -> Any:
    """Waits until the condition is true and returns what it returned."""
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(every)
    raise AssertionError(f"not within {timeout} s: {condition}")
