"""The kinds of objects that the server keeps: what they are called, and where the API has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from forecourt.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object, with the words that a person may say for it."""

    kind: str
    api_version: str
    plural: str
    words: tuple[str, ...]

    def path(self, namespace: str | None, name: str = "") -> str:
        """Return the URL's path; without a namespace that of the list over all namespaces."""
        scope = f"namespaces/{namespace}/" if namespace else ""
        return f"/apis/{self.api_version}/{scope}{self.plural}" + (f"/{name}" if name else "")

    def qualified(self, name: str) -> str:
        """Return the name that ``-o name`` and apply print: ``inferenceservice.serving.kserve.io/my-model``."""
        return f"{self.kind.lower()}.{self.api_version.partition('/')[0]}/{name}"


INFERENCE_SERVICE = Resource(
    "InferenceService",
    "serving.kserve.io/v1beta1",
    "inferenceservices",
    ("inferenceservices", "inferenceservice", "isvc"),
)
SERVING_RUNTIME = Resource(
    "ServingRuntime",
    "serving.kserve.io/v1alpha1",
    "servingruntimes",
    ("servingruntimes", "servingruntime"),
)
RESOURCES = (INFERENCE_SERVICE, SERVING_RUNTIME)


def resource(word: str) -> Resource:
    """Return the resource that a word means; a group behind it is allowed, as kubectl allows it.

    Raises `InvalidInput` where there is none.
    """
    plain = word.lower().removesuffix(".serving.kserve.io")
    for known in RESOURCES:
        if plain in known.words:
            return known
    raise InvalidInput(
        f"There is no type {word!r}.",
        hint=f"The types are {' and '.join(known.plural for known in RESOURCES)}.",
    )


def named(text: str) -> tuple[Resource, str]:
    """Return what ``NAME`` (a deployment) or ``TYPE/NAME`` means. Raises `InvalidInput`."""
    word, slash, name = text.rpartition("/")
    return (resource(word) if slash else INFERENCE_SERVICE), name


def resource_of(document: dict[str, Any], where: str) -> Resource:
    """Return the resource that an object says it is; `where` names the object in the error.

    Raises `InvalidInput` where it is none of ours.
    """
    kind, api_version = document.get("kind"), document.get("apiVersion")
    for known in RESOURCES:
        if (kind, api_version) == (known.kind, known.api_version):
            return known
    raise InvalidInput(
        f"{where}: no kind {kind!r} in version {api_version!r}.",
        hint="Known are " + " and ".join(f"{known.kind} of {known.api_version}" for known in RESOURCES) + ".",
    )
