"""`flask scheduler status`, `plan` and `stats`: how it goes, what is watched today, and how long starts took."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click
from flask import current_app

from console import Command, Group, as_json, print_json, say
from extensions import reading
from services import receipts
from services.durations import duration
from services.quota import PACIFIC
from services.receipts import Spread, Stats
from services.registry import get_services
from services.tonight import Planned, Tonight, tonight


def add_to(group: Group) -> None:
    """Adds the commands to `flask scheduler`."""
    group.add_command(status)
    group.add_command(plan)
    group.add_command(stats)


@click.command("status", cls=Command)
@as_json
def status(as_json: bool) -> None:
    """Who looks, and what the jobs last did."""
    found = get_services().scheduler.status(datetime.now(UTC))
    say(as_json, lambda: found if as_json else found | {"jobs": [_job(run) for run in found["jobs"]]})


@click.command("plan", cls=Command)
@as_json
def plan(as_json: bool) -> None:
    """The day's plan: known starts, how each is watched, whether it would be noticed, and the units that takes."""
    reading()
    found = tonight(current_app.config["SETTINGS"], datetime.now(UTC))
    if as_json:
        print_json(_plan(found))
        return
    for line in _lines(found):
        click.echo(line)


@click.command("stats", cls=Command)
@click.option("--since", metavar="DATE", help="A day, or a time with its offset; 30 days before the end if not given.")
@click.option("--until", metavar="DATE", help="Now, if not given.")
@as_json
def stats(since: str | None, until: str | None, as_json: bool) -> None:
    """How long starts took, from going live to the last post: half, 95 % and all of them at most."""
    reading()
    begin, end = receipts.period(since, until, datetime.now(UTC))
    each = receipts.receipts(begin, end)
    found = receipts.summed(each, begin, end)
    if as_json:
        print_json(receipts.as_json(found, each))
        return
    for line in _figures(found):
        click.echo(line)


# The jobs


def _job(run: dict[str, Any]) -> str:
    at = datetime.fromisoformat(run["finished_at"] or run["started_at"]).isoformat(timespec="seconds")
    said = f"failed at {at}: {run['error']}" if run["error"] else f"ended at {at}"
    said = said if run["finished_at"] else f"running since {at}"
    return f"{run['what']} ({run['job']}) in {run['process']}: {said}"


# The plan


def _lines(found: Tonight) -> Iterator[str]:
    yield found.sentence
    yield _units(found)
    yield found.ways.planned
    yield found.ways.unplanned
    yield from found.ways.slower
    for show in found.shows:
        yield _show(show)


def _units(found: Tonight) -> str:
    state = found.state
    if state.spent is None:
        return "There is no API key, so no units are spent."
    planned = state.foreseen
    here, there = state.resets_at.astimezone(), state.resets_at.astimezone(PACIFIC)
    return (
        f"Units today: {state.spent.total} of {state.of} spent, {planned.total} planned "
        f"({planned.starts} for starts, {planned.lists} for lists, {planned.rest} for the rest), {state.left} left. "
        f"They begin anew at {here:%Y-%m-%d %H:%M %Z}, which is {there:%H:%M %Z}."
    )


def _show(show: Planned) -> str:
    start, begin = show.at.astimezone(), show.watched_from.astimezone()
    return (
        f"{show.light.word:<13}  {start:%a %H:%M %Z}  {show.podcast.name}: {show.title}  "
        f"(watched from {begin:%H:%M}, every {duration(show.step)}, at most {show.units} units, "
        f"by {receipts.LOOKS[show.signal]})  {show.light.note}"
    )


def _plan(found: Tonight) -> dict[str, Any]:
    state = found.state
    units = None
    if state.spent is not None:
        units = {
            "of": state.of,
            "spent": state.spent.total,
            "planned": asdict(state.foreseen) | {"total": state.foreseen.total},
            "left": state.left,
            "used_up": state.spent.exhausted,
            "asked_again_at": state.spent.retry_at,
            "resets_at": state.resets_at.astimezone(),
            "resets_at_pacific": state.resets_at.astimezone(PACIFIC),
        }
    return {
        "summary": found.sentence,
        "units": units,
        "planned_starts": found.ways.planned,
        "unplanned_starts": found.ways.unplanned,
        "slower_because": found.ways.slower,
        "shows": [_of_show(show) for show in found.shows],
    }


def _of_show(show: Planned) -> dict[str, Any]:
    return {
        "at": show.at,
        "podcast": show.podcast.slug,
        "title": show.title,
        "video": show.video_id or None,
        "channel": show.channel or None,
        "episode": show.episode_id,
        "watched_from": show.watched_from,
        "every_seconds": show.step.total_seconds(),
        "units": show.units,
        "signal": show.signal,
        "verdict": show.light.word,
        "why": show.light.note,
    }


# The figures


def _figures(found: Stats) -> Iterator[str]:
    starts = "1 start" if found.starts == 1 else f"{found.starts} starts"
    yield (
        f"{found.since:%Y-%m-%d %H:%M} to {found.until:%Y-%m-%d %H:%M} UTC: {starts}, "
        f"{found.posted} of {found.posts} posts out."
    )
    for signal, count in found.by_signal.items():
        yield f"{count} found by {receipts.LOOKS.get(signal, signal)}."
    yield _spread("From start to last post", found.to_last)
    yield _spread("From start to seen", found.to_confirmed)
    yield _spread("From seen to last post", found.from_confirmed)


def _spread(what: str, one: Spread) -> str:
    if one.p50 is None or one.p95 is None or one.worst is None:
        return f"{what}: nothing to measure."
    return f"{what}: half within {duration(one.p50)}, 95 % within {duration(one.p95)}, the worst {duration(one.worst)}."
