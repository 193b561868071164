from __future__ import annotations

import json
from collections.abc import AsyncIterable
from io import BytesIO

import pytest
from registries import NAME, Registry, refused

from forecourt.oci import EMPTY_DESCRIPTOR, EMPTY_JSON, Descriptor, Digest, Index, Manifest, Platform
from forecourt.oci.manifest import DOCKER_MANIFEST, EMPTY, INDEX, MANIFEST, MAX_MANIFEST


def manifest(version: str, name: str = NAME) -> str:
    return f"/v2/{name}/manifests/{version}"


def put(registry: Registry, version: str, raw: bytes | AsyncIterable[bytes], media_type: str = MANIFEST):
    data = BytesIO(raw) if isinstance(raw, bytes) else raw
    return registry.http.put(manifest(version), data=data, headers={"Content-Type": media_type})


async def test_a_manifest_is_answered_as_it_was_put(registry: Registry) -> None:
    document = await registry.push_image("1.0")
    for version in ("1.0", document.digest):
        for accept in (MANIFEST, "*/*", INDEX):
            async with registry.http.get(manifest(version), headers={"Accept": accept}) as response:
                assert response.status == 200
                assert await response.read() == document.raw
                assert response.headers["Content-Type"] == MANIFEST
                assert response.headers["Docker-Content-Digest"] == document.digest
                assert response.headers["ETag"] == f'"{document.digest}"'


async def test_head_says_what_get_would_send(registry: Registry) -> None:
    document = await registry.push_image("1.0")
    async with registry.http.head(manifest("1.0")) as response:
        assert response.status == 200
        assert response.headers["Content-Length"] == str(len(document.raw))
        assert response.headers["Content-Type"] == MANIFEST
        assert response.headers["Docker-Content-Digest"] == document.digest


async def test_what_a_client_has_is_not_sent_again(registry: Registry) -> None:
    document = await registry.push_image("1.0")
    async with registry.http.get(manifest("1.0"), headers={"If-None-Match": f'"{document.digest}"'}) as response:
        assert response.status == 304
        assert response.headers["Docker-Content-Digest"] == document.digest


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
async def test_a_manifest_is_put_by_its_digest(registry: Registry, algorithm: str) -> None:
    await registry.push(EMPTY_JSON)
    raw = Manifest.build(EMPTY_DESCRIPTOR, []).raw
    digest = Digest.of(raw, algorithm)
    async with put(registry, digest, raw) as response:
        assert response.status == 201
        assert response.headers["Location"] == manifest(digest)
        assert response.headers["Docker-Content-Digest"] == digest
    async with registry.http.get(manifest(digest)) as response:
        assert await response.read() == raw
    async with put(registry, Digest.of(b"another", algorithm), raw) as response:
        await refused(response, 400, "DIGEST_INVALID")


async def test_a_manifest_without_a_type_of_its_own_keeps_the_one_it_was_sent_with(registry: Registry) -> None:
    await registry.push(EMPTY_JSON)
    raw = json.dumps({"schemaVersion": 2, "config": EMPTY_DESCRIPTOR.to_json(), "layers": []}).encode()
    async with put(registry, "docker", raw, DOCKER_MANIFEST) as response:
        assert response.status == 201
    async with registry.http.get(manifest("docker")) as response:
        assert response.headers["Content-Type"] == DOCKER_MANIFEST


async def test_a_manifest_needs_its_blobs(registry: Registry) -> None:
    raw = Manifest.build(EMPTY_DESCRIPTOR, []).raw
    async with put(registry, "1.0", raw) as response:
        assert EMPTY_DESCRIPTOR.digest in await refused(response, 404, "MANIFEST_BLOB_UNKNOWN")
    await registry.push(EMPTY_JSON, "elsewhere")
    async with put(registry, "1.0", raw) as response:
        await refused(response, 404, "MANIFEST_BLOB_UNKNOWN")
    async with registry.http.get(manifest("1.0")) as response:
        await refused(response, 404, "MANIFEST_UNKNOWN")


async def test_a_manifest_that_is_wrong_about_a_size_is_refused(registry: Registry) -> None:
    await registry.push(EMPTY_JSON)
    raw = Manifest.build(Descriptor(EMPTY, EMPTY_DESCRIPTOR.digest, 3), []).raw
    async with put(registry, "1.0", raw) as response:
        assert "has 2 bytes, not 3" in await refused(response, 400, "MANIFEST_INVALID")


async def test_a_layer_that_is_to_be_had_elsewhere_need_not_be_here(registry: Registry) -> None:
    await registry.push(EMPTY_JSON)
    foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar"
    raw = Manifest.build(EMPTY_DESCRIPTOR, [Descriptor(foreign, Digest.of(b"x"), 1)]).raw
    async with put(registry, "1.0", raw) as response:
        assert response.status == 201


async def test_an_index_needs_its_manifests(registry: Registry) -> None:
    document = Manifest.build(EMPTY_DESCRIPTOR, [])
    entry = Descriptor(MANIFEST, document.digest, len(document.raw), platform=Platform("linux", "arm64"))
    raw = Index.build([entry]).raw
    async with put(registry, "multi", raw, INDEX) as response:
        await refused(response, 404, "MANIFEST_BLOB_UNKNOWN")
    await registry.push(EMPTY_JSON)
    async with put(registry, document.digest, document.raw) as response:
        assert response.status == 201
    async with put(registry, "multi", raw, INDEX) as response:
        assert response.status == 201
    async with registry.http.get(manifest("multi")) as response:
        assert response.headers["Content-Type"] == INDEX


@pytest.mark.parametrize(
    ("raw", "media_type"),
    [
        (b"", MANIFEST),
        (b"not json", MANIFEST),
        (b"[]", MANIFEST),
        (b'{"schemaVersion": 1}', MANIFEST),
        (b'{"schemaVersion": 2}', MANIFEST),
        (b'{"schemaVersion": 2, "manifests": [7]}', INDEX),
        (b'{"schemaVersion": 2, "mediaType": "text/plain"}', MANIFEST),
        (Manifest.build(EMPTY_DESCRIPTOR, []).raw, INDEX),
        (b'{"schemaVersion": 2, "manifests": []}', "text/plain"),
        (b'{"a":' * 100_000, MANIFEST),
    ],
)
async def test_what_is_no_manifest_is_refused(registry: Registry, raw: bytes, media_type: str) -> None:
    async with put(registry, "1.0", raw, media_type) as response:
        await refused(response, 400, "MANIFEST_INVALID")


async def test_a_manifest_that_is_too_large_is_refused(registry: Registry) -> None:
    await registry.push(EMPTY_JSON)
    note = "x" * (MAX_MANIFEST - 1000)
    large = Manifest.build(EMPTY_DESCRIPTOR, [], annotations={"note": note}).raw
    async with put(registry, "large", large) as response:
        assert response.status == 201
    async with put(registry, "1.0", large + b" " * 1000) as response:
        await refused(response, 413, "MANIFEST_INVALID")

    async def streamed():
        for _ in range(100):
            yield b" " * 100_000

    async with put(registry, "1.0", streamed()) as response:
        await refused(response, 413, "MANIFEST_INVALID")


@pytest.mark.parametrize("tag", ["-x", ".x", "x" * 129, "a b"])
async def test_a_tag_that_is_none_is_refused(registry: Registry, tag: str) -> None:
    async with put(registry, tag, Manifest.build(EMPTY_DESCRIPTOR, []).raw) as response:
        await refused(response, 400, "TAG_INVALID")
    async with registry.http.get(manifest(tag)) as response:
        await refused(response, 404, "MANIFEST_UNKNOWN")


async def test_a_digest_that_is_none_is_refused(registry: Registry) -> None:
    for ask in (registry.http.get, registry.http.put, registry.http.delete):
        async with ask(manifest("sha256:baddigest")) as response:
            await refused(response, 400, "DIGEST_INVALID")


async def test_a_deleted_tag_leaves_its_manifest(registry: Registry) -> None:
    document = await registry.push_image("1.0")
    async with registry.http.delete(manifest("1.0")) as response:
        assert response.status == 202
    async with registry.http.get(manifest("1.0")) as response:
        await refused(response, 404, "MANIFEST_UNKNOWN")
    async with registry.http.get(manifest(document.digest)) as response:
        assert response.status == 200
    async with registry.http.delete(manifest("1.0")) as response:
        await refused(response, 404, "MANIFEST_UNKNOWN")


async def test_a_deleted_manifest_takes_its_tags_with_it(registry: Registry) -> None:
    document = await registry.push_image("1.0")
    await registry.push_image("latest")
    await registry.push_image("2.0", "another")
    async with registry.http.delete(manifest(document.digest)) as response:
        assert response.status == 202
    async with registry.http.get(f"/v2/{NAME}/tags/list") as response:
        assert (await response.json())["tags"] == ["2.0"]
    async with registry.http.get(manifest(document.digest)) as response:
        await refused(response, 404, "MANIFEST_UNKNOWN")
    left = registry.repositories.get(NAME, "2.0")
    assert registry.repositories.linked() == {child.digest for child in left.children}


async def test_referrers_are_listed_and_filtered(registry: Registry) -> None:
    subject = await registry.push_image("1.0")
    url = f"/v2/{NAME}/referrers/{subject.digest}"
    async with registry.http.get(url) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == INDEX
        assert await response.json(content_type=None) == {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
    card = await registry.push_image("card", "card", subject=subject.descriptor, artifact_type="application/card")
    # Without an artifactType, a referrer is known by its config's media type.
    other = await registry.push_image("other", "other", subject=subject.descriptor)
    async with registry.http.get(url) as response:
        found = {entry["digest"]: entry for entry in (await response.json(content_type=None))["manifests"]}
        assert set(found) == {card.digest, other.digest}
        assert found[card.digest]["artifactType"] == "application/card"
        assert found[card.digest]["annotations"] == {"note": "card"}
        assert found[card.digest]["size"] == len(card.raw)
        assert found[other.digest]["artifactType"] == EMPTY
        assert "OCI-Filters-Applied" not in response.headers
    async with registry.http.get(url, params={"artifactType": "application/card"}) as response:
        assert [entry["digest"] for entry in (await response.json(content_type=None))["manifests"]] == [card.digest]
        assert response.headers["OCI-Filters-Applied"] == "artifactType"
    await registry.http.delete(manifest(card.digest))
    async with registry.http.get(url, params={"artifactType": "application/card"}) as response:
        assert (await response.json(content_type=None))["manifests"] == []


async def test_putting_a_referrer_says_its_subject_which_need_not_be_here(registry: Registry) -> None:
    await registry.push(EMPTY_JSON)
    subject = Descriptor(MANIFEST, Digest.of(b"not here"), 8)
    raw = Manifest.build(EMPTY_DESCRIPTOR, [], subject=subject).raw
    async with put(registry, Digest.of(raw), raw) as response:
        assert response.status == 201
        assert response.headers["OCI-Subject"] == subject.digest


async def test_referrers_of_what_is_no_digest_are_refused(registry: Registry) -> None:
    async with registry.http.get(f"/v2/{NAME}/referrers/1.0") as response:
        await refused(response, 400, "DIGEST_INVALID")
