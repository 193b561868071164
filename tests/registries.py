"""The embedded registry, in the test's own event loop or a process of its own, and HTTP to it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import aiohttp
from aiohttp import web

from forecourt.oci import EMPTY_JSON, ContentStore, Descriptor, Digest, Manifest, Repositories
from forecourt.oci.manifest import EMPTY
from forecourt.oci.server import registry_app

NAME = "demo/my-model"


@dataclass
class Registry:
    """A running registry: its address, a session that talks to it, and what it keeps."""

    address: str
    http: aiohttp.ClientSession
    store: ContentStore
    repositories: Repositories

    async def push(self, data: bytes, name: str = NAME, algorithm: str = "sha256") -> Digest:
        digest = Digest.of(data, algorithm)
        async with self.http.post(
            f"/v2/{name}/blobs/uploads/", params={"digest": digest}, data=BytesIO(data)
        ) as response:
            assert response.status == 201, await response.text()
        return digest

    async def push_image(self, tag: str, note: str = "", name: str = NAME, **options: object) -> Manifest:
        await self.push(EMPTY_JSON, name)
        await self.push(note.encode(), name)
        layer = Descriptor.of("application/octet-stream", note.encode())
        document = Manifest.build(Descriptor.of(EMPTY, EMPTY_JSON), [layer], annotations={"note": note}, **options)  # type: ignore[arg-type]
        headers = {"Content-Type": document.media_type}
        async with self.http.put(f"/v2/{name}/manifests/{tag}", data=document.raw, headers=headers) as response:
            assert response.status == 201, await response.text()
        return document

    def staged(self) -> list[Path]:
        """What is left of writing."""
        return [*(self.store.root / "staging").glob("*"), *(self.repositories.root / "_staging").glob("*")]


async def refused(response: aiohttp.ClientResponse, status: int, code: str) -> str:
    """Check that a response is the registry's error, and return its message."""
    assert response.status == status, await response.text()
    assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    (error,) = (await response.json())["errors"]
    assert error["code"] == code
    assert error["message"]
    return str(error["message"])


@asynccontextmanager
async def serve(
    store: ContentStore, repositories: Repositories, idle_seconds: float = 900.0
) -> AsyncIterator[Registry]:
    """Run a registry on a free port; when it ends, nothing of an upload may be left."""
    runner = web.AppRunner(registry_app(store, repositories, idle_seconds=idle_seconds), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        async with aiohttp.ClientSession(f"http://{host}:{port}") as http:
            registry = Registry(f"{host}:{port}", http, store, repositories)
            yield registry
    finally:
        await runner.cleanup()
    assert registry.staged() == []


_PROGRAM = """
import asyncio, logging, resource, sys
from pathlib import Path
from aiohttp import web
from forecourt.oci import ContentStore, Repositories
from forecourt.oci.server import registry_app

async def main(root, largest):
    if largest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    store = ContentStore(Path(root) / "store")
    runner = web.AppRunner(registry_app(store, Repositories(Path(root) / "registry", store)))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


@contextmanager
def registry_process(root: Path, largest_file: int = 0) -> Iterator[tuple[str, int]]:
    """Run a registry in a process of its own and yield its address and process id.

    It can write no file larger than `largest_file` bytes, where that is given: as if the disk were full.
    """
    arguments = [sys.executable, "-c", _PROGRAM, str(root), str(largest_file)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield f"127.0.0.1:{process.stdout.readline().strip()}", process.pid
        finally:
            process.kill()
