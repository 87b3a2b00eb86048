"""A flood of requests at a steady rate, from a process of its own: `Flooder` starts it; as a module it is that process.

Each request has a connection of its own, as a proxy makes it that keeps none open.
"""

import asyncio
import base64
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from benchmarks.stand_ins import Pipe

#: how often a share of a second's requests is sent, in seconds
TICK = 0.02
#: requests under way; more are not begun, and count as not sent
MOST = 400
PATIENCE = 10.0


class Flooder(Pipe):
    def __init__(self) -> None:
        super().__init__("benchmarks.flooder")

    def begin(self, port: int, rate: int, seconds: float, requests: Sequence[bytes]) -> None:
        """Sends them in turns, `rate` a second for so long; returns at once."""
        encoded = [base64.b64encode(one).decode() for one in requests]
        self._ask("flood", port=port, rate=rate, seconds=seconds, requests=encoded)

    def done(self) -> dict[str, Any]:
        """Waits for the end. `sent`, `answered` and `statuses`: how many; `seconds` from the first to the last."""
        found: dict[str, Any] = self._ask("done")
        return found


async def ask(port: int, request: bytes) -> str:
    """The status, or what went wrong."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        head = await reader.readline()
        return head.split()[1].decode()
    finally:
        writer.close()


async def flood(port: int, rate: int, seconds: float, requests: list[bytes]) -> dict[str, Any]:
    counted: Counter[str] = Counter()
    running: set[asyncio.Task[None]] = set()
    skipped = begun = 0
    start = time.monotonic()

    async def one(number: int) -> None:
        try:
            counted[await asyncio.wait_for(ask(port, requests[number % len(requests)]), PATIENCE)] += 1
        except (OSError, TimeoutError, IndexError) as error:
            counted[type(error).__name__] += 1

    while (passed := time.monotonic() - start) < seconds:
        for number in range(begun, int(passed * rate)):
            begun = number + 1
            if len(running) >= MOST:
                skipped += 1
                continue
            task = asyncio.create_task(one(number))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.sleep(TICK)
    took = time.monotonic() - start
    if running:
        await asyncio.wait(running)
    answered = sum(number for status, number in counted.items() if status.isdigit())
    return {"sent": begun - skipped, "skipped": skipped, "answered": answered, "statuses": counted, "seconds": took}


def main() -> None:
    """ "flood" is answered at once and done then; "done" is answered with what came of it."""
    found: dict[str, Any] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        wanted = asked.pop("do")
        sys.stdout.write(json.dumps(found if wanted == "done" else None) + "\n")
        sys.stdout.flush()
        if wanted == "flood":
            asked["requests"] = [base64.b64decode(one) for one in asked["requests"]]
            found = asyncio.run(flood(**asked))


if __name__ == "__main__":
    main()
