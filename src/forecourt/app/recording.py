"""Where what deployments do is written down: with the image on this machine, and in the embedded registry."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from forecourt import durable, modelcar
from forecourt.errors import NotFound
from forecourt.home import Home
from forecourt.modelcar import Here, Place
from forecourt.oci import Manifest, Reference
from forecourt.projects import this_machine


def recording(home: Home, registry: str) -> Callable[[str, dict[str, Any]], None]:
    """Return what writes a record with an image; `registry` is the embedded one's ``host:port``.

    Other registries get it with the next push of the image, which takes along what refers to it.
    """

    def write(image: str, record: dict[str, Any]) -> None:
        reference = Reference.parse(image)
        site = durable.write_once(home.settings.home / "site", secrets.token_hex(6))
        places = [(home.images, reference.name)]
        if reference.registry == registry:
            places.append((home.repositories, reference.repository))
        for there, name in places:
            place: Place = Here(there, home.store, name)
            try:
                subject = place.manifest(reference.digest or there.resolve(name, reference.version))
            except NotFound:
                continue
            if isinstance(subject, Manifest):
                modelcar.write_record(place, subject, site, record)

    return write


def hardware() -> str:
    """Return what this machine is, in a few words."""
    machine = this_machine()
    words = [f"{machine.cores} CPUs", f"{round(machine.memory / 1024**3)} GiB"]
    names = [one.name for one in machine.accelerators]
    words += [f"{names.count(name)} x {name}" for name in dict.fromkeys(names)]
    return ", ".join(words)
