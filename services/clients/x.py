"""X: posting, reading back, OAuth 2.0. The only file that names tweepy, which by itself has no deadline, follows
redirects on a POST and trusts every 2xx: it writes the requests, our session sends them, x_answers judges."""

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import requests
import tweepy

from services.clients.clocks import server_time
from services.clients.http import KIB, MIB, Answer, Http
from services.clients.redaction import hush
from services.clients.x_answers import (
    Accepted,
    Tokens,
    XUser,
    parse_created,
    parse_me,
    parse_tokens,
    refusal,
    token_failure,
)
from services.clients.x_metrics import FIELDS as METRICS
from services.clients.x_metrics import Shown, parse_metrics
from services.clients.x_posts import FIELDS, FIELDS_NAME, Timeline, TimelinePost, parse_page
from services.errors import Outcome, Refused, Unknown

hush("tweepy", "requests_oauthlib", "oauthlib")

TWEEPY_HOST = "https://api.twitter.com"  # a local variable in tweepy's BaseClient.request
SCOPES = "tweet.read tweet.write users.read offline.access"
MAX_PAGES = 10
READ_DEADLINE = 10.0
#: what the transport says → what it means here
UNREACHABLE = {"unreachable": "x_unreachable", "too_large": "x_odd_answer", "no_answer": "x_no_answer"}


class XClient:
    """Safe to share between threads. `base_url` without /2. Raises Refused and Unknown only."""

    def __init__(
        self,
        http: Http,
        base_url: str,
        *,
        client_id: str | None = None,
        client_secret: str | None = None,
        authorize_url: str = "https://x.com/i/oauth2/authorize",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._authorize_url = authorize_url
        self._clock = clock
        #: X's clock minus ours, by the last answer; whole seconds
        self.clock_skew: timedelta | None = None

    def post(
        self, access_token: str, text: str, *, deadline: float, clock: Callable[[], datetime] | None = None
    ) -> Accepted:
        """Sends once. `deadline` is in seconds; Refused.retry_at is told by `clock` (default: our own)."""
        answer = self._through_tweepy(
            access_token,
            lambda client: client.create_tweet(text=text, user_auth=False),
            deadline=deadline,
            max_bytes=64 * KIB,
        )
        return parse_created(answer.status, answer.headers, answer.body, now=(clock or self._clock)())

    def me(self, access_token: str) -> XUser:
        """Who this token belongs to. Costs $0.010."""
        answer = self._through_tweepy(
            access_token,
            lambda client: client.get_me(user_fields=["username", "name", "profile_image_url"], user_auth=False),
            deadline=READ_DEADLINE,
            max_bytes=64 * KIB,
        )
        self._check_read(answer)
        return parse_me(answer.body)

    def timeline(self, access_token: str, user_id: str, *, start_time: datetime) -> Timeline:
        """Everything this account posted since `start_time` (aware). Any doubt is Refused: no information.

        By time and not by since_id: X gives out ids out of order at times. Without `exclude`, which shortens the reach.
        """
        start = start_time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        params = {"start_time": start, "max_results": "100", FIELDS_NAME: FIELDS}
        route = f"/2/users/{quote(user_id, safe='')}/tweets"
        posts: list[TimelinePost] = []
        for _ in range(MAX_PAGES):
            page = parse_page(self._read(access_token, route, params))
            posts += page.posts
            if page.next_token is None:
                return Timeline(tuple(posts), complete=True)
            params["pagination_token"] = page.next_token
        return Timeline(tuple(posts), complete=False)

    def last_posts(self, access_token: str, user_id: str, count: int) -> tuple[TimelinePost, ...]:
        """The newest posts of an account, without replies and reposts. Each that is shown costs $0.005.

        `count`: 5 to 100, as X wants it.
        """
        params = {"max_results": str(count), "exclude": "replies,retweets", FIELDS_NAME: FIELDS}
        return parse_page(self._read(access_token, f"/2/users/{quote(user_id, safe='')}/tweets", params)).posts

    def metrics(self, access_token: str, ids: Sequence[str]) -> Shown:
        """The public counts of at most MOST_IDS posts. Each that is shown costs $0.005, once in a UTC day."""
        return parse_metrics(self._read(access_token, "/2/tweets", {"ids": ",".join(ids), FIELDS_NAME: METRICS}), ids)

    def _read(self, access_token: str, route: str, params: Mapping[str, str]) -> Any:
        answer = self._through_tweepy(
            access_token,
            lambda client: client.request("GET", route, params=dict(params), user_auth=False),
            deadline=READ_DEADLINE,
            max_bytes=2 * MIB,
        )
        self._check_read(answer)
        try:
            return answer.json()
        except ValueError:
            return None

    def _check_read(self, answer: Answer) -> None:
        if 400 <= answer.status < 500:
            raise refusal(answer.status, answer.headers, answer.body, now=self._clock())
        if answer.status != 200:
            message = f"X cannot be read right now ({answer.status})."
            raise Refused(message, cause="x_server_error", http_status=answer.status)

    def _through_tweepy(
        self, access_token: str, ask: Callable[[tweepy.Client], object], *, deadline: float, max_bytes: int
    ) -> Answer:
        """What tweepy makes of the answer is of no interest: it stumbles over odd ones and trusts empty ones."""
        client = tweepy.Client(bearer_token=access_token, return_type=requests.Response, wait_on_rate_limit=False)
        client.session = session = self._http.session(deadline=deadline, max_bytes=max_bytes)
        session.hosts = {TWEEPY_HOST: self._base_url}
        failure: Outcome = Refused("The request to X could not be made.", cause="x_unreachable")
        try:
            ask(client)
        except Outcome as outcome:
            failure = _translated(outcome)
        except Exception:  # noqa: BLE001, S110 - the session raises Outcome only; the rest is tweepy's own trouble
            pass
        if session.answer is None:
            raise failure
        self._notice_time(session.answer)
        return session.answer

    def _notice_time(self, answer: Answer) -> None:
        theirs = server_time(answer.headers)
        if theirs is not None:
            self.clock_skew = theirs - self._clock().replace(microsecond=0)

    # OAuth 2.0 with PKCE: docs.x.com, "OAuth 2.0 Authorization Code Flow with PKCE"

    def authorize_url(self, state: str, challenge: str, redirect_uri: str) -> str:
        """Where the person's browser goes to agree. `challenge` is S256 of the verifier. The code lives 30 seconds."""
        query = {
            "response_type": "code",
            "client_id": self._client_id or "",
            "redirect_uri": redirect_uri,
            "scope": SCOPES,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._authorize_url}?{urlencode(query, quote_via=quote)}"

    def exchange(self, code: str, verifier: str, redirect_uri: str) -> Tokens:
        """The code that came back with the browser, for a pair of tokens."""
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        return self._tokens(form | {"redirect_uri": redirect_uri})

    def refresh(self, refresh_token: str) -> Tokens:
        """A new pair; the old refresh token is spent. Unknown: it may or may not be spent."""
        return self._tokens({"grant_type": "refresh_token", "refresh_token": refresh_token})

    def revoke(self, token: str, *, deadline: float = READ_DEADLINE) -> None:
        """Ends a token, of either kind."""
        answer = self._oauth("/2/oauth2/revoke", {"token": token}, deadline=deadline)
        if answer.status != 200:
            raise token_failure(answer.status, answer.headers, answer.body, now=self._clock())

    def _tokens(self, form: Mapping[str, str]) -> Tokens:
        answer = self._oauth("/2/oauth2/token", form)
        return parse_tokens(answer.status, answer.headers, answer.body, now=self._clock())

    def _oauth(self, path: str, form: Mapping[str, str], *, deadline: float = READ_DEADLINE) -> Answer:
        if not self._client_id:
            raise Refused("This server has no X app yet: X_CLIENT_ID is not set.", cause="x_client")
        headers, data = {}, dict(form)
        if self._client_secret:
            pair = f"{self._client_id}:{self._client_secret}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
        else:
            data["client_id"] = self._client_id
        try:
            answer = self._http.post_form(self._base_url + path, data, headers=headers, deadline=deadline)
        except Outcome as outcome:
            failure = _translated(outcome)
        else:
            self._notice_time(answer)
            return answer
        raise failure


def _translated(outcome: Outcome) -> Outcome:
    """The transport's failure in X's terms, free of everything it was raised with."""
    cause = UNREACHABLE[outcome.cause]
    if isinstance(outcome, Unknown):
        return Unknown(f"X: {outcome}", cause=cause)
    return Refused(f"X: {outcome}", cause=cause)
