"""The state of the X stand-in: who has an account, which tokens are good, what was posted; and the switches."""

import json
import random
import string
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sandbox.standin import StandIn
from sandbox.x_limits import Limit, Wallet, Windows, self_serve
from sandbox.x_values import ALL_SCOPES, Account, Grant, Post, Token, forbidden, shorten, snowflake

ACCESS_SECONDS = 7200
REFRESH_LIFE = timedelta(days=182)


class XWorld(StandIn):
    """What tests and the control page see and change. Every method may be called while the server runs."""

    def __init__(self, *, seed: int = 0, now: Callable[[], datetime] | None = None) -> None:
        self._seed = seed
        super().__init__(seed=seed, now=now)

    def reset(self) -> None:
        """A new X: nobody there, every switch as it was."""
        with self.lock:
            super().reset()
            self._forget_world()
            self._forget_switches()

    def _forget_world(self) -> None:
        # Not the faults' own random: drawing a token must not change which request is spoiled.
        self._dice = random.Random(f"tokens {self._seed}")
        self.people: dict[str, Account] = {}
        self.posts: dict[str, Post] = {}
        self.access: dict[str, Token] = {}
        self.refresh: dict[str, Token] = {}
        self.wallet = Wallet()
        self._windows = Windows(self_serve())

    def _forget_switches(self) -> None:
        self.client_id = "sandbox-client"
        self.client_secret: str | None = "sandbox-secret"  # None: a public client, which sends its client_id instead
        self.app_token = "app-only-token"  # a bearer token of the app itself, not of a user
        self.redirect_uris: set[str] = set()  # empty: any
        self.consent = "approve"  # or "deny", or "ask": a page with a button for each account
        self.signed_in: str | None = None  # the username that approves; None: the one added last
        self.reuse_revokes_family = False
        self.visibility_delay = 0.0  # seconds until a new post shows up on its author's timeline
        self.duplicate_filter = True
        self.overlong_status = 400
        self.legacy_24h_headers = False
        self.usage_cap = False
        self.new_field_names = False
        self.audience: dict[str, int] = {}  # the public counts that every new post has at once

    # Money and limits

    @property
    def credits_usd(self) -> float | None:
        """Dollars left; None is unlimited. At or below zero every request is refused with 402."""
        left = self.wallet.left
        return None if left is None else left / 1_000_000

    @credits_usd.setter
    def credits_usd(self, dollars: float | None) -> None:
        self.wallet.left = None if dollars is None else round(dollars * 1_000_000)

    @property
    def spent_micros(self) -> int:
        """Millionths of a dollar charged so far: posts, and reads as well. `spent_on` tells them apart."""
        return sum(self.wallet.spent.values())

    def spent_on(self, *prices: str) -> int:
        """Millionths of a dollar charged for these of `post`, `post_url`, `delete`, `read`, `user`."""
        return sum(self.wallet.spent[price] for price in prices)

    @property
    def rate_limits(self) -> dict[str, Limit]:
        """The table in force, by endpoint ("POST /2/tweets"); entries may be replaced."""
        return self._windows.table

    # Accounts

    @property
    def accounts(self) -> list[Account]:
        with self.lock:
            return list(self.people.values())

    def add_account(self, username: str, *, name: str | None = None) -> Account:
        """A new account with a fresh pair of tokens; for a known username a new pair for the same account."""
        with self.lock:
            account = self._by_name(username)
            if account is None:
                account = Account(str(1_500_000_001 + len(self.people)), username.lstrip("@"), name or username)
                self.people[account.id] = account
            account.name = name or account.name
            self._issue(Grant(account.id, set(ALL_SCOPES)))
            return account

    def account(self, username_or_id: str) -> Account:
        """Raises KeyError."""
        with self.lock:
            found = self.people.get(username_or_id) or self._by_name(username_or_id)
            if found is None:
                raise KeyError(username_or_id)
            return found

    def _by_name(self, username: str) -> Account | None:
        wanted = username.lstrip("@").lower()
        return next((a for a in self.people.values() if a.username.lower() == wanted), None)

    def expire_token(self, account: Account) -> None:
        """The two hours are over for every access token of the account."""
        with self.lock:
            for token in self.access.values():
                if token.grant.account_id == account.id:
                    token.expires_at = self.now()
            account.expires_at = self.now()

    def revoke(self, account: Account) -> None:
        """The person removes the app in X's settings: every token of the account is dead."""
        with self.lock:
            for grant in self._grants(account):
                grant.dead = True

    def lock_account(self, account: Account, locked: bool = True) -> None:
        """X locks the account until its owner signs in there; `locked=False` is that sign-in."""
        account.locked = locked

    def strip_scope(self, account: Account, scope: str) -> None:
        """Takes a scope away from what the account has granted, now and in later refreshes."""
        with self.lock:
            for grant in self._grants(account):
                grant.scopes.discard(scope)

    def _grants(self, account: Account) -> list[Grant]:
        tokens = [*self.access.values(), *self.refresh.values()]
        return [token.grant for token in tokens if token.grant.account_id == account.id]

    def _issue(self, grant: Grant) -> dict[str, Any]:
        """A new pair of tokens for a grant, in the form of X's token answer."""
        now = self.moment()
        account = self.people[grant.account_id]
        account.access_token = self._secret()
        account.expires_at = now + timedelta(seconds=ACCESS_SECONDS)
        self.access[account.access_token] = Token(grant, account.expires_at)
        scopes = sorted(grant.scopes)
        self._dice.shuffle(scopes)  # X does not keep the order that was asked for
        answer = {"token_type": "bearer", "expires_in": ACCESS_SECONDS, "access_token": account.access_token}
        answer["scope"] = " ".join(scopes)
        account.refresh_token = ""
        if "offline.access" in grant.scopes:
            account.refresh_token = self._secret()
            self.refresh[account.refresh_token] = Token(grant, now + REFRESH_LIFE)
            answer["refresh_token"] = account.refresh_token
        return answer

    def _secret(self) -> str:
        while True:
            secret = "".join(self._dice.choices(string.ascii_letters + string.digits, k=64))
            if secret not in self.access and secret not in self.refresh:
                return secret

    # Posts

    def timeline(self, username_or_id: str) -> list[Post]:
        """What the account has posted and not deleted, newest first, shown already or not. Raises KeyError."""
        account = self.account(username_or_id)
        self.catch_up()
        with self.lock:
            mine = [p for p in self.posts.values() if p.account_id == account.id and not p.deleted]
        return sorted(mine, key=lambda post: int(post.id), reverse=True)

    def posts_containing(self, text: str) -> list[Post]:
        """The posts of all accounts whose text, as sent, holds this one; oldest first."""
        self.catch_up()
        with self.lock:
            return [p for p in self.posts.values() if text in p.text and not p.deleted]

    def post_by_hand(self, account: Account, text: str, *, reply_to: str | None = None) -> Post:
        """The person posts on x.com. Raises Problem for a duplicate, as X does."""
        with self.lock:
            return self._store(account, text, reply_to=reply_to)

    def delete_by_hand(self, post: Post) -> None:
        """The person deletes the post on x.com."""
        post.deleted = True

    def attempts(self, text: str = "") -> int:
        """How many POSTs of a post arrived whose text holds this one, whatever became of them."""
        return sum(text in _text_of(entry.body) for entry in self.asked("POST") if entry.path == "/2/tweets")

    def _store(self, account: Account, text: str, *, reply_to: str | None = None, media: Any = ()) -> Post:
        now = self.moment()
        stored, urls = shorten(text)
        mine = [p for p in self.posts.values() if p.account_id == account.id and not p.deleted]
        # t.co maps one link to one short form, so the stored texts are equal exactly when the sent ones are.
        if self.duplicate_filter and text and any(p.stored == stored for p in mine):
            raise forbidden("You are not allowed to create a Tweet with duplicate content.")
        id = snowflake(now)
        while str(id) in self.posts:
            id += 1
        post = Post(str(id), account.id, text, stored, urls, now, reply_to, list(media), dict(self.audience))
        self.posts[post.id] = post
        return post


def _text_of(body: bytes) -> str:
    """The text of a POST, which may be anything."""
    try:
        text = json.loads(body)["text"]
    except (ValueError, LookupError, TypeError):
        return ""
    return text if isinstance(text, str) else ""
