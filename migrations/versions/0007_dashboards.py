"""How often a podcast's numbers changed, who wants them by mail every week, and what a draft may cost

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "figures_versions",
        sa.Column("podcast_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("podcast_id", name="pk_figures_versions"),
    )
    # A column with a constant default changes no row: the lock is held for a moment only.
    op.add_column("podcast_members", sa.Column("weekly_mail", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("draft_wishes", sa.Column("cap", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("draft_wishes", "cap")
    op.drop_column("podcast_members", "weekly_mail")
    op.drop_table("figures_versions")
