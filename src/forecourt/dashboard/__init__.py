"""The web pages: views over the API, templates and static files."""

from forecourt.dashboard.dashboard import Dashboard

__all__ = ["Dashboard"]
