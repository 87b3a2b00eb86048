"""`python -m tests.chaos.faults`: one in a hundred of X's answers is spoiled; how many posts need a person?

Times of earnest, default mode, SQLite. Prints a table and writes benchmarks/results/faults.json.
"""

import argparse
import sys
import time
from collections import Counter

from benchmarks.report import Report
from sandbox.standin import Fault
from tests.chaos.arena import HOSTS, Arena, arena
from tests.chaos.bed import bed
from tests.chaos.forker import Forker

PATH = "^/2/tweets$"
#: half of them stored the post, half did not
MISHAPS = (
    Fault(method="POST", path=PATH, status=503, stored=True),
    Fault(method="POST", path=PATH, status=503),
    Fault(method="POST", path=PATH, hang_up="after"),
    Fault(method="POST", path=PATH, hang_up="before", reset=True),
)
SECONDS = 900.0


def send(ground: Arena, posts: int, share: float) -> Counter[str]:
    """How many ended how; doubles and lies are counted as wrong."""
    episodes = ground.episodes(-(-posts // HOSTS))
    ground.broadcasts(episodes)
    configs = [id for episode in episodes for id in episode][:posts]
    ground.queue(configs, live=True)
    ground.x.chance, ground.x.mishaps = share, list(MISHAPS)
    ground.race({"race": "work", "seconds": SECONDS})
    counts: Counter[str] = Counter()
    stored = Counter((post.account_id, post.text) for post in ground.x.posts.values())
    for post in ground.posts(configs):
        at_x = stored[post.platform_user_id, post.text]
        counts[post.status] += 1
        counts["spoiled"] += post.lookups > 0 or post.attempts > 1
        counts["wrong"] += at_x > 1 or (post.status == "posted") != bool(at_x)
    return counts


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.chaos.faults")
    options.add_argument("--posts", type=int, default=4_000)
    options.add_argument("--share", type=float, default=0.01)
    chosen = options.parse_args()
    report = Report("faults", f"Posts that need a person when {chosen.share:.0%} of X's answers are spoiled")
    begun = time.monotonic()
    with bed(("sqlite",), is_empty=True) as made, Forker() as forker, arena(made, forker, "sqlite", 7) as ground:
        counts = send(ground, chosen.posts, chosen.share)
    review = 100 * counts["review"] / chosen.posts
    report.rows.append({"posts": chosen.posts, **counts, "seconds": round(time.monotonic() - begun, 1)})
    report.at_most("in review, %", review, 0.5)
    report.at_most("double or said wrongly", counts["wrong"], 0)
    report.at_least("spoiled answers", counts["spoiled"], chosen.posts * chosen.share / 4)
    return 1 if report.finish().missed else 0


if __name__ == "__main__":
    sys.exit(main())
