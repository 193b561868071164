"""How a deployment's model comes to this machine: its connection opens the way, storage goes it."""

from __future__ import annotations

from collections.abc import Callable

from forecourt import modelcar, storage
from forecourt.home import Home
from forecourt.oci import Progress, Reference
from forecourt.projects import Values
from forecourt.serving import Fetched, InferenceService, Source, guessed
from forecourt.serving.fit import Structure, structure_of
from forecourt.storage import Resolvers

_NOTHING = Values({}, {})


def reading(home: Home, resolvers: Resolvers) -> Callable[[InferenceService], Structure]:
    """Return what reads the headers of a deployment's model, which need not be fetched; raises as `structure_of`."""

    def read(service: InferenceService) -> Structure:
        source = Source.of(service)
        said = home.projects.connections.values(source.namespace, source.secret) if source.secret else _NOTHING
        uri = storage.resolved(source.located(said.data), resolvers)
        return structure_of(uri, store=home.store, images=home.images, client_for=home.client_for)

    return read


def naming_formats(home: Home, resolvers: Resolvers) -> Callable[[str, str], str]:
    """Return what says the format of the model at a URI: by its words, its image, or the headers of its files."""

    def name(namespace: str, uri: str) -> str:
        uri = storage.resolved(uri, resolvers)
        if uri.partition("://")[0].partition("+")[0] == "oci":
            reference = Reference.parse(uri.partition("://")[2])
            car = modelcar.inspect(reference, store=home.store, images=home.images, client_for=home.client_for)
            return car.info.format or ""
        if said := guessed(uri):
            return said
        if not uri.startswith("file://"):
            return ""
        return structure_of(uri, store=home.store, images=home.images, client_for=home.client_for).format

    return name


def fetching(home: Home, resolvers: Resolvers) -> Callable[[Source, Progress], Fetched]:
    """Return what fetches; it raises what `storage.fetch` does, and `NotFound` for a connection that is gone."""

    def fetch(source: Source, progress: Progress) -> Fetched:
        said = home.projects.connections.values(source.namespace, source.secret) if source.secret else _NOTHING
        uri = storage.resolved(source.located(said.data), resolvers)
        found = storage.fetch(
            uri,
            models=home.settings.models,
            store=home.store,
            images=home.images,
            client_for=home.client_for,
            volumes=home.settings.volumes,
            credentials=storage.Credentials.from_secret(said.data, said.annotations),
            allow=source.allow,
            ignore=source.ignore,
            progress=progress,
        )
        image = f"{Reference.parse(uri.partition('://')[2]).name}@{found.digest}" if found.digest else ""
        return Fetched(found.path, image)

    return fetch
