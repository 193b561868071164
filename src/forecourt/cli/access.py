"""Who may ask a deployment, as its object says it, and the warning where that is everybody."""

from __future__ import annotations

from typing import Any

from forecourt.cli.output import console

Document = dict[str, Any]

AUTH = "security.opendatahub.io/enable-auth"
VISIBILITY, EXPOSED = "networking.kserve.io/visibility", "exposed"


def is_exposed(item: Document) -> bool:
    """Say whether requests from other machines reach a deployment."""
    return bool((item["metadata"].get("labels") or {}).get(VISIBILITY) == EXPOSED)


def is_protected(item: Document) -> bool:
    """Say whether a deployment asks for a token."""
    return str((item["metadata"].get("annotations") or {}).get(AUTH)).lower() == "true"


def warn_if_open(item: Document) -> None:
    """Warn of a deployment that every machine may use without a token."""
    if is_exposed(item) and not is_protected(item):
        name, namespace = item["metadata"]["name"], item["metadata"].get("namespace") or "default"
        scope = "" if namespace == "default" else f" -n {namespace}"
        console.warn(
            f"{name} is exposed and asks for no token: everybody who reaches this machine can use it.\n"
            f"hint: Have it ask for one: forecourt tokens create {name} --require{scope}"
        )
