"""The main road: what is known of a model by its URI, and its way from there into the registry as a ModelCar.

What is exported is imported when it is asked for: commands that only write properties need none of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecourt.importing.naming import ImageName, name_of, tag_of
    from forecourt.importing.origin import Origin, located, look, of_image
    from forecourt.importing.registering import links_of, registration
    from forecourt.importing.road import Api, Import, Imported, Machine, Wish, refuse_image
    from forecourt.importing.work import Blocking, check_import, importing

_FROM = {
    "naming": ("ImageName", "name_of", "tag_of"),
    "origin": ("Origin", "located", "look", "of_image"),
    "registering": ("links_of", "registration"),
    "road": ("Api", "Import", "Imported", "Machine", "Wish", "refuse_image"),
    "work": ("Blocking", "check_import", "importing"),
}

__all__ = [
    "Api",
    "Blocking",
    "ImageName",
    "Import",
    "Imported",
    "Machine",
    "Origin",
    "Wish",
    "check_import",
    "importing",
    "links_of",
    "located",
    "look",
    "name_of",
    "of_image",
    "refuse_image",
    "registration",
    "tag_of",
]


def __getattr__(name: str) -> Any:
    for module, names in _FROM.items():
        if name in names:
            return getattr(import_module(f"forecourt.importing.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
