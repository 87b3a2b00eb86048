"""The `flask …` commands. Thin: parse, one service call, print. Errors are one line on stderr and exit 1."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click
from flask import Flask, current_app

import commands_checks
import commands_drafts
import commands_ground
import commands_people
import commands_wallet
import commands_watch
from console import Command, Group, as_json, changes, print_json, say
from extensions import reading
from models import EpisodeGuide, Podcast
from services import episodes as episode_service
from services import podcasts as podcast_service
from services import sandbox as sandbox_service
from services import tweets as tweet_service
from services.by_hand import ANSWERS
from services.checks import email_address, instant
from services.errors import Invalid
from services.registry import get_services

podcasts = Group("podcasts", help="Shows, their channels and their hosts.")
episodes = Group("episodes", help="Planned shows.")
tweets = Group("tweets", help="What each host wants said.")
scheduler = Group("scheduler", help="Looking and posting, by hand or in the foreground.")
sandbox = Group("sandbox", help="The stand-ins for YouTube and X.")


def init_app(app: Flask) -> None:
    """Registers every group with the application's command line."""
    for group in (podcasts, episodes, tweets, scheduler, sandbox):
        app.cli.add_command(group)
    app.cli.add_command(batch)
    commands_people.init_app(app)
    commands_watch.add_to(scheduler)
    commands_ground.init_app(app)
    commands_wallet.init_app(app)
    commands_drafts.init_app(app)
    commands_checks.init_app(app)


@click.command("batch", cls=Command)
def batch() -> None:
    """Run the commands on standard input, one JSON list of arguments a line, and pay for one start only."""
    for line in sys.stdin:
        try:
            arguments = [str(argument) for argument in json.loads(line)]
        except (ValueError, TypeError):
            raise Invalid("Each line must be a JSON list of arguments.") from None
        current_app.cli.main(arguments, prog_name="flask", standalone_mode=False)


# Podcasts


@podcasts.command("create")
@click.argument("name")
@click.option("--owner", "owner_email", required=True, metavar="EMAIL", help="Becomes its first admin.")
@click.option("--channel", metavar="ID|URL|@HANDLE", help="The YouTube channel it streams on.")
@click.option("--timezone", metavar="ZONE", help="Such as Europe/Berlin; UTC if not given.")
@as_json
def podcasts_create(name: str, as_json: bool, **given: Any) -> None:
    """Make a podcast."""
    podcast = podcast_service.create_podcast(name, **given)
    say(as_json, lambda: _podcast(podcast), "{name} is podcast {slug}.")


@podcasts.command("set")
@click.argument("slug")
@click.option("--channel", metavar="ID|URL|@HANDLE", help="The YouTube channel it streams on.")
@click.option("--title-filter", metavar="TEXT", help="Only streams with this in their title are this podcast's.")
@click.option("--no-title-filter", is_flag=True, help="Every stream of the channel is this podcast's.")
@click.option("--auto-create/--no-auto-create", default=None, help="Make an episode for a stream that matches none.")
@as_json
def podcasts_set(slug: str, as_json: bool, no_title_filter: bool, **given: Any) -> None:
    """Change a podcast."""
    if no_title_filter and given["title_filter"] is not None:
        raise click.UsageError("Give --title-filter or --no-title-filter, not both.")
    if no_title_filter:
        given["title_filter"] = ""
    wanted = changes(given)
    podcast = podcast_service.set_podcast(slug, **wanted | {"title_filter": None} if no_title_filter else wanted)
    say(as_json, lambda: _podcast(podcast), "{name} is saved.")


@podcasts.command("add-host")
@click.argument("slug")
@click.argument("email")
@click.option("--role", type=click.Choice(["admin", "contributor"]), default="contributor", show_default=True)
@as_json
def podcasts_add_host(slug: str, email: str, role: str, as_json: bool) -> None:
    """Put a user on a podcast."""
    member = podcast_service.add_host(slug, email, role)
    say(as_json, lambda: _host(slug, email) | {"role": member.role}, "{email} is on {podcast} as {role}.")


@podcasts.command("remove-host")
@click.argument("slug")
@click.argument("email")
@as_json
def podcasts_remove_host(slug: str, email: str, as_json: bool) -> None:
    """Take a user off a podcast; what is not under way yet is not posted."""
    podcast_service.remove_host(slug, email, now=_now())
    say(as_json, lambda: _host(slug, email), "{email} is no longer on {podcast}.")


@podcasts.command("match")
@click.argument("slug")
@click.argument("video")
@click.argument("episode_id", type=int)
@as_json
def podcasts_match(slug: str, video: str, episode_id: int, as_json: bool) -> None:
    """Say which episode an unmatched stream is; in time, it is announced at once."""
    podcast_service.match_broadcast(slug, video, episode_id, now=_now())
    say(as_json, lambda: {"podcast": slug, "video": video, "episode": episode_id}, "{video} is episode {episode}.")


def _host(slug: str, email: str) -> dict[str, Any]:
    return {"podcast": slug, "email": email_address(email)}


def _podcast(podcast: Podcast) -> dict[str, Any]:
    return {
        "id": podcast.id,
        "slug": podcast.slug,
        "name": podcast.name,
        "timezone": podcast.timezone,
        "channel": podcast.youtube_channel_id,
        "title_filter": podcast.title_filter if podcast.title_filter_on else None,
        "auto_create": podcast.auto_create_episodes,
    }


# Episodes and texts


@episodes.command("create")
@click.argument("slug")
@click.argument("title")
@click.option("--at", metavar="ISO8601", help="The planned start with its offset: 2030-01-31T20:00+01:00.")
@click.option("--video", metavar="ID|URL", help="The YouTube video that will be live.")
@click.option("--number", type=int, help="Of the episode.")
@click.option("--guest", "guests", multiple=True, metavar="NAME", help="May be given several times.")
@as_json
def episodes_create(slug: str, title: str, at: str | None, as_json: bool, **given: Any) -> None:
    """Plan an episode and make a text for each host."""
    planned = instant("the time", at) if at is not None else None
    episode = episode_service.create_episode(slug, title, at=planned, now=_now(), **given)
    say(as_json, lambda: _episode(slug, episode), "“{title}” is episode {id}.")


def _episode(slug: str, episode: EpisodeGuide) -> dict[str, Any]:
    return {
        "id": episode.id,
        "podcast": slug,
        "title": episode.title,
        "number": episode.number,
        "guests": episode.guests,
        "scheduled_at": episode.scheduled_at,
        "video_id": episode.video_id,
    }


@tweets.command("set")
@click.argument("slug")
@click.argument("episode_id", type=int)
@click.argument("email")
@click.option("--text", help="The host's own words; empty for those of the templates.")
@click.option("--on/--off", "enabled", default=None, help="Whether this host's post is sent.")
@click.option("--link/--no-link", "include_link", default=None, help="Whether the link to the stream is added.")
@as_json
def tweets_set(slug: str, episode_id: int, email: str, as_json: bool, **given: Any) -> None:
    """Change what one host wants said."""
    message = tweet_service.set_tweet(slug, episode_id, email, now=_now(), **changes(given))
    say(as_json, lambda: {"email": email_address(email), "message": message}, "{message}")


@tweets.command("list")
@click.argument("slug")
@click.argument("episode_id", type=int)
@as_json
def tweets_list(slug: str, episode_id: int, as_json: bool) -> None:
    """Show every host's text, state and post."""
    reading()
    rows = [asdict(row) for row in tweet_service.list_tweets(slug, episode_id)]
    line = "{email}  {state}  {text!r}{after}"
    if as_json:
        print_json(rows)
    for row in rows if not as_json else ():
        after = "".join(f"  {row[name]}" for name in ("post_url", "error") if row[name])
        click.echo(line.format(after=after, **row))


@tweets.command("post-now")
@click.argument("slug")
@click.argument("episode_id", type=int)
@click.argument("email")
@click.option("--without-link", is_flag=True, help="Also when there is no link yet.")
@as_json
def tweets_post_now(slug: str, episode_id: int, email: str, without_link: bool, as_json: bool) -> None:
    """Send one host's post at once; the start will not announce this host again."""
    tweet_service.post_now(slug, episode_id, email, now=_now(), without_link=without_link)
    _say_row(slug, episode_id, email, as_json)


@tweets.command("resolve")
@click.argument("slug")
@click.argument("episode_id", type=int)
@click.argument("email")
@click.argument("answer", type=click.Choice(ANSWERS))
@as_json
def tweets_resolve(slug: str, episode_id: int, email: str, answer: str, as_json: bool) -> None:
    """Say what became of an unconfirmed post: it is there, post it again, or leave it."""
    message = tweet_service.resolve(slug, episode_id, email, answer, now=_now())
    say(as_json, lambda: {"email": email_address(email), "message": message}, "{message}")


def _say_row(slug: str, episode_id: int, email: str, as_json: bool) -> None:
    address = email_address(email)
    row = next(row for row in tweet_service.list_tweets(slug, episode_id) if row.email == address)
    say(as_json, lambda: asdict(row), "{email}: {status}.")


# Scheduler


@scheduler.command("tick")
@as_json
def scheduler_tick(as_json: bool) -> None:
    """One check-and-post cycle, here and now."""
    summary = get_services().scheduler.tick(_now())
    say(as_json, lambda: summary)


@scheduler.command("run")
@as_json
def scheduler_run(as_json: bool) -> None:
    """All jobs in the foreground until SIGTERM; the call in flight is finished."""
    get_services().scheduler.run()
    say(as_json, lambda: {"stopped_at": _now()}, "Stopped.")


# Sandbox


@sandbox.command("go-live")
@click.argument("slug", required=False)
@as_json
def sandbox_go_live(slug: str | None, as_json: bool) -> None:
    """Start a stream of the podcast at the stand-in."""
    answer = sandbox_service.go_live(slug)
    say(as_json, lambda: answer, "{podcast} is live: {url}")


@sandbox.command("end")
@click.argument("slug", required=False)
@as_json
def sandbox_end(slug: str | None, as_json: bool) -> None:
    """End the podcast's streams at the stand-in."""
    answer = sandbox_service.end(slug)
    say(as_json, lambda: answer, "{podcast} is off the air.")


def _now() -> datetime:
    return datetime.now(UTC)
