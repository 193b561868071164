"""The database: SQLite by default, PostgreSQL by URL."""

from forecourt.db.database import Database, violated
from forecourt.db.pipeline import Pipelined
from forecourt.db.prepared import PreparedInsert, PreparedQuery
from forecourt.db.tables import Counter, Object, Row
from forecourt.db.writer import Writer

__all__ = [
    "Counter",
    "Database",
    "Object",
    "Pipelined",
    "PreparedInsert",
    "PreparedQuery",
    "Row",
    "Writer",
    "violated",
]
