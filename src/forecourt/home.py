"""What a home keeps, opened: the database and what is in it, the content store, the images, the way to registries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from forecourt.access import Access
from forecourt.db import Database
from forecourt.objects import ObjectStore
from forecourt.oci import Clients, ContentStore, Repositories, clients
from forecourt.projects import Projects, Vault
from forecourt.registry import Registry
from forecourt.settings import Settings


@dataclass(frozen=True, slots=True)
class Home:
    """Everything that lasts. `images` are those of this machine, `repositories` the embedded registry's."""

    settings: Settings
    database: Database
    store: ContentStore
    images: Repositories
    repositories: Repositories
    client_for: Clients
    objects: ObjectStore
    projects: Projects
    models: Registry
    access: Access


@contextmanager
def home(settings: Settings) -> Iterator[Home]:
    """Open a home, its database at the newest schema, and close it in the end."""
    database = Database(settings.database)
    try:
        database.upgrade()
        store = ContentStore(settings.store)
        store.sweep()
        objects = ObjectStore(database)
        projects = Projects(objects, Vault(settings.secret_key_file, settings.secret_key))
        projects.prepare()
        access = Access(database, objects, settings.local_key_file)
        with clients(settings) as client_for, closing(access):
            yield Home(
                settings=settings,
                database=database,
                store=store,
                images=Repositories(settings.images, store),
                repositories=Repositories(settings.repositories, store),
                client_for=client_for,
                objects=objects,
                projects=projects,
                models=Registry(database),
                access=access,
            )
    finally:
        database.close()
