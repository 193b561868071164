"""What each route of the registry's API does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, select

from forecourt.errors import InvalidInput, NotFound
from forecourt.registry import changing, store
from forecourt.registry.documents import Document, artifact_kind, parse_id, read_fields
from forecourt.registry.exchange import Exchange
from forecourt.registry.model import ARTIFACTS, MODEL_ARTIFACT, Kind
from forecourt.registry.pages import Cursor, Listing
from forecourt.registry.requests import Parameters
from forecourt.registry.routes import Route
from forecourt.registry.store import Found
from forecourt.registry.tables import PROPERTIES, RESOURCES

_BATCH = 500  # resources read and sent at once


async def _get(request: Exchange, route: Route, identity: int) -> None:
    await request.show(await request.point(lambda connection: store.get(connection, route.kinds, identity)))


async def _find(request: Exchange, route: Route, _identity: int) -> None:
    given, kind = request.parameters, route.kinds[0]
    name, external_id, parent_id = given.get("name"), given.get("externalId"), None
    called = _CALLED["artifact" if kind.artifact_type else kind.schema]
    if len(called) > 1:
        parent_id = given.identity("parentResourceId", "parent resource")
        name = name if parent_id is not None else None  # below which parent, nothing says
    if external_id is None and (name is None or (len(called) > 1 and parent_id is None)):
        either = f"({' and '.join(called)})," if len(called) > 1 else called[0]
        raise InvalidInput(f"invalid parameters call, supply either {either} or externalId: bad request")
    found = await request.point(
        lambda connection: store.find(connection, route.kinds, name=name, parent_id=parent_id, external_id=external_id)
    )
    if found is None:
        word = "artifact" if route.kinds is ARTIFACTS else kind.word
        labels = (called[0].replace("artifactName", "name"), *called[1:])
        values = zip(labels, (name, parent_id), strict=False)
        said = ", ".join(f"{label}={value if value is not None else ''}" for label, value in values)
        raise NotFound(f"no {word}s found for {said}, externalId={external_id or ''}: not found")
    await request.show(found)


_CALLED: dict[str, tuple[str, ...]] = {
    "RegisteredModel": ("name",),
    "ServingEnvironment": ("name",),
    "Experiment": ("name",),
    "ModelVersion": ("versionName", "registeredModelId"),
    "InferenceService": ("name", "parentResourceId"),
    "ExperimentRun": ("name", "experimentId"),
    "artifact": ("artifactName", "parentResourceId"),
}
"""What upstream calls the parameters of a search: a name, and where it is one below a parent, that."""


async def _list(request: Exchange, route: Route, identity: int) -> None:
    given = request.parameters
    if route.parent is None:
        await _send_list(request, given, given.listing(route.kinds))
        return
    parent = route.parent
    await request.point(lambda connection: store.get(connection, (parent,), identity))
    conditions: list[ColumnElement[bool]] = []
    if (name := given.get("name")) is not None:
        conditions.append(RESOURCES.c.name == name)
    if (external_id := given.get("externalId")) is not None:
        conditions.append(RESOURCES.c.external_id == external_id)
    scope = {"context_id" if route.kinds is ARTIFACTS else "parent_id": identity}
    await _send_list(request, given, given.listing(route.kinds, conditions=tuple(conditions), **scope))


async def _metric_history(request: Exchange, route: Route, identity: int) -> None:
    given = request.parameters
    conditions: list[ColumnElement[bool]] = []
    if route.parent is not None:
        parent = route.parent
        await request.point(lambda connection: store.get(connection, (parent,), identity))
    if (name := given.get("name")) is not None:
        conditions.append(_has("name", "head", [name]))
    if (steps := given.get("stepIds")) is not None:
        conditions.append(_has("step", "number", _steps(steps)))
    scope = {"parent_id": identity} if route.parent else {}
    await _send_list(request, given, given.listing(route.kinds, conditions=tuple(conditions), **scope))


def _has(name: str, column: str, values: Sequence[Any]) -> ColumnElement[bool]:
    row = PROPERTIES.alias().c
    of_it = (row.resource_id == RESOURCES.c.id, row.custom == 0, row.name == name, row[column].in_(values))
    return select(row.resource_id).where(*of_it).exists()


def _steps(text: str) -> list[float]:
    words = text.split(",")
    if len(words) > 1000 or not all(word.isascii() and word.isdecimal() and len(word) < 10 for word in words):
        raise InvalidInput(f"invalid stepIds {text[:80]!r}: they are numbers between commas: bad request")
    return [float(word) for word in words]


async def _send_list(request: Exchange, given: Parameters, listing: Listing) -> None:
    """Send a page, or everything: in one piece where it is short."""
    size, after = given.page_size, given.cursor
    head, more = await _batch(request, listing, after, size)
    if not more or (size and len(head) >= size):
        token = str(Cursor.of(head[-1], listing.order)) if more else ""
        items = ",".join(map(request.rendered, head))
        await request.respond(200, f'{{"items":[{items}]{_envelope(token, size, len(head))}')
        return

    async def pieces() -> AsyncIterator[str]:
        batch, more, sent, comma = head, True, 0, ""
        yield '{"items":['
        while batch:
            yield comma + ",".join(map(request.rendered, batch))
            sent, comma, last = sent + len(batch), ",", batch[-1]
            if not more or sent == size:
                break
            batch, more = await _batch(request, listing, Cursor.of(last, listing.order), size and size - sent)
        token = str(Cursor.of(last, listing.order)) if more else ""
        yield f"]{_envelope(token, size, sent)}"

    await request.pieces(pieces())


async def _batch(request: Exchange, listing: Listing, after: Cursor | None, wanted: int) -> tuple[list[Found], bool]:
    """Return the next rows, at most `wanted` where that is not 0, and whether there are more behind them."""
    limit = min(wanted or _BATCH, _BATCH)
    rows = await request.read(
        lambda: request.registry.page(listing, after, limit + 1), short=listing.is_short(limit + 1)
    )
    return rows[:limit], len(rows) > limit


def _envelope(token: str, page_size: int, size: int) -> str:
    return f',"nextPageToken":"{token}","pageSize":{page_size},"size":{size}}}'


async def _create(request: Exchange, route: Route, identity: int) -> None:
    body, actor = await request.body(), request.actor
    kind = _kind_of(route.kinds, body)
    if route.parent is None:
        fields = read_fields(kind, body, request.version, "create")
        await request.show(
            await request.create(lambda connection: changing.create(connection, actor, kind, fields)), 201
        )
        return
    parent = route.parent
    if kind.parent_field:
        body = {kind.parent_field: str(identity)} | body
    fields = read_fields(kind, body, request.version, "put" if parent.schema in _WHOLE else "create")
    if route.kinds is ARTIFACTS:
        given = body.get("id")
        artifact_id = parse_id(given, "artifact") if isinstance(given, str) and given else None
        artifact, new = await request.write(
            lambda connection: changing.put_artifact(connection, actor, parent, identity, kind, fields, artifact_id)
        )
        await request.show(artifact, 201 if new else 200)
        return
    if body.get("id"):
        raise InvalidInput(f"the id of a new {kind.word} is the server's to give: bad request")
    await request.show(
        await request.create(lambda connection: changing.create(connection, actor, kind, fields, parent_id=identity)),
        201,
    )


_WHOLE = ("RegisteredModel", "ModelVersion", "Experiment", "ExperimentRun")
"""Parents below which a POST takes the whole schema of a resource, with its read-only fields."""


def _kind_of(kinds: Sequence[Kind], body: Document) -> Kind:
    if kinds is ARTIFACTS:
        return artifact_kind(body)
    if kinds == (MODEL_ARTIFACT,) and body.get("artifactType") not in (None, MODEL_ARTIFACT.artifact_type):
        raise InvalidInput(f"artifactType {body['artifactType']!r} is not a model artifact: bad request")
    return kinds[0]


async def _update(request: Exchange, route: Route, identity: int) -> None:
    body, actor = await request.body(), request.actor
    before = await request.point(lambda connection: store.get(connection, route.kinds, identity))
    kind = before.kind
    if kind.artifact_type and body.get("artifactType") not in (None, kind.artifact_type):
        said = body["artifactType"]
        word = next((one.word for one in ARTIFACTS if one.artifact_type == said), f"{said} artifact")
        raise InvalidInput(f"artifact with id {identity} is not a {word}: bad request")
    fields = read_fields(kind, body, request.version, "update")
    await request.show(
        await request.write(lambda connection: changing.update(connection, actor, (kind,), identity, fields))
    )


async def _served_model(request: Exchange, _route: Route, identity: int) -> None:
    await request.show(await request.read(lambda: request.registry.served_model(identity), short=True))


async def _served_version(request: Exchange, _route: Route, identity: int) -> None:
    await request.show(await request.read(lambda: request.registry.served_version(identity), short=True))


ACTIONS: dict[str, Callable[[Exchange, Route, int], Awaitable[None]]] = {
    "get": _get,
    "find": _find,
    "list": _list,
    "create": _create,
    "update": _update,
    "metric_history": _metric_history,
    "served_model": _served_model,
    "served_version": _served_version,
}
"""The handler of each route's action."""
