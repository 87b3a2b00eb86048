"""The hub and Airhorn as they meet in the world: two servers that ask each other over real HTTP."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.serving import make_server

from config import Settings
from extensions import db
from models import Podcast, PushSubscription, YouTubeChannel
from sandbox import hub_payloads as payloads
from sandbox.hub import Held, Hub, sign
from sandbox.hub_wire import Sent
from sandbox.standin import Quiet
from tests.cast import Cast
from tests.conftest import is_held_open
from tests.processes import eventually

TIMES = ("next_ask_at", "asked_at", "verified_at", "lease_until", "last_push_at", "look_at")


class Doorstep:
    """A server whose address is known before there is an application behind it."""

    def __init__(self) -> None:
        self.app: Flask | None = None
        self.waiting: list[str] = []
        self._server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=Quiet)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        assert self.app is not None
        return self.app(environ, start_response)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub().serving() as served:
        yield served  # type: ignore[misc]


@pytest.fixture
def door() -> Iterator[Doorstep]:
    made = Doorstep()
    yield made
    made.close()


@pytest.fixture
def settings(settings: Settings, hub: Hub, door: Doorstep) -> Settings:
    return settings.model_copy(update={"public_url": door.url, "websub_hub_url": f"{hub.url}/subscribe"})


@pytest.fixture
def push(app: Flask, cast: Cast, hub: Hub, door: Doorstep) -> "PushStage":
    door.app = app
    hub.follow(cast.youtube)
    asked_inside: list[str] = []

    def watch(request: Any) -> None:
        if is_held_open():
            asked_inside.append(request.path)

    hub.watchers.append(watch)
    stage = PushStage(cast, hub, door)
    stage.asked_inside = asked_inside
    return stage


class PushStage:
    """`hub`, `youtube`, and what Airhorn makes of them. Its routes have the clock of the wall, so time passes by
    making everything that is stored older."""

    def __init__(self, cast: Cast, hub: Hub, door: Doorstep) -> None:
        self.cast, self.hub, self.door, self.youtube = cast, hub, door, cast.youtube
        self.service = cast.services.push
        self.asked_inside: list[str] = []
        self._passed = timedelta()
        self.hub.now = lambda: datetime.now(UTC) + self._passed

    # Airhorn's side

    def show(self, name: str = "Deep Dive", **more: Any) -> str:
        """A podcast; answers its channel."""
        channel = self.cast.show(name, **more).youtube_channel_id
        db.session.commit()
        assert channel is not None
        db.session.add(YouTubeChannel(id=channel, title=name))
        db.session.commit()
        return channel

    def ask(self) -> Any:
        """The job, once."""
        db.session.rollback()
        return self.service.ask_due(datetime.now(UTC))

    def subscribed(self, name: str = "Deep Dive", **more: Any) -> str:
        """A channel whose subscription stands."""
        channel = self.show(name, **more)
        self.ask()
        eventually(lambda: self.row(channel).state == "active" and self.held(channel), timeout=60)
        return channel

    def row(self, channel: str) -> PushSubscription:
        found = self.find(channel)
        assert found is not None
        return found

    def find(self, channel: str) -> PushSubscription | None:
        db.session.rollback()
        found = db.session.get(PushSubscription, channel, populate_existing=True)
        if found is not None:
            db.session.expunge(found)
        db.session.rollback()
        return found

    def channel(self, channel: str) -> YouTubeChannel:
        db.session.rollback()
        found = db.session.get_one(YouTubeChannel, channel, populate_existing=True)
        db.session.expunge(found)
        db.session.rollback()
        return found

    def wishes(self, channel: str) -> tuple[int, bool]:
        """(looks that were asked for, whether one waits)."""
        look = self.channel(channel)
        return self.row(channel).pushes, look.pushed_at is not None and look.next_look_at is not None

    def wait(self, **delta: float) -> None:
        """Time passes for both sides."""
        passed = timedelta(**delta)
        self._passed += passed
        db.session.rollback()
        for row in db.session.execute(select(PushSubscription)).scalars():
            for name in TIMES:
                if getattr(row, name) is not None:
                    setattr(row, name, getattr(row, name) - passed)
        db.session.commit()
        self.service.deliveries._looks.clear()

    def change(self, channel: str, **values: Any) -> None:
        db.session.execute(update(PushSubscription).where(PushSubscription.channel_id == channel).values(**values))
        db.session.commit()
        self.service.deliveries._known.clear()

    def archive(self, name: str = "Deep Dive") -> None:
        db.session.execute(update(Podcast).where(Podcast.name == name).values(is_active=False))
        db.session.commit()

    # The hub's side

    def held(self, channel: str) -> Held | None:
        return next((held for held in list(self.hub.held.values()) if held.channel_id == channel), None)

    def callback(self, channel: str) -> str:
        return f"{self.door.url}/websub/{self.row(channel).path}"

    def body(self, channel: str, video: str = "v" * 11) -> bytes:
        now = datetime.now(UTC)
        return payloads.entry(channel, video, "Queues", author="Ada", published=now, updated=now)

    def send(self, channel: str, body: bytes | None = None, *, secret: str | None = None, **headers: str) -> Sent:
        """An honest delivery, unless something of it is given."""
        held = self.held(channel)
        assert held is not None
        body = self.body(channel) if body is None else body
        signed = {"X-Hub-Signature": sign(body, secret or str(held.secret))}
        return self.hub.send("POST", held.callback, body, signed | {n.replace("_", "-"): v for n, v in headers.items()})
