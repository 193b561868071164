"""What deployments did over time."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "measurements",
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sample", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("uid", "step", "start", name="pk_measurements"),
    )
    op.create_index("ix_measurements_by_time", "measurements", ["step", "start"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("measurements")
