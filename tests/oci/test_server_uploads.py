from __future__ import annotations

import asyncio
import os
from pathlib import Path

import aiohttp
import pytest
from registries import NAME, Registry, refused, serve
from yarl import URL

from forecourt.oci import ContentStore, Digest, Repositories
from forecourt.oci.layer import build

CONTENT = os.urandom(300_000)
DIGEST = Digest.of(CONTENT)
UPLOADS = f"/v2/{NAME}/blobs/uploads/"


async def begin(registry: Registry, **query: str) -> str:
    async with registry.http.post(UPLOADS, params=query) as response:
        assert response.status == 202
        assert response.headers["Range"] == "0-0"
        return response.headers["Location"]


async def eventually_nothing_is_staged(registry: Registry) -> None:
    async with asyncio.timeout(5):
        while registry.staged():
            await asyncio.sleep(0.01)


async def test_a_blob_comes_in_one_post(registry: Registry) -> None:
    async with registry.http.post(UPLOADS, params={"digest": DIGEST}, data=CONTENT) as response:
        assert response.status == 201
        assert response.headers["Location"] == f"/v2/{NAME}/blobs/{DIGEST}"
        assert response.headers["Docker-Content-Digest"] == DIGEST
    assert registry.store.read(DIGEST) == CONTENT
    assert registry.repositories.has(NAME, DIGEST)


async def test_a_blob_comes_in_post_and_put(registry: Registry) -> None:
    location = await begin(registry)
    async with registry.http.put(location, params={"digest": DIGEST}, data=CONTENT) as response:
        assert response.status == 201
        assert response.headers["Location"] == f"/v2/{NAME}/blobs/{DIGEST}"
    assert registry.store.read(DIGEST) == CONTENT
    async with registry.http.get(location) as response:
        await refused(response, 404, "BLOB_UPLOAD_UNKNOWN")


async def test_a_blob_streams_in_without_ranges_or_lengths(registry: Registry) -> None:
    """As docker and skopeo push: one PATCH with chunked transfer encoding, then an empty PUT."""

    async def parts():
        for start in range(0, len(CONTENT), 7919):
            yield CONTENT[start : start + 7919]

    location = await begin(registry)
    async with registry.http.patch(location, data=parts()) as response:
        assert response.status == 202
        assert response.headers["Range"] == f"0-{len(CONTENT) - 1}"
    async with registry.http.put(location, params={"digest": DIGEST}) as response:
        assert response.status == 201
    assert registry.store.read(DIGEST) == CONTENT


@pytest.mark.parametrize("last_with_put", [True, False])
async def test_a_blob_comes_in_chunks(registry: Registry, last_with_put: bool) -> None:
    location = await begin(registry)
    size = 100_000
    starts = range(0, len(CONTENT), size)
    for start in starts[:-1] if last_with_put else starts:
        chunk = CONTENT[start : start + size]
        headers = {"Content-Range": f"{start}-{start + len(chunk) - 1}"}
        async with registry.http.patch(location, data=chunk, headers=headers) as response:
            assert response.status == 202
            assert response.headers["Range"] == f"0-{start + len(chunk) - 1}"
            location = response.headers["Location"]
    rest = CONTENT[starts[-1] :] if last_with_put else b""
    headers = {"Content-Range": f"{starts[-1]}-{len(CONTENT) - 1}"} if rest else {}
    async with registry.http.put(location, params={"digest": DIGEST}, data=rest, headers=headers) as response:
        assert response.status == 201
    assert registry.store.read(DIGEST) == CONTENT


@pytest.mark.parametrize("range_", ["100-199", "0-9", "bogus", "20-10", "-5", "10-"])
async def test_a_chunk_out_of_order_is_told_where_to_go_on(registry: Registry, range_: str) -> None:
    location = await begin(registry)
    await registry.http.patch(location, data=CONTENT[:50])
    for send in (registry.http.patch, registry.http.put):
        headers = {"Content-Range": range_}
        async with send(location, params={"digest": DIGEST}, data=b"x" * 10, headers=headers) as response:
            assert response.headers["Range"] == "0-49"
            assert response.headers["Location"] == location
            await refused(response, 416, "RANGE_INVALID")
    async with registry.http.put(location, params={"digest": DIGEST}, data=CONTENT[50:]) as response:
        assert response.status == 201


async def test_a_chunk_shorter_than_it_says_is_refused(registry: Registry) -> None:
    location = await begin(registry)
    async with registry.http.patch(location, data=b"x" * 10, headers={"Content-Range": "0-99"}) as response:
        await refused(response, 400, "SIZE_INVALID")

    async def parts():
        yield b"x" * 10

    async with registry.http.patch(location, data=parts(), headers={"Content-Range": "0-99"}) as response:
        await refused(response, 400, "SIZE_INVALID")


async def test_status_says_how_far_an_upload_is(registry: Registry) -> None:
    location = await begin(registry)
    await registry.http.patch(location, data=CONTENT[:50])
    async with registry.http.get(location) as response:
        assert response.status == 204
        assert response.headers["Range"] == "0-49"
        assert response.headers["Location"] == location


async def test_an_upload_is_cancelled(registry: Registry) -> None:
    location = await begin(registry)
    await registry.http.patch(location, data=CONTENT)
    assert registry.staged()
    async with registry.http.delete(location) as response:
        assert response.status == 204
    assert not registry.staged()
    async with registry.http.delete(location) as response:
        await refused(response, 404, "BLOB_UPLOAD_UNKNOWN")


async def test_an_upload_belongs_to_its_repository(registry: Registry) -> None:
    location = (await begin(registry)).replace(NAME, "other")
    async with registry.http.put(location, params={"digest": DIGEST}, data=CONTENT) as response:
        await refused(response, 404, "BLOB_UPLOAD_UNKNOWN")


async def test_wrong_content_is_refused_and_leaves_nothing(registry: Registry) -> None:
    async with registry.http.post(UPLOADS, params={"digest": DIGEST}, data=b"wrong") as response:
        assert "not sha256:" in await refused(response, 400, "DIGEST_INVALID")
    location = await begin(registry)
    await registry.http.patch(location, data=CONTENT)
    async with registry.http.put(location, params={"digest": DIGEST}, data=b"too much") as response:
        await refused(response, 400, "DIGEST_INVALID")
    assert not registry.staged()
    assert not registry.store.has(DIGEST)


@pytest.mark.parametrize("digest", ["", "sha256:abc", "md5:" + "0" * 32, "sha256:" + "G" * 64, "../../etc/passwd"])
async def test_a_digest_that_is_none_is_refused(registry: Registry, digest: str) -> None:
    async with registry.http.post(UPLOADS, params={"digest": digest}, data=b"x") as response:
        await refused(response, 400, "DIGEST_INVALID")
    async with registry.http.put(await begin(registry), params={"digest": digest}, data=b"x") as response:
        await refused(response, 400, "DIGEST_INVALID")


@pytest.mark.parametrize("name", ["Upper/case", "a%2F..%2Fb", "%2Fetc", "a//b", "-a", "a" * 256, "a%00"])
async def test_a_name_that_is_none_is_refused(registry: Registry, name: str) -> None:
    url = URL(f"http://{registry.address}/v2/{name}/blobs/uploads/", encoded=True)
    async with aiohttp.ClientSession() as http, http.post(url) as response:
        await refused(response, 400, "NAME_INVALID")


@pytest.mark.parametrize("said_first", [True, False])
async def test_sha512_is_spoken_too(registry: Registry, said_first: bool) -> None:
    digest = Digest.of(CONTENT, "sha512")
    await registry.push(CONTENT, algorithm="sha512")
    registry.store.delete(digest)
    location = await begin(registry, **({"digest-algorithm": "sha512"} if said_first else {}))
    await registry.http.patch(location, data=CONTENT)
    async with registry.http.put(location, params={"digest": digest}) as response:
        assert response.status == 201
    assert registry.store.read(digest) == CONTENT


async def test_an_unknown_algorithm_is_refused(registry: Registry) -> None:
    async with registry.http.post(UPLOADS, params={"digest-algorithm": "md5"}) as response:
        await refused(response, 400, "DIGEST_INVALID")


async def test_an_empty_blob_is_a_blob(registry: Registry) -> None:
    digest = Digest.of(b"")
    async with registry.http.put(await begin(registry), params={"digest": digest}) as response:
        assert response.status == 201
    assert registry.store.read(digest) == b""


@pytest.mark.parametrize("query", [{}, {"from": "elsewhere/model"}, {"from": "no/such"}])
async def test_a_mount_moves_no_bytes(registry: Registry, query: dict[str, str]) -> None:
    await registry.push(CONTENT, "elsewhere/model")
    async with registry.http.head(f"/v2/{NAME}/blobs/{DIGEST}") as response:
        assert response.status == 404
    async with registry.http.post(UPLOADS, params={"mount": DIGEST, **query}) as response:
        assert response.status == 201
        assert response.headers["Docker-Content-Digest"] == DIGEST
    async with registry.http.head(f"/v2/{NAME}/blobs/{DIGEST}") as response:
        assert response.status == 200


async def test_a_mount_finds_what_was_packed_here(registry: Registry) -> None:
    digest = registry.store.add(b"packed, and never pushed")
    async with registry.http.post(UPLOADS, params={"mount": digest}) as response:
        assert response.status == 201


async def test_a_mount_of_what_is_not_here_becomes_an_upload(registry: Registry) -> None:
    async with registry.http.post(UPLOADS, params={"mount": DIGEST, "from": "elsewhere/model"}) as response:
        assert response.status == 202
        location = response.headers["Location"]
    async with registry.http.put(location, params={"digest": DIGEST}, data=CONTENT) as response:
        assert response.status == 201


async def _break_off(registry: Registry, request: bytes, body: bytes) -> None:
    """Send a request whose body ends early, with the connection."""
    host, _, port = registry.address.partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(request + b"\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + body)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_blob_that_breaks_off_leaves_nothing(registry: Registry, method: str) -> None:
    location = UPLOADS if method == "POST" else await begin(registry)
    await _break_off(registry, f"{method} {location}?digest={DIGEST} HTTP/1.1".encode(), CONTENT)
    await asyncio.sleep(0.05)
    await eventually_nothing_is_staged(registry)
    assert not registry.store.has(DIGEST)


async def test_a_chunk_that_breaks_off_is_gone_on_with(registry: Registry) -> None:
    location = await begin(registry)
    await _break_off(registry, f"PATCH {location} HTTP/1.1".encode(), CONTENT[:123_456])
    await asyncio.sleep(0.05)
    async with registry.http.get(location) as response:
        last = int(response.headers["Range"].removeprefix("0-"))
    assert 0 < last < 123_456
    headers = {"Content-Range": f"{last + 1}-{len(CONTENT) - 1}"}
    async with registry.http.patch(location, data=CONTENT[last + 1 :], headers=headers) as response:
        assert response.status == 202
    async with registry.http.put(location, params={"digest": DIGEST}) as response:
        assert response.status == 201
    assert registry.store.read(DIGEST) == CONTENT


async def test_a_body_that_is_not_http_is_refused(registry: Registry) -> None:
    host, _, port = registry.address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {UPLOADS}?digest={DIGEST} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head.encode() + b"5\r\nhello\r\nnot a length\r\n")
    async with asyncio.timeout(5):
        assert b" 400 " in await reader.readline()
    writer.close()
    await writer.wait_closed()
    await eventually_nothing_is_staged(registry)


async def test_an_idle_upload_expires(store: ContentStore, tmp_path: Path) -> None:
    async with serve(store, Repositories(tmp_path / "registry", store), idle_seconds=0.2) as registry:
        location = await begin(registry)
        await registry.http.patch(location, data=CONTENT)
        await eventually_nothing_is_staged(registry)
        async with registry.http.patch(location, data=CONTENT) as response:
            await refused(response, 404, "BLOB_UPLOAD_UNKNOWN")


async def test_two_senders_to_one_upload_take_turns(registry: Registry) -> None:
    location = await begin(registry)

    async def slowly():
        for start in range(0, 100_000, 10_000):
            yield CONTENT[start : start + 10_000]
            await asyncio.sleep(0.005)

    async def send(start: int, data: object) -> int:
        headers = {"Content-Range": f"{start}-{start + 99_999}"}
        async with registry.http.patch(location, data=data, headers=headers) as response:
            return response.status

    first = asyncio.create_task(send(0, slowly()))
    await asyncio.sleep(0.02)
    assert await send(100_000, CONTENT[100_000:200_000]) == 202
    assert await first == 202


async def test_one_blob_pushed_by_many_at_once_is_kept_once(registry: Registry) -> None:
    head = build("models/model.gguf", len(CONTENT))
    layer = head.raw + CONTENT + bytes(head.tail)
    digests = await asyncio.gather(*(registry.push(layer, f"demo/{number}") for number in range(8)))
    assert set(digests) == {Digest.of(layer)}
    assert registry.store.open(digests[0]).head == head.raw
    assert registry.store.read(digests[0]) == layer
    assert len(list(registry.store.root.glob("files/*/*"))) == 1
