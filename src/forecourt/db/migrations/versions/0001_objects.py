"""Kubernetes objects, and the counter that their resource versions come from."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "objects",
        sa.Column("kind", sa.String(63), nullable=False),
        sa.Column("namespace", sa.String(63), nullable=False),
        sa.Column("name", sa.String(253), nullable=False),
        sa.Column("uid", sa.String(36), nullable=False),
        sa.Column("resource_version", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "namespace", "name", name="pk_objects"),
        sa.UniqueConstraint("uid", name="uq_objects_uid"),
    )
    op.create_index("ix_objects_resource_version", "objects", ["resource_version"])
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    op.bulk_insert(counters, [{"name": "resourceVersion", "value": 1}])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("counters")
    op.drop_table("objects")
