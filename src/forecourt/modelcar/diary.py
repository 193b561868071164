"""Where a ModelCar was served, kept with it: one attachment for each place that serves it, in place of the one before.

A place is a Forecourt home, known by a random name (the annotation ``forecourt.dev/site``), so that several can serve
the same image and none writes over what another has written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from forecourt.errors import InvalidInput
from forecourt.modelcar.attachments import Attachment, Kind, Place, attached, read_attachment, referrer
from forecourt.oci import Digest, Manifest

SITE = "forecourt.dev/site"
MOST_LINES = 200
"""How many deployments one place tells of, the newest."""

Record = Mapping[str, Any]


def write_record(place: Place, subject: Manifest, site: str, record: Record) -> None:
    """Add a record to what `site` tells of an image in a place; one with the same ``id`` takes the other's place.

    Raises what the place does where it cannot be read or written.
    """
    mine = [one for one in attached(place, subject.digest, (Kind.DEPLOYMENTS,)) if _site(place, one) == site]
    # A registry that deletes nothing has what was told before, too: of the same record, the newest counts.
    records = {one.get("id"): one for each in reversed(mine) for one in _records(place, each)}
    records.pop(record["id"], None)
    kept = [*records.values(), record][-MOST_LINES:]
    lines = "".join(json.dumps(one, sort_keys=True) + "\n" for one in kept).encode()
    made = referrer(subject, Kind.DEPLOYMENTS, lines, datetime.now(UTC), {SITE: site})
    place.put(made, lines)
    for one in mine:
        if one.digest != made.digest:
            place.remove(one.digest)


def read_records(place: Place, subject: Digest) -> list[dict[str, Any]]:
    """Return where an image was served, all places together, the newest deployment first."""
    newest_last = reversed(attached(place, subject, (Kind.DEPLOYMENTS,)))
    found = {str(one.get("id")): one for each in newest_last for one in _records(place, each)}
    return sorted(found.values(), key=lambda one: str(one.get("deployed", "")), reverse=True)


def _site(place: Place, attachment: Attachment) -> str:
    document = place.manifest(attachment.digest)
    return document.annotations.get(SITE, "") if isinstance(document, Manifest) else ""


def _records(place: Place, attachment: Attachment) -> Iterable[dict[str, Any]]:
    try:
        _, data = read_attachment(place, attachment)
        lines = data.decode().splitlines()
    except (InvalidInput, UnicodeDecodeError):
        return
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record
