"""The registry and skopeo, which speaks to it as podman and CRI-O do."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from conftest import needs
from registries import NAME, Registry, refused

from forecourt.oci import LAYER_TAR, Descriptor, Digest, Index, Manifest, Platform
from forecourt.oci.layer import build
from forecourt.oci.manifest import CONFIG

pytestmark = needs("skopeo")


async def skopeo(*words: str, fails: bool = False) -> str:
    process = await asyncio.create_subprocess_exec(
        "skopeo", "--insecure-policy", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert bool(process.returncode) == fails, err.decode()
    return (err if fails else out).decode()


def layout(root: Path, architectures: tuple[str, ...] = ("amd64",)) -> Index:
    """Write an OCI layout of an image with a model in it, for each architecture."""

    def keep(data: bytes, media_type: str, platform: Platform | None = None) -> Descriptor:
        path = root / "blobs" / "sha256" / Digest.of(data).hex
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return Descriptor(media_type, Digest.of(data), len(data), platform=platform)

    content = os.urandom(700_000)
    head = build("models/model.gguf", len(content))
    layer = keep(head.raw + content + bytes(head.tail), LAYER_TAR)
    images = []
    for architecture in architectures:
        config = {
            "os": "linux",
            "architecture": architecture,
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [layer.digest]},
        }
        document = Manifest.build(keep(json.dumps(config).encode(), CONFIG), [layer])
        images.append(keep(document.raw, document.media_type, Platform("linux", architecture)))
    index = Index.build(images)
    if len(images) > 1:
        images = [keep(index.raw, index.media_type)]
    (root / "index.json").write_bytes(Index.build(images).raw)
    (root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return index


def blobs(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "blobs" / "sha256").iterdir()}


async def test_an_image_goes_in_and_comes_back_unchanged(registry: Registry, tmp_path: Path) -> None:
    (entry,) = layout(tmp_path / "in").manifests
    there = f"docker://{registry.address}/{NAME}:1.0"
    await skopeo("copy", "--preserve-digests", "--dest-tls-verify=false", f"oci:{tmp_path}/in", there)
    assert registry.repositories.resolve(NAME, "1.0") == entry.digest
    await skopeo("copy", "--preserve-digests", "--src-tls-verify=false", there, f"oci:{tmp_path}/out:1.0")
    assert blobs(tmp_path / "out") == blobs(tmp_path / "in")
    (layer,) = registry.repositories.get(NAME, "1.0").children[1:]
    assert registry.store.open(layer.digest).name == "models/model.gguf"


async def test_an_index_goes_in_and_comes_back_unchanged(registry: Registry, tmp_path: Path) -> None:
    index = layout(tmp_path / "in", ("amd64", "arm64"))
    there = f"docker://{registry.address}/{NAME}:multi"
    words = ("copy", "--all", "--preserve-digests")
    await skopeo(*words, "--dest-tls-verify=false", f"oci:{tmp_path}/in", there)
    assert registry.repositories.resolve(NAME, "multi") == index.digest
    await skopeo(*words, "--src-tls-verify=false", there, f"oci:{tmp_path}/out:multi")
    assert blobs(tmp_path / "out") == blobs(tmp_path / "in")


async def test_an_image_is_inspected_listed_and_deleted(registry: Registry, tmp_path: Path) -> None:
    (entry,) = layout(tmp_path / "in").manifests
    there = f"docker://{registry.address}/{NAME}"
    for tag in ("1.0", "latest"):
        await skopeo("copy", "--preserve-digests", "--dest-tls-verify=false", f"oci:{tmp_path}/in", f"{there}:{tag}")
    seen = json.loads(await skopeo("inspect", "--tls-verify=false", there))
    assert seen["Digest"] == entry.digest
    assert seen["RepoTags"] == ["1.0", "latest"]
    assert seen["Os"] == "linux"
    listed = json.loads(await skopeo("list-tags", "--tls-verify=false", there))
    assert listed["Tags"] == ["1.0", "latest"]
    await skopeo("delete", "--tls-verify=false", f"{there}:1.0")
    said = await skopeo("inspect", "--tls-verify=false", f"{there}:1.0", fails=True)
    assert "manifest unknown" in said or "has no manifest 1.0" in said
    async with registry.http.get(f"/v2/{NAME}/tags/list") as response:
        await refused(response, 404, "NAME_UNKNOWN")  # the last manifest went with both of its tags


async def test_a_copy_within_the_registry_moves_no_blob(registry: Registry, tmp_path: Path) -> None:
    layout(tmp_path / "in")
    there = f"docker://{registry.address}"
    await skopeo("copy", "--preserve-digests", "--dest-tls-verify=false", f"oci:{tmp_path}/in", f"{there}/{NAME}:1")
    before = {path: path.stat().st_ino for path in registry.store.root.rglob("*") if path.is_file()}
    words = ("copy", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false")
    await skopeo(*words, f"{there}/{NAME}:1", f"{there}/other/name:1")
    assert registry.repositories.resolve("other/name", "1") == registry.repositories.resolve(NAME, "1")
    assert {path: path.stat().st_ino for path in registry.store.root.rglob("*") if path.is_file()} == before
