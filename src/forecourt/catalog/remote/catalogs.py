"""Sources of type ``catalog``: the models of another catalog server, by Kubeflow's model catalog API.

Properties: ``url`` of the server, before ``/api``; ``source``, the id of one of its sources, where not all of them are
wanted; ``apiKeyEnvVar``, an environment variable called ``CATALOG_API_KEY`` or ``CATALOG_API_KEY_…`` whose value is
sent as a Bearer token. The API's ``v1`` is asked, or else ``v1alpha1``
(https://github.com/kubeflow/hub/blob/main/api/openapi/catalog-v1.yaml).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from forecourt.catalog.model import Document, Entry, Loading, Problem, SourceDefinition
from forecourt.catalog.remote import properties, wire
from forecourt.catalog.remote.ahead import ahead
from forecourt.catalog.remote.delivery import Failed, Found, delivered
from forecourt.catalog.remote.http import Http, Patience, Stopped, TooLarge
from forecourt.errors import ForecourtError, InvalidInput, NotFound, Unavailable

VERSIONS = ("v1", "v1alpha1")
TOKEN = "CATALOG_API_KEY"  # noqa: S105 (it is where a token is)

_SIZES = (100, 10, 1)  # models or artifacts of a page; fewer where a page would be too large
_MOST_MODELS = 100_000
_HINT = f"Put a token into an environment variable {TOKEN}_…, and name it in the source's apiKeyEnvVar."


def load(source: SourceDefinition, loading: Loading, patience: Patience | None = None) -> Iterator[Entry | Problem]:
    """Yield the catalog's models with their artifacts.

    A model that is wrong gives a `Problem`, and so does an artifact, without which its model comes. Raises
    `InvalidInput` for wrong properties, `Denied`, and `Unavailable` where there is no catalog or it stops answering.
    """
    with contextlib.suppress(Stopped), _connected(source, loading, patience) as catalog:
        wanted = catalog.models(source, properties.text(source, "source"))
        with contextlib.closing(ahead(catalog.entry, wanted, catalog.http.leave)) as models:
            yield from delivered(models, loading)


def candidates(source: SourceDefinition, loading: Loading) -> Iterator[tuple[str, bool]]:
    """Yield the name of each model of the catalog, and whether the source includes it; raises as `load`."""
    with contextlib.suppress(Stopped), _connected(source, loading, None) as catalog:
        for document in catalog.pages("/models", source=properties.text(source, "source")):
            with contextlib.suppress(InvalidInput):
                name = wire.model_name(document)
                yield name, source.includes(name)


class _Catalog:
    """One version of the API of a catalog."""

    def __init__(self, http: Http, version: str) -> None:
        self.http = http
        self._base = f"/api/model_catalog/{version}"
        self._unquoted: tuple[str, ...] = ("", "/")

    def models(self, source: SourceDefinition, only: str) -> Iterator[Document | Problem]:
        """Yield the models that the source includes, each name once."""
        seen: set[str] = set()
        for document in self.pages("/models", source=only):
            try:
                name = wire.model_name(document)
            except InvalidInput as error:
                yield Problem("a model without a name", error.message)
                continue
            if not source.includes(name):
                continue
            if name in seen:
                yield Problem(name, "Another of the catalog's sources has a model of this name, which was taken.")
                continue
            seen.add(name)
            yield document

    def entry(self, document: Document | Problem) -> Found:
        """Return a model with its artifacts, and with a `Problem` where some of them had to be left out."""
        if isinstance(document, Problem):
            return [document]
        name = wire.model_name(document)
        try:
            of = document.get("source_id") or document.get("sourceId")
            if not isinstance(of, str) or not of:
                raise InvalidInput("It does not say of which source it is.")
            found = wire.model(document)
            readme = wire.readme(document)
            artifacts, wrong = self._artifacts(of, name)
        except InvalidInput as error:
            return [Problem(name, error.message)]
        except ForecourtError as error:
            return [Failed(name, error)]
        entry = Entry(name, found, readme, artifacts)
        return [entry, *([Problem(name, f"Left out were artifacts of it: {' '.join(wrong)}")] if wrong else [])]

    def _artifacts(self, source: str, name: str) -> tuple[tuple[Document, ...], list[str]]:
        found: list[Document] = []
        wrong: dict[str, None] = {}
        for document in self._artifacts_as_sent(source, name):
            try:
                found.append(wire.artifact(document))
            except InvalidInput as error:
                wrong[error.message] = None
        return tuple(found), list(wrong)

    def _artifacts_as_sent(self, source: str, name: str) -> list[Document]:
        """Ask with the slashes of the name as ``%2F``, and where something on the way does not take them, as they are.

        ``v1alpha1`` has no slashes in its paths, and ``v1`` has both.
        """
        ways = self._unquoted  # which another thread may be changing
        for safe in ways:
            path = f"/sources/{quote(source, safe='')}/models/{quote(name, safe=safe)}/artifacts"
            try:
                found = list(self.pages(path))
            except (NotFound, InvalidInput):
                if "/" not in name or safe == ways[-1]:
                    raise
            else:
                if "/" in name:
                    self._unquoted = (safe, *(each for each in ("", "/") if each != safe))
                return found
        raise AssertionError("there is more than one way to ask")  # pragma: no cover

    def pages(self, path: str, **query: str) -> Iterator[Document]:
        """Yield the items of a list, all pages."""
        params: dict[str, Any] = {key: value for key, value in query.items() if value}
        token, tokens, count, size = "", set(), 0, _SIZES[0]
        while True:
            if token:
                params["nextPageToken"] = token
            try:
                answer = self.http.get(self._base + path, params | {"pageSize": size})
            except TooLarge:
                smaller = [each for each in _SIZES if each < size]
                if not smaller:
                    raise
                size = smaller[0]
                continue
            document = answer.json()
            items = document.get("items") if isinstance(document, dict) else None
            if not isinstance(items, list):
                raise Unavailable(f"{self.http.url} answered with a list that has no items.", hint=_NO_CATALOG)
            yield from (item for item in items if isinstance(item, dict))
            count += len(items)
            tokens.add(token)
            token = document.get("nextPageToken") or ""
            if not token:
                return
            if not isinstance(token, str) or token in tokens or count > _MOST_MODELS:
                raise Unavailable(f"{self.http.url} sends a list that does not end.", hint=_NO_CATALOG)


_NO_CATALOG = "Check that its url is that of a model catalog, before /api/model_catalog."


@contextlib.contextmanager
def _connected(source: SourceDefinition, loading: Loading, patience: Patience | None) -> Iterator[_Catalog]:
    url = properties.url(source).removesuffix("/api/model_catalog")
    token = properties.token(source, loading, TOKEN)
    with Http(url, loading, token=token, denied=_HINT, patience=patience) as http:
        for version in VERSIONS:
            catalog = _Catalog(http, version)
            try:
                next(catalog.pages("/sources"), None)
            except NotFound:
                continue
            yield catalog
            return
        raise NotFound(f"{url} has no model catalog.", hint=_NO_CATALOG)
