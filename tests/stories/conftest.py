"""Stories: the whole product as people meet it, in a real browser, with the stand-ins behind it."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask, current_app
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.serving import WSGIRequestHandler, make_server

from extensions import db, limiter
from models import User
from services.passwords import hash_password
from services.registry import get_services
from tests.browser import PASSWORD
from tests.browser import Browser as TestBrowser

WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
#: how long anything on a page may take to appear
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Here the test's own thread may have a transaction open while the scheduler's threads call out."""
    for item in items:
        if "tests/stories" in str(item.path):
            item.add_marker(pytest.mark.calls_in_transaction)


class Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log(self, *_args: Any, **_kwargs: Any) -> None:
        pass


@pytest.fixture
def engine_name() -> str:
    """The stories are about pages; what differs by database is tried elsewhere."""
    return "sqlite"


@pytest.fixture
def settings(settings: Any, x: Any) -> Any:
    """Everything is looked at often, so that nobody waits; the address is the one that the browser opens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    changes = {"public_url": address, "x_authorize_url": f"{x.url}/i/oauth2/authorize"}
    often = {"live_check_interval_seconds": 1.0, "live_watch_interval_seconds": 0.2}
    often |= {"lookup_delays_seconds": (0.2, 0.4, 0.6, 0.8)}
    return settings.model_copy(update=changes | often)


@pytest.fixture
def site(app: Flask) -> Iterator[str]:
    """The application behind a real server, its scheduler running. Yields the address."""
    limiter.reset()
    address: str = app.config["SETTINGS"].public_url
    server = make_server("127.0.0.1", urlsplit(address).port or 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    scheduler = get_services().scheduler
    scheduler.start()
    yield address
    scheduler.stop()
    server.shutdown()
    server.server_close()
    thread.join()


class Visitor:
    """Somebody in front of a browser window of his own."""

    def __init__(self, context: BrowserContext, site: str) -> None:
        self.context, self.site = context, site
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        #: what the browser complained about: scripts that failed, things the policy forbade
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._heard)
        self.page.on("request", self._asked)

    def _heard(self, message: Any) -> None:
        # A refused form or a page that is not there is an answer, no complaint.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def _asked(self, request: Any) -> None:
        is_ours = request.url.startswith((f"{self.site}/", "data:", "blob:"))
        if not is_ours and not request.is_navigation_request() and self.page.url.startswith(self.site):
            self.foreign.append(request.url)

    def open(self, path: str) -> Page:
        db.session.rollback()  # the test's own transaction would keep everybody waiting
        self.page.goto(f"{self.site}{path}")
        return self.page

    def sign_in(self, name: str, password: str = PASSWORD) -> Page:
        self.open("/sign-in")
        self.page.get_by_label("E-mail").fill(f"{name}@example.com")
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(re.compile(r"^(?!.*sign-in)"))
        return self.page

    def let_in(self, name: str) -> None:
        """Signs in without the page, which is tried in stories of its own."""
        client = TestBrowser(current_app)
        client.let_in(db.session.execute(db.select(User).filter_by(email=f"{name}@example.com")).scalar_one())
        cookie = client.client.get_cookie("airhorn")
        assert cookie is not None
        self.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.site}])

    def words(self) -> str:
        """What a person reads on the page."""
        return " ".join(self.page.locator("main").inner_text().split())


@pytest.fixture
def visit(chromium: Browser, site: str) -> Iterator[Callable[..., Visitor]]:
    """Opens a window, wide unless said otherwise. At the end no page may have complained or asked anybody else."""
    visitors: list[Visitor] = []

    def opened(size: dict[str, int] = WIDE, **options: Any) -> Visitor:
        context = chromium.new_context(viewport=size, reduced_motion="reduce", **options)
        visitors.append(Visitor(context, site))
        return visitors[-1]

    yield opened
    for visitor in visitors:
        visitor.context.close()
    for visitor in visitors:
        assert not visitor.complaints
        assert not visitor.foreign


@pytest.fixture
def person(cast: Any) -> Callable[..., Any]:
    """Gives somebody of the cast a password to sign in with."""

    def ready(name: str) -> User:
        user = db.session.execute(db.select(User).filter_by(email=f"{name}@example.com")).scalar_one_or_none()
        user = user or cast.user(name)
        user.password_hash = hash_password(PASSWORD)
        db.session.commit()
        return user

    return ready
