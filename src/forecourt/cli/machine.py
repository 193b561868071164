"""What this machine has of images, and the way to registries; the words of commands about images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.completion import complete_image

if TYPE_CHECKING:
    from forecourt.modelcar import Image, ModelCar, Place
    from forecourt.oci import Clients, ContentStore, Platform, Reference, Repositories


def image_argument(metavar: str) -> Any:
    """Return an argument that is the name of an image."""
    return typer.Argument(
        metavar=metavar, help="registry/repository[:tag][@digest]", autocompletion=complete_image, show_default=False
    )


ReferenceArgument = Annotated[str, image_argument("REFERENCE")]
PlatformOption = Annotated[str, typer.Option("--platform", metavar="OS/ARCH", help="Platform of the image.")]
PLATFORM = "linux/amd64"


@dataclass(frozen=True)
class Machine:
    """What this machine has, and the way to registries."""

    store: ContentStore
    images: Repositories
    client_for: Clients

    @property
    def parts(self) -> dict[str, Any]:
        """All of it, by name."""
        return {"store": self.store, "images": self.images, "client_for": self.client_for}

    def find(self, reference: str, platform: Platform | None = None) -> Image:
        """Return an image, from here or else from its registry; raises `NotFound` and what the registry does."""
        from forecourt import modelcar
        from forecourt.oci import Reference

        return modelcar.find(Reference.parse(reference), platform=platform, **self.parts)

    def place_of(self, image: Image) -> Place:
        """Return where an image was found: here, or in its registry."""
        from forecourt.modelcar import Here, There

        reference = image.reference
        if image.local:
            return Here(self.images, self.store, reference.name)
        return There(self.client_for(reference.registry), reference.repository)


def platform_of(text: str) -> Platform:
    """Read a platform; raises `InvalidInput`."""
    from forecourt.oci import Platform

    return Platform.parse(text)


@contextmanager
def this_machine() -> Iterator[Machine]:
    """Give what this machine has, until it is no longer needed."""
    from forecourt.cli.invocation import settings
    from forecourt.oci import ContentStore, Repositories, clients

    mine = settings()
    store = ContentStore(mine.store)
    with clients(mine) as client_for:
        yield Machine(store, Repositories(mine.images, store), client_for)


def inspect(reference: Reference) -> ModelCar:
    """Return what an image says, on this machine or in its registry; raises `NotFound` and what the registry does."""
    from forecourt import modelcar

    with this_machine() as here:
        return modelcar.inspect(reference, **here.parts)
