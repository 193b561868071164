"""``model-registry://model/version``: which version of which model that is, and where its files are.

The forms are those of Kubeflow's storage initializer: a model alone means its newest version. Besides a version's name,
an alias or a stage names one. Names are percent-encoded where they have a slash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from sqlalchemy import select

from forecourt.errors import InvalidInput, NotFound
from forecourt.registry import store
from forecourt.registry.aliases import STAGE, STAGES, aliases_of
from forecourt.registry.model import MODEL_ARTIFACT, MODEL_VERSION, REGISTERED_MODEL
from forecourt.registry.pages import Listing
from forecourt.registry.store import Found
from forecourt.registry.tables import Property, Resource

SCHEME = "model-registry"


@dataclass(frozen=True, slots=True)
class Resolved:
    """A version, its model, and the artifact that says where the files are."""

    model: Found
    version: Found
    artifact: Found

    @property
    def uri(self) -> str:
        """Where the files are."""
        return str(self.artifact.document["uri"])


def parse(uri: str) -> tuple[str, str]:
    """Return the names of model and version that a URI says, the version's empty for the newest.

    Raises `InvalidInput` for another registry than ours, and for what is no such URI.
    """
    scheme, _, rest = uri.partition("://")
    words = [word for word in rest.partition("?")[0].strip("/").split("/") if word]
    if scheme != SCHEME or not 1 <= len(words) <= 3 or "\0" in unquote(rest):
        raise InvalidInput(f"{uri!r} names no model.", hint="Write model-registry://MODEL/VERSION.")
    if len(words) == 3 or (len(words) == 2 and ":" in words[0]):
        raise InvalidInput(
            f"{words[0]} is another registry than this one.",
            hint="Write model-registry://MODEL/VERSION for this one's; a slash in a name is written %2F.",
        )
    return unquote(words[0]), unquote(words[1]) if len(words) == 2 else ""


def resolve(connection: Any, uri: str) -> Resolved:
    """Return what a URI names; raises `NotFound` and `InvalidInput`."""
    model_name, version_name = parse(uri)
    model = store.find(connection, (REGISTERED_MODEL,), name=model_name)
    if model is None:
        raise NotFound(f"The registry has no model {model_name}.", hint="See: forecourt registry models")
    version = version_of(connection, model, version_name)
    return Resolved(model, version, artifact_of(connection, model, version))


def version_of(connection: Any, model: Found, word: str) -> Found:
    """Return the version of a model that a name, an alias or a stage means; the newest for an empty one.

    Archived versions are found by name only. Raises `NotFound`.
    """
    if word:
        if version := store.find(connection, (MODEL_VERSION,), name=word, parent_id=model.id):
            return version
        if (version_id := aliases_of(connection, model.id).get(word)) is not None:
            return store.get(connection, (MODEL_VERSION,), version_id)
    conditions = [_has("state", "LIVE", custom=False)]
    if word:
        conditions.append(_has(STAGE, word, custom=True))
    if not word or word in STAGES:
        newest = Listing((MODEL_VERSION,), parent_id=model.id, conditions=tuple(conditions), descending=True)
        if rows := newest.rows(connection, None, 1):
            return rows[0]
    what = f"version, alias or stage {word}" if word else "version that is live"
    raise NotFound(f"{model.name} has no {what}.", hint=f"See: forecourt registry versions {model.name}")


def artifact_of(connection: Any, model: Found, version: Found) -> Found:
    """Return the model artifact that says where a version's files are: the newest that has a URI; raises `NotFound`."""
    artifacts = Listing((MODEL_ARTIFACT,), context_id=version.id, descending=True)
    for artifact in artifacts.rows(connection, None, 100):
        if artifact.document.get("uri"):
            return artifact
    raise NotFound(
        f"Version {version.name} of {model.name} has no model artifact that says where its files are.",
        hint="Add one with a uri: POST …/model_versions/{id}/artifacts, or forecourt registry register.",
    )


def _has(name: str, value: str, *, custom: bool) -> Any:
    return (
        select(Property.resource_id)
        .where(
            Property.resource_id == Resource.id,
            Property.custom == int(custom),
            Property.name == name,
            Property.head == value,
        )
        .exists()
    )
