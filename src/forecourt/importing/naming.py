"""What an imported model is called, and its image: by what a person says, else by the URI that it is from."""

from __future__ import annotations

import re
from dataclasses import dataclass

from forecourt.errors import InvalidInput
from forecourt.oci import Reference
from forecourt.storage import ARCHIVE_SUFFIXES


@dataclass(frozen=True, slots=True)
class ImageName:
    """What the model is called, and its image."""

    model: str
    repository: str
    tag: str
    chosen: bool
    """Whether a person chose the tag."""

    @classmethod
    def of(cls, uri: str, model: str, version: str, reference: str, registry: str) -> ImageName:
        """Name what is at `uri`: as a person says, else by the URI, in `registry`.

        Raises `InvalidInput` where the URI says no name, and `InvalidReference`.
        """
        model = model or name_of(uri)
        if not model:
            raise InvalidInput(f"{uri} does not say how to call the model.", hint="Say it: --name MODEL")
        if reference:
            parsed = Reference.parse(reference)
            if parsed.digest:
                raise InvalidInput(f"{reference} has a digest, which cannot be chosen.", hint="Name it by a tag.")
            return cls(model, parsed.name, parsed.tag or "latest", chosen=True)
        tag = tag_of(version)
        return cls(model, f"{registry}/{_repository(uri, model)}", tag or "latest", chosen=bool(tag))


def tag_of(version: str) -> str:
    """Return a version's name as a tag; empty where nothing of it can be one."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", version).lstrip(".-")[:128]


def name_of(uri: str) -> str:
    """Return what a model is called by its URI, without the revision and a file's suffix."""
    scheme, _, rest = uri.partition("://")
    path = rest.partition("?")[0].partition("#")[0].rstrip("/")
    if scheme == "hf":
        return re.split("[@:]", "/".join(path.split("/")[1:2]))[0]
    last = path.rpartition("/")[2]
    ending = next((suffix for suffix in ARCHIVE_SUFFIXES if last.lower().endswith(suffix)), "")
    last = last[: -len(ending)] if ending else re.sub(r"\.[A-Za-z]{2,12}$", "", last)
    return re.sub(r"%[0-9A-Fa-f]{2}", "-", last)


def _repository(uri: str, model: str) -> str:
    """Return the repository of the image: a hub's model keeps its owner."""
    owner = uri.removeprefix("hf://").partition("/")[0] if uri.startswith("hf://") else "models"
    return "/".join(filter(None, (_component(owner), _component(model)))) or "models/model"


def _component(text: str) -> str:
    """Return text as a part of a repository's name."""
    return re.sub(r"-*\.[.-]*", ".", re.sub(r"[^a-z0-9.]+", "-", text.lower())).strip("-.")
