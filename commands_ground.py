"""The `flask db-restored` command: what a person says about the database itself."""

from dataclasses import asdict
from datetime import UTC, datetime

import click
from flask import Flask

from console import Command, say
from services import installation
from services.audit import NOBODY

RESTORED = (
    "Noted. {sessions} sessions and {links} links have ended. The {queued} queued posts, and streams that started "
    "before now, are looked up first. See the system page; “flask db-restored --done” ends it."
)


def init_app(app: Flask) -> None:
    app.cli.add_command(db_restored)


@click.command("db-restored", cls=Command)
@click.option("--done", is_flag=True, help="All is well: end the quarantine.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def db_restored(done: bool, as_json: bool) -> None:
    """Say that the database was restored: nothing that may be out already is posted again."""
    now = datetime.now(UTC)
    if done:
        installation.release(NOBODY, now)
        say(as_json, lambda: {"released_at": now}, "The quarantine has ended. What is queued goes out as ever.")
        return
    voided = installation.declare_restored(NOBODY, now)
    say(as_json, lambda: asdict(voided) | {"quarantined_at": now}, RESTORED)
