"""The main road in one call: a URI's files are fetched, packed as a ModelCar, pushed, and registered.

Taken again, it moves what has changed and nothing else, and registers the same files once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from forecourt import modelcar, storage
from forecourt.errors import AlreadyExists, InvalidInput, UnsafeContent
from forecourt.importing.naming import ImageName, tag_of
from forecourt.importing.origin import of_image
from forecourt.importing.registering import registration, said_over
from forecourt.modelcar import ModelCar
from forecourt.oci import SILENT, Clients, ContentStore, Progress, Reference, Repositories
from forecourt.registry import next_version
from forecourt.storage import Credentials, FetchedModel

Document = dict[str, Any]

_HERE = frozenset({"file", "pvc"})
"""Schemes of files that lie on this machine and are not to be touched."""
_REGISTRY = "/api/forecourt/v1/registry"
_MODELS = "/api/model_registry/v1/registered_models"


class Api(Protocol):
    """Asks the server's API; both return the answer's JSON, and raise `ForecourtError`."""

    def get(self, path: str, **params: Any) -> Any:
        """GET a path."""

    def post(self, path: str, document: object) -> Any:
        """POST a document."""


@dataclass(frozen=True)
class Wish:
    """What is to be imported, and what it is to be called; what is empty is found out.

    `tag` is an image's reference. `allow` and `ignore` are patterns of files, `allow_pickle` names of pickles that are
    packed all the same. `model_format` is said where the files do not show it, `base` is an image to put the model on.
    `registration` has what else is said of what is registered, as ``POST …/register`` takes it.
    """

    uri: str
    register: bool = False
    push: bool = False
    name: str = ""
    version: str = ""
    tag: str = ""
    allow: Sequence[str] = ()
    ignore: Sequence[str] = ()
    allow_pickle: Sequence[str] = ()
    model_format: str = ""
    base: str = ""
    registration: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Machine:
    """Where it all happens: the content store, images, the way to registries, where models and volumes lie.

    `registry` is the embedded registry's ``host:port``.
    """

    store: ContentStore
    images: Repositories
    client_for: Clients
    models: Path
    volumes: Path
    registry: str

    @property
    def parts(self) -> dict[str, Any]:
        """What the rooms below take, by name."""
        return {"store": self.store, "images": self.images, "client_for": self.client_for}


@dataclass(frozen=True)
class Imported:
    """What came of it. `registered` says which version it is: ids, names, and whether it is ``new``."""

    found: FetchedModel
    car: ModelCar
    pushed: bool = False
    registered: Document | None = None


@dataclass
class Import:
    """One import. `person` is who asks, for the registry; `api` is asked where it is registered."""

    wish: Wish
    machine: Machine
    api: Api | None = None
    credentials: Credentials | None = None
    person: str = ""
    progress: Progress = field(default_factory=lambda: SILENT)

    def run(self) -> Imported:
        """Go the whole way; blocks.

        Raises what `storage.fetch`, `modelcar.pack`, `modelcar.push` and the registry do; what was fetched and packed
        before that stays, so that the next one goes on from there.
        """
        refuse_image(self.wish.uri)
        found = self._fetch()
        named = ImageName.of(self.wish.uri, self.wish.name, self.wish.version, self.wish.tag, self.machine.registry)
        car = self._pack(found, named)
        if self.wish.register:
            assert self.api
            there, version, new = self._version(self.api, named, car)
            if there:
                return Imported(found, car, pushed=True, registered=there | {"new": False})
            car = self._retagged(named, car, version)
            self._push(car)
            registered = self._register(self.api, found, named, car, version, new=new)
            return Imported(found, car, pushed=True, registered=registered)
        if self.wish.push:
            self._push(car)
        return Imported(found, car, pushed=self.wish.push)

    def _fetch(self) -> FetchedModel:
        return storage.fetch(
            self.wish.uri,
            models=self.machine.models,
            volumes=self.machine.volumes,
            allow=self.wish.allow,
            ignore=self.wish.ignore,
            progress=self.progress,
            credentials=self.credentials,
            **self.machine.parts,
        )

    def _pack(self, found: FetchedModel, named: ImageName) -> ModelCar:
        said = {"source": _shown_source(found), "revision": found.revision}
        here = self.wish.uri.partition("://")[0] in _HERE
        base, parts = self.wish.base, self.machine.parts
        under = modelcar.pull_base(Reference.parse(base), progress=self.progress, **parts) if base else None
        try:
            return modelcar.pack(
                found.path,
                Reference.parse(f"{named.repository}:{named.tag}"),
                base=under,
                annotations={modelcar.FIELDS[key]: value for key, value in said.items() if value},
                format=self.wish.model_format,
                allow=self.wish.allow_pickle,
                follow_links=here,
                copy=here,
                progress=self.progress,
                store=self.machine.store,
                images=self.machine.images,
            )
        except UnsafeContent as error:
            error.hint = error.hint.replace("--allow ", "--allow-pickle ")
            raise

    def _push(self, car: ModelCar) -> None:
        modelcar.push(car.reference, progress=self.progress, **self.machine.parts)

    def _version(self, api: Api, named: ImageName, car: ModelCar) -> tuple[Document | None, str, bool]:
        """Return the version that has this image already, or what a new one is called and whether its model is new."""
        wanted = self.wish.version
        for one in api.get(f"{_REGISTRY}/lineage", uri=str(car.digest))["items"]:
            if one["registeredModel"] == named.model and wanted in ("", one["modelVersion"]):
                return one, one["modelVersion"], False
        models = api.get(_MODELS, filterQuery=f"name = {_quoted(named.model)}", pageSize=1)["items"]
        if not wanted and named.chosen and named.tag != "latest":
            wanted = named.tag
        if not wanted:
            wanted = next_version(_names(api, models[0]["id"])) if models else "v1"
        return None, wanted, not models

    def _retagged(self, named: ImageName, car: ModelCar, version: str) -> ModelCar:
        """Give the image its version as its tag, where nobody chose another."""
        if named.chosen:
            return car
        reference = Reference.parse(f"{named.repository}:{tag_of(version) or 'latest'}")
        modelcar.tag(car.reference, reference, self.machine.images)
        return replace(car, reference=reference)

    def _register(
        self, api: Api, found: FetchedModel, named: ImageName, car: ModelCar, version: str, *, new: bool
    ) -> Document:
        origin = of_image(car)
        links: list[Document] = []
        if found.source:
            detail = {"detail": f"revision {found.revision}"} if found.revision else {}
            links.append({"relation": "source", "uri": found.source} | detail)
        if origin.base:
            links.append({"relation": origin.relation, "uri": origin.base})
        owner = self.person if new else ""
        wanted = registration(origin, named.model, version, author=self.person, owner=owner) | {"links": links}
        if self.wish.registration:
            wanted = said_over(wanted, self.wish.registration)
        try:
            made = api.post(f"{_REGISTRY}/register", wanted)
        except AlreadyExists as error:
            error.hint = "It is another image. Choose another version: --version NAME"
            raise
        return {
            "registeredModelId": made["registeredModel"]["id"],
            "registeredModel": made["registeredModel"]["name"],
            "modelVersionId": made["modelVersion"]["id"],
            "modelVersion": made["modelVersion"]["name"],
            "new": True,
        }


def refuse_image(uri: str) -> None:
    """Raise `InvalidInput` for the URI of an image, which needs no import."""
    scheme, _, rest = uri.partition("://")
    if scheme.partition("+")[0] == "oci":
        raise InvalidInput(
            f"{uri} is an image already.",
            hint=f"Register it: forecourt registry register {uri}; copy it: forecourt modelcar copy {rest} …",
        )


def _names(api: Api, model_id: str) -> list[str]:
    """Return the names of a model's versions."""
    names: list[str] = []
    token = ""
    while True:
        page = api.get(f"{_MODELS}/{quote(model_id)}/versions", pageSize=500, nextPageToken=token)
        names += [one["name"] for one in page["items"]]
        token = page["nextPageToken"]
        if not token:
            return names


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _shown_source(found: FetchedModel) -> str:
    """Return where a model comes from as its image says it: one on Hugging Face as that page's URL."""
    at_home = not Credentials.from_environment().hub_endpoint
    repository = re.fullmatch(r"hf://([^@]+)@.*", found.source)
    return f"https://huggingface.co/{repository[1]}" if repository and at_home else found.source
