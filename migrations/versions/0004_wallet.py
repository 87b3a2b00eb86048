"""Wallets, their entries, and the prices

Revision ID: 0004
Revises: 0003
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: what has been written down is neither changed nor taken away
SQLITE_GUARD = """
CREATE TRIGGER wallet_entries_no_{what} BEFORE {WHAT} ON wallet_entries
BEGIN SELECT RAISE(ABORT, 'wallet_entries is append-only'); END
"""
POSTGRESQL_GUARD = """
CREATE FUNCTION wallet_entries_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'wallet_entries is append-only'; END $$;
CREATE TRIGGER wallet_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON wallet_entries
FOR EACH STATEMENT EXECUTE FUNCTION wallet_entries_refuse();
"""

#: X: https://docs.x.com/x-api/getting-started/pricing, in force since this day
SINCE = datetime(2026, 4, 20, tzinfo=UTC)
MILLION = 1_000_000
#: micro-dollars for one
X_PRICES = {"x_post_link": 200_000, "x_post": 15_000, "x_read": 5_000, "x_user_read": 10_000, "x_delete": 10_000}
#: micro-dollars for a million tokens read and written, by model; "ai" is for all that are not named, at the dear end
AI_PRICES = {
    "ai": (3_000_000, 15_000_000),
    "ai:claude-haiku-4-5": (1_000_000, 5_000_000),
    "ai:claude-sonnet-4-5": (3_000_000, 15_000_000),
    "ai:gpt-5": (1_250_000, 10_000_000),
    "ai:gpt-5-mini": (250_000, 2_000_000),
    "ai:gpt-4o-mini": (150_000, 600_000),
}


def upgrade() -> None:
    _wallets()
    _entries()
    op.create_table(
        "price_lists",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_lists")),
        sa.UniqueConstraint("effective_at", name=op.f("uq_price_lists_effective_at")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "prices",
        sa.Column("price_list_id", sa.Integer(), nullable=False),
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("per", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("micros >= 0", name=op.f("ck_prices_micros")),
        sa.CheckConstraint("per > 0", name=op.f("ck_prices_per")),
        sa.ForeignKeyConstraint(
            ["price_list_id"], ["price_lists.id"], name=op.f("fk_prices_price_list_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("price_list_id", "item", name=op.f("pk_prices")),
    )
    _first_prices()


def _wallets() -> None:
    op.create_table(
        "wallets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=16), nullable=False),
        sa.Column("podcast_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("balance", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("held", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_limited", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("pays", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("stops_posts", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("allowance", sa.BigInteger(), nullable=True),
        sa.Column("budget", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("owner IN ('podcast', 'host')", name=op.f("ck_wallets_owner")),
        sa.CheckConstraint("owner = 'host' OR user_id IS NULL", name=op.f("ck_wallets_one_owner")),
        sa.CheckConstraint("held >= 0", name=op.f("ck_wallets_held")),
        sa.CheckConstraint("NOT is_limited OR balance >= held", name=op.f("ck_wallets_never_below_zero")),
        sa.CheckConstraint("allowance > 0", name=op.f("ck_wallets_allowance")),
        sa.CheckConstraint("budget > 0", name=op.f("ck_wallets_budget")),
        sa.ForeignKeyConstraint(
            ["podcast_id"], ["podcasts.id"], name=op.f("fk_wallets_podcast_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_wallets_user_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wallets")),
        sqlite_autoincrement=True,
    )
    for name, columns, owner in (
        ("uq_wallets_podcast_id", ["podcast_id"], "podcast"),
        ("uq_wallets_podcast_id_user_id", ["podcast_id", "user_id"], "host"),
    ):
        of_owner = sa.text(f"owner = '{owner}'")
        op.create_index(name, "wallets", columns, unique=True, sqlite_where=of_owner, postgresql_where=of_owner)
    op.create_index("ix_wallets_user_id", "wallets", ["user_id"])


def _entries() -> None:
    op.create_table(
        "wallet_entries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("wallet_id", sa.Integer(), nullable=False),
        sa.Column("podcast_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("held_after", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("item", sa.String(length=80), nullable=True),
        sa.Column("price_list_id", sa.Integer(), nullable=True),
        sa.Column("post_id", sa.Integer(), nullable=True),
        sa.Column("episode_id", sa.Integer(), nullable=True),
        sa.Column("draft_id", sa.Integer(), nullable=True),
        sa.Column("other_wallet_id", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(length=200), server_default="", nullable=False),
        sa.CheckConstraint(
            "kind IN ('top_up', 'allowance', 'reserve', 'charge', 'release', 'refund', 'transfer', 'adjust')",
            name=op.f("ck_wallet_entries_kind"),
        ),
        sa.CheckConstraint("cost = 0 OR kind IN ('charge', 'refund')", name=op.f("ck_wallet_entries_cost")),
        sa.ForeignKeyConstraint(["wallet_id"], ["wallets.id"], name=op.f("fk_wallet_entries_wallet_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wallet_entries")),
        sa.UniqueConstraint("key", name=op.f("uq_wallet_entries_key")),
    )
    op.create_index("ix_wallet_entries_wallet_id_id", "wallet_entries", ["wallet_id", "id"])
    op.create_index("ix_wallet_entries_podcast_id_id", "wallet_entries", ["podcast_id", "id"])
    of_month = ["podcast_id", "at", "user_id", "item", "cost", "held"]
    op.create_index("ix_wallet_entries_podcast_id_at", "wallet_entries", of_month)
    if op.get_bind().dialect.name == "sqlite":
        for what in ("update", "delete"):
            op.execute(SQLITE_GUARD.format(what=what, WHAT=what.upper()))
    else:
        op.execute(POSTGRESQL_GUARD)


def _first_prices() -> None:
    """The list that everybody starts with. Its id is the database's own, so that the next list gets the next one."""
    at = sa.DateTime(timezone=True)
    lists = sa.table("price_lists", sa.column("id"), sa.column("effective_at", at), sa.column("made_at", at))
    made = op.get_bind().execute(sa.insert(lists).values(effective_at=SINCE, made_at=SINCE).returning(lists.c.id))
    first = made.scalar_one()
    prices = sa.table("prices", *(sa.column(name) for name in ("price_list_id", "item", "micros", "per")))
    rows = [{"item": item, "micros": micros, "per": 1} for item, micros in X_PRICES.items()]
    for model, (read, written) in AI_PRICES.items():
        rows.append({"item": f"{model}:input", "micros": read, "per": MILLION})
        rows.append({"item": f"{model}:output", "micros": written, "per": MILLION})
    op.bulk_insert(prices, [row | {"price_list_id": first} for row in rows])


def downgrade() -> None:
    for table in ("prices", "price_lists", "wallet_entries", "wallets"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION wallet_entries_refuse()")
