"""`flask users …` and `flask connections …`: people, and their logins at X."""

import sys
from datetime import UTC, datetime
from typing import Any

import click
from flask import Flask

from console import Group, as_json, changes, say
from models import User
from services import first_admin, password_links
from services import users as user_service
from services.audit import NOBODY
from services.checks import email_address, instant
from services.errors import Invalid
from services.passwords import LONGEST
from services.registry import get_services

users = Group("users", help="People who sign in or are posted for.")
connections = Group("connections", help="Hosts' logins at X.")


def init_app(app: Flask) -> None:
    """Registers both groups with the application's command line."""
    app.cli.add_command(users)
    app.cli.add_command(connections)


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
    user = user_service.set_user(email, now=_now(), **changes(given | password))
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


def _now() -> datetime:
    return datetime.now(UTC)
