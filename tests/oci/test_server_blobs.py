from __future__ import annotations

import asyncio
import contextlib
import os

import aiohttp
import pytest
from registries import NAME, Registry, refused

from forecourt.oci import Digest
from forecourt.oci.layer import build

FILE = os.urandom(100_000)
HEAD = build("models/model.gguf", len(FILE))
LAYER = HEAD.raw + FILE + bytes(HEAD.tail)
SIZE = len(LAYER)


def blob(digest: str, name: str = NAME) -> str:
    return f"/v2/{name}/blobs/{digest}"


@pytest.mark.parametrize("content", [b"", b"{}", FILE, LAYER], ids=["empty", "small", "raw", "layer"])
async def test_a_blob_is_sent_as_it_came(registry: Registry, content: bytes) -> None:
    digest = await registry.push(content)
    async with registry.http.get(blob(digest)) as response:
        assert response.status == 200
        assert await response.read() == content
        assert response.headers["Content-Length"] == str(len(content))
        assert response.headers["Docker-Content-Digest"] == digest
        assert response.headers["ETag"] == f'"{digest}"'
        assert response.headers["Accept-Ranges"] == "bytes"
        assert response.headers["Content-Type"] == "application/octet-stream"


async def test_head_says_what_get_would_send(registry: Registry) -> None:
    digest = await registry.push(LAYER)
    async with registry.http.head(blob(digest)) as response:
        assert response.status == 200
        assert response.headers["Content-Length"] == str(SIZE)
        assert response.headers["Docker-Content-Digest"] == digest
    async with registry.http.get(blob(digest)) as response:  # on the same connection
        assert await response.read() == LAYER


RANGES = {
    "bytes=0-0": (0, 1),
    "bytes=0-": (0, SIZE),
    "bytes=0-511": (0, 512),  # the tar header
    "bytes=500-600": (500, 601),
    "bytes=512-100511": (512, 100_512),  # the file
    "bytes=100500-100600": (100_500, 100_601),
    "bytes=100512-": (100_512, SIZE),  # the zeros
    f"bytes={SIZE - 1}-{SIZE + 10}": (SIZE - 1, SIZE),
    "bytes=-10": (SIZE - 10, SIZE),
    "bytes=-9999999": (0, SIZE),
    "Bytes = 3-7": (3, 8),
}


@pytest.mark.parametrize("kept_as_file", [True, False])
async def test_any_range_is_sent(registry: Registry, kept_as_file: bool) -> None:
    content = LAYER if kept_as_file else os.urandom(SIZE)
    digest = await registry.push(content)
    for header, (start, end) in RANGES.items():
        async with registry.http.get(blob(digest), headers={"Range": header}) as response:
            assert response.status == 206
            assert await response.read() == content[start:end]
            assert response.headers["Content-Range"] == f"bytes {start}-{end - 1}/{SIZE}"


@pytest.mark.parametrize("header", [f"bytes={SIZE}-", f"bytes={SIZE + 5}-{SIZE + 9}", "bytes=-0"])
async def test_a_range_beyond_the_end_cannot_be_satisfied(registry: Registry, header: str) -> None:
    digest = await registry.push(LAYER)
    async with registry.http.get(blob(digest), headers={"Range": header}) as response:
        assert response.headers["Content-Range"] == f"bytes */{SIZE}"
        await refused(response, 416, "RANGE_INVALID")


@pytest.mark.parametrize("header", ["bytes=9-3", "bytes=-", "lines=1-2", "bytes=0-1,5-9", "nonsense", "bytes=٣-٤"])
async def test_a_range_that_makes_no_sense_is_disregarded(registry: Registry, header: str) -> None:
    digest = await registry.push(LAYER)
    async with registry.http.get(blob(digest), headers={"Range": header}) as response:
        assert response.status == 200
        assert await response.read() == LAYER


async def test_what_a_client_has_is_not_sent_again(registry: Registry) -> None:
    digest = await registry.push(LAYER)
    async with registry.http.get(blob(digest), headers={"If-None-Match": f'"{digest}"'}) as response:
        assert response.status == 304
    async with registry.http.get(blob(digest), headers={"If-None-Match": '"another"'}) as response:
        assert response.status == 200


async def test_a_blob_is_seen_only_in_its_repository(registry: Registry) -> None:
    digest = await registry.push(LAYER)
    async with registry.http.get(blob(digest, "other")) as response:
        await refused(response, 404, "BLOB_UNKNOWN")


@pytest.mark.parametrize("digest", ["sha256:abc", "md5:" + "0" * 32, "no-digest", "sha256:" + "A" * 64])
async def test_a_digest_that_is_none_is_refused(registry: Registry, digest: str) -> None:
    for ask in (registry.http.get, registry.http.delete):
        async with ask(blob(digest)) as response:
            await refused(response, 400, "DIGEST_INVALID")


async def test_a_deleted_blob_is_gone_from_its_repository_only(registry: Registry) -> None:
    digest = await registry.push(LAYER)
    await registry.push(LAYER, "other")
    async with registry.http.delete(blob(digest)) as response:
        assert response.status == 202
    for ask in (registry.http.get, registry.http.delete):
        async with ask(blob(digest)) as response:
            await refused(response, 404, "BLOB_UNKNOWN")
    async with registry.http.get(blob(digest, "other")) as response:
        assert await response.read() == LAYER


async def test_a_blob_changed_on_disk_is_never_sent(registry: Registry) -> None:
    digest = await registry.push(LAYER)
    path = registry.store.open(digest).path
    path.chmod(0o644)
    path.write_bytes(os.urandom(len(FILE)))
    async with registry.http.get(blob(digest)) as response:
        assert "was changed after it was stored" in await refused(response, 400, "DIGEST_INVALID")
    async with registry.http.head(blob(digest)) as response:
        assert response.status == 404  # so that it is pushed again
    await registry.push(LAYER)
    async with registry.http.get(blob(digest)) as response:
        assert await response.read() == LAYER


async def test_a_client_that_leaves_or_stalls_holds_nobody_up(registry: Registry) -> None:
    content = os.urandom(16 * 1024 * 1024)
    digest = await registry.push(content)
    host, _, port = registry.address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(f"GET {blob(digest)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert await reader.readexactly(1000)  # and no more
    async with registry.http.get(blob(digest)) as response:
        assert Digest.of(await response.read()) == digest
    writer.transport.abort()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    async with registry.http.get(blob(digest)) as response:
        assert Digest.of(await response.read()) == digest


async def test_many_blobs_come_over_one_connection(registry: Registry) -> None:
    contents = [os.urandom(5_000 + number) for number in range(20)]
    digests = [await registry.push(content) for content in contents]
    connector = aiohttp.TCPConnector(limit=1)
    async with aiohttp.ClientSession(f"http://{registry.address}", connector=connector) as http:
        for digest, content in zip(digests, contents, strict=True):
            async with http.get(blob(digest), headers={"Range": "bytes=10-"}) as response:
                assert await response.read() == content[10:]
