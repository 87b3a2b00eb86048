"""The demo show: a podcast, its channel and three hosts. One has no text, one his own, one is switched off."""

import json
import os
import secrets
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

DATABASE = "rehearsal.sqlite"
STATE = "sandbox.json"
#: what the stand-in for YouTube takes
YOUTUBE_KEY = "test-key"
KEPT = "rehearsal.json"

SHOW, HANDLE, SLUG = "Deep Dive", "deepdive", "deep-dive"
EMAIL = "ada@example.com"
#: handle, name, what is special
HOSTS = (("ada", "Ada"), ("bo", "Bo"), ("cy", "Cy"))
TITLE = "Queues, and why they fill up"
BOS_TEXT = "On air with {guest}. Bring your war stories about {title}: {url}"
#: the episode is planned so far ahead, and planned anew when it is so far in the past
AHEAD, STALE = timedelta(minutes=15), timedelta(hours=2)

NEVER = datetime(2000, 1, 1, tzinfo=UTC)

#: a flask command with --json, and what is typed into it → its standard output
Command = Callable[..., str]


@dataclass(slots=True)
class Kept:
    """What is remembered of the rehearsal between two starts."""

    path: Path
    password: str
    is_new: bool = True
    episode: int = 0
    number: int = 111
    planned: datetime = NEVER

    @property
    def state_file(self) -> Path:
        return self.path.with_name(STATE)

    @classmethod
    def read(cls, instance: Path) -> "Kept":
        """Begins anew when something is missing: a show half made helps nobody."""
        path = instance / KEPT
        parts = [path, instance / STATE, instance / DATABASE]
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            planned = datetime.fromisoformat(found["planned"])
            if all(part.exists() for part in parts):
                return cls(path, found["password"], False, found["episode"], found["number"], planned)
        except (OSError, ValueError, LookupError, TypeError):
            pass
        for part in (*parts, instance / f"{DATABASE}-wal", instance / f"{DATABASE}-shm"):
            part.unlink(missing_ok=True)
        return cls(path, secrets.token_urlsafe(9))

    def write(self) -> None:
        kept = {"password": self.password, "episode": self.episode, "number": self.number}
        kept["planned"] = self.planned.isoformat()
        with open(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(kept, file)


def prepare(kept: Kept, sandbox: str, flask: Command) -> None:
    """Makes the show the first time, and an episode that waits for its start every time there is none."""
    if kept.is_new:
        _make(kept, sandbox, flask)
    if kept.is_new or not _is_waiting(kept, flask):
        _plan(kept, flask)
    kept.write()


def _make(kept: Kept, sandbox: str, flask: Command) -> None:
    # YouTube has no list of uploads for a channel without a single public video.
    press(sandbox, "channels", title=SHOW, handle=HANDLE, video="Trailer")
    accounts = {handle: press(sandbox, "accounts", username=handle, name=name) for handle, name in HOSTS}

    def person(host: tuple[str, str]) -> None:
        handle, name = host
        # Ada may do everything here; the others cannot sign in until somebody gives them a password.
        admin = ("--admin", "--password-stdin") if _email(handle) == EMAIL else ()
        flask("users", "create", _email(handle), "--name", name, *admin, given=f"{kept.password}\n")
        account = accounts[handle]
        tokens = ("--access-token", account["access_token"], "--refresh-token", account["refresh_token"])
        until = ("--expires-at", account["expires_at"]) if account["expires_at"] else ()
        flask("connections", "import-x", _email(handle), *tokens, *until)

    _all(person, HOSTS)
    flask("podcasts", "create", SHOW, "--owner", EMAIL, "--channel", f"@{HANDLE}")
    _all(lambda host: flask("podcasts", "add-host", SLUG, _email(host[0])), HOSTS[1:])


def _all(work: Callable[[Any], Any], things: tuple[Any, ...]) -> None:
    """Starting a command takes a second or two; they do not wait for each other."""
    with ThreadPoolExecutor(len(things)) as pool:
        list(pool.map(work, things))


def _is_waiting(kept: Kept, flask: Command) -> bool:
    """Whether the planned episode can still be the next one."""
    if datetime.now(UTC) - kept.planned > STALE:
        return False
    return all(row["status"] == "pending" for row in json.loads(flask("tweets", "list", SLUG, str(kept.episode))))


def _plan(kept: Kept, flask: Command) -> None:
    kept.number += 1
    kept.planned = datetime.now(UTC).replace(second=0, microsecond=0) + AHEAD
    plan = ("--at", kept.planned.isoformat(), "--number", str(kept.number), "--guest", "Grace")
    kept.episode = json.loads(flask("episodes", "create", SLUG, TITLE, *plan))["id"]
    texts = (("bo", "--text", BOS_TEXT), ("cy", "--off"))
    _all(lambda text: flask("tweets", "set", SLUG, str(kept.episode), _email(text[0]), *text[1:]), texts)


def _email(handle: str) -> str:
    return f"{handle}@example.com"


def press(sandbox: str, button: str, **given: str) -> dict[str, Any]:
    """One of the sandbox's controls."""
    request = urllib.request.Request(
        f"{sandbox}/_control/{button}", json.dumps(given).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found
