"""A blob from a registry, as a stream that goes on where it broke off."""

from __future__ import annotations

import re
from collections.abc import Generator

from forecourt.errors import ContentMismatch, NotFound, RegistryError
from forecourt.oci.client.connection import Response
from forecourt.oci.client.failure import failure
from forecourt.oci.client.request import Lost
from forecourt.oci.client.transport import Transport
from forecourt.oci.manifest import Descriptor

_BUFFER = 1024 * 1024
_ENOUGH = 16 * 1024 * 1024  # after so many bytes a connection that breaks is a new misfortune, not the same one


def stream(transport: Transport, repository: str, descriptor: Descriptor) -> Generator[memoryview, None, None]:
    """Yield the blob's bytes, each part good until the next is asked for; they are not checked against the digest.

    A broken connection is made again, and the rest asked for with ``Range``. Raises `NotFound`; `ContentMismatch`
    where the registry's blob has another size; `Lost` once patience is at its end.
    """
    buffer = bytearray(max(1, min(_BUFFER, descriptor.size)))
    position, attempt, broke_at = 0, 0, 0
    while True:
        try:
            with _ask(transport, repository, descriptor, position) as response:
                skip = position if response.status == 200 else 0
                for chunk in response.chunks(buffer):
                    part, skip = chunk[skip:], max(0, skip - len(chunk))
                    position += len(part)
                    if position > descriptor.size:
                        raise ContentMismatch(
                            f"The blob {descriptor.digest} has more than its {descriptor.size} bytes."
                        )
                    if part:
                        yield part
            if position < descriptor.size:
                raise Lost(f"{transport.registry} ended the blob {descriptor.digest.short} early.")
        except Lost:
            attempt = 1 if position - broke_at >= _ENOUGH else attempt + 1
            broke_at = position
            if attempt >= transport.patience.attempts:
                raise
            transport.rest(attempt)
        else:
            return


def _ask(transport: Transport, repository: str, descriptor: Descriptor, start: int) -> Response:
    path = f"/v2/{repository}/blobs/{descriptor.digest}"
    headers = {"Range": f"bytes={start}-"} if start else {}
    response = transport.request("GET", path, repository, headers=headers)
    try:
        _check(transport, repository, response, descriptor, start)
    except BaseException:
        response.close()
        raise
    return response


def _check(transport: Transport, repository: str, response: Response, descriptor: Descriptor, start: int) -> None:
    """See that the response holds what was asked for."""
    expected = descriptor.size
    match response.status:
        case 200:
            pass
        case 206 if start:
            said = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.header("Content-Range").strip())
            if not said or int(said[1]) != start or said[3] not in ("*", str(descriptor.size)):
                raise RegistryError(f"{transport.registry} sent another part of {descriptor.digest} than asked for.")
            expected -= start
        case 404:
            raise NotFound(f"{transport.registry}/{repository} has no blob {descriptor.digest}.")
        case _:
            raise failure(transport, response, f"the download of {descriptor.digest.short}", repository)
    if response.length is not None and response.length != expected:
        raise ContentMismatch(
            f"The blob {descriptor.digest} is said to have {descriptor.size} bytes, "
            f"and {transport.registry} sends {response.length + start}.",
            hint="Do not use this image; tell the registry's operator.",
        )
