"""The database: SQLite by default, PostgreSQL by URL."""

from forecourt.db.database import Database, violated
from forecourt.db.prepared import PreparedInsert, PreparedQuery, sent_together
from forecourt.db.tables import Counter, Object, Row
from forecourt.db.writer import Writer

__all__ = [
    "Counter",
    "Database",
    "Object",
    "PreparedInsert",
    "PreparedQuery",
    "Row",
    "Writer",
    "sent_together",
    "violated",
]
