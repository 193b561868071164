"""Lineage: from a version to its image, its sources, what it was made from, its evidence and what serves it; and back.

Some of it stands in fields of Kubeflow's (an artifact's ``uri`` and ``modelSource…``, an inference service's
``modelVersionId``), some of it in links of our own; here they are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import and_, or_, select

from forecourt.registry import store
from forecourt.registry.aliases import STAGE, aliases_of
from forecourt.registry.indexing import DIGEST, digest_of
from forecourt.registry.links import EVIDENCE, PARENTS, SOURCE, TRAINED_BY
from forecourt.registry.model import (
    ARTIFACTS,
    EXPERIMENT_RUN,
    INFERENCE_SERVICE,
    MODEL_ARTIFACT,
    MODEL_VERSION,
    REGISTERED_MODEL,
    SERVE_MODEL,
    SERVING_ENVIRONMENT,
)
from forecourt.registry.pages import Listing
from forecourt.registry.store import SELECT, Found, found
from forecourt.registry.tables import HEAD, Attribution, Link, Property, Resource

Document = dict[str, Any]

_MOST = 1000  # arrows of one kind that are followed


def lineage(connection: Any, version_id: int) -> Document:
    """Return everything that a version comes from and leads to; raises `NotFound`."""
    version = store.get(connection, (MODEL_VERSION,), version_id)
    model = store.get(connection, (REGISTERED_MODEL,), version.parent_id or 0)
    document = version.document
    artifacts = Listing(ARTIFACTS, context_id=version.id).rows(connection, None, _MOST)
    links = connection.execute(
        select(Link.id, Link.relation, Link.uri, Link.target_id, Link.detail)
        .where(Link.version_id == version_id)
        .order_by(Link.id)
        .limit(_MOST)
    ).all()
    arrows = [_arrow(connection, *link) for link in links]
    return {
        **_brief(connection, version, model),
        "state": document.get("state"),
        "stage": document["customProperties"].get(STAGE, {}).get("string_value"),
        "aliases": [alias for alias, of in aliases_of(connection, model.id).items() if of == version_id],
        "artifacts": [_artifact(one) for one in artifacts],
        "sources": [
            *(arrow for arrow in arrows if arrow["relation"] == SOURCE),
            *_field_sources(document, artifacts),
        ],
        "trainedBy": [*(arrow for arrow in arrows if arrow["relation"] == TRAINED_BY), *_runs(connection, artifacts)],
        "parents": [arrow for arrow in arrows if arrow["relation"] in PARENTS],
        "children": _children(connection, version_id),
        "evidence": [arrow for arrow in arrows if arrow["relation"] == EVIDENCE],
        "deployments": _deployments(connection, version),
    }


def versions_of(connection: Any, word: str) -> list[Document]:
    """Return the versions that a digest, a URI or a deployment's URL leads to.

    By their artifacts, by what they come from and by what serves them; an image in any registry, by its digest.
    """
    ids: set[int] = set(connection.scalars(select(Link.version_id).where(Link.uri == word).limit(_MOST)))
    named = [Property.name.in_(("uri", "source_uri", "url")), Property.head == word[:HEAD]]
    if digest := digest_of({"uri": word, "customProperties": {}}):
        named = [or_(and_(*named), and_(Property.name == DIGEST, Property.head == digest))]
    kinds = [kind.schema for kind in (*ARTIFACTS, MODEL_VERSION, INFERENCE_SERVICE)]
    query = select(Property.resource_id, Property.kind, Property.name, Property.tail)
    for identity, kind, name, tail in connection.execute(
        query.where(Property.kind.in_(kinds), *named).limit(_MOST)
    ).all():
        if name != DIGEST and (tail or "") != word[HEAD:]:
            continue
        if kind == INFERENCE_SERVICE.schema:
            service = store.get(connection, (INFERENCE_SERVICE,), identity).document
            ids |= {int(service["modelVersionId"])} if service.get("modelVersionId") else set()
        ids.add(identity)
        ids |= set(connection.scalars(select(Attribution.context_id).where(Attribution.artifact_id == identity)))
    versions = SELECT.where(Resource.id.in_(ids), Resource.kind == MODEL_VERSION.schema).order_by(Resource.id)
    return [_brief(connection, found(row)) for row in connection.execute(versions).all()]


def _brief(connection: Any, version: Found, model: Found | None = None) -> Document:
    model = model or store.get(connection, (REGISTERED_MODEL,), version.parent_id or 0)
    return {
        "registeredModelId": str(model.id),
        "registeredModel": model.name,
        "modelVersionId": str(version.id),
        "modelVersion": version.name,
    }


def _artifact(artifact: Found) -> Document:
    document = artifact.document
    uri, digest = document.get("uri"), digest_of(document)
    modelcar = artifact.kind is MODEL_ARTIFACT and (uri or "").startswith("oci")
    return {
        "id": document["id"],
        "artifactType": document["artifactType"],
        "name": document["name"],
        **({"uri": uri} if uri else {}),
        **({"digest": digest} if digest and modelcar else {}),
        **({"value": document["value"]} if "value" in document else {}),
    }


def _arrow(connection: Any, identity: int, relation: str, uri: str, target_id: int | None, detail: str) -> Document:
    arrow: Document = {"id": str(identity), "relation": relation, "uri": uri}
    if detail:
        arrow["detail"] = detail
    if target_id is not None:
        arrow |= _brief(connection, store.get(connection, (MODEL_VERSION,), target_id))
    return arrow


def _field_sources(version: Document, artifacts: Sequence[Found]) -> Iterable[Document]:
    """Yield the sources that fields say, as upstream's catalog, pipelines and client write them."""
    seen = set()
    for artifact in artifacts:
        document = artifact.document
        kind, group = document.get("modelSourceKind"), document.get("modelSourceClass")
        if kind:
            words = [
                group,
                document.get("modelSourceGroup"),
                document.get("modelSourceName"),
                document.get("modelSourceId"),
            ]
            seen.add(f"{kind}://" + "/".join(dict.fromkeys(word for word in words if word)))
    properties = version["customProperties"]
    said = {name: properties.get(name, {}).get("string_value") for name in ("model_origin", "repo")}
    if said["model_origin"] == "huggingface_hub" and said["repo"]:
        seen.add(f"hf://{said['repo']}")
    for uri in sorted(seen):
        yield {"relation": SOURCE, "uri": uri}


def _runs(connection: Any, artifacts: Sequence[Found]) -> Iterable[Document]:
    """Yield the experiment runs that made its artifacts."""
    ids = select(Attribution.context_id).where(Attribution.artifact_id.in_([one.id for one in artifacts]))
    query = SELECT.where(Resource.id.in_(ids), Resource.kind == EXPERIMENT_RUN.schema).order_by(Resource.id)
    for row in connection.execute(query).all():
        run = found(row)
        yield {
            "relation": TRAINED_BY,
            "uri": f"experiment-run:{run.id}",
            "experimentRunId": str(run.id),
            "name": run.name,
        }


def _children(connection: Any, version_id: int) -> list[Document]:
    query = (
        select(Link.relation, Link.version_id)
        .where(Link.target_id == version_id, Link.relation.in_(PARENTS))
        .order_by(Link.version_id)
        .limit(_MOST)
    )
    return [
        {"relation": relation} | _brief(connection, store.get(connection, (MODEL_VERSION,), child))
        for relation, child in connection.execute(query).all()
    ]


def _deployments(connection: Any, version: Found) -> list[Document]:
    """Return the inference services that serve a version: those that name it, and by its ServeModel rows."""
    named = select(Property.resource_id).where(
        Property.kind.in_((INFERENCE_SERVICE.schema, SERVE_MODEL.schema)),
        Property.name == "modelVersionId",
        Property.number == version.id,
        Property.custom == 0,
    )
    rows = [found(row) for row in connection.execute(SELECT.where(Resource.id.in_(named)).limit(_MOST)).all()]
    served = {one.parent_id: one.document["lastKnownState"] for one in rows if one.kind is SERVE_MODEL}
    ids = {one.id for one in rows if one.kind is INFERENCE_SERVICE} | {one for one in served if one is not None}
    deployments = []
    for row in connection.execute(SELECT.where(Resource.id.in_(ids)).order_by(Resource.id)).all():
        service = found(row)
        document = service.document
        environment = store.get(connection, (SERVING_ENVIRONMENT,), service.parent_id or 0)
        deployments.append(
            {
                "inferenceServiceId": document["id"],
                "name": document["name"],
                "servingEnvironment": environment.name,
                "desiredState": document.get("desiredState"),
                "lastKnownState": served.get(service.id),
                "runtime": document.get("runtime"),
                "url": document["customProperties"].get("url", {}).get("string_value"),
            }
        )
    return deployments
