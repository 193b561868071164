"""The model registry: resources, the index of their properties, aliases, lineage and the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_HEAD = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")
_NAME = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
_RESOURCE = "registry_resources.id"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "registry_resources",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("family", sa.String(16), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_registry_resources"),
        sa.ForeignKeyConstraint(["parent_id"], [_RESOURCE], name="fk_registry_resources_parent_id_registry_resources"),
        sa.UniqueConstraint("kind", "name", "parent_id", name="uq_registry_resources_kind_name_parent_id"),
        sqlite_autoincrement=True,
    )
    _index("uq_registry_resources_top_level", ["kind", "name"], "parent_id IS NULL", unique=True)
    _index("uq_registry_resources_external", ["family", "external_id"], "external_id IS NOT NULL", unique=True)
    _index("ix_registry_resources_by_parent", ["parent_id", "kind", "id"], "parent_id IS NOT NULL")
    for name, columns in (
        ("by_id", ["kind", "id"]),
        ("by_created", ["kind", "created", "id"]),
        ("by_updated", ["kind", "updated", "id"]),
    ):
        op.create_index(f"ix_registry_resources_{name}", "registry_resources", columns)

    op.create_table(
        "registry_properties",
        sa.Column("resource_id", sa.Integer(), nullable=False),
        sa.Column("custom", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("type", sa.String(8), nullable=False),
        sa.Column("head", _HEAD, nullable=True),
        sa.Column("tail", sa.Text(), nullable=True),
        sa.Column("number", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("resource_id", "custom", "name", "position", name="pk_registry_properties"),
        _belongs_to("registry_properties", "resource_id"),
        sqlite_with_rowid=False,
    )
    for name, column in (("text", "head"), ("number", "number")):
        columns = ["kind", "name", "custom", column, "resource_id", "type"]
        _index(f"ix_registry_properties_{name}", columns, f"{column} IS NOT NULL", table="registry_properties")

    op.create_table(
        "registry_attributions",
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column("artifact_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("context_id", "artifact_id", name="pk_registry_attributions"),
        _belongs_to("registry_attributions", "context_id"),
        _belongs_to("registry_attributions", "artifact_id"),
    )
    op.create_index("ix_registry_attributions_artifact_id", "registry_attributions", ["artifact_id"])

    op.create_table(
        "registry_aliases",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("alias", sa.String(63), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("model_id", "alias", name="pk_registry_aliases"),
        _belongs_to("registry_aliases", "model_id"),
        _belongs_to("registry_aliases", "version_id"),
    )
    op.create_index("ix_registry_aliases_version_id", "registry_aliases", ["version_id"])

    op.create_table(
        "registry_links",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("relation", sa.String(32), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=True),
        sa.Column("uri", sa.String(512), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_registry_links"),
        sa.UniqueConstraint("version_id", "relation", "uri", name="uq_registry_links_version_id_relation_uri"),
        _belongs_to("registry_links", "version_id"),
        _belongs_to("registry_links", "target_id", ondelete="SET NULL"),
    )
    for column in ("target_id", "uri"):
        op.create_index(f"ix_registry_links_{column}", "registry_links", [column])

    op.create_table(
        "registry_changes",
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("agent", sa.String(255), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("resource_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_registry_changes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_registry_changes_of", "registry_changes", ["resource_id", "id"])


def downgrade() -> None:
    """Drop them."""
    for table in ("changes", "links", "aliases", "attributions", "properties", "resources"):
        op.drop_table(f"registry_{table}")


def _index(
    name: str, columns: list[str], condition: str, *, table: str = "registry_resources", unique: bool = False
) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)


def _belongs_to(table: str, column: str, ondelete: str = "CASCADE") -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}_registry_resources"
    return sa.ForeignKeyConstraint([column], [_RESOURCE], name=name, ondelete=ondelete)
