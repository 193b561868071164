"""The registry, as it is asked. Threads may share it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forecourt.db import Database
from forecourt.errors import NotFound
from forecourt.registry import store
from forecourt.registry.lineage import versions_of
from forecourt.registry.model import INFERENCE_SERVICE, MODEL_VERSION, REGISTERED_MODEL, Kind
from forecourt.registry.pages import Cursor, Listing
from forecourt.registry.resolve import resolve
from forecourt.registry.standing import Standing, standing
from forecourt.registry.store import Found


class Registry:
    """The registry of a database, whose schema must be at its newest."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def get(self, kinds: Sequence[Kind], identity: int) -> Found:
        """Return a resource; raises `NotFound` where there is none of that id, or it is of another kind."""
        with self.database.point() as connection:
            return store.get(connection, kinds, identity)

    def find(
        self,
        kinds: Sequence[Kind],
        *,
        name: str | None = None,
        parent_id: int | None = None,
        external_id: str | None = None,
    ) -> Found | None:
        """Return the one resource with that name below its parent, or that external id; None where there is none."""
        with self.database.point() as connection:
            return store.find(connection, kinds, name=name, parent_id=parent_id, external_id=external_id)

    def page(self, listing: Listing, after: Cursor | None, limit: int) -> list[Found]:
        """Return the next so many rows of a list."""
        with self.database.point() as connection:
            return listing.rows(connection, after, limit)

    def served_model(self, service_id: int) -> Found:
        """Return the registered model that an inference service serves; raises `NotFound`."""
        service = self.get((INFERENCE_SERVICE,), service_id).document
        return self.get((REGISTERED_MODEL,), int(service["registeredModelId"]))

    def served_version(self, service_id: int) -> Found:
        """Return the version that it serves: the one it names, else the newest of its model; raises `NotFound`."""
        service = self.get((INFERENCE_SERVICE,), service_id).document
        if said := service.get("modelVersionId"):
            return self.get((MODEL_VERSION,), int(said))
        newest = Listing(
            (MODEL_VERSION,), parent_id=int(service["registeredModelId"]), order="CREATE_TIME", descending=True
        )
        if versions := self.page(newest, None, 1):
            return versions[0]
        raise NotFound(f"no model versions found for id {service_id}: not found")

    def standing(self, model: str, version: str = "") -> Standing:
        """Return what there is of a model's and a version's name."""
        with self.database.point() as connection:
            return standing(connection, model, version)

    def leading_to(self, *words: str) -> list[dict[str, Any]]:
        """Return the versions that URIs and digests lead to, each once."""
        with self.database.point() as connection:
            found = [one for word in words if word for one in versions_of(connection, word)]
        return [*{one["modelVersionId"]: one for one in found}.values()]

    def versions_of(self, uri: str) -> list[str]:
        """Return the versions that a URI or a digest leads to, as ``model/version``."""
        with self.database.point() as connection:
            return [f"{one['registeredModel']}/{one['modelVersion']}" for one in versions_of(connection, uri)]

    def uri_of(self, uri: str) -> str:
        """Return where the files are of what a ``model-registry://`` URI names; raises `NotFound`, `InvalidInput`."""
        with self.database.point() as connection:
            return resolve(connection, uri).uri
