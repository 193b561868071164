"""What the nodes of a lineage are called, which icon each has, and where its link leads."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from forecourt.dashboard.calls import Document, path
from forecourt.dashboard.pages import address
from forecourt.dashboard.registry.reading import version_href

_HUB = ("hf://", "https://huggingface.co/")
_DIGEST_SHOWN = 19  # characters: sha256: and twelve more, as docker shows


@dataclass(frozen=True, slots=True)
class Named:
    """A node for people: what it is, what it is called, its whole name, its icon, where one reads more."""

    kind: str
    label: str
    title: str
    icon: str
    href: str


def named(node: Document) -> Named:
    """Return a node of ``…/lineage/graph`` as people see it."""
    return _BY_KIND[node["kind"]](node)


def used_by(uri: str) -> str:
    """Return the address of the page of what is known of a URI: the versions that it leads to."""
    return address("/registry/lineage", uri=uri)


def _version(node: Document) -> Named:
    name = f"{node['registeredModel']} {node['modelVersion']}"
    href = f"{version_href(node['modelVersionId'])}/lineage"
    return Named(f"Version {node['modelVersion']}", node["registeredModel"], name, "tag", href)


def _modelcar(node: Document) -> Named:
    digest = node.get("digest", "")
    label = digest[:_DIGEST_SHOWN] if digest else _last(node["uri"], 2)
    return Named("ModelCar", label, node["uri"], "cube", used_by(digest or node["uri"]))


def _artifact(node: Document) -> Named:
    uri = node.get("uri", "")
    if not uri:
        return Named("Artifact", node.get("name") or "Artifact", node.get("name") or "", "file", "")
    return _origin({"kind": "origin", "uri": uri})


def _origin(node: Document) -> Named:
    uri = node["uri"]
    scheme, _, rest = uri.partition("://")
    if scheme == "catalog":
        source, _, name = rest.partition("/")
        href = f"/catalog/{quote(source, safe='')}/{quote(name)}"
        return Named("Model catalog", name.rpartition("/")[2] or rest, uri, "star", href)
    if uri.startswith(_HUB):
        words = uri.removeprefix(_HUB[0]).removeprefix(_HUB[1])
        repository, _, revision = words.partition("@")
        kind = f"Hugging Face @{revision[:7]}" if revision else "Hugging Face"
        return Named(kind, "/".join(repository.split("/")[:2]), uri, "download", used_by(uri))
    if scheme == "model-registry":
        return Named("Model registry", rest, uri, "tag", used_by(uri))
    kind, icon = _SCHEMES.get(scheme.partition("+")[0], ("Source", "file"))
    return Named(kind, _last(uri, 2), uri, icon, used_by(uri))


_SCHEMES = {
    "oci": ("Image", "cube"),
    "s3": ("Object storage", "database"),
    "http": ("Web", "external"),
    "https": ("Web", "external"),
    "file": ("Files", "volume"),
    "pvc": ("Volume", "volume"),
}


def _run(node: Document) -> Named:
    label = node.get("name") or _last(node["uri"], 1)
    return Named("Training run", label, node["uri"], "flask", used_by(node["uri"]))


def _evidence(node: Document) -> Named:
    return Named("Evidence", _last(node["uri"], 2), node["uri"], "chart", used_by(node["uri"]))


def _deployment(node: Document) -> Named:
    name, project = str(node["name"]).partition("/")[0], str(node["servingEnvironment"])
    state = {"RUNNING": "running", "COMPLETE": "stopped", "FAILED": "failed"}.get(node.get("lastKnownState") or "", "")
    title = f"{name} in {project}" + (f", {state}" if state else "")
    return Named(f"Deployment in {project}", name, title, "server", "/deployments" + path(project, name))


_BY_KIND: dict[str, Callable[[Document], Named]] = {
    "version": _version,
    "modelcar": _modelcar,
    "artifact": _artifact,
    "origin": _origin,
    "run": _run,
    "evidence": _evidence,
    "deployment": _deployment,
}


def _last(uri: str, count: int) -> str:
    """Return the last words of a URI's path, without its query."""
    words = [word for word in re.split(r"[?#]", uri.partition("://")[2] or uri)[0].split("/") if word]
    return "/".join(words[-count:]) or uri
