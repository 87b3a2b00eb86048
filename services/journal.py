"""The intent journal: what this machine was about to send, kept beside the database and without it.

A database that fails over or is restored forgets; a post that it forgot must not be sent again. An attempt is written
down here after its intent is committed and before the wire is touched: so an attempt that stands here and that the
database does not know proves that the database lost something, and nothing else does. Holds no text and no open token.
"""

import hashlib
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import RLock
from typing import Any

from models import Outcome
from services.journal_files import JournalError, JournalFiles

log = logging.getLogger(__name__)

#: a file is kept so long, and longer while a post of it waits for something
KEPT = timedelta(days=7)
#: what was found out by writing is believed so long
BELIEVED = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Intent:
    """An attempt that is about to be made: its token, its post's key and text."""

    attempt: str
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Trace:
    """An attempt that the journal knows. `outcome` None: nothing was heard of it."""

    attempt: str
    key: str
    sha256: str
    at: datetime
    outcome: str | None = None

    @property
    def is_refused(self) -> bool:
        """Whether X certainly does not have it."""
        return self.outcome == Outcome.NOT_ACCEPTED


@dataclass(frozen=True, slots=True)
class SealedPair:
    """A pair of tokens that X gave for a refresh token, as the vault sealed it."""

    access: bytes
    refresh: bytes | None
    #: when the access token ends
    ends: datetime


class IntentJournal:
    """One for a process; any number of processes and threads share the files."""

    def __init__(self, kept: Path) -> None:
        self._files = JournalFiles(kept / "journal")
        self._mine = RLock()
        self._trouble: str | None = None
        self._tried_at = datetime.min.replace(tzinfo=UTC)

    # Whether it works

    def check(self) -> None:
        """Raises JournalError when the files are not ours alone."""
        with self._mine, self._files.locked():
            pass

    def trouble(self, now: datetime) -> str | None:
        """Why nothing may be sent, as a sentence; None when it works. After a failure it is tried anew."""
        with self._mine:
            return None if self._trouble is None else self.tried(now)

    def tried(self, now: datetime) -> str | None:
        """The same, found out by writing as much as a claim would, and taking it away again."""
        with self._mine:
            self._tried_at = now
            try:
                with self._files.locked():
                    self._files.try_room(now.date())
            except JournalError as error:
                self._note_trouble(error)
            else:
                if self._trouble is not None:
                    log.warning("the journal can be written again")
                self._trouble = None
            return self._trouble

    def tried_lately(self, now: datetime) -> str | None:
        """The same for whoever asks often: while it works it is written to once in so many seconds."""
        with self._mine:
            is_fresh = timedelta(0) <= now - self._tried_at < BELIEVED
            return self.sickness() if is_fresh and self._trouble is None else self.tried(now)

    def sickness(self) -> str | None:
        """Why nothing may be sent, as far as can be told without writing; None when all is well."""
        try:
            self.check()
        except JournalError as error:
            return str(error)
        return self._trouble

    # Attempts

    def traces(self, keys: Collection[str]) -> dict[str, list[Trace]]:
        """What is known of these posts, oldest first. Raises JournalError."""
        with self._mine:
            try:
                with self._files.locked():
                    found = {key: _traces(self._files.entries(key)) for key in keys}
            except JournalError as error:
                self._note_trouble(error)
                raise
        return {key: traces for key, traces in found.items() if traces}

    def admit(self, intents: Sequence[Intent], seen: Mapping[str, Collection[str]], now: datetime) -> set[str]:
        """Writes intents down, all at once and on the disk. Raises JournalError: then nothing may be sent.

        Returns the keys of those that were not written: another attempt came in since `traces` was asked, and `seen`
        are the attempts by key that it told of then. With a database that has just lost its last commits this is what
        keeps two workers of one machine from each sending the same post.
        """
        with self._mine:
            try:
                with self._files.locked():
                    late = {one.key for one in intents if self._came_in(one.key, seen.get(one.key, ()))}
                    entries = [_entry(one, now) for one in intents if one.key not in late]
                    fd = self._files.append(now.date(), entries)
                self._settle(fd, on_disk=True)
            except JournalError as error:
                self._note_trouble(error)
                raise
        return late

    def note(self, outcomes: Sequence[tuple[str, str, Outcome, str | None]], now: datetime) -> None:
        """(key, attempt, outcome, X's id) of what was heard. Lost, they cost a look-up, so nothing is raised."""
        entries = [
            {"kind": "outcome", "key": key, "attempt": attempt, "outcome": outcome.value, "id": id, "at": _at(now)}
            for key, attempt, outcome, id in outcomes
        ]
        self._append(entries, now, on_disk=False)

    def last_intents(self) -> list[Trace]:
        """The newest attempts of this machine, oldest first. Raises JournalError."""
        with self._mine, self._files.locked():
            entries = self._files.last_intents()
        return [trace for entry in entries if (trace := _trace(entry)) is not None]

    # Tokens

    def keep_pair(self, spent: str, pair: SealedPair, now: datetime) -> None:
        """Writes down what X gave for a refresh token, which is of no use from now on. Raises nothing."""
        entry = {
            "kind": "tokens",
            "key": _key_of(spent),
            "access": pair.access.decode(),
            "refresh": pair.refresh.decode() if pair.refresh else None,
            "ends": _at(pair.ends),
            "at": _at(now),
        }
        self._append([entry], now, on_disk=True)

    def pair_after(self, spent: str) -> SealedPair | None:
        """What X gave for this refresh token, if this machine heard it."""
        try:
            with self._mine, self._files.locked():
                entries = self._files.entries(_key_of(spent))
        except JournalError as error:
            log.error("the journal cannot be read: %s", error)
            return None
        return _pair(entries[-1]) if entries else None

    # Keeping it small

    def prune(self, now: datetime, waiting: Collection[str]) -> None:
        """Takes old files away in which no post stands that still waits. `waiting`: the keys of those."""
        oldest = f"{(now - KEPT).date():%Y-%m-%d}"
        with self._mine, self._files.locked():
            for name in self._files.days():
                if name < oldest and not any(self._files.holds(key, name) for key in waiting):
                    self._files.remove(name)

    # Inside

    def _came_in(self, key: str, seen: Collection[str]) -> bool:
        traces = _traces(self._files.entries(key))
        return any(trace.attempt not in seen and not trace.is_refused for trace in traces)

    def _append(self, entries: Sequence[dict[str, Any]], now: datetime, *, on_disk: bool) -> None:
        with self._mine:
            try:
                with self._files.locked():
                    fd = self._files.append(now.date(), entries)
                self._settle(fd, on_disk=on_disk)
            except JournalError as error:
                self._note_trouble(error)

    def _settle(self, fd: int, *, on_disk: bool) -> None:
        try:
            self._files.settle(fd, on_disk=on_disk)
        except OSError as error:
            raise self._files.unwritable(error) from error

    def _note_trouble(self, error: JournalError) -> None:
        if self._trouble is None:
            log.error("nothing is sent: %s", error)
        self._trouble = str(error)


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _key_of(token: str) -> str:
    return f"tokens:{hashlib.sha256(token.encode()).hexdigest()}"


def _at(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _entry(one: Intent, now: datetime) -> dict[str, Any]:
    return {
        "kind": "intent",
        "key": one.key,
        "attempt": one.attempt,
        "sha256": sha256_of(one.text),
        "at": _at(now),
    }


def _traces(entries: Sequence[Mapping[str, Any]]) -> list[Trace]:
    heard = {str(entry.get("attempt")): entry.get("outcome") for entry in entries if entry.get("kind") == "outcome"}
    intents = [entry for entry in entries if entry.get("kind") == "intent"]
    return [trace for entry in intents if (trace := _trace(entry, heard.get(str(entry.get("attempt"))))) is not None]


def _trace(entry: Mapping[str, Any], outcome: str | None = None) -> Trace | None:
    """None when the line is not one of ours."""
    try:
        at = datetime.fromisoformat(entry["at"])
        if at.tzinfo is None:
            return None  # we always write a zone
        return Trace(str(entry["attempt"]), str(entry["key"]), str(entry["sha256"]), at, outcome)
    except (KeyError, TypeError, ValueError):
        return None


def _pair(entry: Mapping[str, Any]) -> SealedPair | None:
    """None when the line is not one of ours."""
    try:
        refresh = entry["refresh"]
        ends = datetime.fromisoformat(entry["ends"])
        return SealedPair(entry["access"].encode(), refresh.encode() if refresh else None, ends)
    except (KeyError, TypeError, AttributeError, ValueError):
        return None
