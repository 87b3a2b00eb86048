"""How often numbers changed, who wants them by mail, what a draft may cost, and indexes for counting posts

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


#: (name, table, columns, the part of the table)
INDEXES = (
    ("ix_posts_podcast_id_status_id", "posts", ["podcast_id", "status", "id"], None),
    ("ix_posts_video_id", "posts", ["video_id"], "video_id IS NOT NULL"),
    ("ix_post_attempts_accepted", "post_attempts", ["post_id", "started_at"], "outcome = 'accepted'"),
    ("ix_episode_guides_scheduled_at", "episode_guides", ["scheduled_at"], "scheduled_at IS NOT NULL"),
    ("ix_broadcasts_open", "broadcasts", ["actual_start_at"], "closed_at IS NULL"),
    ("ix_notices_at", "notices", ["at"], None),
    ("ix_drafts_asked", "drafts", ["made_at"], "status = 'asked'"),
    ("ix_draft_wishes_ended_at", "draft_wishes", ["ended_at"], "ended_at IS NOT NULL"),
    ("ix_wallet_entries_held_drafts", "wallet_entries", ["wallet_id", "at"], "kind = 'reserve' AND draft_id IS NOT NULL"),
)


def upgrade() -> None:
    _index()
    op.create_table(
        "figures_versions",
        sa.Column("podcast_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("podcast_id", name="pk_figures_versions"),
    )
    # A column with a constant default changes no row: the lock is held for a moment only.
    op.add_column("podcast_members", sa.Column("weekly_mail", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("draft_wishes", sa.Column("cap", sa.BigInteger(), nullable=True))


def _index() -> None:
    """First of all, since it ends the transaction: whatever fails, the whole migration can be run again.

    On PostgreSQL nobody who posts has to wait for it.
    """
    if op.get_bind().dialect.name != "postgresql":
        for name, table, columns, part in INDEXES:
            op.create_index(name, table, columns, sqlite_where=sa.text(part) if part else None)
        return
    with op.get_context().autocommit_block():
        # It waits for those who use the table, who go on meanwhile; so it may wait longer than what locks them out.
        op.execute("SET statement_timeout = 0")
        op.execute("SET lock_timeout = '5min'")
        try:
            for name, table, columns, part in INDEXES:
                where = sa.text(part) if part else None
                # One that was broken off is left behind, and is of no use.
                op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
                op.create_index(name, table, columns, postgresql_where=where, postgresql_concurrently=True)
        finally:
            op.execute("RESET statement_timeout")
            op.execute("RESET lock_timeout")


def downgrade() -> None:
    op.drop_column("draft_wishes", "cap")
    op.drop_column("podcast_members", "weekly_mail")
    op.drop_table("figures_versions")
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table)
