"""``MODEL`` and ``MODEL/VERSION``, as a person writes them, found in the server's registry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, unquote

import typer

from forecourt.cli.registry.completing import complete_model, complete_version
from forecourt.cli.registry.filters import equals, one_of, together
from forecourt.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from forecourt.cli.client import Client

Document = dict[str, Any]

API = "/api/model_registry/v1"
OURS = "/api/forecourt/v1/registry"
MODELS, VERSIONS = "registered_models", "model_versions"
SCHEME = "model-registry://"
_PAGE = 500
_STAGES = ("development", "staging", "production")

LIVE, ARCHIVED = "state = 'LIVE'", "state = 'ARCHIVED'"

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="Name of the model.", autocompletion=complete_model)
]
VersionArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL/VERSION", help="The version: its name, an alias or a stage.", autocompletion=complete_version
    ),
]
TargetArgument = Annotated[
    str, typer.Argument(metavar="MODEL[/VERSION]", help="A model, or a version.", autocompletion=complete_version)
]
TargetsArgument = Annotated[
    list[str], typer.Argument(metavar="MODEL[/VERSION]", help="Models, versions.", autocompletion=complete_version)
]


@dataclass(frozen=True, slots=True)
class Target:
    """A model of the registry, or a version of it, as the API has them."""

    model: Document
    version: Document | None = None

    @property
    def document(self) -> Document:
        """What is meant: the version where one was named, else the model."""
        return self.version or self.model

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.document["id"])

    @property
    def path(self) -> str:
        """Where the API has it, below its base."""
        return f"{VERSIONS if self.version else MODELS}/{self.id}"

    @property
    def kind(self) -> str:
        """What it is, in a word."""
        return "version" if self.version else "model"

    @property
    def shown(self) -> str:
        """What a person calls it, and what every command takes."""
        return str(self.model["name"]) + (f"/{self.version['name']}" if self.version else "")

    @property
    def uri(self) -> str:
        """Its URI, which `deploy` takes."""
        return uri_of(self.model["name"], self.version["name"] if self.version else "")


def uri_of(model: str, version: str = "") -> str:
    """Return the ``model-registry://`` URI of a version, or of a model's newest."""
    return SCHEME + "/".join(quote(word, safe="") for word in (model, version) if word)


def listing(
    client: Client,
    path: str,
    *,
    filters: Iterable[str] = (),
    said: str = "",
    newest: bool = True,
    order: str = "ID",
    limit: int = 0,
) -> Document:
    """Return a list of the API, as many pages as it takes to have `limit` items; all where that is 0.

    `said` is a filter that a person wrote: where it is wrong, the error tells the place in what they wrote.
    """
    items: list[Document] = []
    token, query = "", together([said, *filters])
    asked = {"filterQuery": query, "orderBy": order, "sortOrder": "DESC" if newest else "ASC"}
    while True:
        size = min(_PAGE, limit - len(items)) if limit else _PAGE
        try:
            page = client.get(f"{API}/{path}", **asked, pageSize=size, nextPageToken=token)
        except InvalidInput:
            if said.strip():
                client.get(f"{API}/{path}", filterQuery=said, pageSize=1)
            raise
        items += page["items"]
        token = page["nextPageToken"]
        if not token or (limit and len(items) >= limit):
            return {"items": items, "nextPageToken": token, "pageSize": limit, "size": len(items)}


def by_id(client: Client, collection: str, ids: Iterable[str]) -> dict[str, Document]:
    """Return resources by their ids; those that are gone are left out."""
    wanted = list(dict.fromkeys(ids))
    found: dict[str, Document] = {}
    for start in range(0, len(wanted), _PAGE):
        items = listing(client, collection, filters=[one_of("id", wanted[start : start + _PAGE])])["items"]
        found |= {str(item["id"]): item for item in items}
    return found


def model(client: Client, name: str) -> Document:
    """Return the model of a name. Raises `NotFound`."""
    if found := _find(client, "registered_model", name=name):
        return found
    raise NotFound(f"The registry has no model {name}.", hint="See: forecourt registry models --all")


def target(client: Client, text: str) -> Target:
    """Return the model or version that a text names.

    A name may have slashes in it, so the whole text is tried as a model's name first, then what stands before each
    slash, the last one first. Raises `NotFound` and `InvalidInput`.
    """
    pairs = list(_readings(text))
    for name, word in pairs:
        if found := _find(client, "registered_model", name=name):
            return Target(found, _version(client, found, word) if word else None)
    name = pairs[-1][0] if len(pairs) < 3 else pairs[0][0]
    raise NotFound(f"The registry has no model {name}.", hint="See: forecourt registry models --all")


def version_target(client: Client, text: str, *, newest: bool = False) -> Target:
    """Return the version that a text names; where it names a model, its newest one if `newest` says so.

    Raises `NotFound` and `InvalidInput`.
    """
    found = target(client, text)
    if found.version:
        return found
    hint = f"See: forecourt registry versions {found.shown}"
    if not newest:
        raise InvalidInput(f"{found.shown} is a model: say which version of it, as {found.shown}/v1.", hint=hint)
    items = listing(client, f"{found.path}/versions", filters=[LIVE], limit=1)["items"]
    if not items:
        raise NotFound(f"{found.shown} has no version that is live.", hint=hint)
    return Target(found.model, items[0])


def aliases(client: Client, model_id: str) -> dict[str, str]:
    """Return a model's aliases, with the ids of the versions that they are for."""
    items = client.get(f"{OURS}/{MODELS}/{model_id}/aliases")["items"]
    return {str(one["alias"]): str(one["modelVersionId"]) for one in items}


def _readings(text: str) -> Iterator[tuple[str, str]]:
    """Yield the ways to read a text, as a model's name and what names a version of it."""
    if text.startswith(SCHEME):
        words = [unquote(word) for word in text.removeprefix(SCHEME).strip("/").split("/")]
        if not words[0] or len(words) > 2:
            raise InvalidInput(
                f"{text!r} names no model of this registry.",
                hint=f"Write {SCHEME}MODEL/VERSION; a slash in a name is written %2F.",
            )
        yield words[0], "".join(words[1:])
        return
    if not text.strip("/"):
        raise InvalidInput(f"{text!r} names no model.", hint="Write MODEL or MODEL/VERSION.")
    yield text, ""
    name, slash, word = text.rpartition("/")
    while slash and name:
        if word:
            yield name, word
        if "%" in text:
            yield unquote(name), unquote(word)
        name, slash, before = name.rpartition("/")
        word = f"{before}/{word}"
    if "%" in text:
        yield unquote(text), ""


def _version(client: Client, of: Document, word: str) -> Document:
    """Return the version of a model that a name, an alias or a stage means, as the server reads its URIs."""
    path = f"{MODELS}/{of['id']}/versions"
    if found := _find(client, "model_version", name=word, parentResourceId=of["id"]):
        return found
    if version_id := aliases(client, of["id"]).get(word):
        document: Document = client.get(f"{API}/{VERSIONS}/{version_id}")
        return document
    if word in _STAGES:
        items: list[Document] = listing(client, path, filters=[LIVE, equals("stage", word)], limit=1)["items"]
        if items:
            return items[0]
    raise NotFound(
        f"{of['name']} has no version, alias or stage {word}.",
        hint=f"See: forecourt registry versions {of['name']} --all",
    )


def _find(client: Client, what: str, **params: str) -> Document | None:
    try:
        found: Document = client.get(f"{API}/{what}", **params)
    except NotFound:
        return None
    return found
