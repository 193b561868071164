"""Who may do what: users, how they are known, and their roles here and in projects."""

from forecourt.access.bindings import ROLE_BINDINGS, Bindings, Level, RoleBinding, binding
from forecourt.access.identity import Asking, Identity, Role, asked_by, asking, who

__all__ = [
    "ROLE_BINDINGS",
    "Asking",
    "Bindings",
    "Identity",
    "Level",
    "Role",
    "RoleBinding",
    "asked_by",
    "asking",
    "binding",
    "who",
]
