"""Figure 3: one check of quiet channels, YouTube answering in 200 ms; and what hanging channels cost a live one.

Every size runs in a fresh process, so that its peak memory is its own. Run as a module it is such a process.
"""

import dataclasses
import json
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.bed import Databases, add_podcasts, add_shows, counting, running, wired
from benchmarks.report import HERE, Report
from benchmarks.stand_ins import StandIns
from services.clients.http import Http
from services.clients.youtube_feed import YouTubeFeed

SIZES = (1, 100, 1_000, 3_000)
KEYLESS = (1, 100, 1_000)
OLD_SIZES = (1, 100)
ANSWERS_IN = 0.2
#: a real feed shows the last 15 videos
VIDEOS = 15
HANGING = 40


def measure() -> Report:
    report = Report("quiet_check", f"One check of quiet channels, each answer after {ANSWERS_IN * 1000:.0f} ms")
    with StandIns() as stand_ins, Databases(("sqlite",)) as databases:
        found = {size: _checked(stand_ins, databases, size, key=True) for size in SIZES}
        report.rows += [{"with a key": size, **row} for size, row in found.items()]
        report.rows += [{"pages, no key": size, **_checked(stand_ins, databases, size, key=False)} for size in KEYLESS]
        report.rows += [_old_way(stand_ins, size) for size in OLD_SIZES]
        delay = _delay_by_hanging(stand_ins, databases)
    report.rows.append({"hanging in front of a live one": HANGING, "delay s": delay})
    report.at_most("1,000 channels: seconds", found[1_000]["second check s"], 8)
    report.at_most("3,000 channels: seconds", found[3_000]["second check s"], 25)
    growth = found[3_000]["second check s"] / found[1_000]["second check s"]
    report.at_most("3,000 channels take times as long as 1,000 (3 is linear, the rest is noise)", growth, 3.3)
    report.at_least("3,000 channels: looked at within the check", found[3_000]["looked at"], 3_000)
    report.at_most("3,000 channels: peak MB", found[3_000]["peak MB"], 220)
    report.at_most(
        "statements at 3,000 channels beyond those at 100", found[3_000]["statements"] - found[100]["statements"], 12
    )
    report.at_most(f"{HANGING} hanging channels delay a live one by seconds", delay, 1.5)
    return report.finish()


def _checked(stand_ins: StandIns, databases: Databases, size: int, *, key: bool) -> dict[str, Any]:
    """What a fresh process tells of its second check; the first one learns the old videos."""
    stand_ins.reset()
    stand_ins.latency(youtube=ANSWERS_IN)
    task = {
        "urls": [stand_ins.youtube_url, stand_ins.x_url],
        "database": databases.fresh("sqlite"),
        "folder": str(databases.folder),
        "channels": stand_ins.channels(size, videos=VIDEOS),
        "key": key,
    }
    command = [sys.executable, "-m", "benchmarks.quiet_check"]
    done = subprocess.run(
        command, input=json.dumps(task), capture_output=True, text=True, cwd=HERE.parent, timeout=300, check=True
    )
    return json.loads(done.stdout)


def worker(task: dict[str, Any]) -> dict[str, Any]:
    """Two checks of this process's own; peak memory covers both."""
    settings = wired(tuple(task["urls"]), task["database"], Path(task["folder"]), key=task["key"])
    start = datetime.now(UTC)
    with running(settings) as services:
        add_podcasts(task["channels"])
        first, _, _ = _one_check(services, start)
        second, summary, counted = _one_check(services, start + timedelta(seconds=180))
    assert summary["failed_looks"] == 0, summary
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "first check s": first,
        "second check s": second,
        "looked at": summary["channels"],
        "statements": counted.statements,
        "commits": counted.commits,
        "peak MB": peak,
    }


def _one_check(services: Any, now: datetime) -> tuple[float, dict[str, Any], Any]:
    begun = time.monotonic()
    with counting() as counted:
        summary = services.tweets.check_and_post_live_tweets(now)
    return time.monotonic() - begun, dataclasses.asdict(summary), counted


def _old_way(stand_ins: StandIns, size: int) -> dict[str, Any]:
    """One channel after the other over the same client, nothing stored."""
    stand_ins.reset()
    stand_ins.latency(youtube=ANSWERS_IN)
    feed = YouTubeFeed(Http(), stand_ins.youtube_url)
    channel_ids = stand_ins.channels(size, videos=VIDEOS)
    begun = time.monotonic()
    for channel_id in channel_ids:
        feed.entries(channel_id)
    return {"old way, one by one": size, "seconds": time.monotonic() - begun}


def _delay_by_hanging(stand_ins: StandIns, databases: Databases) -> float:
    """Seconds by which the post of a live channel is later when 40 channels before it do not answer."""
    return _live_among(stand_ins, databases, hang=60.0) - _live_among(stand_ins, databases, hang=0.0)


def _live_among(stand_ins: StandIns, databases: Databases, *, hang: float) -> float:
    """Seconds from the beginning of a check to the live channel's post, behind so many others."""
    stand_ins.reset()
    channel_ids = stand_ins.channels(HANGING + 1, videos=3)
    settings = wired((stand_ins.youtube_url, stand_ins.x_url), databases.fresh("sqlite"), databases.folder)
    with running(settings) as services:
        add_shows(services, stand_ins, channel_ids, 1)
        services.tweets.check_and_post_live_tweets()
        stand_ins.latency(youtube=ANSWERS_IN, x=0.3)
        stand_ins.hang(channel_ids[:-1], hang)
        stand_ins.go_live(channel_ids[-1:])
        begun = time.time()
        services.tweets.check_and_post_live_tweets(datetime.now(UTC) + timedelta(seconds=180))
        return stand_ins.posts()[0] - begun


if __name__ == "__main__":
    print(json.dumps(worker(json.load(sys.stdin))))
