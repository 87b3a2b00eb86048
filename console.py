"""How the commands end and print: one line on stderr and exit 1, or text, or one JSON document on stdout."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click
from flask import has_app_context
from flask.cli import AppGroup
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from extensions import db, reading
from services.errors import AirhornError

#: what both databases say when a table or a column is not there
NOT_MIGRATED = ("no such table", "no such column", "UndefinedTable", "UndefinedColumn")
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


class Command(click.Command):
    """Ends with one line and exit 1 for everything that a person can put right; exit 2 is for misused options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.MissingParameter:
            raise
        except click.BadParameter as error:
            # The option is known, its value is not good: no lecture on usage.
            raise _one_line(error.format_message()) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AirhornError as error:
            raise _one_line(str(error)) from None
        except (OperationalError, ProgrammingError) as error:
            raise _one_line(_database_trouble(error)) from None
        finally:
            if has_app_context():
                db.session.rollback()


class Group(AppGroup):
    """A group whose commands end as Command says."""

    command_class = Command


def changes(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were used. Exit 2 when none was: then nothing was asked for."""
    used = {name: value for name, value in options.items() if value is not None}
    if not used:
        raise click.UsageError("Say what to change: give at least one option.")
    return used


def say(as_json: bool, document: Callable[[], dict[str, Any]], sentence: str | None = None) -> None:
    """Prints the document as JSON, or the sentence filled from it, or without one a line for each entry."""
    reading()
    found = document()
    if as_json:
        print_json(found)
    elif sentence is not None:
        click.echo(sentence.format(**found))
    else:
        for name, value in found.items():
            click.echo("\n".join(_lines(name, value)))


def print_json(document: Any) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, default=_plain))


def _lines(name: str, value: object) -> list[str]:
    """`name: value`; of a list one entry a line below it."""
    if isinstance(value, list) and value:
        return [f"{name}:", *(f"  {_words(entry)}" for entry in value)]
    return [f"{name}: {_words(value)}"]


def _words(value: object) -> str:
    """What stands in JSON, for reading: no quotes and brackets, a dash for what is not there."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(one)}" for name, one in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return "-" if value is None or value == [] else str(value)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _one_line(text: str) -> click.ClickException:
    return click.ClickException(" ".join(text.split()))


def _database_trouble(error: DBAPIError) -> str:
    words = f"{type(error.orig).__name__}: {error.orig}"
    if any(sign in words for sign in NOT_MIGRATED):
        return "The database is not up to date. Run: flask db upgrade"
    # Never the statement: it may hold a secret.
    return f"The database refused or cannot be reached. Look at DATABASE_URL. It said: {words[:300]}"
