"""X's OAuth 2.0: the consent page, PKCE, rotating refresh tokens, revocation."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import urlencode

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from sandbox.standin import json_response
from sandbox.x_values import Account, Grant
from sandbox.x_world import XWorld

SCOPE = re.compile(r"[a-z]+\.[a-z.]+", re.ASCII)
CODE_LIFE = timedelta(seconds=30)
BAD_TOKEN = "Value passed for the token was invalid."
BAD_CODE = "Value passed for the authorization code was invalid."

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Authorize · rehearsal</title><link rel="stylesheet" href="/_control/static/sandbox.css">
<p class="banner">Rehearsal: nothing leaves this machine</p><main class="consent">
<h1>{title}</h1><p>{text}</p>{links}</main></html>"""


class OAuthError(Exception):
    """An error answer of the token endpoint, in OAuth's own form."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.status = status
        self.body = {"error": error, "error_description": description}


@dataclass
class Code:
    """An authorization code, waiting to be exchanged."""

    account_id: str
    scopes: set[str]
    redirect_uri: str
    challenge: str
    method: str
    issued_at: datetime
    used_by: Grant | None = None


class XOAuth(XWorld):
    """`/i/oauth2/authorize`, `/2/oauth2/token` and `/2/oauth2/revoke`."""

    def reset(self) -> None:
        with self.lock:
            super().reset()
            self._codes: dict[str, Code] = {}

    # The consent page

    def authorize(self, request: Request) -> Response:
        """Sends the browser back with a code or a denial; an app that asks wrongly gets a page instead."""
        asked = request.args
        fault = self._wrong_request(asked)
        if fault:
            return _page("Something went wrong", fault, status=400)
        consent = "deny" if "deny" in asked else self.consent
        if consent == "deny":
            return _back(asked, error="access_denied")
        account = self._consenting(asked.get("as"))
        if account is None:
            return self._ask(request)
        return _back(asked, code=self._new_code(asked, account))

    def _wrong_request(self, asked: Any) -> str | None:
        """Why X would show its error page, or None."""
        if asked.get("response_type") != "code":
            return "response_type must be code."
        if asked.get("client_id") != self.client_id:
            return "No app has this client_id."
        if not asked.get("redirect_uri") or (self.redirect_uris and asked["redirect_uri"] not in self.redirect_uris):
            return "This redirect_uri is not registered with the app."
        if not 0 < len(asked.get("state", "")) <= 500:
            return "state must have 1 to 500 characters."
        if not asked.get("code_challenge") or asked.get("code_challenge_method", "plain") not in ("S256", "plain"):
            return "code_challenge is missing or its method unknown."
        scopes = asked.get("scope", "").split()
        return None if scopes and all(map(SCOPE.fullmatch, scopes)) else "scope is missing or odd."

    def _consenting(self, chosen: str | None) -> Account | None:
        """Who says yes: the one whose button was pressed, else the one who is signed in."""
        if chosen:
            return self._by_name(chosen)
        if self.consent == "ask":
            return None
        if self.signed_in:
            return self._by_name(self.signed_in)
        return self.accounts[-1] if self.people else None

    def _ask(self, request: Request) -> Response:
        links = [(f"Authorize as @{a.username}", {"as": a.username}) for a in self.accounts] + [
            ("Cancel", {"deny": "1"})
        ]
        asked = list(request.args.items())
        hrefs = [(escape("?" + urlencode([*asked, *more.items()])), escape(label)) for label, more in links]
        anchors = "".join(f'<p><a class="button" href="{href}">{label}</a></p>' for href, label in hrefs)
        return _page("Authorize the app", "It will be able to read and write posts.", anchors)

    def _new_code(self, asked: Any, account: Account) -> str:
        code = self._secret()
        self._codes[code] = Code(
            account_id=account.id,
            scopes=set(asked["scope"].split()),
            redirect_uri=asked["redirect_uri"],
            challenge=asked["code_challenge"],
            method=asked.get("code_challenge_method", "plain"),
            issued_at=self.moment(),
        )
        return code

    # Tokens

    def token(self, request: Request) -> Response:
        """A code or a refresh token for a pair of tokens."""
        try:
            self._check_client(request)
            grant_type = request.form.get("grant_type")
            if grant_type == "authorization_code":
                return json_response(self._exchange(request.form))
            if grant_type == "refresh_token":
                return json_response(self._rotate(request.form.get("refresh_token", "")))
            raise OAuthError("unsupported_grant_type", "The grant type is not supported.")
        except OAuthError as error:
            return json_response(error.body, error.status)

    def revoke_token(self, request: Request) -> Response:
        """Kills the access token, or with a refresh token the whole grant."""
        try:
            self._check_client(request)
        except OAuthError as error:
            return json_response(error.body, error.status)
        token = request.form.get("token", "")
        if token in self.access:
            del self.access[token]
        elif token in self.refresh:
            self.refresh[token].grant.dead = True
        return json_response({"revoked": True})

    def _check_client(self, request: Request) -> None:
        """A confidential client signs in with Basic, a public one names its client_id."""
        if self.client_secret is None:
            if request.form.get("client_id") != self.client_id:
                raise OAuthError("invalid_request", "Missing required parameter [client_id].")
            return
        signed = request.authorization
        if signed is None or signed.type != "basic":
            raise OAuthError("unauthorized_client", "Missing valid authorization header", 401)
        if (signed.username, signed.password) != (self.client_id, self.client_secret):
            raise OAuthError("unauthorized_client", "Missing valid authorization header", 401)

    def _exchange(self, form: Any) -> dict[str, Any]:
        code = self._codes.get(form.get("code", ""))
        if code is None:
            raise OAuthError("invalid_request", BAD_CODE)
        if code.used_by is not None:
            code.used_by.dead = True  # RFC 6749, 4.1.2: a code seen twice has leaked
            raise OAuthError("invalid_request", BAD_CODE)
        if self.moment() - code.issued_at > CODE_LIFE or form.get("redirect_uri") != code.redirect_uri:
            raise OAuthError("invalid_request", BAD_CODE)
        if not _proves(form.get("code_verifier", ""), code):
            raise OAuthError("invalid_request", "Value passed for the code verifier did not match the code challenge.")
        code.used_by = Grant(code.account_id, code.scopes)
        return self._issue(code.used_by)

    def _rotate(self, refresh_token: str) -> dict[str, Any]:
        token = self.refresh.get(refresh_token)
        if token is not None and token.spent and self.reuse_revokes_family:
            token.grant.dead = True
        if token is None or token.spent or token.grant.dead or token.expires_at <= self.moment():
            raise OAuthError("invalid_request", BAD_TOKEN)
        token.spent = True
        return self._issue(token.grant)


def _proves(verifier: str, code: Code) -> bool:
    """PKCE, RFC 7636 4.6."""
    if code.method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        verifier = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return hmac.compare_digest(verifier.encode(), code.challenge.encode())


def _back(asked: Any, **answer: str) -> Response:
    """To the app's callback, with the state it gave."""
    uri = asked["redirect_uri"]
    joint = "&" if "?" in uri else "?"
    return redirect(f"{uri}{joint}{urlencode({'state': asked.get('state', ''), **answer})}", 302)


def _page(title: str, text: str, links: str = "", status: int = 200) -> Response:
    page = PAGE.format(title=escape(title), text=escape(text), links=links)
    return Response(page, status=status, content_type="text/html; charset=utf-8")
