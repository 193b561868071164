"""Who needs an image or a model that is laid out: deployments, and versions that are registered."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forecourt.errors import ForecourtError, NotFound
from forecourt.home import Home
from forecourt.oci import Reference
from forecourt.serving import InferenceService, Source
from forecourt.storage import Resolvers, resolved

_ELSEWHERE = ("hf", "s3", "http", "https")


@dataclass
class Users:
    """Who needs what.

    `images` (deployments) and `registered` (versions whose files are in the embedded registry) are by the hex of a
    manifest's digest. `deployments` are all that there are, `unknown` those of which it is not known where their model
    lies: it came from elsewhere, and they have not started since the server did.
    """

    images: dict[str, list[str]] = field(default_factory=dict)
    registered: dict[str, list[str]] = field(default_factory=dict)
    deployments: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)

    def need(self, image: str, who: str) -> None:
        """Note that an image is needed."""
        those = self.images.setdefault(image, [])
        if who not in those:
            those.append(who)


def users(home: Home, registry: str, resolvers: Resolvers, models: Mapping[Path, Sequence[str]]) -> Users:
    """Return who needs what; blocks. `models` says which deployments read which directory."""
    found, known = Users(), {each for those in models.values() for each in those}
    for directory, those in models.items():
        for each in those:
            found.need(directory.name, each)
    for service in home.objects.list(InferenceService):
        name = f"{service.namespace}/{service.name}"
        found.deployments.add(name)
        try:
            uri = resolved(Source.of(service).uri, resolvers)
        except ForecourtError:
            uri = ""
        scheme, _, rest = uri.partition("://")
        if scheme.startswith("oci"):
            for digest in _digests(home, registry, rest):
                found.need(digest, name)
        elif name not in known and scheme in ("", *_ELSEWHERE):
            found.unknown.append(name)
    _registered(home, registry, found)
    return found


def _digests(home: Home, registry: str, text: str) -> list[str]:
    """Return the manifests that a reference names, on this machine and in the embedded registry."""
    found = []
    with contextlib.suppress(ForecourtError):
        reference = Reference.parse(text)
        with contextlib.suppress(ForecourtError):
            found.append(home.images.resolve(reference.name, reference.version).hex)
        if reference.registry == registry:
            with contextlib.suppress(ForecourtError):
                found.append(home.repositories.resolve(reference.repository, reference.version).hex)
    return found


def _registered(home: Home, registry: str, found: Users) -> None:
    """Note the versions whose files are an image of the embedded registry."""
    for name in home.repositories:
        for tag in home.repositories.tags(name):
            with contextlib.suppress(NotFound):
                digest = home.repositories.resolve(name, tag).hex
                found.registered.setdefault(digest, []).extend(
                    home.models.versions_of(f"oci://{registry}/{name}:{tag}")
                )
        for each in home.repositories.manifests(name):
            found.registered.setdefault(each.hex, []).extend(home.models.versions_of(f"oci://{registry}/{name}@{each}"))
