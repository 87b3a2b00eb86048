"""Push subscriptions, notices, the signal of each start, and which database this is

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "installations",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("instance_id", sa.String(length=32), nullable=False),
        sa.Column("system_id", sa.String(length=32), server_default="", nullable=False),
        sa.Column("timeline_id", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("quarantined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cause", sa.String(length=32), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_installations_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installations")),
    )
    op.create_table(
        "push_subscriptions",
        sa.Column("channel_id", sa.String(length=24), nullable=False),
        sa.Column("path", sa.String(length=64), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), server_default="wanted", nullable=False),
        sa.Column("next_ask_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("callback", sa.String(length=500), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error_cause", sa.String(length=32), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("last_push_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pushes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looks_day", sa.Date(), nullable=True),
        sa.Column("looks", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "state IN ('wanted', 'asked', 'active', 'denied', 'leaving')", name=op.f("ck_push_subscriptions_state")
        ),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_push_subscriptions")),
        sa.UniqueConstraint("path", name=op.f("uq_push_subscriptions_path")),
    )
    op.create_index("ix_push_subscriptions_next_ask_at", "push_subscriptions", ["next_ask_at"])
    _notices()
    op.add_column("broadcasts", sa.Column("live_signal", sa.String(length=16), server_default="", nullable=False))
    op.add_column("broadcasts", sa.Column("live_signal_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("job_runs", sa.Column("seconds_behind", sa.Integer(), nullable=True))
    op.add_column("podcasts", sa.Column("is_first", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("posts", sa.Column("is_quarantined", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("quota_days", sa.Column("refusals", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("quota_days", sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("youtube_channels", sa.Column("pushed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_broadcasts_live_seen_at", "broadcasts", ["live_seen_at"])
    op.create_index(
        "ix_posts_created_at",
        "posts",
        ["created_at"],
        sqlite_where=sa.text("status IN ('unknown', 'review', 'failed', 'missed')"),
        postgresql_where=sa.text("status IN ('unknown', 'review', 'failed', 'missed')"),
    )


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("level", sa.String(length=16), server_default="info", nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("podcast_id", sa.Integer(), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.Column("link", sa.String(length=200), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("level IN ('info', 'needs_you')", name=op.f("ck_notices_level")),
        sa.ForeignKeyConstraint(
            ["podcast_id"], ["podcasts.id"], name=op.f("fk_notices_podcast_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_notices_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index("ix_notices_user_id_at", "notices", ["user_id", sa.text("at DESC")])
    op.create_index("ix_notices_podcast_id", "notices", ["podcast_id"])
    op.create_index("uq_notices_key_user_id", "notices", ["key", "user_id"], unique=True)
    op.create_index(
        "ix_notices_user_id_unread",
        "notices",
        ["user_id"],
        sqlite_where=sa.text("read_at IS NULL"),
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.create_table(
        "notice_addresses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("network", sa.String(length=16), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("everything", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("is_broken", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("last_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "network IN ('email', 'discord', 'slack', 'telegram')", name=op.f("ck_notice_addresses_network")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_notice_addresses_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_addresses")),
    )
    op.create_index("uq_notice_addresses_user_id_network", "notice_addresses", ["user_id", "network"], unique=True)
    op.create_table(
        "notice_sendings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("address_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="queued", nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("status IN ('queued', 'sending', 'sent', 'failed')", name=op.f("ck_notice_sendings_status")),
        sa.ForeignKeyConstraint(
            ["address_id"], ["notice_addresses.id"], name=op.f("fk_notice_sendings_address_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notices.id"], name=op.f("fk_notice_sendings_notice_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_sendings")),
    )
    op.create_index("ix_notice_sendings_address_id", "notice_sendings", ["address_id"])
    op.create_index(
        "ix_notice_sendings_not_before",
        "notice_sendings",
        ["not_before"],
        sqlite_where=sa.text("status = 'queued'"),
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(
        "uq_notice_sendings_notice_id_address_id", "notice_sendings", ["notice_id", "address_id"], unique=True
    )


def downgrade() -> None:
    op.drop_index("ix_posts_created_at", "posts")
    op.drop_index("ix_broadcasts_live_seen_at", "broadcasts")
    for table, column in (
        ("youtube_channels", "pushed_at"),
        ("quota_days", "retry_at"),
        ("quota_days", "refusals"),
        ("posts", "is_quarantined"),
        ("podcasts", "is_first"),
        ("job_runs", "seconds_behind"),
        ("broadcasts", "live_signal_at"),
        ("broadcasts", "live_signal"),
    ):
        op.drop_column(table, column)
    for table in ("notice_sendings", "notice_addresses", "notices", "push_subscriptions", "installations"):
        op.drop_table(table)
