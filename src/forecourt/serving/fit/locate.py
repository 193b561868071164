"""A URI -> the structure of its model, where that can be known without fetching it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from urllib.parse import unquote

from forecourt import modelcar
from forecourt.errors import InvalidInput, NotFound
from forecourt.oci import ClientFactory, ContentStore, Reference, Repositories
from forecourt.serving.fit.headers import read
from forecourt.serving.fit.structure import Structure


def structure_of(uri: str, *, store: ContentStore, images: Repositories, client_for: ClientFactory) -> Structure:
    """Read the headers of a model: in a directory, in an image of this machine, or in one of a registry.

    Raises `NotFound` where there is none, and `InvalidInput` for a scheme whose models have to be fetched first.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme == "file":
        path = Path(unquote(rest) if separator else uri).expanduser()
        if not path.is_absolute():
            raise InvalidInput(f"{uri!r} is no absolute path.", hint="Write file:///path/to/model.")
        return read(path)
    if scheme.partition("+")[0] != "oci":
        raise InvalidInput(
            f"What a model of {scheme}:// needs is known once it is on this machine.",
            hint="Pack it as a ModelCar, or deploy it: it is looked at before it starts.",
        )
    image = modelcar.find(Reference.parse(rest), store=store, images=images, client_for=client_for)
    with tempfile.TemporaryDirectory(prefix="forecourt-headers-") as directory:
        modelcar.lay_out_headers(image, Path(directory), store, client_for)
        if not any(Path(directory).iterdir()):
            raise NotFound(f"{rest} has no files of a model.", hint="forecourt modelcar inspect shows what it has.")
        return read(Path(directory))
