"""How images are shown: as text for a person, as JSON for a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from forecourt.cli.output import console, print_json, print_table, size

if TYPE_CHECKING:
    from forecourt.modelcar import Attachment, Difference, ModelCar, Tensors

_MOST = 20  # names of tensors, deployments


def document(car: ModelCar) -> dict[str, Any]:
    """Return what is known of an image, for `--json`."""
    known = {key: value for key, value in asdict(car.info).items() if value not in ("", None, ())}
    return {
        "reference": str(car.reference),
        "digest": str(car.digest),
        "platform": str(car.platform),
        "imageSize": car.size,
        "layers": len(car.manifest.layers),
        "model": known,
        "annotations": dict(car.manifest.annotations),
    }


def attachment(one: Attachment) -> dict[str, Any]:
    """Return what is known of something that is attached to an image, for `--json`."""
    return {"kind": one.kind.word, "artifactType": str(one.kind), "digest": str(one.digest), "created": one.created}


def show(
    car: ModelCar,
    json: bool,
    done: str = "",
    *,
    note: str = "",
    attached: Sequence[Attachment] | None = None,
    records: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Print what is known of an image; `done` says before it what was done, `note` after it what may be next.

    `attached` is the evidence that is attached to it, `records` say where it was served, where that is known.
    """
    if json:
        known = {} if attached is None else {"attachments": [attachment(one) for one in attached]}
        served = {} if records is None else {"deployments": list(records)}
        print_json(document(car) | known | served)
        return
    info = car.info
    rows = {
        "Reference": car.reference,
        "Digest": car.digest,
        "Title": info.title,
        "Format": info.format,
        "Architecture": info.architecture,
        "Parameters": f"{info.parameters:,}" if info.parameters else "",
        "Quantization": info.quantization,
        "Context": f"{info.context_length:,} tokens" if info.context_length else "",
        "License": info.license,
        "Source": info.source,
        "Revision": info.revision,
        "Base model": info.base_model,
        "Size": size(info.size),
        "Platform": car.platform,
        "Layers": len(car.manifest.layers),
        "Attached": ", ".join(f"{one.kind.word} {one.digest.short}" for one in attached or ()),
    }
    if done:
        console.print(done)
    for key, value in rows.items():
        if value:
            console.print(f"{key + ':':14}{value}")
    if records:
        _show_records(records)
    if note:
        console.note(note)


def _show_records(records: Sequence[Mapping[str, Any]]) -> None:
    """Print where an image was served, the newest first."""
    rows = [
        (
            one.get("deployed", ""),
            one.get("deployment", ""),
            one.get("runtime", ""),
            one.get("hardware", ""),
            one.get("requests", 0),
            one.get("failedRequests", 0),
            one.get("endedBecause", "") or "running",
        )
        for one in records[:_MOST]
    ]
    console.print("Deployments:")
    print_table(("DEPLOYED", "NAME", "RUNTIME", "HARDWARE", "REQUESTS", "FAILED", "ENDED"), rows)
    if len(records) > _MOST:
        console.note(f"and {len(records) - _MOST} more; --json shows them all")


def say(json: bool, data: object, text: str) -> None:
    """Print what was done."""
    if json:
        print_json(data)
    else:
        console.print(text)


def show_difference(found: Difference) -> None:
    """Print what differs between two images, a line for each file and each tensor."""
    for sign, paths in (("+", found.added), ("-", found.removed), ("~", found.changed)):
        for path in paths:
            console.print(f"{sign} {path}")
            if tensors := found.tensors.get(path):
                _show_tensors(tensors)
            elif path in found.tensors:
                console.print("    which tensors is not known: pull both images to compare them")
    if not (found.added or found.removed or found.changed):
        console.print("The models' files are the same.")
    console.print(f"{size(found.moves)} of {size(found.total)} would move.")


def _show_tensors(tensors: Tensors) -> None:
    named = [("+ ", tensors.added), ("- ", tensors.removed), ("~ ", tensors.changed), ("~ metadata ", tensors.metadata)]
    for what, names in named:
        for name in names[:_MOST]:
            console.print(f"    {what}{name}")
        if len(names) > _MOST:
            console.print(f"    {what}and {len(names) - _MOST} more")
