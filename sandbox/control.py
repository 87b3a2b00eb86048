"""One port for the whole rehearsal: YouTube, its hub, X, the controls as JSON, and a page with buttons."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader
from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, MethodNotAllowed, NotFound
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from sandbox import notify, page, state
from sandbox.hub import Hub
from sandbox.standin import Fault, StandIn, json_response
from sandbox.x import X
from sandbox.youtube import YouTube

HERE = Path(__file__).parent
YOUTUBE_PATHS = (
    *("/youtube/v3", "/feeds/", "/watch", "/consent", "/oembed", "/live/", "/embed/", "/shorts/"),
    *("/channel/", "/@", "/c/", "/user/"),
)
X_PATHS = ("/2/", "/i/")
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
STATIC = {"sandbox.css": "text/css; charset=utf-8", "refresh.js": "text/javascript; charset=utf-8"}
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; "
)
POLICY += "base-uri 'none'; frame-ancestors 'none'"
MOST_SECONDS = 120.0
DEMO_CHANNEL = ("Deep Dive", "deepdive")
DEMO_PEOPLE = (("ada", "Ada"), ("bo", "Bo"), ("cy", "Cy"))

Given = Mapping[str, Any]

#: who sees a post of the demonstration
AUDIENCE = {"impression_count": 140, "like_count": 6, "repost_count": 2, "reply_count": 1}


class Sandbox(StandIn):
    """The dispatcher and the controls. Requests for YouTube and X go to their stand-ins untouched."""

    def __init__(
        self,
        *,
        seed: int = 0,
        now: Callable[[], datetime] | None = None,
        demo: bool = False,
        state_file: Path | None = None,
        airhorn: str | None = None,
    ) -> None:
        """`airhorn`: where Airhorn itself is, if it was started together with this."""
        self.youtube, self.x = YouTube(seed=seed, now=now), X(seed=seed, now=now)
        self.hub = Hub(seed=seed, now=now).follow(self.youtube)
        self.hub.changed = self._save
        self.messengers = notify.Messengers(seed=seed, now=now)
        self.demo, self.state_file, self.airhorn = demo, state_file, airhorn
        self.templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True)
        self.actions: dict[str, Callable[[Given], dict[str, Any]]] = {
            "channels": self.add_channel,
            "accounts": self.add_account,
            "go-live": self.go_live,
            "end": self.end,
            "faults": self.set_trouble,
            "reset": self.start_over,
        }
        super().__init__(seed=seed, now=now)
        if state_file and state_file.exists():
            state.load(state_file, self.youtube, self.x, self.hub)
            # The ids this seed gives out first are taken already.
            self.youtube.random.seed(f"{seed} {len(self.youtube.stories) + len(self.youtube.forgotten)}")
        elif demo:
            self._populate()
        self._save()

    def reset(self) -> None:
        """A new YouTube and a new X with nobody there."""
        super().reset()
        self.youtube.reset()
        self.x.reset()
        self.hub.reset()
        self.messengers.reset()
        self.x.consent = "ask"
        self.x.audience = dict(AUDIENCE) if self.demo else {}

    def _populate(self) -> None:
        self.youtube.add_channel(DEMO_CHANNEL[0], handle=DEMO_CHANNEL[1])
        for username, name in DEMO_PEOPLE:
            self.x.add_account(username, name=name)

    def _save(self) -> None:
        if self.state_file:
            with self.lock:
                state.save(self.state_file, self.youtube, self.x, self.hub)

    # Serving

    def start(self, port: int = 0) -> "Sandbox":
        super().start(port)
        self.hub.open()
        return self

    def stop(self) -> None:
        self.hub.close()
        super().stop()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        try:
            if path.startswith(YOUTUBE_PATHS):
                return self.youtube(environ, start_response)
            if path.startswith(X_PATHS):
                return self.x(environ, start_response)
            if path == "/subscribe" or (path == "/" and environ["REQUEST_METHOD"] == "POST"):
                return self.hub(environ, start_response)
            if path.startswith(notify.PATHS):
                return self.messengers(environ, start_response)
            return self._reply(Request(environ))(environ, start_response)
        finally:
            if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
                self._save()

    def reply(self, request: Request) -> Response:
        if (urlsplit(f"//{request.host}").hostname or "") not in LOOPBACK:
            raise Forbidden("The rehearsal answers on this machine only.")
        if request.path == "/":
            return self._page()
        folder, _, name = request.path.removeprefix("/_control/").rpartition("/")
        if folder == "static" and name in STATIC:
            return Response((HERE / "static" / name).read_bytes(), content_type=STATIC[name])
        if request.path == "/_control/state":
            return json_response(page.state(self.youtube, self.x, self.hub))
        action = self.actions.get(request.path.removeprefix("/_control/"))
        if action is None:
            raise NotFound
        if request.method != "POST":
            raise MethodNotAllowed(["POST"])
        _refuse_other_sites(request)
        return self._act(request, action)

    def _act(self, request: Request, action: Callable[[Given], dict[str, Any]]) -> Response:
        """A form gets the page again, anything else gets JSON."""
        is_form = request.mimetype == "application/x-www-form-urlencoded"
        try:
            answer = action(_given(request))
        except HTTPException as error:
            if is_form:
                return self._page(notice=error.description or "", status=error.code or 400)
            return json_response({"error": error.description}, error.code or 400)
        return redirect("/", 303) if is_form else json_response(answer)

    def _page(self, *, notice: str = "", status: int = 200) -> Response:
        scene = page.scene(self.youtube, self.x)
        text = self.templates.get_template("control.html").render(scene, notice=notice, airhorn=self.airhorn)
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
        headers["X-Content-Type-Options"] = "nosniff"
        return Response(text, status=status, headers=headers, content_type="text/html; charset=utf-8")

    # The controls. Each takes the fields of the request and raises BadRequest or NotFound with a sentence.

    def add_channel(self, given: Given) -> dict[str, Any]:
        """`title`, `handle`?, `id`?, `video`?: the title of a plain video that it already has."""
        try:
            id = self.youtube.add_channel(_text(given, "title"), handle=_word(given, "handle"), id=_word(given, "id"))
        except ValueError as error:
            raise BadRequest(str(error)) from None
        if video := _word(given, "video"):
            self.youtube.upload(id, video)
        return {"id": id, "title": given["title"], "url": f"https://www.youtube.com/channel/{id}"}

    def add_account(self, given: Given) -> dict[str, Any]:
        """`username`, `name`?: a new account, or a new pair of tokens for one that is there."""
        account = self.x.add_account(_text(given, "username"), name=_word(given, "name"))
        return {
            "id": account.id,
            "username": account.username,
            "name": account.name,
            "access_token": account.access_token,
            "refresh_token": account.refresh_token,
            "expires_at": account.expires_at.isoformat() if account.expires_at else None,
        }

    def go_live(self, given: Given) -> dict[str, Any]:
        """`video`? or `channel`? (id or @handle; the first one when none is named), `title`?"""
        target = _word(given, "video") or self._channel_id(_word(given, "channel"))
        try:
            id = self.youtube.go_live(target, _word(given, "title"))
        except KeyError:
            raise NotFound(f"There is no video {target}.") from None
        except ValueError as error:
            raise BadRequest(str(error)) from None
        return {"video_id": id, "url": page.WATCH + id}

    def end(self, given: Given) -> dict[str, Any]:
        """`video`?, or every running stream of `channel`?"""
        video = _word(given, "video")
        ids = [video] if video else self._running(self._channel_id(_word(given, "channel")))
        for id in ids:
            try:
                self.youtube.end(id)
            except KeyError:
                raise NotFound(f"There is no video {id}.") from None
            except ValueError as error:
                raise BadRequest(str(error)) from None
        return {"ended": ids}

    def set_trouble(self, given: Given) -> dict[str, Any]:
        """`kind`: `slow` (`seconds`?), `lost_answer` (`times`?), `no_credits`, or `none`, which ends them all."""
        kind = given.get("kind")
        if kind == "slow":
            self.x.latency = _number(given, "seconds", 8.0)
        elif kind == "lost_answer":
            lost = Fault(method="POST", path="^/2/tweets$", hang_up="after")
            self.x.faults.extend([lost] * int(_number(given, "times", 1)))
        elif kind == "no_credits":
            self.x.credits_usd = 0
        elif kind == "none":
            self.x.latency, self.x.credits_usd = 0.0, None
            self.x.faults.clear()
        else:
            raise BadRequest("kind must be slow, lost_answer, no_credits or none.")
        return page.trouble(self.x)

    def start_over(self, given: Given) -> dict[str, Any]:
        """Forgets streams, posts, trouble and journal; with `everything` channels, accounts and tokens too."""
        with self.lock, self.youtube.lock, self.x.lock, self.hub.lock:
            kept = state.dump(self.youtube, self.x, self.hub, happenings=False)
            self.reset()
            if not given.get("everything"):
                state.restore(kept, self.youtube, self.x, self.hub)
            elif self.demo:
                self._populate()
        return page.state(self.youtube, self.x, self.hub)

    def _channel_id(self, name: str | None) -> str:
        if not name:
            first = next(iter(self.youtube.channels), None)
            if first is None:
                raise NotFound("There is no channel yet.")
            return first
        if name in self.youtube.channels:
            return name
        channel = self.youtube.find_channel(name)
        if channel is None:
            raise NotFound(f"There is no channel {name}.")
        return channel.id

    def _running(self, channel_id: str) -> list[str]:
        return [video.id for video in self.youtube.history(channel_id) if video.state == "live" and not video.deleted]


def _refuse_other_sites(request: Request) -> None:
    """A page of another site must not press our buttons. Browsers say where a POST comes from; scripts need not."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if (site and site != "same-origin") or (origin and origin != request.host_url.rstrip("/")):
        raise Forbidden("This request comes from another site.")


def _given(request: Request) -> Given:
    if request.mimetype == "application/x-www-form-urlencoded":
        return request.form.to_dict()
    if not request.get_data():
        return {}
    body = request.get_json(force=True, silent=True)
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    for name, value in body.items():
        if not isinstance(value, str | int | float | None):
            raise BadRequest(f"{name} must be a plain value.")
    return body


def _word(given: Given, name: str) -> str | None:
    """A field as trimmed text; None when it is empty or not given."""
    word = str(given.get(name) or "").strip()
    if len(word) > 100:
        raise BadRequest(f"{name} must have at most 100 characters.")
    return word or None


def _text(given: Given, name: str) -> str:
    word = _word(given, name)
    if word is None:
        raise BadRequest(f"{name} is missing.")
    return word


def _number(given: Given, name: str, default: float) -> float:
    try:
        number = float(given.get(name) or default)
    except ValueError:
        number = -1.0
    if not 0 <= number <= MOST_SECONDS:
        raise BadRequest(f"{name} must be a number from 0 to {MOST_SECONDS:.0f}.")
    return number
