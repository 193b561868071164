"""What a text says, and where in it."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from forecourt.errors import InvalidInput

Container: TypeAlias = "dict[str, Any] | list[Any]"


@dataclass(frozen=True, slots=True)
class Document:
    """What a text says. `name` is what errors call it; `value` is None where it says nothing.

    `lines` has the lines of each list and mapping, by its identity: its own, and those of its items or keys.
    """

    name: str
    value: Any
    lines: dict[int, array[int]] = field(repr=False)

    def line(self, container: Container, key: str | int | None = None) -> int:
        """Return the line, from 1, of a list or mapping of this document, or of one of its items or keys."""
        lines = self.lines[id(container)]
        index = -1 if key is None else key if isinstance(key, int) else list(container).index(key)
        # What a mapping has by a merge (<<) is said elsewhere; the mapping's own line is nearest.
        return lines[index + 1] if index + 1 < len(lines) else lines[0]

    def place(self, container: Container, key: str | int | None = None) -> str:
        """Return where that is, for a message: ``FILE, line L``."""
        return f"{self.name}, line {self.line(container, key)}"

    def refused(
        self, message: str, container: Container | None = None, key: str | int | None = None, *, hint: str = ""
    ) -> InvalidInput:
        """Return the error that says what is wrong, and where."""
        return InvalidInput(f"{self.name if container is None else self.place(container, key)}: {message}", hint=hint)
