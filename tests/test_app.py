"""The registry on its own thread, beside servers on another kind of event loop, sends what was put into it."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import aiohttp
import uvloop
from registries import Registry

from forecourt.app.web import RegistryThread
from forecourt.oci import ContentStore, Repositories
from forecourt.oci.server import registry_app


def test_a_blob_comes_whole_from_the_registrys_own_thread(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)

    async def there_and_back(listening: socket.socket) -> bytes:
        store = ContentStore(tmp_path / "content")
        repositories = Repositories(tmp_path / "registry", store)
        address = "http://{}:{}".format(*listening.getsockname())
        async with (
            RegistryThread(registry_app(store, repositories), listening),
            aiohttp.ClientSession(address) as http,
        ):
            digest = await Registry(address, http, store, repositories).push(content)
            async with http.get(f"/v2/demo/my-model/blobs/{digest}") as response:
                return await response.read()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert uvloop.run(asyncio.wait_for(there_and_back(listening), 30)) == content
