"""A stand-in for X: posts, timelines, media and OAuth as api.x.com answers them in November 2026."""

import hashlib
import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request, Response

from sandbox.standin import json_response
from sandbox.x_body import check_text, read_body
from sandbox.x_media import XMedia
from sandbox.x_oauth import XOAuth
from sandbox.x_read import Page, Shape, read_ids, read_shape
from sandbox.x_values import (
    PROBLEMS,
    Account,
    Post,
    Problem,
    forbidden,
    milliseconds,
    not_authorized,
    not_found,
    too_many,
    unauthorized,
)

REPLY_REFUSED = (
    "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by the "
    "author of the post you are replying to."
)
LOCKED = "Your account is temporarily locked. Please log in to https://x.com to unlock your account."
NOT_PERMITTED = "You are not permitted to perform this action."
ONLY_USERS = {"type": PROBLEMS + "unsupported-authentication", "title": "Unsupported Authentication"}


@dataclass(frozen=True)
class Route:
    """One endpoint. `limit` names its rate limit; `scopes` are what a user token must have."""

    method: str
    path: re.Pattern[str]
    handler: str
    limit: str
    scopes: frozenset[str]
    app_too: bool = False


def _route(method: str, path: str, handler: str, limit: str, scopes: str, *, app_too: bool = False) -> Route:
    pattern = re.compile(path.replace(":id", "([^/]+)"), re.ASCII)
    return Route(method, pattern, handler, f"{method} {limit}", frozenset(scopes.split()), app_too)


READ = "tweet.read users.read"
WRITE = "tweet.read tweet.write users.read"
ROUTES = [
    _route("POST", "/2/tweets", "create_post", "/2/tweets", WRITE),
    _route("GET", "/2/tweets", "get_posts", "/2/tweets", READ, app_too=True),
    _route("GET", "/2/tweets/:id", "get_post", "/2/tweets/:id", READ, app_too=True),
    _route("DELETE", "/2/tweets/:id", "delete_post", "/2/tweets/:id", WRITE),
    _route("GET", "/2/users/me", "get_me", "/2/users/me", READ),
    _route("GET", "/2/users/:id/tweets", "get_timeline", "/2/users/:id/tweets", READ, app_too=True),
    _route("POST", "/2/media/upload", "upload", "/2/media/upload", "media.write"),
    _route("GET", "/2/media/upload", "media_status", "/2/media/upload", "media.write"),
    _route("POST", "/2/media/upload/initialize", "initialize", "/2/media/chunked", "media.write"),
    _route("POST", "/2/media/upload/:id/append", "append", "/2/media/chunked", "media.write"),
    _route("POST", "/2/media/upload/:id/finalize", "finalize", "/2/media/chunked", "media.write"),
    _route("POST", "/2/media/metadata", "metadata", "/2/media/metadata", "media.write"),
]


class X(XOAuth, XMedia):
    """X on loopback. The switches and the view from outside are in `XWorld`; faults come from `StandIn`."""

    def reply(self, request: Request) -> Response:
        desks: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/i/oauth2/authorize"): self.authorize,
            ("POST", "/2/oauth2/token"): self.token,
            ("POST", "/2/oauth2/revoke"): self.revoke_token,
        }
        with self.lock:
            desk = desks.get((request.method, request.path))
            response = desk(request) if desk else self._api(request)
        if request.path.startswith("/2/"):
            self._sign(response)
        return response

    def _api(self, request: Request) -> Response:
        headers: dict[str, str] = {}
        try:
            route, found = _find(request)
            account = self._who(request, route, headers)
            handler = getattr(self, route.handler)
            response: Response = handler(request, account, *found.groups())
        except Problem as problem:
            response = json_response(problem.body, problem.status)
        response.headers.update(headers)
        return response

    def _sign(self, response: Response) -> None:
        """The headers that stand on every answer of the API."""
        seed = f"{len(self.journal)}"
        response.headers["api-version"] = "2.167"
        response.headers["x-access-level"] = "read-write"
        response.headers["x-transaction-id"] = hashlib.sha256(seed.encode()).hexdigest()[:16]
        response.headers["x-response-time"] = "12"

    def _who(self, request: Request, route: Route, headers: dict[str, str]) -> Account | None:
        """Whose token it is (None: the app's own), once everything that stands before the work is passed."""
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = self.access.get(bearer)
        user = token.grant.account_id if token else None
        allowed, counted = self._windows.take(route.limit, user, self.moment(), legacy=self.legacy_24h_headers)
        headers.update(counted)
        if bearer == self.app_token:
            if not route.app_too:
                raise Problem(403, f"Only user access tokens are allowed on {request.path}.", **ONLY_USERS)
        elif token is None or token.grant.dead or token.expires_at <= self.moment():
            raise unauthorized()
        elif not route.scopes <= token.grant.scopes:
            raise forbidden(NOT_PERMITTED)
        if not allowed:
            raise too_many()
        self._check_money()
        if user and self.people[user].locked:
            raise forbidden(LOCKED)
        return self.people[user] if user else None

    def _check_money(self) -> None:
        if self.usage_cap:
            detail = "Usage cap exceeded: Monthly product cap"
            more = {"period": "Monthly", "scope": "Product"}
            raise Problem(429, detail, title="UsageCapExceeded", type=PROBLEMS + "usage-capped", **more)
        if self.wallet.empty:
            detail = "Your enrolled account [1500000000] does not have any credits to fulfill this request."
            more = {"account_id": "1500000000"}
            raise Problem(402, detail, title="CreditsDepleted", type=PROBLEMS + "credits", **more)

    # Posts

    def create_post(self, request: Request, account: Account) -> Response:
        body = read_body(request)
        text = body.get("text", "")
        check_text(text, self.overlong_status)
        media = body.get("media", {}).get("media_ids", [])
        self.check_media(media, account)
        reply_to = body.get("reply", {}).get("in_reply_to_tweet_id")
        self._check_conversation(account, reply_to, body.get("quote_tweet_id"))
        post = self._store(account, text, reply_to=reply_to, media=media)
        self.wallet.charge("post_url" if post.has_url else "post")
        data = {"id": post.id, "text": html.escape(post.stored, quote=False), self._history_name: [post.id]}
        return json_response({"data": data}, 201)

    @property
    def _history_name(self) -> str:
        return "edit_history_post_ids" if self.new_field_names else "edit_history_tweet_ids"

    def _check_conversation(self, account: Account, reply_to: str | None, quoted: str | None) -> None:
        """Self-serve apps may not quote, and reply only to themselves or to who mentioned them."""
        if quoted:
            raise forbidden("Your account is not permitted to access this feature.")
        if not reply_to:
            return
        target = self.posts.get(reply_to)
        if target is None or target.deleted:
            raise forbidden("You attempted to reply to a Tweet that is deleted or not visible to you.")
        mentioned = re.search(rf"@{re.escape(account.username)}\b", target.text, re.IGNORECASE)
        if target.account_id != account.id and not mentioned:
            raise forbidden(REPLY_REFUSED)

    def delete_post(self, _request: Request, account: Account, id: str) -> Response:
        post = self.posts.get(id)
        if post and post.account_id != account.id:
            raise forbidden(NOT_PERMITTED)
        if post and not post.deleted:
            post.deleted = True
            self.wallet.charge("delete")
        return json_response({"data": {"deleted": True}})

    def get_posts(self, request: Request, _account: Account | None) -> Response:
        shape = read_shape(request, {"ids"}, new_names=self.new_field_names)
        data, errors = [], []
        for id in read_ids(request):
            post = self.posts.get(id)
            if post is None or post.deleted:
                errors.append(not_found("tweet", id))
            elif post.protected:
                errors.append(not_authorized("tweet", id))
            else:
                data.append(self._read(post, shape))
        answer: dict[str, Any] = {"data": data} if data else {}
        return json_response(answer | ({"errors": errors} if errors else {}))

    def get_post(self, request: Request, _account: Account | None, id: str) -> Response:
        shape = read_shape(request, set(), new_names=self.new_field_names)
        post = self.posts.get(id)
        if post is None or post.deleted:
            return json_response({"errors": [not_found("tweet", id, "id")]})
        return json_response({"data": self._read(post, shape)})

    def _read(self, post: Post, shape: Shape) -> dict[str, Any]:
        self.wallet.charge_read("read", post.id, self.moment())
        return shape.show(post)

    # People

    def get_me(self, request: Request, account: Account) -> Response:
        self.wallet.charge_read("user", account.id, self.moment())
        me: dict[str, Any] = {"id": account.id, "name": account.name, "username": account.username}
        for name in request.args.get("user.fields", "").split(","):
            if name == "profile_image_url":
                me[name] = "https://abs.twimg.com/sticky/default_profile_images/default_profile_normal.png"
            elif name == "created_at":
                me[name] = "2015-03-01T12:00:00.000Z"
        return json_response({"data": me})

    def get_timeline(self, request: Request, _account: Account | None, id: str) -> Response:
        page = Page.read(request)
        shape = read_shape(request, Page.PARAMETERS, new_names=self.new_field_names)
        if id not in self.people:
            return json_response({"errors": [not_found("user", id, "id")]})
        latest = milliseconds(self.moment()) - self.visibility_delay * 1000
        posts = [p for p in self.posts.values() if p.account_id == id and not p.deleted]
        shown, meta = page.cut([p for p in posts if milliseconds(p.created_at) <= latest])
        data = [self._read(post, shape) for post in shown]
        return json_response(({"data": data} if data else {}) | {"meta": meta})


def _find(request: Request) -> tuple[Route, re.Match[str]]:
    for route in ROUTES:
        found = route.path.fullmatch(request.path)
        if found and route.method == request.method:
            return route, found
    raise Problem(404, f"There is nothing at {request.path}.", title="Not Found", type=PROBLEMS + "resource-not-found")
