"""An import as a job: asked for through the API, done by the server, with its progress and its end in the job's status.

Parameters are those of `Wish` in camelCase (``uri``, ``name``, ``version``, ``tag``, ``allow``, ``ignore``,
``allowPickle``, ``modelFormat``, ``base``, ``register``, ``registration``), and ``connection``: the name of one of the
job's project.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from forecourt.errors import InvalidObject, InvalidReference
from forecourt.importing.road import Api, Import, Imported, Machine, Wish, refuse_image
from forecourt.oci import Reference
from forecourt.processes.jobs import Job, Telling, Work
from forecourt.registry import Registration
from forecourt.storage import Credentials, Resolvers, resolved

CredentialsOf = Callable[[str, str], Credentials | None]
"""``credentials_of(namespace, connection)``; raises `NotFound`."""
T = TypeVar("T", bound=BaseModel)
Asking = Callable[..., Coroutine[Any, Any, Any]]


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, strict=True)

    uri: str = Field(min_length=1, max_length=4096)
    register_: bool = Field(True, alias="register")
    name: str = ""
    version: str = ""
    tag: str = ""
    allow: list[str] = Field(default_factory=list)
    ignore: list[str] = Field(default_factory=list)
    allow_pickle: list[str] = Field(default_factory=list)
    model_format: str = ""
    base: str = ""
    connection: str = ""
    requested_by: str = ""
    registration: dict[str, Any] = Field(default_factory=dict)

    @property
    def wish(self) -> Wish:
        return Wish(
            self.uri,
            self.register_,
            push=True,
            name=self.name,
            version=self.version,
            tag=self.tag,
            allow=self.allow,
            ignore=self.ignore,
            allow_pickle=self.allow_pickle,
            model_format=self.model_format,
            base=self.base,
            registration=self.registration,
        )


def check_import(parameters: dict[str, Any]) -> None:
    """Raise `InvalidObject` (or `InvalidInput`) for parameters that an import cannot have."""
    _read(parameters)


def importing(machine: Machine, api: Api, credentials_of: CredentialsOf, resolvers: Resolvers) -> Work:
    """Return what does the jobs of the type ``import``."""

    async def work(job: Job, telling: Telling) -> dict[str, Any]:
        said = _read(job.spec.parameters)
        return await asyncio.to_thread(_import, said, job.namespace, telling)

    def _import(said: _Parameters, namespace: str, telling: Telling) -> dict[str, Any]:
        telling.say("Looking what is there")
        credentials = credentials_of(namespace, said.connection) if said.connection else None
        wish = said.wish
        if (uri := resolved(wish.uri, resolvers)) != wish.uri:
            refuse_image(uri)
            wish = said.model_copy(update={"uri": uri}).wish
        return _result(Import(wish, machine, api, credentials, said.requested_by, telling).run())

    return work


def _read(parameters: dict[str, Any]) -> _Parameters:
    said = _checked(_Parameters, parameters, "spec.parameters")
    if "://" not in said.uri:
        raise InvalidObject("spec.parameters.uri: Invalid value: it must be a URI: hf://…, s3://…, https://…, file://…")
    refuse_image(said.uri)
    if said.tag:
        try:
            Reference.parse(said.tag)
        except InvalidReference as error:
            raise InvalidObject(f"spec.parameters.tag: Invalid value: {error}") from None
    if said.registration:
        _checked(Registration, said.registration, "spec.parameters.registration")
    return said


def _checked(model: type[T], document: dict[str, Any], where: str) -> T:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidObject(f"{'.'.join(map(str, (where, *first['loc'])))}: Invalid value: {first['msg']}") from None


def _result(made: Imported) -> dict[str, Any]:
    image = f"oci://{made.car.reference}"
    return {
        "image": image,
        "digest": str(made.car.digest),
        "format": made.car.info.format,
        "sizeBytes": made.car.info.size,
        "movedBytes": made.found.moved,
        "leftOut": list(made.found.left_out)[:100],
        "source": made.found.source or "",
        "revision": made.found.revision,
        "registered": made.registered,
    }


class Blocking:
    """An API that coroutines ask, asked from a thread: what a work that blocks has."""

    def __init__(self, get: Asking, post: Asking) -> None:
        """Called on the event loop's own thread, whose loop it will ask on."""
        self._loop = asyncio.get_running_loop()
        self._get = get
        self._post = post

    def get(self, path: str, **params: Any) -> Any:
        """GET a path, and return the answer; raises what the coroutine does."""
        return asyncio.run_coroutine_threadsafe(self._get(path, **params), self._loop).result()

    def post(self, path: str, document: object) -> Any:
        """POST a document, and return the answer; raises what the coroutine does."""
        return asyncio.run_coroutine_threadsafe(self._post(path, document), self._loop).result()
