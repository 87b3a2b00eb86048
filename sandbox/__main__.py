"""`python -m sandbox --port P [--demo] [--seed N] [--state FILE] [--airhorn URL]`: the stand-ins on a loopback port."""

import argparse
import secrets
import signal
import sys
import threading
from pathlib import Path

from sandbox.control import Sandbox


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="YouTube and X, on this machine only.")
    parser.add_argument("--port", type=int, required=True, help="the loopback port; 0 takes a free one")
    parser.add_argument("--demo", action="store_true", help="begin with a channel and three people")
    parser.add_argument("--seed", type=int, help="makes ids, tokens and chance the same in every run")
    parser.add_argument("--state", type=Path, metavar="FILE", help="keep the world in this file over restarts")
    parser.add_argument("--airhorn", metavar="URL", help="where Airhorn is, for a link back")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Serves until SIGTERM or SIGINT. Exit 1 with one line on stderr when that cannot begin."""
    chosen = parse(arguments)
    seed = secrets.randbits(32) if chosen.seed is None else chosen.seed
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    try:
        sandbox = Sandbox(seed=seed, demo=chosen.demo, state_file=chosen.state, airhorn=chosen.airhorn)
        sandbox.start(chosen.port)
    except (ValueError, OSError, OverflowError) as error:
        sys.stderr.write(f"The sandbox cannot start: {error}\n")
        return 1
    sys.stdout.write(f"Sandbox on {sandbox.url}/\n")
    sys.stdout.flush()
    over.wait()
    sandbox.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
