"""PostgreSQL: a server works as a role that may change rows and nothing else."""

import uuid

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from benchmarks.scratch import execute
from extensions import db

GRANTS = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    # What was done stays written down.
    "REVOKE UPDATE, DELETE ON audit_events, wallet_entries FROM {role}",
)


@pytest.fixture
def engine_name():
    return "postgresql"


@pytest.fixture
def settings(settings, database_url):
    """The same database, as a role of its own."""
    role = f"r{uuid.uuid4().hex[:12]}"
    owner = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    execute(owner, f"CREATE ROLE {role} LOGIN PASSWORD 'p'")
    for grant in GRANTS:
        execute(owner, grant.format(role=role))
    as_role = make_url(settings.database_url).set(username=role, password="p").render_as_string(hide_password=False)
    yield settings.model_copy(update={"database_url": as_role})
    execute(owner, f"REASSIGN OWNED BY {role} TO CURRENT_USER")
    execute(owner, f"DROP OWNED BY {role}")
    execute(owner, f"DROP ROLE {role}")


def test_a_show_goes_out_without_any_right_to_change_tables(app, cast):
    show = cast.show(hosts=("ada", "bo"))
    cast.episode(show)
    cast.go_live(show)
    cast.check()
    assert len(cast.timeline("ada")) == len(cast.timeline("bo")) == 1
    assert {post.status for post in cast.posts()} == {"posted"}


@pytest.mark.parametrize(
    "statement",
    [
        *("DROP TABLE posts", "ALTER TABLE posts ADD COLUMN x int", "CREATE TABLE x (id int)", "TRUNCATE posts"),
        *(
            "CREATE ROLE x",
            "DELETE FROM audit_events",
            "UPDATE audit_events SET kind = 'x'",
            "DROP SCHEMA public CASCADE",
        ),
        "COPY posts TO '/tmp/posts'",
    ],
)
def test_more_than_rows_it_cannot_change(app, statement):
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner|must be superuser"):
        db.session.execute(text(statement))
    db.session.rollback()
