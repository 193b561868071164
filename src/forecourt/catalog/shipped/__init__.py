"""The catalog that ships: sources with their models, and what their publishers measured of them.

``sources.yaml`` and the files beside it are in the format of Kubeflow's catalog
(https://github.com/kubeflow/hub, ``docs/catalog-yaml-reference.md``); ``accuracy.ndjson`` and ``performance.ndjson``
in that of `forecourt.evidence`.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

_FOLDER = files(__name__)


def sources() -> Path:
    """Return the file that defines the sources; those of their models are in the same folder."""
    return Path(str(_FOLDER / "sources.yaml"))


def accuracy() -> list[str]:
    """Return the rows of published accuracy, sorted by model, for `forecourt.evidence.read_accuracy`."""
    return _lines("accuracy.ndjson")


def performance() -> list[str]:
    """Return the rows of published performance, sorted by model, for `forecourt.evidence.read_performance`."""
    return _lines("performance.ndjson")


def _lines(name: str) -> list[str]:
    return (_FOLDER / name).read_text(encoding="utf-8").splitlines()
