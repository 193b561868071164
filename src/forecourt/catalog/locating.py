"""``catalog://source/model``: where the files of a model of the catalog are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from forecourt.catalog import store
from forecourt.catalog.catalog import Catalog
from forecourt.catalog.model import MODEL_ARTIFACT, Document
from forecourt.catalog.views import resolve
from forecourt.errors import NotFound


def uri_of(catalog: Catalog, uri: str) -> str:
    """Return the URI of a model's files; blocks. Raises `NotFound`, and `InvalidInput` where several are meant."""
    snapshot = catalog.snapshot
    number = resolve(catalog, snapshot, uri)
    with catalog.database.snapshot() as session:
        texts = [text for _, _, text in store.read_artifacts_of(session.connection(), [snapshot.rows[number]])]
    artifacts = [one for one in map(json.loads, texts) if one.get("artifactType") == MODEL_ARTIFACT]
    return pinned(first_of(artifacts, snapshot.names[number]))


def first_of(artifacts: Sequence[Document], name: str) -> Document:
    """Return the first of the places where the files of a model are; raises `NotFound` where none is known."""
    if not artifacts:
        raise NotFound(
            f"The catalog does not say where the files of {name} are.",
            hint="Pack them as a ModelCar yourself: forecourt modelcar pack --help",
        )
    return artifacts[0]


def pinned(artifact: Mapping[str, Any]) -> str:
    """Return an artifact's URI, with the digest where the catalog knows it."""
    uri = str(artifact["uri"])
    known = (artifact.get("customProperties") or {}).get("digest") or {}
    digest = str(known.get("string_value") or "")
    return f"{uri}@{digest}" if digest and uri.startswith("oci://") and "@" not in uri else uri
