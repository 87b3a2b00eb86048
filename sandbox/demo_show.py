"""The demo show: a podcast, its channel and three hosts: one without a text, one with, one switched off."""

import json
import os
import secrets
import urllib.request
from collections.abc import Callable, Sequence
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
#: an account at X that nobody has yet, for whoever is invited
FREE = "new"
#: handle, name, what is special
HOSTS = (("ada", "Ada"), ("bo", "Bo"), ("cy", "Cy"))
#: one for each round of a rehearsal: a second stream soon after the first needs an episode of its own
TITLES = (
    "Queues, and why they fill up",
    "Locks, and who holds them",
    "Clocks, and why they lie",
    "Caches, and what they forget",
)
BOS_TEXT = "On air with {guest}. Bring your war stories about {title}: {url}"
#: the first episode is planned so far ahead, the others so far apart; all anew when the last is so far in the past
AHEAD, APART, STALE = timedelta(minutes=15), timedelta(minutes=10), timedelta(hours=2)

NEVER = datetime(2000, 1, 1, tzinfo=UTC)

#: flask commands, each with its arguments → what each prints as JSON
Commands = Callable[[list[list[str]]], list[Any]]


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


def prepare(kept: Kept, sandbox: str, run: Commands) -> None:
    """Makes the show the first time, and episodes that wait for their start every time there is none."""
    if kept.is_new:
        _plan(kept, run, first=_people(sandbox))
    elif not _is_waiting(kept, run):
        _plan(kept, run)
    kept.write()


def _people(sandbox: str) -> list[list[str]]:
    """The hosts but for Ada, who was made with her password; everybody's account; the podcast."""
    # YouTube has no list of uploads for a channel without a single public video.
    press(sandbox, "channels", title=SHOW, handle=HANDLE, video="Trailer")
    commands = [["users", "create", _email(handle), "--name", name] for handle, name in HOSTS[1:]]
    for handle, name in HOSTS:
        account = press(sandbox, "accounts", username=handle, name=name)
        tokens = ["--access-token", account["access_token"], "--refresh-token", account["refresh_token"]]
        until = ["--expires-at", account["expires_at"]] if account["expires_at"] else []
        commands.append(["connections", "import-x", _email(handle), *tokens, *until])
    commands.append(["podcasts", "create", SHOW, "--owner", EMAIL, "--channel", f"@{HANDLE}"])
    press(sandbox, "accounts", username=FREE, name="New")
    return commands + [["podcasts", "add-host", SLUG, _email(handle)] for handle, _ in HOSTS[1:]]


def _is_waiting(kept: Kept, run: Commands) -> bool:
    """Whether the last planned episode can still be the next one."""
    if datetime.now(UTC) - kept.planned > STALE:
        return False
    (rows,) = run([["tweets", "list", SLUG, str(kept.episode)]])
    return all(row["status"] == "pending" for row in rows)


def _plan(kept: Kept, run: Commands, first: Sequence[list[str]] = ()) -> None:
    """Episodes to come, and what the hosts want for them; before that, what `first` says, in the same process."""
    begin = datetime.now(UTC).replace(second=0, microsecond=0) + AHEAD
    plans = []
    for place, title in enumerate(TITLES):
        kept.number, kept.planned = kept.number + 1, begin + place * APART
        when = ["--at", kept.planned.isoformat(), "--number", str(kept.number), "--guest", "Grace"]
        plans.append(["episodes", "create", SLUG, title, *when])
    episodes = [str(made["id"]) for made in run([*first, *plans])[len(first) :]]
    kept.episode = int(episodes[-1])
    texts = [["tweets", "set", SLUG, episode, _email("bo"), "--text", BOS_TEXT] for episode in episodes]
    run(texts + [["tweets", "set", SLUG, episode, _email("cy"), "--off"] for episode in episodes])


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
