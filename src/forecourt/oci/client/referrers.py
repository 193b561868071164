"""What refers to an image: the referrers API, and the tag that stands in for it where a registry lacks that.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers and
…#unavailable-referrers-api: such a registry has, under the tag ``sha256-<hex>`` of the subject, an index that clients
keep themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from urllib.parse import urlencode

from forecourt.errors import NotFound, RegistryError
from forecourt.oci.client.failure import failure
from forecourt.oci.client.paging import next_page
from forecourt.oci.client.transport import Transport
from forecourt.oci.digest import Digest
from forecourt.oci.manifest import INDEX, Descriptor, Index, Manifest, parse

_MISSING = frozenset({400, 404, 405, 406, 501})
"""What registries answer that have never heard of the referrers API."""

Get = Callable[[str, str], Manifest | Index]
Put = Callable[[str, str, Index], object]

_updating = threading.Lock()
"""The fallback tag is read, changed and written: not by two threads at once."""


def fallback_tag(subject: Digest) -> str:
    """Return the tag of the index that lists what refers to `subject` ("referrers tag schema")."""
    return f"{subject.algorithm[:32]}-{subject.hex[:64]}"


def listed(transport: Transport, repository: str, subject: Digest, artifact_type: str) -> list[Descriptor] | None:
    """Ask the referrers API; None where the registry has none."""
    query = f"?{urlencode({'artifactType': artifact_type})}" if artifact_type else ""
    path: str | None = f"/v2/{repository}/referrers/{subject}{query}"
    found: list[Descriptor] = []
    while path:
        with transport.request("GET", path, repository, headers={"Accept": INDEX}) as response:
            if response.status in _MISSING:
                return None
            if response.status != 200:
                raise failure(transport, response, "the list of referrers", repository)
            if not response.header("Content-Type").startswith((INDEX, "application/json")):
                return None  # a page for people, from something that answers 200 to everything
            found += _entries(parse(response.read(), INDEX), transport)
            path = next_page(transport, response)
    return found


def tagged(get: Get, transport: Transport, repository: str, subject: Digest) -> list[Descriptor]:
    """Read the fallback tag."""
    try:
        return _entries(get(repository, fallback_tag(subject)), transport)
    except NotFound:
        return []


def add_to_tag(get: Get, put: Put, transport: Transport, repository: str, referrer: Manifest | Index) -> None:
    """List `referrer` under its subject's fallback tag."""
    assert referrer.subject
    subject = referrer.subject.digest
    with _updating:
        entries = tagged(get, transport, repository, subject)
        if all(entry.digest != referrer.digest for entry in entries):
            put(repository, fallback_tag(subject), Index.build([*entries, referrer.descriptor]))


def remove_from_tag(get: Get, put: Put, transport: Transport, repository: str, subject: Digest, gone: Digest) -> None:
    """List `gone` no longer under the fallback tag of `subject`."""
    with _updating:
        entries = tagged(get, transport, repository, subject)
        left = [entry for entry in entries if entry.digest != gone]
        if len(left) < len(entries):
            put(repository, fallback_tag(subject), Index.build(left))


def _entries(document: Manifest | Index, transport: Transport) -> list[Descriptor]:
    if not isinstance(document, Index):
        raise RegistryError(f"{transport.registry} lists referrers in something that is no index.")
    return list(document.manifests)
