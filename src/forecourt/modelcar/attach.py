"""Attaches to a ModelCar what its model scored and how fast it is: in its registry, and on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from forecourt.errors import Conflict, Denied, InvalidInput, NotFound, Unavailable
from forecourt.modelcar.attachments import LARGEST, MOST, Attachment, Here, Kind, Place, There, attached, referrer
from forecourt.modelcar.contents import check_readable
from forecourt.modelcar.image import Image, find_here, find_there
from forecourt.oci import ClientFactory, ContentStore, Digest, Manifest, Platform, Reference, Repositories


@dataclass(frozen=True, slots=True)
class Attaching:
    """What was attached to which image, and where it is now.

    `new` are those that were not there before, in one of the places. `missing` says why the registry does not have
    them; empty where it does.
    """

    image: Image
    attachments: tuple[Attachment, ...]
    new: frozenset[Digest]
    on_this_machine: bool
    missing: str = ""


def attach(
    reference: Reference,
    lines: Mapping[Kind, bytes],
    *,
    store: ContentStore,
    images: Repositories,
    client_for: ClientFactory,
    platform: Platform | None = None,
    created: datetime | None = None,
) -> Attaching:
    """Attach `lines` to the image that its registry has under the name, and to the same one on this machine.

    Where the registry does not have it or does not answer, to this machine's alone: a push takes them along. `created`
    is when the lines came to be, in UTC where it has no zone. The same again changes nothing.

    Raises `InvalidInput` for lines that are too many, `InvalidManifest` for what is no ModelCar, `NotFound` where
    nobody has the image, `Denied`, and `Conflict` where it has `MOST` attachments already, or others of the kind and
    no `created` says which are newer.
    """
    for kind, data in lines.items():
        if not 0 < len(data) <= LARGEST:
            raise InvalidInput(
                f"The {kind.word} have {len(data)} bytes; they can have from 1 to {LARGEST}.",
                hint="Attach the lines of this model only.",
            )
    image, missing = _find(reference, store, images, client_for, platform)
    check_readable(image.manifest)
    subject = image.manifest.digest
    places: list[Place] = [] if image.local else [There(client_for(reference.registry), reference.repository)]
    on_this_machine = image.local or _has(images, reference.name, subject)
    if on_this_machine:
        places.append(Here(images, store, reference.name))
    made = {kind: referrer(image.manifest, kind, data, created) for kind, data in lines.items()}
    # All places are looked at before one is changed.
    lacking = [(place, _lacking(place, subject, made, dated=created is not None)) for place in places]
    for place, kinds in lacking:
        for kind in kinds:
            place.put(made[kind], lines[kind])
    return Attaching(
        image,
        tuple(Attachment.of(each.descriptor, subject) for each in made.values()),
        frozenset(made[kind].digest for _, kinds in lacking for kind in kinds),
        on_this_machine,
        missing,
    )


def _find(
    reference: Reference,
    store: ContentStore,
    images: Repositories,
    client_for: ClientFactory,
    platform: Platform | None,
) -> tuple[Image, str]:
    """Return the image as its registry has it, else this machine's, and why it is not the registry's."""
    try:
        return find_there(reference, client_for=client_for, platform=platform), ""
    except (NotFound, Unavailable, Denied) as error:
        try:
            return find_here(reference, store=store, images=images, platform=platform), error.message
        except NotFound:
            raise error from None


def _has(images: Repositories, name: str, digest: Digest) -> bool:
    try:
        images.resolve(name, digest)
    except NotFound:
        return False
    return True


def _lacking(place: Place, subject: Digest, made: Mapping[Kind, Manifest], *, dated: bool) -> list[Kind]:
    """Return the kinds whose attachments are not in a place yet.

    Raises `Conflict` where they would be too many, and where they are not `dated` and there are others of the kind: of
    two that say something of the same thing the newer one counts, and nobody could tell which that is.
    """
    found = attached(place, subject)
    there = {each.digest for each in found}
    lacking = [kind for kind, document in made.items() if document.digest not in there]
    if lacking and len(there) + len(lacking) > MOST:
        raise Conflict(
            f"{subject} has {len(there)} attachments already, and more than {MOST} are not looked at.",
            hint="Delete some of them from the registry, by their digests.",
        )
    others = {each.kind for each in found}
    if unclear := [kind for kind in lacking if kind in others and not dated]:
        raise Conflict(
            f"{subject} has other {unclear[0].word} attached, and nothing says which are newer.",
            hint="Say when these were measured, such as --created 2026-05-31; of the same thing, the newest count.",
        )
    return lacking
