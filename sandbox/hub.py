"""The hub's stand-in: takes subscriptions, comes back to verify them, delivers what happens, late or wrong if told."""

import contextlib
import hashlib
import hmac
import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from werkzeug.wrappers import Request, Response

from sandbox import hub_payloads as payloads
from sandbox.hub_wire import Sent, ask
from sandbox.standin import Fault, StandIn
from sandbox.youtube_video import Video
from sandbox.youtube_world import World

PLAIN = "text/plain; charset=utf-8"
USUAL_LEASE, LONGEST_LEASE = 432_000, 864_000
BUSY = Fault(
    method="POST",
    status=503,
    body="Transient error; please try again later",
    headers={"Retry-After": "120", "Content-Type": "text/plain"},
)
#: for `mishaps` with a `chance`: how the real hub fails new requests while it goes on delivering
HUB_TROUBLE = (BUSY, Fault(method="POST", status=500, body="Error", headers={"Content-Type": "text/plain"}))
TOPIC = re.compile(r"https?://(www\.)?youtube\.com(/xml)?/feeds/videos\.xml")
WORK_EVERY = 0.02  # seconds


@dataclass
class Held:
    """A subscription that was verified."""

    callback: str
    topic: str
    channel_id: str
    secret: str | None
    lease_until: datetime


@dataclass
class Parcel:
    """A delivery on its way."""

    due: datetime
    callback: str
    topic: str
    body: bytes
    tries: int = 0


class Hub(StandIn):
    """POST / or /subscribe. Work goes on in a thread; with `by_hand` it is done by `work()` only.

    Everything that comes by chance comes from the seeded `random`.
    """

    def __init__(self, *, seed: int = 0, now: Callable[[], datetime] | None = None) -> None:
        self.changed: Callable[[], None] = lambda: None  # called when subscriptions change
        self.by_hand = False
        self._closed = threading.Event()
        super().__init__(seed=seed, now=now)

    def _forget(self) -> None:
        super()._forget()
        self.held: dict[tuple[str, str], Held] = {}
        self.parcels: list[Parcel] = []
        self.requests: list[dict[str, str]] = []  # taken, and not verified yet
        self.sent: deque[Sent] = deque(maxlen=10_000)
        self.refusal: str | None = None  # the words of a 400 to every request
        self.busy = False  # 503 and Retry-After to every request; what is subscribed goes on
        self.denial: str | None = None  # the reason that every request is denied for, in place of verification
        self.lease: str | None = None  # what it says that it grants, whatever that is; None: what is true
        self.keeps: float | None = None  # seconds after which it really ends, in place of what was granted
        self.challenge: str | None = None  # in place of a random one
        self.silent = False  # takes requests and never comes back
        self.algorithm = "sha1"
        self.spelling = payloads.SPELLINGS[0]
        self.retries: tuple[float, ...] = (1.0, 5.0, 30.0, 120.0)  # seconds until a delivery is tried again
        self.lost = 0.0  # the part of deliveries that never come
        self.doubled = 0.0  # the part that comes twice
        self.lateness = 0.0  # each comes up to so many seconds late
        self.shuffled = False  # what is due together comes in any order

    # Serving

    def start(self, port: int = 0) -> "Hub":
        super().start(port)
        self.open()
        return self

    def stop(self) -> None:
        self.close()
        super().stop()

    def open(self) -> None:
        """Begins to work; for a hub that is served by somebody else's server."""
        self._closed.clear()
        threading.Thread(target=self._work_on, name="hub", daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    def reply(self, request: Request) -> Response:
        if request.path not in ("/", "/subscribe"):
            return Response("Not found", status=404, content_type=PLAIN)
        if request.method != "POST":
            return Response("Subscribe here", status=405, content_type=PLAIN, headers={"Allow": "POST"})
        given = request.form.to_dict()
        if self.busy:
            return Response(BUSY.body, status=503, headers=dict(BUSY.headers))
        problem = self.refusal or _problem(given)
        if problem:
            return Response(problem, status=400, content_type=PLAIN)
        if given.get("hub.verify") == "sync":
            done = self._verify(given)
            return Response(status=204) if done else Response("Verification failed", status=409, content_type=PLAIN)
        with self.lock:
            self.requests.append(given)
        return Response("", status=202, content_type=PLAIN)

    # Verifying

    def _verify(self, given: dict[str, str]) -> bool:
        """Comes back to the callback. What is not echoed exactly leaves everything as it was."""
        key = given["hub.callback"], given["hub.topic"]
        if self.denial is not None:
            self.deny(*key, self.denial)
            return False
        lease = min(int(given.get("hub.lease_seconds") or USUAL_LEASE), LONGEST_LEASE)
        challenge = self.challenge or f"{self.random.getrandbits(128):032x}"
        query = {"hub.mode": given["hub.mode"], "hub.topic": given["hub.topic"], "hub.challenge": challenge}
        query["hub.lease_seconds"] = str(lease) if self.lease is None else self.lease
        if "hub.verify_token" in given:
            query["hub.verify_token"] = given["hub.verify_token"]
        sent = self._visit(given["hub.callback"], query)
        if not sent.is_ok or sent.answer != challenge.encode():
            return False
        with self.lock:
            if given["hub.mode"] == "unsubscribe":
                self.held.pop(key, None)
            else:
                until = self.now() + timedelta(seconds=lease if self.keeps is None else self.keeps)
                self.held[key] = Held(*key, channel_of(key[1]) or "", given.get("hub.secret"), until)
        self.changed()
        return True

    def verify_again(self, callback: str, topic: str, mode: str = "subscribe") -> Sent:
        """Comes back without having been asked."""
        lease = {"hub.lease_seconds": str(USUAL_LEASE), "hub.challenge": self.challenge or "again"}
        return self._visit(callback, {"hub.mode": mode, "hub.topic": topic} | lease)

    def deny(self, callback: str, topic: str, reason: str) -> Sent:
        """Ends a subscription, at any time."""
        with self.lock:
            self.held.pop((callback, topic), None)
        self.changed()
        return self._visit(callback, {"hub.mode": "denied", "hub.topic": topic, "hub.reason": reason})

    def _visit(self, callback: str, query: dict[str, str]) -> Sent:
        joint = "&" if urlsplit(callback).query else "?"
        return self.send("GET", f"{callback}{joint}{urlencode(query)}")

    # Delivering

    def follow(self, youtube: World) -> "Hub":
        """Delivers what happens there: a video made, retitled, removed. No start that was planned, and no end."""

        def happened(kind: str, video: Video) -> None:
            author = youtube.channels[video.channel_id].title
            if kind == "removed":
                body = payloads.tombstone(video.channel_id, video.id, author=author, when=self.now())
            else:
                link = payloads.topic(video.channel_id, self.spelling)
                times = {"published": video.published_at, "updated": video.updated_at}
                body = payloads.entry(video.channel_id, video.id, video.title, author=author, self_link=link, **times)
            self.publish(video.channel_id, body, due=video.updated_at)

        youtube.listeners.append(happened)
        return self

    def publish(self, channel_id: str, body: bytes, *, due: datetime | None = None) -> None:
        """To everybody who subscribed to the channel, with what goes wrong by chance."""
        with self.lock:
            for one in [held for held in self.held.values() if held.channel_id == channel_id]:
                if self.random.random() < self.lost:
                    continue
                for _ in range(2 if self.random.random() < self.doubled else 1):
                    late = timedelta(seconds=self.random.random() * self.lateness)
                    at = max(due or self.now(), self.now()) + late
                    self.parcels.append(Parcel(at, one.callback, one.topic, body))

    def work(self) -> None:
        """Does what is due: verifications first, then deliveries in their order."""
        with self.lock:
            asked, self.requests = ([] if self.silent else self.requests), (self.requests if self.silent else [])
            due = sorted((parcel for parcel in self.parcels if parcel.due <= self.now()), key=lambda p: p.due)
            self.parcels = [parcel for parcel in self.parcels if parcel not in due]
            if self.shuffled:
                self.random.shuffle(due)
        for given in asked:
            self._verify(given)
        for parcel in due:
            self._deliver(parcel)

    def _work_on(self) -> None:
        while not self._closed.wait(WORK_EVERY):
            if not self.by_hand:
                self.work()

    def _deliver(self, parcel: Parcel) -> None:
        with self.lock:
            held = self.held.get((parcel.callback, parcel.topic))
        if held is None or held.lease_until <= self.now():
            return
        sent = self.send("POST", held.callback, parcel.body, self.headers(held, parcel.body))
        if not sent.is_ok and parcel.tries < len(self.retries):
            wait = timedelta(seconds=self.retries[parcel.tries])
            with self.lock:
                self.parcels.append(
                    Parcel(self.now() + wait, parcel.callback, parcel.topic, parcel.body, parcel.tries + 1)
                )

    def headers(self, held: Held, body: bytes) -> dict[str, str]:
        """Of an honest delivery."""
        headers = {
            "Content-Type": "application/atom+xml",
            "Link": f"<{held.topic}>; rel=self, <{payloads.HUB}/>; rel=hub",
            "User-Agent": "FeedFetcher-Google; (+http://www.google.com/feedfetcher.html)",
        }
        return headers | ({"X-Hub-Signature": sign(body, held.secret, self.algorithm)} if held.secret else {})

    def send(self, method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Sent:
        """Anything, to anybody: also what is forged."""
        sent = ask(method, url, body, headers or {}, at=self.now())
        with self.lock:
            self.sent.append(sent)
        return sent

    # What a rehearsal keeps over a restart

    def dump(self) -> list[dict[str, Any]]:
        with self.lock:
            return [asdict(held) for held in self.held.values()]

    def restore(self, kept: list[dict[str, Any]]) -> None:
        with self.lock:
            self.held = {(one["callback"], one["topic"]): Held(**one) for one in kept}


def sign(body: bytes, secret: str, algorithm: str = "sha1") -> str:
    return f"{algorithm}={hmac.new(secret.encode(), body, getattr(hashlib, algorithm)).hexdigest()}"


def channel_of(topic: str) -> str | None:
    parts = urlsplit(topic)
    found = parse_qs(parts.query).get("channel_id")
    return found[0] if found and TOPIC.fullmatch(f"{parts.scheme}://{parts.netloc}{parts.path}") else None


def _problem(given: dict[str, str]) -> str | None:
    """What the hub does not take, in its words."""
    callback = urlsplit(given.get("hub.callback", ""))
    if callback.scheme not in ("http", "https") or not callback.hostname or callback.fragment:
        return "Invalid parameter: hub.callback"
    if given.get("hub.mode") not in ("subscribe", "unsubscribe"):
        return "Invalid parameter: hub.mode"
    if not channel_of(given.get("hub.topic", "")):
        return "Restricted topic"
    with contextlib.suppress(ValueError):
        if int(given.get("hub.lease_seconds") or USUAL_LEASE) > 0:
            return None if len(given.get("hub.secret", "").encode()) < 200 else "Invalid parameter: hub.secret"
    return "Invalid parameter: hub.lease_seconds"
