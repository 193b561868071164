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
    namespaced: bool = True

    @property
    def group(self) -> str:
        """The API's group; empty for Kubernetes' core."""
        group, slash, _ = self.api_version.partition("/")
        return group if slash else ""

    def path(self, namespace: str | None, name: str = "") -> str:
        """Return the URL's path; without a namespace that of the list over all namespaces."""
        root = "apis" if self.group else "api"
        scope = f"namespaces/{namespace}/" if namespace and self.namespaced else ""
        return f"/{root}/{self.api_version}/{scope}{self.plural}" + (f"/{name}" if name else "")

    @property
    def full_name(self) -> str:
        """The kind's name with its group: ``inferenceservice.serving.kserve.io``."""
        return f"{self.kind.lower()}.{self.group}".rstrip(".")

    def qualified(self, name: str) -> str:
        """Return the name that ``-o name`` and apply print: ``inferenceservice.serving.kserve.io/my-model``."""
        return f"{self.full_name}/{name}"


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
CLUSTER_SERVING_RUNTIME = Resource(
    "ClusterServingRuntime",
    "serving.kserve.io/v1alpha1",
    "clusterservingruntimes",
    ("clusterservingruntimes", "clusterservingruntime"),
    namespaced=False,
)
NAMESPACE = Resource(
    "Namespace",
    "v1",
    "namespaces",
    ("namespaces", "namespace", "ns", "projects", "project"),
    namespaced=False,
)
SECRET = Resource("Secret", "v1", "secrets", ("secrets", "secret", "connections", "connection"))
CONFIG_MAP = Resource(
    "ConfigMap", "v1", "configmaps", ("configmaps", "configmap", "cm", "connectiontypes", "connectiontype")
)
HARDWARE_PROFILE = Resource(
    "HardwareProfile",
    "infrastructure.opendatahub.io/v1",
    "hardwareprofiles",
    ("hardwareprofiles", "hardwareprofile"),
)
CONTROLLER_REVISION = Resource(
    "ControllerRevision",
    "apps/v1",
    "controllerrevisions",
    ("controllerrevisions", "controllerrevision"),
)
ROLE_BINDING = Resource(
    "RoleBinding",
    "rbac.authorization.k8s.io/v1",
    "rolebindings",
    ("rolebindings", "rolebinding"),
)
RESOURCES = (
    NAMESPACE,
    ROLE_BINDING,
    CONFIG_MAP,
    SECRET,
    HARDWARE_PROFILE,
    CLUSTER_SERVING_RUNTIME,
    SERVING_RUNTIME,
    INFERENCE_SERVICE,
    CONTROLLER_REVISION,
)
"""Every kind, in the order in which they need each other: what stands first can be there without the rest."""


def resource(word: str) -> Resource:
    """Return the resource that a word means; a group behind it is allowed, as kubectl allows it.

    Raises `InvalidInput` where there is none.
    """
    plain, _, group = word.lower().partition(".")
    for known in RESOURCES:
        if plain in known.words and group in ("", known.group):
            return known
    raise InvalidInput(
        f"There is no type {word!r}.",
        hint=f"The types are {', '.join(known.plural for known in RESOURCES)}.",
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
        hint="Known are " + ", ".join(f"{known.kind} of {known.api_version}" for known in RESOURCES) + ".",
    )
