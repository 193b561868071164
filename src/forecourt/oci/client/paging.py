"""Lists that come in pages: ``Link: </v2/…>; rel="next"`` (RFC 8288)."""

from __future__ import annotations

import re

from forecourt.errors import RegistryError
from forecourt.oci.client.connection import Response
from forecourt.oci.client.request import origin
from forecourt.oci.client.transport import Transport

_NEXT = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?')


def next_page(transport: Transport, response: Response) -> str | None:
    """Return the URL of the page after this one; raises `RegistryError` where it is on another host."""
    found = _NEXT.search(response.header("Link"))
    if not found:
        return None
    url = transport.resolve(response, found[1])
    if origin(url) != origin(response.url):
        raise RegistryError(f"{transport.registry} continues a list on another host: {url}.")
    return url
