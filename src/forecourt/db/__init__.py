"""The database: SQLite by default, PostgreSQL by URL."""

from forecourt.db.database import Database
from forecourt.db.tables import Counter, Object, Row

__all__ = ["Counter", "Database", "Object", "Row"]
