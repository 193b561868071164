"""The model catalog: what sources gave, and what is known of the sources."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "catalog_sources",
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("definition", sa.Text(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=True),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("problems", sa.Text(), nullable=False),
        sa.Column("stamp", sa.String(64), nullable=False),
        sa.Column("loaded", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_catalog_sources"),
    )
    op.create_table(
        "catalog_models",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("identity", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.String(255), nullable=False),
        sa.Column("name", sa.String(512), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("readme", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_catalog_models"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_catalog_models_by_name", "catalog_models", ["source_id", "name"])
    op.create_table(
        "catalog_artifacts",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_catalog_artifacts"),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["catalog_models.id"],
            name="fk_catalog_artifacts_model_id_catalog_models",
            ondelete="CASCADE",
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_catalog_artifacts_of", "catalog_artifacts", ["model_id", "position"])


def downgrade() -> None:
    """Drop them."""
    for table in ("artifacts", "models", "sources"):
        op.drop_table(f"catalog_{table}")
