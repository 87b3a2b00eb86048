"""From a stream's start to its last post, by the real server: planned, pushed by the hub, and found by looking only."""

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import update

from benchmarks.bed import ENGINES, Databases, add_shows, running, wired
from benchmarks.report import HERE, Report
from benchmarks.stand_ins import StandIns
from config import Settings
from extensions import db
from models import EpisodeGuide

HOSTS, STARTS = 50, 10
#: seconds between two starts, so that each is measured for itself
APART = 6.0
#: with ten channels the uploads list of each is asked about every four checks at most
CHECK_EVERY = 15.0
POLLED_EVERY = 4 * CHECK_EVERY
#: planned for later, so that nothing is expected now
LATER = timedelta(hours=4)


def measure() -> Report:
    report = Report(
        "start_to_post", f"{HOSTS} hosts, X answers in 300 ms, YouTube in 200: from the start to the last post"
    )
    with StandIns() as stand_ins, Databases() as databases:
        for engine in ENGINES:
            for way, most in (("planned", 6.0), ("pushed", 6.0), ("polled", POLLED_EVERY + 6.0)):
                found = sorted(_measure(databases, stand_ins, engine, way))
                report.rows.append({"database": engine, "start": way, "starts": STARTS, **_spread(found)})
                report.at_most(f"{engine}, {way}: p95 s", found[-(-95 * len(found) // 100) - 1], most)
    return report.finish()


def _spread(found: Sequence[float]) -> dict[str, float]:
    return {"p50 s": found[(len(found) - 1) // 2], "p95 s": found[-(-95 * len(found) // 100) - 1], "worst s": found[-1]}


def _measure(databases: Databases, stand_ins: StandIns, engine: str, way: str) -> list[float]:
    """Seconds of each start."""
    stand_ins.reset()
    channel_ids = stand_ins.channels(STARTS, videos=3)
    url = databases.fresh(engine)
    port = _free_port()
    settings = wired((stand_ins.youtube_url, stand_ins.x_url), url, databases.folder).model_copy(
        update={
            "public_url": f"http://127.0.0.1:{port}",
            "live_check_interval_seconds": CHECK_EVERY if way == "polled" else 180.0,
            # Without a hub on this machine, and with an address that nobody outside reaches, there is no push.
            **({"websub_hub_url": stand_ins.hub_url} if way == "pushed" else {}),
        }
    )
    with running(settings) as services:
        add_shows(services, stand_ins, channel_ids, HOSTS)
        db.session.execute(update(EpisodeGuide).values(scheduled_at=datetime.now(UTC) + LATER))
        db.session.commit()
    stand_ins.latency(youtube=0.2, x=0.3)
    if way == "planned":
        first = time.time() + 25
        rooms = [stand_ins.schedule(id, first + number * APART) for number, id in enumerate(channel_ids)]
    with _serving(settings, port):
        if way == "planned":
            return _planned(stand_ins, rooms, first)
        _wait(lambda: stand_ins.subscribed() == STARTS if way == "pushed" else stand_ins.asked()["units"] > STARTS, 60)
        time.sleep(5)
        return _unplanned(stand_ins, channel_ids)


def _planned(stand_ins: StandIns, rooms: Sequence[str], first: float) -> list[float]:
    """Each begins up to two seconds before or after its time, as people do."""
    chance, began = random.Random(1), {}
    for number, room in enumerate(rooms):
        time.sleep(max(0.0, first + number * APART + chance.uniform(-2, 2) - time.time()))
        began[room] = stand_ins.begin(room)[1]
    return _until_posted(stand_ins, began)


def _unplanned(stand_ins: StandIns, channel_ids: Sequence[str]) -> list[float]:
    began = {}
    for channel_id in channel_ids:
        video_id, at = stand_ins.begin(channel_id)
        began[video_id] = at
        time.sleep(APART)
    return _until_posted(stand_ins, began)


def _until_posted(stand_ins: StandIns, began: dict[str, float]) -> list[float]:
    _wait(lambda: all(len(stand_ins.posts_of(video)) >= HOSTS for video in began), POLLED_EVERY + 60)
    accepted = {video: stand_ins.posts_of(video) for video in began}
    assert all(len(posts) == HOSTS for posts in accepted.values()), {v: len(p) for v, p in accepted.items()}
    return [accepted[video][-1] - at for video, at in began.items()]


def _wait(condition: Any, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "nothing came"
        time.sleep(0.25)


@contextmanager
def _serving(settings: Settings, port: int) -> Iterator[None]:
    """gunicorn with the scheduler inside, as README says."""
    values: dict[str, Any] = settings.model_dump(exclude_none=True) | {"scheduler": "embedded", "port": port}
    for name in ("token_encryption_keys", "secret_key_fallbacks", "lookup_delays_seconds"):
        values[name] = ",".join(str(value) for value in values[name])
    environment = {"PATH": os.environ["PATH"]} | {name.upper(): str(value) for name, value in values.items()}
    command = [sys.executable, "-m", "gunicorn", "--workers", "1", "--threads", "4", "--log-level", "warning"]
    process = subprocess.Popen(
        [*command, "--bind", f"127.0.0.1:{port}", "app:create_app()"],
        cwd=HERE.parent,
        env=environment,
        process_group=0,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


if __name__ == "__main__":
    measure()
