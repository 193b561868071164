"""Pages of settings: what an administrator decides for everybody."""

from forecourt.dashboard.settings.settings import SettingsPages

__all__ = ["SettingsPages"]
