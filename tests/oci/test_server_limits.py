"""What the registry does not do: take memory for the bytes that pass, or keep what a full disk cut off."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest
from registries import NAME, refused, registry_process

from forecourt.oci import ContentStore, Digest
from forecourt.oci.layer import Head, build

PART = os.urandom(1024 * 1024)
UPLOADS = f"/v2/{NAME}/blobs/uploads/"


async def layer(head: Head) -> AsyncIterator[bytes]:
    yield head.raw
    for _ in range(head.size // len(PART)):
        yield PART
    yield bytes(head.tail)


async def digest_of(head: Head) -> Digest:
    hasher = hashlib.sha256()
    async for part in layer(head):
        hasher.update(part)
    return Digest.finish(hasher)


def peak(pid: int) -> int:
    """The most memory that a process has had, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_large_blobs_pass_without_taking_memory(tmp_path: Path) -> None:
    head = build("models/model.gguf", 100 * len(PART))
    digest = await digest_of(head)
    with registry_process(tmp_path) as (address, pid):
        async with aiohttp.ClientSession(f"http://{address}") as http:
            assert (await http.get("/v2/")).status == 200
            before = peak(pid)
            async with http.post(UPLOADS) as response:
                location = response.headers["Location"]
            async with http.patch(location, data=layer(head)) as response:
                assert response.status == 202
            async with http.put(location, params={"digest": digest}) as response:
                assert response.status == 201
            hasher = hashlib.sha256()
            async with http.get(f"/v2/{NAME}/blobs/{digest}") as response:
                async for part in response.content.iter_any():
                    hasher.update(part)
            assert Digest.finish(hasher) == digest
            assert peak(pid) - before < 16 * len(PART)
    assert ContentStore(tmp_path / "store").open(digest).file_size == head.size


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "several files"])
async def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, method: str) -> None:
    head = build("models/model.gguf", 4 * len(PART))
    digest = await digest_of(head)
    with registry_process(tmp_path, largest_file=2 * len(PART)) as (address, _):
        async with aiohttp.ClientSession(f"http://{address}") as http:
            async with http.post(UPLOADS) as response:
                location = response.headers["Location"]
            if method == "POST":
                sending = http.post(UPLOADS, params={"digest": digest}, data=layer(head))
            elif method == "PUT":
                sending = http.put(location, params={"digest": digest}, data=layer(head))
            elif method == "PATCH":
                sending = http.patch(location, data=layer(head))
            else:  # each part fits, and the whole does not
                small = build("models/a", len(PART)).raw + PART
                await http.patch(location, data=BytesIO(small + b"x" * (len(PART) - 1024)))
                sending = http.put(location, params={"digest": digest}, data=b"x" * 4096)
            async with sending as response:
                assert "No space is left" in await refused(response, 507, "STORAGE_FULL")
            if method != "POST":
                async with http.get(location) as response:
                    await refused(response, 404, "BLOB_UPLOAD_UNKNOWN")
            assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
            async with http.post(UPLOADS, params={"digest": Digest.of(b"small")}, data=b"small") as response:
                assert response.status == 201  # and the registry goes on
