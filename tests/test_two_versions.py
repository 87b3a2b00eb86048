"""Two versions at once, as during an update: what a revision adds never stops the code that does not know it."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import MetaData, Table, inspect

from app import create_app
from extensions import db
from tests.conftest import settings_for
from tests.test_migrations import REVISIONS, fill

#: the first revision that anybody has worked with; the one before was changed at will
FIRST = "0002"
#: table → column → what the database says of it
Columns = dict[str, dict[str, Any]]


@pytest.fixture
def bare_app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    app = create_app(settings_for(database_url, tmp_path))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def columns() -> Columns:
    inspector = inspect(db.engine)
    names = set(inspector.get_table_names()) - {"alembic_version"}
    return {name: {one["name"]: one for one in inspector.get_columns(name)} for name in names}


def at_each_revision() -> list[Columns]:
    """From the first to the newest; the database is empty then."""
    flask_migrate.downgrade(revision="base")
    found = []
    for revision in REVISIONS[REVISIONS.index(FIRST) :]:
        flask_migrate.upgrade(revision=revision)
        found.append(columns())
    return found


def in_the_way(before: Columns, after: Columns) -> list[str]:
    """What the code of the revision before would stumble over."""
    found = [f"{table} is gone" for table in before.keys() - after.keys()]
    for table in before.keys() & after.keys():
        old, new = before[table], after[table]
        found += [f"{table}.{name} is gone" for name in old.keys() - new.keys()]
        for name in old.keys() & new.keys():
            if str(old[name]["type"]) != str(new[name]["type"]) or (
                old[name]["nullable"] and not new[name]["nullable"]
            ):
                found.append(f"{table}.{name} takes less than before")
        for name in new.keys() - old.keys():
            if not new[name]["nullable"] and new[name]["default"] is None:
                found.append(f"{table}.{name} has to be given")
    return found


def test_no_revision_takes_away_or_asks_for_what_the_code_before_it_uses(bare_app: Flask) -> None:
    steps = at_each_revision()
    assert len(steps) > 1
    assert [wrong for before, after in pairwise(steps) for wrong in in_the_way(before, after)] == []


def test_what_would_be_in_the_way_is_seen() -> None:
    plain = {"type": "INTEGER", "nullable": True, "default": None}
    before = {"a": {"x": plain, "y": plain}, "b": {"x": plain}}
    after = {"a": {"x": plain | {"nullable": False}, "z": plain | {"nullable": False}}}
    assert len(in_the_way(before, after)) == 4


def rows() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, as plain values."""
    found = {}
    for table in reflected():
        found[table.name] = [dict(row._mapping) for row in db.session.execute(table.select())]
    db.session.rollback()
    return found


def reflected() -> list[Table]:
    known = MetaData()
    known.reflect(db.engine)
    return [table for table in known.sorted_tables if table.name != "alembic_version"]


@pytest.mark.slow
def test_rows_as_every_earlier_version_writes_them_are_taken_by_the_newest_schema(bare_app: Flask) -> None:
    fill()
    written = rows()
    steps = at_each_revision()
    for known in steps[:-1]:
        tables = reflected()
        for table in (found for found in reversed(tables) if "price" in found.name):  # they came with the schema
            db.session.execute(table.delete())
        for table in tables:
            if table.name not in known:
                continue
            for row in written[table.name]:
                db.session.execute(table.insert().values({c: row[c] for c in known[table.name]}))
        db.session.rollback()
