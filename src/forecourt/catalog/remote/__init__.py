"""Sources that are elsewhere: Hugging Face's hub, another catalog, a registry of ModelCars.

A loader's module is imported when a source of its type is loaded: what speaks HTTP is slow to import, and many catalogs
are only files. The loaders' own documentation is in their modules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from forecourt.catalog.model import Entry, Loader, Loading, Problem, SourceDefinition, SourceType

Candidates: TypeAlias = Callable[[SourceDefinition, Loading], Iterator[tuple[str, bool]]]
"""Gives the names that a source would look at, and whether it includes each: what a preview shows, without loading."""


def load_huggingface(source: SourceDefinition, loading: Loading) -> Iterator[Entry | Problem]:
    """Yield the models of a source of type ``hf``; see `forecourt.catalog.remote.huggingface.load`."""
    from forecourt.catalog.remote import huggingface

    return huggingface.load(source, loading)


def load_catalog(source: SourceDefinition, loading: Loading) -> Iterator[Entry | Problem]:
    """Yield the models of a source of type ``catalog``; see `forecourt.catalog.remote.catalogs.load`."""
    from forecourt.catalog.remote import catalogs

    return catalogs.load(source, loading)


def load_modelcars(source: SourceDefinition, loading: Loading) -> Iterator[Entry | Problem]:
    """Yield the models of a source of type ``oci-modelcars``; see `forecourt.catalog.remote.modelcars.load`."""
    from forecourt.catalog.remote import modelcars

    return modelcars.load(source, loading)


def candidates(source: SourceDefinition, loading: Loading) -> Iterator[tuple[str, bool]]:
    """Yield the names that a source of one of these types would look at, and whether it includes each.

    Raises as its loader does.
    """
    from forecourt.catalog.remote import catalogs, huggingface, modelcars

    by_type: dict[str, Candidates] = {
        "hf": huggingface.candidates,
        "catalog": catalogs.candidates,
        "oci-modelcars": modelcars.candidates,
    }
    return by_type[source.type](source, loading)


def resolved(source: SourceDefinition) -> SourceDefinition:
    """Return a source whose patterns are those of whole names: what `SourceDefinition.includes` has to be asked of.

    Only sources of type ``hf`` have others, where ``allowedOrganization`` is set; raises `InvalidInput` as those do.
    """
    if source.type != "hf":
        return source
    from forecourt.catalog.remote import huggingface

    return huggingface.resolved(source)


LOADERS: Mapping[SourceType, Loader] = {
    "hf": load_huggingface,
    "catalog": load_catalog,
    "oci-modelcars": load_modelcars,
}
"""The loader of each type of source that is elsewhere."""

__all__ = [
    "LOADERS",
    "Candidates",
    "candidates",
    "load_catalog",
    "load_huggingface",
    "load_modelcars",
    "resolved",
]
