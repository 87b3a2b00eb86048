"""Processes that guess at a password, each with all its threads: `python -m tests.guessing EMAIL PROCESSES THREADS`."""

import multiprocessing
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from flask import Flask

from app import create_app
from extensions import db
from services.audit import Actor
from services.errors import Invalid
from services.sign_in import sign_in
from services.throttle import TooManyTries


def guess(app: Flask, email: str, number: int) -> str:
    with app.app_context():
        try:
            sign_in(email, f"guess number {number}", Actor(None, f"10.0.{number % 250}.1"), datetime.now(UTC))
        except TooManyTries:
            return "refused"
        except Invalid:
            return "compared"
        finally:
            db.session.remove()
    return "in"


def all_at_once(email: str, threads: int) -> list[str]:
    """One process: an application and connections of its own."""
    app = create_app()
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda number: guess(app, email, number), range(threads)))


def main() -> None:
    email, processes, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    # Forked before anything is made, so that only what was imported is shared.
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        answers = pool.starmap(all_at_once, [(email, threads)] * processes, chunksize=1)
    sys.stdout.write(f"answers {' '.join(answer for some in answers for answer in some)}\n")


if __name__ == "__main__":
    main()
