"""People and safety: sessions, links that work once, second steps, the audit log, rehearsals

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

#: what has been written down is neither changed nor taken away
SQLITE_GUARD = """
CREATE TRIGGER audit_events_no_{what} BEFORE {WHAT} ON audit_events
BEGIN SELECT RAISE(ABORT, 'audit_events is append-only'); END
"""
POSTGRESQL_GUARD = """
CREATE FUNCTION audit_events_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'audit_events is append-only'; END $$;
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse();
"""


def upgrade() -> None:
    _audit()
    op.create_table(
        "sign_in_throttles",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_throttles")),
    )
    op.create_index("ix_sign_in_throttles_last_at", "sign_in_throttles", ["last_at"])
    op.create_table(
        "token_revocations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_revocations")),
    )
    op.create_index("ix_token_revocations_next_try_at", "token_revocations", ["next_try_at"])
    _links()
    _sessions()
    _rehearsals()
    op.add_column(
        "episode_guides", sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "episode_tweet_configs", sa.Column("announce_again", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column(
        "podcasts", sa.Column("calendar_epoch", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("users", sa.Column("totp_secret", sa.LargeBinary(), nullable=True))
    op.add_column("users", sa.Column("totp_on", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("users", sa.Column("totp_last_step", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.drop_column("users", "session_epoch")


def _audit() -> None:
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("subject_id", sa.Integer(), nullable=True),
        sa.Column("podcast_id", sa.Integer(), nullable=True),
        sa.Column("address", sa.String(length=45), server_default="", nullable=False),
        sa.Column("detail", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index("ix_audit_events_at", "audit_events", [sa.text("at DESC")])
    op.create_index("ix_audit_events_podcast_id_at", "audit_events", ["podcast_id", sa.text("at DESC")])
    op.create_index("ix_audit_events_actor_id_at", "audit_events", ["actor_id", sa.text("at DESC")])
    if op.get_bind().dialect.name == "sqlite":
        for what in ("update", "delete"):
            op.execute(SQLITE_GUARD.format(what=what, WHAT=what.upper()))
    else:
        op.execute(POSTGRESQL_GUARD)


def _links() -> None:
    op.create_table(
        "one_time_links",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("podcast_id", sa.Integer(), nullable=True),
        sa.Column("email", sa.String(length=254), server_default="", nullable=False),
        sa.Column("role", sa.String(length=16), nullable=True),
        sa.Column("made_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('first_admin', 'invitation', 'password')", name=op.f("ck_one_time_links_purpose")
        ),
        sa.CheckConstraint("role IN ('admin', 'contributor')", name=op.f("ck_one_time_links_role")),
        sa.ForeignKeyConstraint(
            ["made_by"], ["users.id"], name=op.f("fk_one_time_links_made_by"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["podcast_id"], ["podcasts.id"], name=op.f("fk_one_time_links_podcast_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_one_time_links_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_one_time_links_token_hash")),
    )
    op.create_index("ix_one_time_links_podcast_id", "one_time_links", ["podcast_id"])
    op.create_index("ix_one_time_links_user_id", "one_time_links", ["user_id"])
    waiting = sa.text("purpose = 'first_admin' AND used_at IS NULL")
    op.create_index(
        "uq_one_time_links_first_admin",
        "one_time_links",
        ["purpose"],
        unique=True,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def _sessions() -> None:
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_recovery_codes_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
    )
    op.create_index("ix_recovery_codes_user_id", "recovery_codes", ["user_id"])
    op.create_table(
        "user_sessions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agent", sa.String(length=200), server_default="", nullable=False),
        sa.Column("address", sa.String(length=45), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_sessions_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_user_sessions_token_hash")),
    )
    op.create_index("ix_user_sessions_user_id", "user_sessions", ["user_id"])
    op.create_table(
        "oauth_flows",
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.Integer(), nullable=False),
        sa.Column("platform", sa.String(length=16), server_default="x", nullable=False),
        sa.Column("verifier", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["user_sessions.id"], name=op.f("fk_oauth_flows_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_oauth_flows")),
    )
    op.create_index("ix_oauth_flows_session_id", "oauth_flows", ["session_id"])


def _rehearsals() -> None:
    op.create_table(
        "rehearsals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("podcast_id", sa.Integer(), nullable=False),
        sa.Column("episode_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("is_passed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("trouble", sa.String(length=500), server_default="", nullable=False),
        sa.Column("results", sa.JSON(), server_default=sa.text("'[]'"), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_rehearsals_actor_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["episode_id"], ["episode_guides.id"], name=op.f("fk_rehearsals_episode_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["podcast_id"], ["podcasts.id"], name=op.f("fk_rehearsals_podcast_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rehearsals")),
    )
    op.create_index("ix_rehearsals_podcast_id_at", "rehearsals", ["podcast_id", "at"])
    op.create_index("ix_rehearsals_episode_id", "rehearsals", ["episode_id"])


def downgrade() -> None:
    op.add_column("users", sa.Column("session_epoch", sa.Integer(), server_default=sa.text("0"), nullable=False))
    for column in ("totp_last_step", "totp_on", "totp_secret"):
        op.drop_column("users", column)
    op.drop_column("podcasts", "calendar_epoch")
    op.drop_column("episode_tweet_configs", "announce_again")
    op.drop_column("episode_guides", "version")
    for table in ("rehearsals", "oauth_flows", "user_sessions", "recovery_codes", "one_time_links"):
        op.drop_table(table)
    for table in ("token_revocations", "sign_in_throttles", "audit_events"):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION audit_events_refuse()")
