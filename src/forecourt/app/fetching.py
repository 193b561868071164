"""How a deployment's model comes to this machine: its connection opens the way, storage goes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from forecourt import storage
from forecourt.oci import ClientFactory, ContentStore, Progress, Reference, Repositories
from forecourt.projects import Projects, Values
from forecourt.serving import Fetched, InferenceService, Source
from forecourt.serving.fit import Structure, structure_of
from forecourt.settings import Settings


def reading(
    projects: Projects,
    store: ContentStore,
    images: Repositories,
    client_for: ClientFactory,
    resolvers: Mapping[str, Callable[[str], str]],
) -> Callable[[InferenceService], Structure]:
    """Return what reads the headers of a deployment's model, which need not be fetched; raises as `structure_of`."""

    def read(service: InferenceService) -> Structure:
        source = Source.of(service)
        said = projects.connections.values(source.namespace, source.secret) if source.secret else _NOTHING
        uri = storage.resolved(source.located(said.data), resolvers)
        return structure_of(uri, store=store, images=images, client_for=client_for)

    return read


_NOTHING = Values({}, {})


def fetching(
    settings: Settings,
    projects: Projects,
    store: ContentStore,
    images: Repositories,
    client_for: ClientFactory,
    resolvers: Mapping[str, Callable[[str], str]],
) -> Callable[[Source, Progress], Fetched]:
    """Return what fetches; it raises what `storage.fetch` does, and `NotFound` for a connection that is gone."""

    def fetch(source: Source, progress: Progress) -> Fetched:
        said = projects.connections.values(source.namespace, source.secret) if source.secret else _NOTHING
        uri = storage.resolved(source.located(said.data), resolvers)
        found = storage.fetch(
            uri,
            models=settings.models,
            store=store,
            images=images,
            client_for=client_for,
            volumes=settings.volumes,
            credentials=storage.Credentials.from_secret(said.data, said.annotations),
            allow=source.allow,
            ignore=source.ignore,
            progress=progress,
        )
        image = f"{Reference.parse(uri.partition('://')[2]).name}@{found.digest}" if found.digest else ""
        return Fetched(found.path, image)

    return fetch
