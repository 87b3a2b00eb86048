"""What all checks of `flask verify` use: how one says that something is missed, and many who do a thing at once."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask, current_app

from benchmarks.bed import Databases, running, settings_for

RACERS = 12


class MissedError(Exception):
    """What was promised does not hold: a sentence."""


def none(what: str, found: Sequence[Any]) -> None:
    """Raises MissedError with the first of what was found."""
    if found:
        raise MissedError(f"{len(found)} {what}, such as {found[0]}")


def application(databases: Databases, engine: str) -> Any:
    """One with an empty database, as a context."""
    return running(settings_for(databases.fresh(engine), databases.folder))


def all_at_once(act: Callable[[int], Any], number: int = RACERS) -> list[Any]:
    """What each of so many threads of one application gets. Raises what one of them raised."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    together, answers, failed = threading.Barrier(number), list[Any](), list[Exception]()

    def run(one: int) -> None:
        with app.app_context():
            together.wait()
            try:
                answers.append(act(one))
            except Exception as error:  # noqa: BLE001 - handed on below
                failed.append(error)

    threads = [threading.Thread(target=run, args=(one,), daemon=True) for one in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return answers
