"""Objects in files: YAML or JSON, several to a file, a directory of files, standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecourt.cli.resources import RESOURCES, Resource, resource_of
from forecourt.errors import InvalidInput, InvalidObject, NotFound

_SUFFIXES = {".yaml", ".yml", ".json"}


@dataclass(frozen=True, slots=True)
class Object:
    """An object as a file has it; `where` says which file, and which object of it."""

    kind: Resource
    name: str
    namespace: str
    document: dict[str, Any]
    where: str


def read(places: Iterable[str], namespace: str) -> list[Object]:
    """Read every object of files, directories and ``-``; those that name no namespace get `namespace`.

    They come in the order in which they need each other: projects first, deployments after what they are made with.
    Raises `InvalidInput` where one cannot be read or is of no known kind, `NotFound` where a file is not there.
    """
    objects, wrong = read_each(places, namespace)
    if wrong:
        raise wrong[0]
    return objects


def read_each(places: Iterable[str], namespace: str) -> tuple[list[Object], list[InvalidInput]]:
    """Read the same, and beside the objects return what is wrong with those that are none of ours.

    Raises as `read` does where a text is no YAML: half of it is not taken for the whole.
    """
    objects, wrong = [], []
    for place in places:
        for where, text in _texts(place):
            for number, document in enumerate(_documents(text, where), start=1):
                try:
                    objects.append(_object(document, f"{where}, object {number}", namespace))
                except InvalidInput as error:
                    wrong.append(error)
    return sorted(objects, key=lambda one: RESOURCES.index(one.kind)), wrong


def _texts(place: str) -> Iterator[tuple[str, str]]:
    if place == "-":
        yield "standard input", sys.stdin.read()
        return
    path = Path(place)
    if not path.exists():
        raise NotFound(f"{path} does not exist.")
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES)
        if not files:
            raise NotFound(f"{path} has no .yaml, .yml or .json file in it.")
    for file in files:
        try:
            yield str(file), file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InvalidInput(f"{file} is not a text file in UTF-8.") from error


def _documents(text: str, where: str) -> Iterator[Any]:
    from forecourt.objects import load_documents

    try:
        documents = load_documents(text)
    except InvalidObject as error:
        raise InvalidInput(f"{where}: {error.message}", hint=error.hint) from error
    for document in documents:
        if isinstance(document, dict) and str(document.get("kind", "")).endswith("List"):
            yield from document.get("items") or []
        else:
            yield document


def _object(document: Any, where: str, namespace: str) -> Object:
    if not isinstance(document, dict):
        raise InvalidInput(f"{where} is no Kubernetes object.", hint="It needs apiVersion, kind and metadata.name.")
    kind = resource_of(document, where)
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(name := metadata.get("name"), str) or not name:
        raise InvalidInput(f"{where} has no name.", hint="Give it one in metadata.name.")
    return Object(kind, name, str(metadata.get("namespace") or namespace), document, where)
