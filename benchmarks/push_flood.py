"""A flood at the hub's address, forged and genuine, while somebody reads pages: how much slower are they?"""

import http.client
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import current_app
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import func, select

from benchmarks.bed import ENGINES, Databases, running, wired
from benchmarks.flooder import Flooder
from benchmarks.report import HERE, Report
from benchmarks.scene import fill
from benchmarks.stand_ins import StandIns
from config import Settings
from extensions import db
from models import PushState, PushSubscription, YouTubeChannel
from sandbox import hub_payloads
from sandbox.hub import sign
from services.push_deliveries import owner
from services.push_looks import LOOK_EVERY
from services.registry import Services

CHANNELS, HOSTS = 50, 5
RATE, SECONDS = 1_000, 10.0
#: seconds between two questions for pages
PAUSE = 0.02
PAGES = {"sign-in": "/sign-in", "home": "/"}
MOST_MILLISECONDS = 300


def measure() -> Report:
    report = Report("push_flood", f"{RATE:,} deliveries a second, three in four of them forged, for {SECONDS:g} s")
    with StandIns() as stand_ins, Databases() as databases:
        for engine in ENGINES:
            _measure(report, databases, stand_ins, engine)
    return report.finish()


def _measure(report: Report, databases: Databases, stand_ins: StandIns, engine: str) -> None:
    stand_ins.reset()
    channels, port = stand_ins.channels(CHANNELS, videos=3), _free_port()
    settings = wired((stand_ins.youtube_url, stand_ins.x_url), databases.fresh(engine), databases.folder)
    settings = settings.model_copy(update={"public_url": f"http://127.0.0.1:{port}"})
    with running(settings) as services:
        scene = fill(services, HOSTS)
        requests = _subscribe(services, channels)
        cookie = _cookie(scene.token)
        with serving(settings, port), Flooder() as flooder:
            _read_pages(port, cookie, 3.0)  # what is made once is made
            quiet = _read_pages(port, cookie, SECONDS)
            flooder.begin(port, RATE, SECONDS, requests)
            busy = _read_pages(port, cookie, SECONDS - 1)
            flood = flooder.done()
        looks = db.session.execute(select(func.sum(PushSubscription.looks))).scalar_one()
        db.session.rollback()
    for name in PAGES:
        row = {"database": engine, "page": name, **_spread(quiet[name], ""), **_spread(busy[name], " in the flood")}
        report.rows.append(row)
        report.at_most(f"{engine}, {name}: p95 ms in the flood", row["p95 ms in the flood"], MOST_MILLISECONDS)
    rate = flood["answered"] / flood["seconds"]
    report.rows.append({"database": engine, "answered": flood["answered"], "a second": rate, **_statuses(flood)})
    report.at_least(f"{engine}: deliveries answered a second", rate, 0.9 * RATE)
    report.at_most(f"{engine}: looks asked for", looks, CHANNELS * (2 + SECONDS // LOOK_EVERY.total_seconds()))


def _statuses(flood: dict[str, Any]) -> dict[str, int]:
    known = {f"answered {status}": flood["statuses"].pop(status, 0) for status in ("204", "404", "503")}
    return known | {"otherwise or not at all": sum(flood["statuses"].values()) + flood["skipped"]}


def _subscribe(services: Services, channels: Sequence[str]) -> list[bytes]:
    """Subscriptions that stand; answers deliveries: genuine, forged twice, and to nobody, for each."""
    now, found = datetime.now(UTC), []
    for channel in channels:
        path, secret = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        sealed = services.vault.seal(secret, owner(channel))
        times = {"lease_until": now + timedelta(days=5), "next_ask_at": now + timedelta(days=2), "verified_at": now}
        one = PushSubscription(channel_id=channel, path=path, secret=sealed, state=PushState.ACTIVE, **times)
        db.session.add_all([one, YouTubeChannel(id=channel, next_look_at=now + timedelta(hours=1))])
        body = hub_payloads.entry(channel, "v" * 11, "Queues", author="Ada", published=now, updated=now)
        forged = sign(body, "another secret")
        found += [_request(path, body, sign(body, secret)), _request(path, body, forged)]
        found += [_request(path, body, forged), _request(secrets.token_urlsafe(32), body, forged)]
    db.session.commit()
    return found


def _request(path: str, body: bytes, signature: str) -> bytes:
    head = (
        f"POST /websub/{path} HTTP/1.1",
        "Host: localhost",
        "Connection: close",
        "Content-Type: application/atom+xml",
        f"X-Hub-Signature: {signature}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join([*head, "", ""]).encode() + body


def _cookie(token: str) -> str:
    """What a browser holds that is signed in."""
    sealed = SecureCookieSessionInterface().get_signing_serializer(current_app)
    assert sealed is not None
    return f"{current_app.config['SESSION_COOKIE_NAME']}={sealed.dumps({'token': token})}"


def _read_pages(port: int, cookie: str, seconds: float) -> dict[str, list[float]]:
    """Milliseconds of each page, one after the other, as long as that."""
    found: dict[str, list[float]] = {name: [] for name in PAGES}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for name, path in PAGES.items():
            found[name].append(_timed(port, path, {"Cookie": cookie} if name == "home" else {}))
            time.sleep(PAUSE)
    return found


def _timed(port: int, path: str, headers: dict[str, str]) -> float:
    begun = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == 200, (path, answer.status)
    return 1000 * (time.perf_counter() - begun)


def _spread(found: Sequence[float], when: str) -> dict[str, float]:
    took = sorted(found)
    return {f"median ms{when}": took[len(took) // 2], f"p95 ms{when}": took[-(-95 * len(took) // 100) - 1]}


@contextmanager
def serving(settings: Settings, port: int) -> Iterator[None]:
    """gunicorn as README says, with the scheduler inside."""
    values: dict[str, Any] = settings.model_dump(exclude_none=True) | {"scheduler": "embedded", "port": port}
    for name in ("token_encryption_keys", "secret_key_fallbacks", "lookup_delays_seconds"):
        values[name] = ",".join(str(value) for value in values[name])
    environment = {"PATH": os.environ["PATH"]} | {name.upper(): str(value) for name, value in values.items()}
    command = [sys.executable, "-m", "gunicorn", "app:create_app()", "--bind", f"127.0.0.1:{port}", "--workers", "2"]
    more = ["--threads", "8", "--worker-class", "gthread", "--no-control-socket", "--log-level", "warning"]
    process = subprocess.Popen([*command, *more], cwd=HERE.parent, env=environment, process_group=0)
    try:
        _until_up(port)
        yield
    finally:
        process.terminate()
        process.wait(60)


def _until_up(port: int) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            _timed(port, "/healthz", {})
        except OSError:
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.1)
        else:
            return


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


if __name__ == "__main__":
    measure()
