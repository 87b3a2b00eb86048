"""What X shows of posts, sums by host and week, and what people put aside

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BY_AGE = "ix_posts_podcast_id_created_at"
BY_AGE_COLUMNS = ["podcast_id", "created_at", "id"]


def upgrade() -> None:
    _index_posts()
    # Columns without a default, or with a constant one, change no row: the lock is held for a moment only.
    op.add_column("posts", sa.Column("metrics_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("posts", sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("podcasts", sa.Column("reads_metrics", sa.Boolean(), server_default=sa.true(), nullable=False))
    _snapshots()
    _weeks()
    _dismissals()


def _index_posts() -> None:
    """First of all, since it ends the transaction: whatever fails, the whole migration can be run again.

    On PostgreSQL nobody who posts has to wait for it.
    """
    if op.get_bind().dialect.name != "postgresql":
        op.create_index(BY_AGE, "posts", BY_AGE_COLUMNS)
        return
    with op.get_context().autocommit_block():
        # It waits for those who use the table, who go on meanwhile; so it may wait longer than what locks them out.
        op.execute("SET statement_timeout = 0")
        op.execute("SET lock_timeout = '5min'")
        try:
            # One that was broken off is left behind, and is of no use.
            op.drop_index(BY_AGE, "posts", if_exists=True, postgresql_concurrently=True)
            op.create_index(BY_AGE, "posts", BY_AGE_COLUMNS, postgresql_concurrently=True)
        finally:
            op.execute("RESET statement_timeout")
            op.execute("RESET lock_timeout")


def _count(name: str, kind: type[sa.Integer] = sa.BigInteger) -> "sa.Column[int]":
    return sa.Column(name, kind(), server_default=sa.text("0"), nullable=False)


def _snapshots() -> None:
    counts = ["impressions", "likes", "reposts", "replies", "quotes", "bookmarks"]
    op.create_table(
        "post_snapshots",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *(_count(name) for name in counts),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_post_snapshots_post_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post_snapshots")),
        sa.UniqueConstraint("post_id", "step", name=op.f("uq_post_snapshots_post_id_step")),
    )
    for name, columns, part in (
        ("ix_post_snapshots_latest", ["post_id", *counts], "step = 0"),
        ("ix_post_snapshots_at", ["at"], "step > 0"),
    ):
        where = sa.text(part)
        op.create_index(name, "post_snapshots", columns, sqlite_where=where, postgresql_where=where)


def _weeks() -> None:
    counts = ("announcements", "posted", "failed", "timed", "on_time", "own", "draft", "template", "measured")
    op.create_table(
        "host_weeks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("podcast_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        *(_count(name, sa.Integer) for name in counts),
        *(_count(name) for name in ("impressions", "engagements", "spend")),
        sa.Column("median", sa.Integer(), nullable=True),
        sa.Column("p95", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["podcast_id"], ["podcasts.id"], name=op.f("fk_host_weeks_podcast_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_host_weeks_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_host_weeks")),
        sa.UniqueConstraint("podcast_id", "user_id", "week", name=op.f("uq_host_weeks_podcast_id_user_id_week")),
    )
    op.create_index("ix_host_weeks_podcast_id_week", "host_weeks", ["podcast_id", "week"])
    op.create_index("ix_host_weeks_user_id", "host_weeks", ["user_id"])
    op.create_index("ix_host_weeks_week", "host_weeks", ["week"])


def _dismissals() -> None:
    op.create_table(
        "dismissals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("podcast_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("item", sa.String(length=120), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_dismissals_actor_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["podcast_id"], ["podcasts.id"], name=op.f("fk_dismissals_podcast_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_dismissals_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dismissals")),
        sqlite_autoincrement=True,
    )
    for name, columns, part in (
        ("uq_dismissals_podcast_id_item", ["podcast_id", "item"], "user_id IS NULL"),
        ("uq_dismissals_podcast_id_user_id_item", ["podcast_id", "user_id", "item"], "user_id IS NOT NULL"),
    ):
        where = sa.text(part)
        op.create_index(name, "dismissals", columns, unique=True, sqlite_where=where, postgresql_where=where)
    op.create_index("ix_dismissals_user_id", "dismissals", ["user_id"])


def downgrade() -> None:
    for table in ("dismissals", "host_weeks", "post_snapshots"):
        op.drop_table(table)
    op.drop_column("podcasts", "reads_metrics")
    op.drop_index(BY_AGE, "posts")
    op.drop_column("posts", "gone_at")
    op.drop_column("posts", "metrics_due_at")
