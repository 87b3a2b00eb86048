"""Voices, drafts, and the drafts that are still to be written

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Columns with a constant default change no row: the lock is held for a moment only.
    op.add_column("podcasts", sa.Column("draft_rules", sa.Text(), server_default="", nullable=False))
    op.add_column("podcasts", sa.Column("similarity_limit", sa.Integer(), server_default=sa.text("60"), nullable=False))
    op.add_column("podcasts", sa.Column("allowed_words", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "voices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("tone", sa.Text(), server_default="", nullable=False),
        sa.Column("words_to_use", sa.Text(), server_default="", nullable=False),
        sa.Column("words_to_avoid", sa.Text(), server_default="", nullable=False),
        sa.Column("hashtags", sa.Text(), server_default="", nullable=False),
        sa.Column("emoji", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("examples", sa.JSON(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("needs_approval", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("unapproved", sa.String(length=16), server_default="template", nullable=False),
        sa.CheckConstraint("unapproved IN ('template', 'nothing')", name=op.f("ck_voices_unapproved")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_voices_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voices")),
        sa.UniqueConstraint("user_id", name=op.f("uq_voices_user_id")),
    )
    _drafts()
    _wishes()


def _drafts() -> None:
    op.create_table(
        "drafts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("config_id", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=True),
        sa.Column("wish", sa.String(length=16), server_default="new", nullable=False),
        sa.Column("writer", sa.String(length=80), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("prompt", sa.Text(), server_default="", nullable=False),
        sa.Column("fingerprint", sa.String(length=32), server_default="", nullable=False),
        sa.Column("tokens_read", sa.Integer(), nullable=True),
        sa.Column("tokens_written", sa.Integer(), nullable=True),
        sa.Column("cap", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.Column("rating_reason", sa.String(length=200), server_default="", nullable=False),
        sa.CheckConstraint(
            "status IN ('asked', 'accepted', 'rejected', 'failed', 'unknown')", name=op.f("ck_drafts_status")
        ),
        sa.CheckConstraint("wish IN ('new', 'shorter', 'other')", name=op.f("ck_drafts_wish")),
        sa.CheckConstraint("rating IN (-1, 1)", name=op.f("ck_drafts_rating")),
        sa.CheckConstraint("cost <= cap", name=op.f("ck_drafts_cost")),
        sa.ForeignKeyConstraint(["asked_by"], ["users.id"], name=op.f("fk_drafts_asked_by"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["config_id"], ["episode_tweet_configs.id"], name=op.f("fk_drafts_config_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drafts")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_drafts_config_id_id", "drafts", ["config_id", "id"])
    unpriced = sa.text("cost IS NULL")
    op.create_index("ix_drafts_made_at", "drafts", ["made_at"], sqlite_where=unpriced, postgresql_where=unpriced)


def _wishes() -> None:
    op.create_table(
        "draft_wishes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("config_id", sa.Integer(), nullable=False),
        sa.Column("batch", sa.String(length=36), server_default="", nullable=False),
        sa.Column("wish", sa.String(length=16), server_default="new", nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fingerprint", sa.String(length=32), server_default="", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token", sa.String(length=32), nullable=True),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=32), server_default="", nullable=False),
        sa.CheckConstraint("wish IN ('new', 'shorter', 'other')", name=op.f("ck_draft_wishes_wish")),
        sa.ForeignKeyConstraint(
            ["asked_by"], ["users.id"], name=op.f("fk_draft_wishes_asked_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["config_id"], ["episode_tweet_configs.id"], name=op.f("fk_draft_wishes_config_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft_wishes")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_draft_wishes_config_id_id", "draft_wishes", ["config_id", "id"])
    for name, columns, unique, part in (
        ("uq_draft_wishes_config_id", ["config_id"], True, "ended_at IS NULL"),
        ("ix_draft_wishes_not_before", ["not_before"], False, "ended_at IS NULL"),
        ("ix_draft_wishes_batch", ["batch"], False, "batch <> ''"),
    ):
        where = sa.text(part)
        op.create_index(name, "draft_wishes", columns, unique=unique, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for table in ("draft_wishes", "drafts", "voices"):
        op.drop_table(table)
    # One by one: a batch makes the table anew on SQLite, and dropping the old one takes along all that hangs on it.
    for column in ("allowed_words", "similarity_limit", "draft_rules"):
        op.drop_column("podcasts", column)
