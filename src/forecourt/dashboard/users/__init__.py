"""Signing in, one's own account, and who may sign in at all."""

from forecourt.dashboard.users.account import AccountPages
from forecourt.dashboard.users.settings import UserPages
from forecourt.dashboard.users.signing import SignInPages

__all__ = ["AccountPages", "SignInPages", "UserPages"]
