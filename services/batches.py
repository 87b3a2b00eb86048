"""Taking many rows away in small steps, so that nobody waits for long. Knows no table."""

from typing import Any

from sqlalchemy import ColumnElement, delete, inspect, select

from extensions import db, reading

#: rows of one step: some milliseconds of the only write lock that SQLite has
AT_ONCE = 1_000


def take_away(model: type[Any], *which: ColumnElement[bool], most: int = AT_ONCE) -> int:
    """Deletes all of these, `most` in a transaction; what another process takes meanwhile is gone as well.

    Returns how many. Looks first, so that a run with nothing to do takes no write lock.
    """
    (key,) = inspect(model).primary_key
    gone = 0
    while True:
        reading()
        keys = list(db.session.execute(select(key).where(*which).limit(most)).scalars())
        db.session.rollback()
        if not keys:
            return gone
        # Said again: a row may have become another one meanwhile.
        db.session.execute(delete(model).where(key.in_(keys), *which), execution_options={"synchronize_session": False})
        db.session.commit()
        gone += len(keys)
