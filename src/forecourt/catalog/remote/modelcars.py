"""Sources of type ``oci-modelcars``: the ModelCars in a registry, so that a catalog can be nothing but a registry.

Properties: ``registry`` (``host[:port]``), ``repositories`` (names and patterns; all where it is not said) and
``insecure`` for plain HTTP, which this machine is always spoken to with. Who we are is what ``docker login`` and
``podman login`` have kept.

Each repository is a model, and each tag of it that is a ModelCar an artifact of that model. Images that are none are
left out without a word, unless the repository was asked for by its name. What is attached to the newest image that has
something attached is the model's evidence (see `forecourt.modelcar.attachments`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import partial

from forecourt.catalog.model import Entry, Loading, Problem, SourceDefinition, glob
from forecourt.catalog.remote import images, properties
from forecourt.catalog.remote.ahead import ahead
from forecourt.catalog.remote.attached import UNREADABLE, Measured
from forecourt.catalog.remote.delivery import Failed, Found, delivered
from forecourt.catalog.remote.http import Stopped
from forecourt.catalog.remote.images import Tagged
from forecourt.catalog.remote.registries import GuardedRegistry
from forecourt.errors import ContentMismatch, ForecourtError, InvalidInput, InvalidReference, NotFound
from forecourt.modelcar import DEFAULT_PLATFORM, Attachment, There, attached
from forecourt.modelcar.image import find_there
from forecourt.oci import Descriptor, Digest, Index, Reference
from forecourt.oci.client.request import is_loopback
from forecourt.oci.manifest import INDEX_TYPES
from forecourt.oci.reference import is_repository

_MOST_TAGS = 100
_CARD = 2 * 1024 * 1024
_TAR = 64 * 1024  # bytes that a tar has besides its file


def load(source: SourceDefinition, loading: Loading) -> Iterator[Entry | Problem]:
    """Yield a model for each repository that has ModelCars.

    An image that cannot be read gives a `Problem`, without which its model comes. Raises `InvalidInput` for wrong
    properties, `Denied`, and `Unavailable` where the registry does not answer.
    """
    with contextlib.suppress(Stopped), _registry(source, loading) as registry:
        reader = _Reader(registry, frozenset(properties.texts(source, "repositories")))
        names = [name for name in _repositories(source, registry) if source.includes(name)]
        wanted = ((name, loading.known(name)) for name in names)
        with contextlib.closing(ahead(reader.entries, wanted, registry.leave)) as models:
            yield from delivered(models, loading, len(names))


def candidates(source: SourceDefinition, loading: Loading) -> Iterator[tuple[str, bool]]:
    """Yield the name of each repository, ModelCars or not, and whether the source includes it; raises as `load`."""
    with contextlib.suppress(Stopped), _registry(source, loading) as registry:
        for name in _repositories(source, registry):
            yield name, source.includes(name)


def _registry(source: SourceDefinition, loading: Loading) -> GuardedRegistry:
    host = properties.text(source, "registry")
    try:
        right = Reference.parse(f"{host}/name").registry == host
    except InvalidReference:
        right = False
    if not right:
        raise InvalidInput(
            f"The source {source.id} names no registry: {host!r}."
            if host
            else f"The source {source.id} has no registry.",
            hint="Its property registry is a host with or without a port: quay.io, localhost:5000.",
        )
    return GuardedRegistry(host, loading, insecure=properties.flag(source, "insecure") or is_loopback(host))


def _repositories(source: SourceDefinition, registry: GuardedRegistry) -> list[str]:
    """Return the repositories that are asked for; the registry is asked for its list only where a pattern is one."""
    asked = properties.texts(source, "repositories") or ("*",)
    exact = [name for name in asked if "*" not in name]
    for name in exact:
        if not is_repository(name):
            raise InvalidInput(f"{name!r} can be no repository.", hint="It is named without its registry and tag.")
    patterns = [glob(name) for name in asked if "*" in name]
    listed = registry.repositories() if patterns else []
    matching = (name for name in listed if any(pattern.fullmatch(name) for pattern in patterns))
    return list(dict.fromkeys([*exact, *matching]))


class _Reader:
    """Reads the repositories of a registry; several threads may use it at once."""

    def __init__(self, registry: GuardedRegistry, named: frozenset[str]) -> None:
        self._registry = registry
        self._named = named

    def entries(self, wanted: tuple[str, Entry | None]) -> Found:
        """Return the model of a repository, or nothing where it has none, and what went wrong."""
        repository, known = wanted
        try:
            return self._entries(repository, known)
        except NotFound as error:
            return [Problem(repository, error.message)] if repository in self._named else []
        except ForecourtError as error:
            return [Failed(repository, error)]

    def _entries(self, repository: str, known: Entry | None) -> Found:
        ask = self._registry.ask
        all_tags = images.model_tags(ask(partial(self._registry.tags, repository)))
        tags: dict[str, Descriptor] = {}
        for tag in all_tags[:_MOST_TAGS]:
            if described := ask(partial(self._registry.head, repository, tag)):
                tags[tag] = described
        notices: Found = []
        if len(all_tags) > _MOST_TAGS:
            message = f"Of its {len(all_tags)} tags, the {_MOST_TAGS} with the highest versions were taken."
            notices.append(Problem(repository, message))
        digests = {tag: described.digest for tag, described in tags.items()}
        once = {described.digest: described for described in tags.values()}
        attachments, unread = self._all_attached(repository, once)
        everything = (each.digest for these in attachments.values() for each in these)
        mark = images.fingerprint(self._registry.registry, digests, everything)
        if known is not None and not unread and _mark_of(known) == mark:
            return [known, *notices]
        problems: list[Problem] = []
        found: list[Tagged] = []
        for tag, digest in digests.items():
            try:
                image = ask(partial(self._image, repository, tag, digest))
            except (InvalidInput, ContentMismatch, NotFound) as error:
                problems.append(Problem(f"{repository}:{tag}", error.message))
                continue
            if images.carries_model(image.image):
                found.append(image)
        if not found:
            if repository in self._named and not problems:
                problems.append(Problem(repository, "None of its images is a ModelCar."))
            return [*problems]
        first = images.newest(found)
        readme = ask(partial(self._card, repository, first))
        for tagged in found:
            if message := unread.pop(tagged.digest, ""):
                what = f"What is attached to it is not known: {message}"
                problems.append(Problem(f"{repository}:{tagged.tag}", what))
        measured = Measured()
        for tagged in (first, *found):
            if not measured and (these := attachments.pop(tagged.digest, None)):
                name = f"{repository}:{tagged.tag}"
                ask(partial(measured.add, There(self._registry, repository), these, name, problems))
        entry = images.entry_of(
            self._registry.registry,
            repository,
            found,
            readme,
            mark="" if problems else mark,  # where something is missing, it is looked at again the next time
            rows=measured.rows,
            measured=measured.artifacts,
        )
        return [entry, *notices, *problems]

    def _all_attached(
        self, repository: str, manifests: Mapping[Digest, Descriptor]
    ) -> tuple[dict[Digest, list[Attachment]], dict[Digest, str]]:
        """Return what is attached to each image, and why it is not known of the others."""
        found: dict[Digest, list[Attachment]] = {}
        unread: dict[Digest, str] = {}
        for digest, described in manifests.items():
            try:
                found[digest] = self._registry.ask(partial(self._attached, repository, described))
            except UNREADABLE as error:
                unread[digest] = error.message
        return found, unread

    def _attached(self, repository: str, described: Descriptor) -> list[Attachment]:
        """Return what is attached to an image; to that of an index for the usual platform."""
        subject = described.digest
        if described.media_type in INDEX_TYPES:
            try:
                index = self._registry.manifest(repository, described.digest)
                if isinstance(index, Index):
                    subject = index.select(DEFAULT_PLATFORM).digest
            except (InvalidInput, ContentMismatch, NotFound):
                return []  # whoever reads the image itself is told
        return attached(There(self._registry, repository), subject)

    def _image(self, repository: str, tag: str, digest: Digest) -> Tagged:
        reference = Reference(self._registry.registry, repository, tag, digest)
        return Tagged(tag, digest, find_there(reference, client_for=lambda _: self._registry))

    def _card(self, repository: str, tagged: Tagged) -> str:
        layer = images.card_layer(tagged.image)
        if layer is None or layer.size > _CARD + _TAR:
            return ""
        try:
            return images.card_of(self._registry.read_blob(repository, layer), _CARD)
        except (NotFound, ContentMismatch, InvalidInput):
            return ""


def _mark_of(entry: Entry) -> str:
    value = entry.document.get("customProperties", {}).get("tags_fingerprint", {})
    return str(value.get("string_value", ""))
