"""Which serving runtime a deployment gets with a hardware profile, as OpenShift AI's form chooses it."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def matching_runtime(document: Document, profile: str, namespace: str, *, offline: bool = False) -> str:
    """Return the name of the one runtime that matches a deployment's format and the accelerator of a profile.

    The server knows them: where none runs and it may be `offline`, the name is empty.

    Raises `InvalidInput` where none matches, or several do; then a person chooses, as in OpenShift AI's form.
    """
    from forecourt.cli.connection import connect, find
    from forecourt.cli.invocation import settings
    from forecourt.cli.runtimes.where import RUNTIMES
    from forecourt.errors import InvalidInput

    if offline and find(settings()) is None:
        return ""
    model = document["spec"]["predictor"]["model"]
    wanted = ":".join(filter(None, (model["modelFormat"]["name"], model["modelFormat"].get("version"))))
    answer = connect().get(RUNTIMES, namespace=namespace, format=wanted, hardwareProfile=profile)
    if chosen := answer["automatic"]:
        return str(chosen)
    matching = [one["name"] for one in answer["items"] if one["matches"]]
    hardware = f"{profile} ({answer['accelerator']})" if answer["accelerator"] else profile
    if matching:
        raise InvalidInput(
            f"Several serving runtimes serve {wanted} on the hardware profile {hardware}: {', '.join(matching)}.",
            hint=f"Choose one: --runtime {matching[0]}",
        )
    others = [one["name"] for one in answer["items"] if one["enabled"]]
    raise InvalidInput(
        f"No serving runtime serves {wanted} on the hardware profile {hardware}.",
        hint=f"These serve it on other hardware: {', '.join(others)}." if others else "See: forecourt runtimes list",
    )
