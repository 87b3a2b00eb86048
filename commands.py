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
import commands_wallet
import commands_watch
from console import Command, Group, print_json, say
from extensions import reading
from models import EpisodeGuide, Podcast, User
from services import episodes as episode_service
from services import first_admin, password_links
from services import podcasts as podcast_service
from services import sandbox as sandbox_service
from services import tweets as tweet_service
from services import users as user_service
from services.audit import NOBODY
from services.by_hand import ANSWERS
from services.checks import email_address, instant
from services.errors import Invalid
from services.passwords import LONGEST
from services.registry import get_services

users = Group("users", help="People who sign in or are posted for.")
podcasts = Group("podcasts", help="Shows, their channels and their hosts.")
episodes = Group("episodes", help="Planned shows.")
tweets = Group("tweets", help="What each host wants said.")
connections = Group("connections", help="Hosts' logins at X.")
scheduler = Group("scheduler", help="Looking and posting, by hand or in the foreground.")
sandbox = Group("sandbox", help="The stand-ins for YouTube and X.")
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


def init_app(app: Flask) -> None:
    """Registers every group with the application's command line."""
    for group in (users, podcasts, episodes, tweets, connections, scheduler, sandbox):
        app.cli.add_command(group)
    app.cli.add_command(batch)
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


# People


@users.command("create")
@click.argument("email")
@click.option("--name", required=True, help="As the other hosts know this person.")
@click.option("--admin", is_flag=True, help="May manage every podcast and the server.")
@click.option("--never-repost", is_flag=True, help="A post whose fate is unknown is never sent again by itself.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
@as_json
def users_create(email: str, as_json: bool, password_stdin: bool, **given: Any) -> None:
    """Make a user."""
    password = _password() if password_stdin else None
    user = user_service.create_user(email, given.pop("name"), password=password, now=_now(), **given)
    say(as_json, lambda: _user(user), "{name} <{email}> is user {id}.")


@users.command("set")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read a new password from the first line of standard input.")
@click.option("--never-repost/--may-repost", "never_repost", default=None, help="Strict mode for this person's posts.")
@click.option("--on/--off", "active", default=None, help="Whether this person may sign in and is posted for.")
@as_json
def users_set(email: str, as_json: bool, password_stdin: bool, **given: Any) -> None:
    """Change a user."""
    password = {"password": _password()} if password_stdin else {}
    user = user_service.set_user(email, now=_now(), **_changes(given | password))
    say(as_json, lambda: _user(user), "{name} <{email}> is changed.")


@users.command("link")
@click.argument("email")
@as_json
def users_link(email: str, as_json: bool) -> None:
    """Print a link to a new password, to be handed over; it works once, for an hour."""
    link = password_links.make_for(user_service.find_user(email), NOBODY, _now())
    say(as_json, lambda: {"email": email_address(email), "link": link}, "{link}")


@users.command("first-link")
@as_json
def users_first_link(as_json: bool) -> None:
    """Print a link to the first account; it works once, for an hour, while there is no account."""
    link = first_admin.offer_again(_now())
    say(as_json, lambda: {"link": link}, "{link}")


def _password() -> str:
    line = sys.stdin.buffer.readline(8 * LONGEST).rstrip(b"\r\n")
    if not line:
        raise Invalid("No password came on standard input.")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise Invalid("The password on standard input is not UTF-8.") from None


def _user(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "admin": user.is_admin,
        "never_repost": user.never_repost,
        "active": user.is_active,
        "has_password": user.password_hash is not None,
    }


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
    changes = _changes(given)
    podcast = podcast_service.set_podcast(slug, **changes | {"title_filter": None} if no_title_filter else changes)
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
    message = tweet_service.set_tweet(slug, episode_id, email, now=_now(), **_changes(given))
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


# Connections


@connections.command("import-x")
@click.argument("email")
@click.option("--access-token", required=True)
@click.option("--refresh-token", required=True)
@click.option("--expires-at", metavar="ISO8601", help="When the access token ends, if you know.")
@as_json
def connections_import_x(email: str, expires_at: str | None, as_json: bool, **tokens: Any) -> None:
    """Connect a host with tokens from elsewhere; X is asked whose they are."""
    ends = instant("the time", expires_at) if expires_at is not None else None
    email, (access, refresh) = email_address(email), (tokens["access_token"], tokens["refresh_token"])
    found = get_services().connections.import_x(email, access, refresh, ends, _now())
    say(
        as_json,
        lambda: {"email": email, "username": found.username, "x_user_id": found.platform_user_id},
        "{email} posts as @{username}.",
    )


@connections.command("reseal")
@as_json
def connections_reseal(as_json: bool) -> None:
    """Seal every stored token anew with the first key of TOKEN_ENCRYPTION_KEYS."""
    count = get_services().tokens.reseal()
    say(as_json, lambda: {"resealed": count}, "{resealed} connections are sealed with the first key.")


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


# What was typed


def _now() -> datetime:
    return datetime.now(UTC)


def _changes(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were used. Exit 2 when none was: then nothing was asked for."""
    used = {name: value for name, value in options.items() if value is not None}
    if not used:
        raise click.UsageError("Say what to change: give at least one option.")
    return used
