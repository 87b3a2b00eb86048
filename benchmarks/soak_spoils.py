"""What goes wrong at the stand-ins during the soak: by the month's troubles, and of all other answers a seeded part."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from werkzeug.wrappers import Request

from benchmarks.soak_month import Month
from benchmarks.soak_world import BEGIN, inside
from sandbox.hub import HUB_TROUBLE, Hub
from sandbox.standin import Fault, StandIn
from sandbox.x import X
from sandbox.youtube import API_TROUBLE, FEED_TROUBLE, YouTube
from sandbox.youtube_errors import JSON_TYPE, quota_gone

#: the spoiled part of all answers, by what is asked
SHARES = {"api": 0.015, "feed": 0.02, "page": 0.02, "post": 0.04, "token": 0.03, "timeline": 0.03, "hub": 0.05}
#: the part of new pairs of tokens that never arrive: their host must connect again
LOST_LOGINS = 0.005

GONE = Fault(hang_up="before", reset=True)
NO_QUOTA = Fault(status=403, body=json.dumps(quota_gone("new").data), headers=JSON_TYPE)
HTML = Fault(status=200, body="<!doctype html><title>Sorry</title>", headers={"Content-Type": "text/html"})
BAD_BODIES = (HTML, Fault(status=200, body="{}", headers=JSON_TYPE), Fault(cut=40))
LOST = (Fault(hang_up="after"), Fault(hang_up="before"), GONE)
X_DOWN = tuple(Fault(status=status, body="") for status in (500, 502, 503))
STORED = tuple(Fault(status=status, body="", stored=True) for status in (500, 503, 504))

KINDS: dict[str, tuple[Fault, ...]] = {
    "api": (*API_TROUBLE, *LOST, *BAD_BODIES),
    "feed": (*FEED_TROUBLE, *LOST, HTML),
    "page": (Fault(status=500), Fault(status=429), HTML, *LOST),
    # "429" stands for one with a time until which to wait, see `too_many`.
    "post": (*X_DOWN, *STORED, *LOST, Fault(status=201, body="", stored=True), Fault(cut=20), Fault(status=429)),
    "token": (*X_DOWN, GONE, Fault(status=401, body="")),
    "timeline": (*X_DOWN, *LOST, *BAD_BODIES),
    "hub": HUB_TROUBLE,
}


class Spoiler:
    """Draws from the question, the simulated time and a seed: the order in which threads come makes no difference."""

    def __init__(self, month: Month) -> None:
        self.month = month
        self.now = BEGIN
        self._asked: Counter[str] = Counter()
        #: how many questions of each kind, and how many of them were spoiled
        self.questions: Counter[str] = Counter()
        self.spoiled: Counter[str] = Counter()
        self.lost_login: Callable[[Request], None] = lambda _request: None

    def move(self, now: datetime) -> None:
        self.now = now
        self._asked.clear()

    def __call__(self, request: Request) -> Fault | None:
        kind = _kind(request)
        self.questions[kind] += 1
        fault = (self._trouble(kind, request) or self._chance(kind, request)) if kind in SHARES else None
        self.spoiled[kind] += fault is not None
        return fault

    def _trouble(self, kind: str, request: Request) -> Fault | None:
        """What lasts for a while."""
        month, now = self.month, self.now
        if kind == "api" and inside(month.api_down, now):
            return self._dice(request).choice((*API_TROUBLE, *LOST))
        if kind == "api" and inside(month.false_quota, now):
            return NO_QUOTA
        if kind in ("post", "token", "timeline") and inside(month.x_down, now):
            return self._dice(request).choice((*X_DOWN, GONE))
        if kind == "feed" and self._is_feed_down(request):
            return self._dice(request).choice(FEED_TROUBLE)
        return None

    def _is_feed_down(self, request: Request) -> bool:
        of_list = "playlist_id" in request.args
        channel = int(request.args["playlist_id" if of_list else "channel_id"][2:])
        broken = self.month.playlist_broken if of_list else self.month.feed_broken
        return inside(self.month.feeds_down, self.now) or inside(broken[channel], self.now)

    def _chance(self, kind: str, request: Request) -> Fault | None:
        if not self.month.has_troubles:
            return None
        dice = self._dice(request)
        if kind == "token" and dice.random() < LOST_LOGINS:
            self.lost_login(request)
            return Fault(hang_up="after")
        if dice.random() >= SHARES[kind]:
            return None
        fault = dice.choice(KINDS[kind])
        return too_many(dice) if kind == "post" and fault.status == 429 else fault

    def _dice(self, request: Request) -> random.Random:
        # What the hub is asked holds a secret, which is another one each time.
        said = request.form.get("hub.topic") or request.get_data() if request.method == "POST" else ""
        question = f"{request.method} {request.full_path} {said!r}"
        self._asked[question] += 1
        return random.Random(f"{self.month.seed} {self.now} {question} {self._asked[question]}")


def too_many(dice: random.Random) -> Fault:
    """A used-up window. Its end is told by the clock that the Date header has: that of the wall."""
    ends = str(int(time.time()) + dice.randrange(20, 240))
    headers = {"x-rate-limit-limit": "100", "x-rate-limit-remaining": "0", "x-rate-limit-reset": ends}
    body = json.dumps({"title": "Too Many Requests", "detail": "Too Many Requests", "status": 429})
    return Fault(status=429, body=body, headers={"Content-Type": "application/json", **headers})


def _kind(request: Request) -> str:
    path = request.path
    if path.startswith("/youtube/v3/"):
        return "api"
    if path.startswith("/feeds/"):
        return "feed"
    if path.startswith(("/channel/", "/watch")):
        return "page"
    if path == "/2/tweets":
        return "post"
    if path == "/2/oauth2/token":
        return "token"
    if path.startswith("/2/users/"):
        return "timeline"
    return "hub" if path == "/subscribe" else "other"


class Spoiled(StandIn):
    """Its answers are spoiled by somebody else's choice."""

    spoiler: Spoiler | None = None

    def _next_fault(self, request: Request) -> Fault:
        fault = self.spoiler(request) if self.spoiler else None
        return fault or super()._next_fault(request)


class SoakYouTube(Spoiled, YouTube):
    pass


class SoakX(Spoiled, X):
    pass


class SoakHub(Spoiled, Hub):
    pass
