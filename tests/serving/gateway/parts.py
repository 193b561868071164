"""A gateway on uvicorn, as it is in production, and small runtimes behind it: real servers on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import uvicorn
from aiohttp import web
from prometheus_client import CollectorRegistry

from forecourt.serving.endpoints import Endpoints, Replica
from forecourt.serving.gateway import UVICORN_SETTINGS, Gateway, metrics_body
from forecourt.serving.gateway.app import Guard, everybody

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def listen() -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    return listener


@asynccontextmanager
async def runtime(handler: Handler, *, port: int = 0) -> AsyncIterator[Replica]:
    """Serve `handler` for every path, and yield the replica that it is."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    app = web.Application(client_max_size=256 * 1024**2)
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    bound = runner.addresses[0][1]
    try:
        yield Replica(f"r{bound}", f"http://127.0.0.1:{bound}")
    finally:
        await runner.cleanup()


@dataclass
class Running:
    """A gateway that runs, its address, and what it reads from."""

    url: str
    endpoints: Endpoints
    registry: CollectorRegistry
    session: aiohttp.ClientSession
    server: uvicorn.Server
    _stack: AsyncExitStack = field(repr=False)

    async def deploy(self, handler: Handler, name: str = "m", namespace: str = "default") -> Replica:
        """Serve `handler` as the only replica of a deployment."""
        replica = await self._stack.enter_async_context(runtime(handler))
        self.endpoints.publish(namespace, name, [replica], waiting=False)
        return replica

    def metrics(self) -> dict[str, float]:
        """Return the gateway's samples as they are scraped, by name and labels."""
        lines = metrics_body(self.registry).decode().splitlines()
        samples = (line.rsplit(" ", 1) for line in lines if line.startswith("forecourt_gateway_"))
        return {name: float(value) for name, value in samples}


@asynccontextmanager
async def serving(*, hold_seconds: float, guard: Guard = everybody) -> AsyncIterator[Running]:
    endpoints, registry = Endpoints(), CollectorRegistry()
    gateway = Gateway(endpoints, hold_seconds=hold_seconds, registry=registry, guard=guard)
    config = uvicorn.Config(gateway, lifespan="on", log_config=None, **UVICORN_SETTINGS)
    config.load()
    server = uvicorn.Server(config)  # its serve() polls ten times a second whether to end, which tests cannot wait for
    server.lifespan = config.lifespan_class(config)
    listener = listen()
    await server.startup(sockets=[listener])
    await server.on_tick(0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(auto_decompress=False))
        yield Running(url, endpoints, registry, session, server, stack)
        await session.close()
        for accepting in server.servers:
            accepting.close()
        for connection in tuple(server.server_state.connections):
            connection.transport.abort()
        await asyncio.gather(*server.server_state.tasks, return_exceptions=True)
        await server.lifespan.shutdown()


async def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    """Return as soon as `condition` holds; fail when it does not come to."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.002)
