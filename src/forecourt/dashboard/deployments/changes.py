"""What differs between two texts, and a deployment as the text that a person may change."""

from __future__ import annotations

import difflib

from forecourt.dashboard.calls import Document
from forecourt.objects import dump

_CONTEXT_LINES = 3


def compared(before: str, after: str) -> list[dict[str, str]]:
    """Return the lines of two texts that differ, with a few around them.

    Each has its `sign`: ``+``, ``-``, a space, or ``@`` where lines are left out.
    """
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=_CONTEXT_LINES, lineterm="")
    found = [{"sign": line[:1], "text": line[1:]} for line in list(lines)[2:]]  # the first two name the files
    return [one if one["sign"] != "@" else {"sign": "@", "text": ""} for one in found]


def kept(item: Document) -> str:
    """Return as YAML what a person may change of a deployment: without its status and what the server writes."""
    metadata = {
        key: value
        for key, value in item["metadata"].items()
        if key in ("name", "namespace", "labels", "annotations") and value
    }
    said = {key: item[key] for key in ("apiVersion", "kind") if key in item}
    return dump(said | {"metadata": metadata, "spec": item.get("spec") or {}})
