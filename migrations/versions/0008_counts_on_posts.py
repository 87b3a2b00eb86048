"""The newest counts of a post, and whether it has a link, stand with the post; all posts are listed by indexes

Revision ID: 0008
Revises: 0007
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from services.tweet_text import has_link

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS = (
    ("has_link", sa.Boolean(), {"server_default": sa.false(), "nullable": False}),
    ("impressions", sa.BigInteger(), {"nullable": True}),
    ("engagements", sa.BigInteger(), {"nullable": True}),
    ("counted_at", sa.DateTime(timezone=True), {"nullable": True}),
)
#: posts whose rows are locked at once
BATCH = 5_000
BY_AGE = ("ix_post_snapshots_at", "post_snapshots", ["at"])
_FILTERED = ["podcast_id", "has_link", "text_source", "trigger", "user_id", "created_at"]
#: (name, columns, the part of the table): made when the columns are filled
ON_POSTS = (
    ("ix_posts_host_name", ["host_name", "id", "podcast_id"], "id > 0"),
    ("ix_posts_status", ["status", "id", *_FILTERED], "id > 0"),
    ("ix_posts_cause", ["cause", "podcast_id", "id"], "cause IS NOT NULL AND id > 0"),
)
#: the row that had the newest counts until now
LATEST = 0
_COUNTED = """
    UPDATE posts SET impressions = newest.impressions, counted_at = newest.at,
        engagements = newest.likes + newest.reposts + newest.replies + newest.quotes + newest.bookmarks
    FROM post_snapshots AS newest
    WHERE newest.post_id = posts.id AND newest.step = :step AND posts.id > :after AND posts.id <= :last
"""
# What the engagements were made of is not known any more when the other rows are too old to be kept. Some are there:
# written during an update, by a process that did not know of it yet.
_BACK = sa.text("""
    INSERT INTO post_snapshots (post_id, step, at, impressions, likes)
    SELECT id, :step, counted_at, impressions, engagements FROM posts WHERE impressions IS NOT NULL
    ON CONFLICT (post_id, step) DO UPDATE SET at = excluded.at, impressions = excluded.impressions,
        likes = excluded.likes, reposts = 0, replies = 0, quotes = 0, bookmarks = 0
    WHERE post_snapshots.at < excluded.at
""")
_TEXTS = sa.text("SELECT id, text FROM posts WHERE id > :after AND id <= :last AND NOT has_link AND text LIKE '%.%'")
_HAS_LINK = sa.text("UPDATE posts SET has_link = true WHERE id IN :ids").bindparams(sa.bindparam("ids", expanding=True))


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        for name, kind, more in COLUMNS:
            op.add_column("posts", sa.Column(name, kind, **more))
        _fill()
        op.drop_index("ix_post_snapshots_at", "post_snapshots")
        op.drop_index("ix_post_snapshots_latest", "post_snapshots")
        op.create_index(*BY_AGE)
        for name, columns, part in ON_POSTS:
            op.create_index(name, "posts", columns, sqlite_where=sa.text(part))
        return
    # Whatever fails, all of it can be run again; nobody who posts waits for more than a moment, nor for many posts.
    for name, kind, more in COLUMNS:
        op.add_column("posts", sa.Column(name, kind, **more), if_not_exists=True)
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")
        op.execute("SET lock_timeout = '5min'")
        try:
            _fill()
            for name in ("ix_post_snapshots_at", "ix_post_snapshots_latest"):
                op.drop_index(name, "post_snapshots", if_exists=True, postgresql_concurrently=True)
            op.create_index(*BY_AGE, postgresql_concurrently=True)
            for name, columns, part in ON_POSTS:
                # One that was broken off is left behind, and is of no use.
                op.drop_index(name, "posts", if_exists=True, postgresql_concurrently=True)
                op.create_index(name, "posts", columns, postgresql_where=sa.text(part), postgresql_concurrently=True)
        finally:
            op.execute("RESET statement_timeout")
            op.execute("RESET lock_timeout")


def _fill() -> None:
    bind = op.get_bind()
    for edges in _batches(bind):
        bind.execute(sa.text(_COUNTED), {**edges, "step": LATEST})
        linked = [row.id for row in bind.execute(_TEXTS, edges) if has_link(row.text)]
        if linked:
            bind.execute(_HAS_LINK, {"ids": linked})
    bind.execute(sa.text("DELETE FROM post_snapshots WHERE step = :step"), {"step": LATEST})


def _batches(bind: sa.Connection) -> Iterator[dict[str, int]]:
    highest = bind.execute(sa.text("SELECT max(id) FROM posts")).scalar() or 0
    for after in range(0, highest, BATCH):
        yield {"after": after, "last": after + BATCH}


def downgrade() -> None:
    op.execute(_BACK.bindparams(step=LATEST))
    op.drop_index("ix_post_snapshots_at", "post_snapshots")
    counts = ["impressions", "likes", "reposts", "replies", "quotes", "bookmarks"]
    for name, columns, part in (
        ("ix_post_snapshots_latest", ["post_id", *counts], "step = 0"),
        ("ix_post_snapshots_at", ["at"], "step > 0"),
    ):
        where = sa.text(part)
        op.create_index(name, "post_snapshots", columns, sqlite_where=where, postgresql_where=where)
    for name, _, _ in ON_POSTS:
        op.drop_index(name, "posts")
    for name, _, _ in COLUMNS:
        op.drop_column("posts", name)
