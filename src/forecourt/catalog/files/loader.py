"""Loads a source of type ``yaml``: the models of its data file, with the benchmarks that lie beside it."""

from __future__ import annotations

from collections.abc import Iterator

from forecourt.catalog.files.benchmarks import Benchmarks
from forecourt.catalog.files.folders import locate
from forecourt.catalog.files.models import NAMELESS, read_models
from forecourt.catalog.files.yamltext import read
from forecourt.catalog.model import Entry, Loading, Problem, SourceDefinition
from forecourt.errors import InvalidInput, NotFound


def load(definition: SourceDefinition, loading: Loading) -> Iterator[Entry | Problem]:
    """Return the models of a source that it includes, and what is wrong with others.

    ``yamlCatalogPath`` names the data file, ``benchmarksPath`` a folder for `Benchmarks`; both are where `locate` says.
    Raises `InvalidInput` and `NotFound` where the data file cannot be read or is none; what is wrong with benchmarks
    hides no model.
    """
    if definition.type != "yaml" or definition.asset_type != "models":
        raise InvalidInput(f"Source {definition.id!r} is no file of models.")
    document = read(locate(definition, str(definition.properties.get("yamlCatalogPath", "")), loading))
    benchmarks = None
    if folder := definition.properties.get("benchmarksPath"):
        try:
            benchmarks = Benchmarks.read(locate(definition, str(folder), loading))
            yield from benchmarks.problems
        except NotFound as error:
            yield Problem(definition.id, error.message)
    done = 0
    for item in read_models(document):
        if loading.stopped():
            return
        if not definition.includes(item.name) and not item.name.startswith(NAMELESS):
            continue
        if isinstance(item, Entry):
            done += 1
            loading.progress(done, None)
            notes: list[Problem] = []
            yield benchmarks.attach(item, notes.append) if benchmarks else item
            yield from notes
        else:
            yield item
