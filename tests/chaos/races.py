"""`python -m tests.chaos.races --interleavings 10000`: eight races between real processes, each so often.

Prints a table and writes benchmarks/results/races.json. Exit 1 when one of them ended wrongly.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.report import Report
from services.money import DOLLAR
from tests.chaos.arena import HOSTS, Arena, arena
from tests.chaos.bed import bed
from tests.chaos.forker import Forker

#: the share of the interleavings on each database: SQLite lets only one write at a time
SHARES = {"postgresql": 0.8, "sqlite": 0.2}
NOT_SENT = "Switched off. The post that was waiting is not sent."
TOO_LATE = {
    "refused: This post is already being sent and can no longer be changed.",
    "refused: This post is already out. Change or delete it on X.",
}
#: items between two looks at what came of them
ROUND = 500
SECONDS = 120.0
#: posts that come due at once
BATCH = 12

Counts = Counter[str]


def switch_off_against_send(ground: Arena, items: int) -> Counts:
    """Two processes send, a third switches off: who reads that nothing is sent has none at X, the others have one."""
    counts: Counts = Counter()
    ground.new_x()
    configs = [id for episode in ground.episodes(-(-items // HOSTS)) for id in episode][:items]
    ground.queue(configs, after=3600)
    batches = [configs[n : n + BATCH] for n in range(0, len(configs), BATCH)]
    sending = [
        {"race": "release and send", "items": batches, "threads": 1, "is_first": is_first} for is_first in (1, 0)
    ]
    outs = ground.race(*sending, {"race": "switch off", "items": batches, "threads": 4})
    answers = dict(answer for seat in outs[-1].values() for batch in seat for answer in batch)
    arrived = Counter(entry.json()["text"] for entry in ground.x.asked("POST", "/2/tweets"))
    for post in ground.posts(configs):
        said, sent = answers[post.config_id], arrived[post.text]
        is_off = said == NOT_SENT and (post.status, post.cause, sent) == ("cancelled", "switched_off", 0)
        is_out = said in TOO_LATE and (post.status, sent) == ("posted", 1)
        counts["stopped" if is_off else "too late" if is_out else "wrong"] += 1
    counts["wrong"] += len(configs) - sum(counts.values())
    return counts


def double_post_now(ground: Arena, items: int) -> Counts:
    """Four click for the same host at once: one post is made, three read why not."""
    counts: Counts = Counter()
    configs = [id for episode in ground.episodes(-(-items // HOSTS)) for id in episode][:items]
    clicking = {"race": "post now", "items": configs, "threads": 2}
    seats = [said for out in ground.race(clicking, clicking) for said in out.values()]
    made = Counter(post.config_id for post in ground.posts(configs))
    for n, config_id in enumerate(configs):
        answers = [seat[n] for seat in seats]
        refused = sum(said.startswith("refused: ") for said in answers)
        is_right = (made[config_id], refused, len(answers)) == (1, 3, 4)
        counts["one of four" if is_right else "wrong"] += 1
    return counts


def post_now_against_start(ground: Arena, items: int) -> Counts:
    """The start is announced while two click for its hosts: one post for each host, whoever made it."""
    counts: Counts = Counter()
    episodes = ground.episodes(-(-items // HOSTS))
    broadcasts = ground.broadcasts(episodes)
    shows = [{"broadcast": id, "configs": configs} for id, configs in zip(broadcasts, episodes, strict=True)]
    work = {"race": "start or post now", "items": shows}
    ground.race({**work, "threads": 1}, {**work, "threads": 2})
    configs = [id for episode in episodes for id in episode]
    posts = ground.posts(configs)
    made = Counter(post.config_id for post in posts)
    by = {post.config_id: f"by {'the start' if post.trigger == 'live' else 'a click'}" for post in posts}
    for config_id in configs:
        counts[by[config_id] if made[config_id] == 1 else "wrong"] += 1
    return counts


def claim_by_four(ground: Arena, items: int) -> Counts:
    """Four processes drain one outbox: each post is sent once."""
    counts: Counts = Counter()
    ground.new_x()
    configs = [id for episode in ground.episodes(-(-items // HOSTS)) for id in episode][:items]
    ground.queue(configs)
    ground.race(*[{"race": "drain", "seconds": SECONDS}] * 4)
    sent = Counter(entry.json()["text"] for entry in ground.x.asked("POST", "/2/tweets"))
    for post in ground.posts(configs):
        counts["sent once" if (post.status, sent[post.text]) == ("posted", 1) else "wrong"] += 1
    counts["wrong"] += len(configs) - sum(counts.values())
    return counts


def one_key_by_four(ground: Arena, items: int) -> Counts:
    """Four put a post with the same key into the outbox at once: there is one, and it is sent once."""
    counts: Counts = Counter()
    ground.new_x()
    rows = [ground.row(f"same:{ground.made}:{n}", n) for n in range(items)]
    ground.made += 1
    queueing = {"race": "queue", "items": rows, "threads": 2}
    seats = [made for out in ground.race(queueing, queueing) for made in out.values()]
    ground.race({"race": "drain", "seconds": SECONDS})
    arrived = Counter(entry.json()["text"] for entry in ground.x.asked("POST", "/2/tweets"))
    for n, row in enumerate(rows):
        took = sum(seat[n] for seat in seats)
        counts["one of four" if (took, arrived[row["text"]]) == (1, 1) else "wrong"] += 1
    return counts


def refresh_by_many(ground: Arena, items: int) -> Counts:
    """Eight threads in each of two processes find the same pair stale: X is asked once, and the account stays."""
    counts: Counts = Counter()
    while counts.total() < items:
        ground.new_x()
        ids = ground.stale()[: items - counts.total()]
        work = {"race": "refresh", "items": ids, "threads": 8}
        seats = [said for out in ground.race(work, work) for said in out.values()]
        asked = len(ground.x.asked("POST", "/2/oauth2/token"))
        rows = {one.id: one for one in ground.connections()}
        for n, id in enumerate(ids):
            one = rows[id]
            took = sum(seat[n] for seat in seats)
            is_right = (took, one.trouble, one.refresh_state) == (1, None, "idle")
            counts["renewed once" if is_right else "wrong"] += 1
        counts["wrong"] += asked != len(ids)
    return counts


def whole_balance_by_two(ground: Arena, items: int) -> Counts:
    """Two processes want all that is in a wallet with a limit: one gets it, and nothing is left."""
    counts: Counts = Counter()
    wallets = ground.wallets(items, DOLLAR)
    spending = {"race": "spend", "items": list(wallets), "threads": 1, "cost": DOLLAR}
    seats = [said for out in ground.race(spending, spending) for said in out.values()]
    left = ground.balances(wallets.values())
    for n, wallet_id in enumerate(wallets.values()):
        spent, answers = sum(seat[n] == "spent" for seat in seats), len(seats)
        counts["one of two" if (spent, answers, left[wallet_id]) == (1, 2, (0, 0)) else "wrong"] += 1
    counts["wrong"] += len(ground.race({"race": "check wallets"})[0]["differences"])
    return counts


def one_wallet_by_four(ground: Arena, items: int) -> Counts:
    """Four spend, fill and transfer at once: the wallets never go below zero, and every entry is in the balance."""
    counts: Counts = Counter()
    [(podcast_id, wallet_id)] = ground.wallets(1, 100 * DOLLAR).items()
    moving = {"race": "move money", "items": list(range(items)), "threads": 2, "cost": 20 * DOLLAR}
    moving |= {"podcast": podcast_id, "host": ground.join(podcast_id)}
    seats = [said for out in ground.race(moving, moving) for said in out.values()]
    balance, held = ground.balances([wallet_id])[wallet_id]
    counts["at once"] += min(len(seat) for seat in seats)
    counts["wrong"] += balance < 0 or held != 0
    counts["wrong"] += len(ground.race({"race": "check wallets"})[0]["differences"])
    return counts


RACES: dict[str, Callable[[Arena, int], Counts]] = {
    "switch-off against send": switch_off_against_send,
    "double post-now": double_post_now,
    "post-now against start": post_now_against_start,
    "one key by 4 threads in 2 processes": one_key_by_four,
    "claim by 4 processes": claim_by_four,
    "token refresh, 8 threads in 2 processes": refresh_by_many,
    "a whole balance by 2 processes": whole_balance_by_two,
    "one wallet by 4 threads in 2 processes": one_wallet_by_four,
}


def hold(name: str, ground: Arena, items: int) -> Counts:
    """One race, in rounds."""
    counts: Counts = Counter()
    while counts.total() < items:
        counts += RACES[name](ground, min(ROUND, items - counts.total()))
    return counts


def row_of(name: str, engine: str, counts: Counts, seconds: float) -> dict[str, Any]:
    ways = ", ".join(f"{way} {count}" for way, count in sorted(counts.items()) if way != "wrong")
    total = counts.total()
    return {
        "race": name,
        "database": engine,
        "interleavings": total,
        "wrong": counts["wrong"],
        "ended": ways,
        "seconds": round(seconds, 1),
    }


def race_all(interleavings: int, names: Sequence[str], seed: int) -> list[dict[str, Any]]:
    rows = []
    with bed(tuple(SHARES), is_empty=True) as made, Forker() as forker:
        for engine, share in SHARES.items():
            with arena(made, forker, engine, seed) as ground:
                for name in names:
                    begun = time.monotonic()
                    counts = hold(name, ground, round(interleavings * share))
                    rows.append(row_of(name, engine, counts, time.monotonic() - begun))
                    sys.stderr.write(f"{rows[-1]}\n")
    return rows


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.chaos.races")
    options.add_argument("--interleavings", type=int, default=10_000, help="of each race, over both databases")
    options.add_argument("--only", default="", help="only races whose name holds this")
    options.add_argument("--seed", type=int, default=2026)
    chosen = options.parse_args()
    names = [name for name in RACES if chosen.only in name]
    report = Report("races", f"Races between processes, seed {chosen.seed}")
    report.rows += race_all(chosen.interleavings, names, chosen.seed)
    for name in names:
        mine = [row for row in report.rows if row["race"] == name]
        report.at_least(f"{name}, interleavings", sum(row["interleavings"] for row in mine), chosen.interleavings)
        report.at_most(f"{name}, wrong", sum(row["wrong"] for row in mine), 0)
    return 1 if report.finish().missed else 0


if __name__ == "__main__":
    sys.exit(main())
