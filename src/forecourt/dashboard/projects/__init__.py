"""Pages of projects: the list, and what is in each."""

from forecourt.dashboard.projects.pages import ProjectPages

__all__ = ["ProjectPages"]
