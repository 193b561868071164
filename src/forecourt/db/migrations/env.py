"""What Alembic runs: each migration, on the connection that `Database.upgrade` (or a test) hands in."""

from alembic import context

from forecourt.db.tables import Row

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Row.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
