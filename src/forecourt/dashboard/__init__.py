"""The web pages: views over the API, templates and static files."""

from forecourt.dashboard.calls import Calls
from forecourt.dashboard.dashboard import Dashboard

__all__ = ["Calls", "Dashboard"]
