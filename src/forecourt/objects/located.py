"""YAML whose values know where they were written, so that whatever is wrong with one can be shown at its line.

A place in a document is the keys and indices that lead to it: ``("spec", "containers", 0, "image")``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from forecourt.objects.yaml import parsed

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A line and a column of a text, both counted from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


@dataclass(frozen=True, slots=True)
class Located:
    """A document, and where its values are in the text it was read from, where that is known.

    `repeated` are the places of keys that a map has twice, of which the last holds.
    """

    document: Any
    repeated: tuple[tuple[Place, Position], ...] = ()
    _node: yaml.Node | None = field(default=None, repr=False, compare=False)

    @property
    def has_lines(self) -> bool:
        """Whether it is known where its values are."""
        return self._node is not None

    def value(self, place: Place) -> Position:
        """Return where the value of a place begins; where there is none, that of the nearest map or list around it."""
        return _start(self._follow(place, last_key=False))

    def key(self, place: Place) -> Position:
        """Return where the key of a place is; for an entry of a list the entry itself."""
        return _start(self._follow(place, last_key=True))

    def _follow(self, place: Place, *, last_key: bool) -> yaml.Node:
        node = self._node
        assert node is not None, "it has no lines"
        for depth, step in enumerate(place):
            found: yaml.Node | None = None
            if isinstance(node, yaml.MappingNode):
                pair = next((pair for pair in reversed(node.value) if _text(pair[0]) == step), None)
                if pair:
                    found = pair[0] if last_key and depth == len(place) - 1 else pair[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                found = node.value[step]
            if found is None:
                break
            node = found
        return node


def load_located(text: str | bytes) -> list[Located]:
    """Return the documents of a text with their positions, without empty ones; raises as `load_documents` does."""
    return [
        Located(document, tuple(repeated), node)
        for node, document, repeated in parsed(text, lambda node: list(_repeated(node, ())))
        if document is not None
    ]


def _repeated(node: yaml.Node, place: Place) -> Iterator[tuple[Place, Position]]:
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            yield from _repeated(child, (*place, index))
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, child in node.value:
            name = _text(key)
            if name in seen and name != "<<":
                yield (*place, name), _start(key)
            seen.add(name)
            yield from _repeated(child, (*place, name))


def _text(key: yaml.Node) -> str:
    return str(key.value) if isinstance(key, yaml.ScalarNode) else ""


def _start(node: yaml.Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)
