"""`flask db upgrade` is killed in the middle, and run again: it comes to the end, and every row is still there."""

import signal
from typing import Any

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import column, inspect, select, table

from config import Settings
from extensions import db
from tests.kill.conftest import Zygote
from tests.test_migrations import REVISIONS, fill, schema

pytestmark = pytest.mark.slow


def columns() -> set[tuple[str, str]]:
    """(table, column) of all tables as they are now."""
    inspector = inspect(db.engine)
    names = set(inspector.get_table_names()) - {"alembic_version"}
    return {(name, one["name"]) for name in names for one in inspector.get_columns(name)}


def rows(asked: set[tuple[str, str]]) -> dict[str, list[str]]:
    """Every row of these columns, by table."""
    found = {}
    for name in sorted({name for name, _ in asked}):
        query = select(*(column(c) for t, c in sorted(asked) if t == name)).select_from(table(name))
        plain = [[bytes(v) if isinstance(v, memoryview) else v for v in row] for row in db.session.execute(query)]
        found[name] = sorted(map(repr, plain))
    db.session.remove()
    db.engine.dispose()
    return found


def migrate(zygote: Zygote, settings: Settings, **order: Any) -> int:
    """What a process that migrates ends with."""
    log = str(settings.instance_path / "migration.log")
    made = settings.model_dump(mode="json")
    pid = zygote.ask(do="start", settings=made, log=log, migrates=True, **order)
    ended: int = zygote.ask(do="wait", pid=pid, seconds=60)
    return ended


def test_an_upgrade_that_is_killed_anywhere_is_finished_by_the_next(
    app: Flask, zygote: Zygote, settings: Settings, engine_name: str
) -> None:
    whole, new = schema(engine_name), columns()
    fill()
    db.session.remove()
    flask_migrate.downgrade(revision=REVISIONS[0])
    kept = columns() & new
    before = rows(kept)
    assert all(before.values())
    for statements in range(20, 1000, 25):
        ended = migrate(zygote, settings, statements=statements)
        assert rows(kept) == before
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
    assert statements >= 70  # so it was killed twice
    assert schema(engine_name) == whole
