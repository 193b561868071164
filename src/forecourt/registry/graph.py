"""Lineage as a graph: what a version comes from over all generations, what was made of it, and how that hangs together.

Arrows go with time: from what was there first to what came of it. Versions of ours are followed on; of those before it
where they come from too, of those after it only which they are.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from forecourt.registry.lineage import lineage
from forecourt.registry.links import EVIDENCE, PARENTS, TRAINED_BY
from forecourt.registry.model import MODEL_VERSION
from forecourt.registry.tables import Link, Resource

Document = dict[str, Any]

MOST_NODES = 500
DEEPEST = 20
_CHUNK = 500  # ids that one statement is given


@dataclass
class _Graph:
    """Nodes and arrows as they are found, the nearest first. What is beyond `most` nodes is counted, not kept."""

    most: int
    nodes: dict[str, Document] = field(default_factory=dict)
    edges: dict[tuple[str, str, str], Document] = field(default_factory=dict)
    omitted: set[str] = field(default_factory=set)

    def add(self, node: Document) -> bool:
        """Add a node, and say whether it is there now."""
        if node["id"] not in self.nodes:
            if len(self.nodes) >= self.most:
                self.omitted.add(node["id"])
                return False
            self.nodes[node["id"]] = node
        return True

    def connect(self, before: Document, after: Document, relation: str, detail: str = "") -> bool:
        """Add an arrow and its ends; say whether both are there."""
        if not (self.add(before) and self.add(after)):
            return False
        edge = {"from": before["id"], "to": after["id"], "relation": relation}
        self.edges.setdefault((before["id"], after["id"], relation), edge | ({"detail": detail} if detail else {}))
        return True


def lineage_graph(connection: Any, version_id: int, *, depth: int, most: int = MOST_NODES) -> Document:
    """Return the nodes and arrows around a version, `depth` generations each way; raises `NotFound`.

    A node's ``kind`` is version, modelcar, artifact, origin (a URI that it comes from), run, evidence or deployment. A
    version whose own arrows were not followed, because of the depth, has ``more``.
    """
    graph = _Graph(most)
    told = lineage(connection, version_id)
    root = _version(told)
    graph.add(root | {"state": told["state"], "stage": told["stage"], "aliases": told["aliases"]})
    _around(graph, root, told)
    _before(connection, graph, [version_id], depth)
    _after(connection, graph, [version_id], depth)
    return {
        "root": root["id"],
        "nodes": [*graph.nodes.values()],
        "edges": [*graph.edges.values()],
        "omitted": len(graph.omitted),
    }


def _around(graph: _Graph, root: Document, told: Document) -> None:
    """Add what stands at the version itself, but for other versions."""
    for arrow in (*told["sources"], *told["trainedBy"], *told["parents"]):
        if "modelVersionId" not in arrow:
            graph.connect(_origin(arrow["relation"], arrow), root, arrow["relation"], arrow.get("detail", ""))
    for artifact in told["artifacts"]:
        node = {key: artifact[key] for key in ("uri", "digest", "name", "artifactType") if key in artifact}
        kind = "modelcar" if artifact.get("uri", "").startswith("oci") else "artifact"
        if "value" not in artifact:  # metrics and parameters are the version's own page
            graph.connect(root, {"id": f"artifact:{artifact['id']}", "kind": kind} | node, "files")
    for arrow in told["evidence"]:
        if "modelVersionId" in arrow:
            continue
        node = {"id": f"evidence:{arrow['uri']}", "kind": "evidence", "uri": arrow["uri"]}
        graph.connect(root, node, EVIDENCE, arrow.get("detail", ""))
    for one in told["deployments"]:
        node = {"id": f"deployment:{one['inferenceServiceId']}", "kind": "deployment"} | one
        graph.connect(root, node, "serves")


def _before(connection: Any, graph: _Graph, level: list[int], depth: int) -> None:
    """Add where versions come from, generation by generation."""
    seen = set(level)
    for generation in range(depth + 1):
        links = _links(connection, Link.version_id, level)
        versions = _versions(connection, {one.version_id for one in links} | {one.target_id for one in links})
        following: list[int] = []
        for link in links:
            after = versions[link.version_id]
            if link.target_id in versions:
                before = versions[link.target_id]
                if generation == depth:
                    _mark(graph, after)
                elif graph.connect(before, after, link.relation, link.detail) and link.target_id not in seen:
                    seen.add(link.target_id)
                    following.append(link.target_id)
            elif generation and link.relation != EVIDENCE:  # those of the version itself are there already
                arrow = {"uri": link.uri}
                graph.connect(_origin(link.relation, arrow), after, link.relation, link.detail)
        level = following
        if not level:
            return


def _after(connection: Any, graph: _Graph, level: list[int], depth: int) -> None:
    """Add what was made of versions, generation by generation."""
    seen = set(level)
    for generation in range(depth + 1):
        links = [one for one in _links(connection, Link.target_id, level) if one.relation in PARENTS]
        versions = _versions(connection, {one.version_id for one in links} | {one.target_id for one in links})
        following: list[int] = []
        for link in links:
            before, after = versions[link.target_id], versions[link.version_id]
            if generation == depth:
                _mark(graph, before)
            elif graph.connect(before, after, link.relation, link.detail) and link.version_id not in seen:
                seen.add(link.version_id)
                following.append(link.version_id)
        level = following
        if not level:
            return


def _mark(graph: _Graph, version: Document) -> None:
    if version["id"] in graph.nodes:
        graph.nodes[version["id"]]["more"] = True


def _links(connection: Any, column: Any, ids: list[int]) -> list[Any]:
    """Return the links whose `column` is one of `ids`, no more than a graph can have."""
    found: list[Any] = []
    for start in range(0, len(ids), _CHUNK):
        query = select(Link.version_id, Link.relation, Link.uri, Link.target_id, Link.detail)
        chosen = query.where(column.in_(ids[start : start + _CHUNK])).order_by(Link.id).limit(2 * MOST_NODES)
        found += connection.execute(chosen).all()
    return found


def _versions(connection: Any, ids: Collection[int | None]) -> dict[int, Document]:
    """Return versions as nodes, by their ids."""
    wanted = sorted(one for one in ids if one is not None)
    model = Resource.__table__.alias("model")
    found: dict[int, Document] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = (
            select(Resource.id, Resource.name, model.c.id, model.c.name)
            .join(model, model.c.id == Resource.parent_id)
            .where(Resource.id.in_(wanted[start : start + _CHUNK]), Resource.kind == MODEL_VERSION.schema)
        )
        for identity, name, model_id, model_name in connection.execute(query).all():
            brief = {"registeredModelId": str(model_id), "registeredModel": model_name}
            found[identity] = _version(brief | {"modelVersionId": str(identity), "modelVersion": name})
    return found


def _version(brief: Document) -> Document:
    names = ("registeredModelId", "registeredModel", "modelVersionId", "modelVersion")
    return {"id": f"version:{brief['modelVersionId']}", "kind": "version"} | {name: brief[name] for name in names}


def _origin(relation: str, arrow: Document) -> Document:
    """Return what a URI stands for, of which something comes."""
    kind = "run" if relation == TRAINED_BY else "origin"
    more = {key: arrow[key] for key in ("experimentRunId", "name") if key in arrow}
    return {"id": f"{kind}:{arrow['uri']}", "kind": kind, "uri": arrow["uri"]} | more
