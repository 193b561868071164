"""What is written down of a process, so that a later server can find it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self

from forecourt import durable

_NAME = "record.json"


@dataclass(frozen=True)
class Record:
    """A process that was started. The environment is left out: it may hold secrets."""

    id: str
    pid: int
    birth: str
    started: datetime
    argv: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: Path) -> Self | None:
        """Read the record in a process's directory; None where there is none, or none that can be read."""
        try:
            document = json.loads((directory / _NAME).read_bytes())
            return cls(
                id=directory.name,
                pid=int(document["pid"]),
                birth=str(document["birth"]),
                started=datetime.fromisoformat(document["started"]),
                argv=tuple(document["argv"]),
                labels=dict(document["labels"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, directory: Path) -> None:
        """Write the record, whole or not at all."""
        document = {
            "pid": self.pid,
            "birth": self.birth,
            "started": self.started.isoformat(),
            "argv": self.argv,
            "labels": dict(self.labels),
        }
        durable.write(directory / _NAME, json.dumps(document, indent=1))

    @staticmethod
    def remove(directory: Path) -> None:
        """Remove the record in a process's directory."""
        (directory / _NAME).unlink(missing_ok=True)
