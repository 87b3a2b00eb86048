"""What the first page of each kind takes in a new process: with and without what services/warming.py puts together.

`python -m benchmarks.first_pages DATABASE FOLDER SCENE WAY` is one such process; benchmarks/pages.py starts them.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from flask.testing import FlaskClient

from app import create_app
from benchmarks.bed import settings_for
from benchmarks.scene import Scene
from services import memory
from services.warming import Warming

PAGES = ("home", "podcast", "planned episode", "posts", "attention", "numbers")
COLD, WARM = "cold", "warm"
#: processes of each sort, in turns
TIMES = 3


def measure(database_url: str, folder: Path, scene: Scene) -> list[dict[str, Any]]:
    """Milliseconds of CPU of each page, asked for in this order: first cold, first warm, and the second time."""
    found: dict[str, list[dict[str, Any]]] = {COLD: [], WARM: []}
    for _ in range(TIMES):
        for way, runs in found.items():
            given = (database_url, str(folder), json.dumps(asdict(scene)), way)
            ran = subprocess.run(
                [sys.executable, "-m", "benchmarks.first_pages", *given], capture_output=True, check=True, timeout=300
            )
            runs.append(json.loads(ran.stdout))
    rows = [
        {
            "first page of a process": page,
            "ms of CPU, as before": median(one[page][0] for one in found[COLD]),
            "put together beside": median(one[page][0] for one in found[WARM]),
            "second time": median(one[page][1] for one in found[WARM]),
        }
        for page in PAGES
    ]
    beside = {name: median(one[name] for one in found[WARM]) for name in ("beside, s", "of CPU, s")}
    return [*rows, {"what": "putting it together, in a thread"} | beside]


def _answer(database_url: str, folder: Path, scene: Scene, way: str) -> dict[str, Any]:
    app = create_app(settings_for(database_url, folder))
    memory.settle()
    found: dict[str, Any] = {}
    if way == WARM:
        begun, worked = time.monotonic(), time.process_time()
        warming = Warming(app, after=0.0)
        warming.begin()
        warming.wait()
        found |= {"beside, s": time.monotonic() - begun, "of CPU, s": time.process_time() - worked}
    client = app.test_client()
    with client.session_transaction() as session:
        session["token"] = scene.token
    client.get("/healthz")
    return found | {page: [_timed(client, scene.paths[page]) for _ in range(2)] for page in PAGES}


def _timed(client: FlaskClient, path: str) -> float:
    worked = time.process_time()
    assert client.get(path, buffered=True).status_code == 200, path
    return 1000 * (time.process_time() - worked)


if __name__ == "__main__":
    url, where, what, kind = sys.argv[1:]
    print(json.dumps(_answer(url, Path(where), Scene(**json.loads(what)), kind)), flush=True)
    os._exit(0)  # nothing is waited for
