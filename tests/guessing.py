"""One process that guesses at a password with all its threads at once: `python -m tests.guessing EMAIL THREADS`."""

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


def main() -> None:
    app, email, threads = create_app(), sys.argv[1], int(sys.argv[2])
    with ThreadPoolExecutor(threads) as pool:
        answers = list(pool.map(lambda number: guess(app, email, number), range(threads)))
    sys.stdout.write(f"answers {' '.join(answers)}\n")


if __name__ == "__main__":
    main()
