"""Who may do what: users, how they are known, and their roles here and in projects."""

from forecourt.access.access import REQUESTER, Access
from forecourt.access.api import access_router
from forecourt.access.bindings import ROLE_BINDINGS, Bindings, Level, RoleBinding, binding
from forecourt.access.door import SIGN_IN, authorizing, cookie_name, entering, local_path
from forecourt.access.identity import Asking, Identity, Role, asked_by, asking, who
from forecourt.access.lasting import Lasting
from forecourt.access.reviews import reviews_router
from forecourt.access.rules import wanted

__all__ = [
    "REQUESTER",
    "ROLE_BINDINGS",
    "SIGN_IN",
    "Access",
    "Asking",
    "Bindings",
    "Identity",
    "Lasting",
    "Level",
    "Role",
    "RoleBinding",
    "access_router",
    "asked_by",
    "asking",
    "authorizing",
    "binding",
    "cookie_name",
    "entering",
    "local_path",
    "reviews_router",
    "wanted",
    "who",
]
