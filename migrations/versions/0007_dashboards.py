"""How often a podcast's numbers changed, and who wants them by mail every week

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
    # Columns with a constant default change no row: the lock is held for a moment only.
    op.add_column("podcasts", sa.Column("figures_version", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("podcast_members", sa.Column("weekly_mail", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("podcast_members", "weekly_mail")
    op.drop_column("podcasts", "figures_version")
