"""The catalog as `forecourt.app` runs it, with its own loaders and what keeps its sources fresh, served on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from apis import Served
from catalog.served import Client
from fastapi import FastAPI

from forecourt.catalog import CatalogService
from forecourt.db import Database
from forecourt.objects import install_error_handlers
from forecourt.settings import Settings


class Service:
    """A server's catalog; `trusted` (``host:port``) is what its sources may ask wherever it is."""

    def __init__(self, home: Path, *, trusted: str = "localhost:1", **settings: Any) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.settings = Settings(home=home, **({"catalog_shipped": False} | settings))
        self.database = Database(self.settings.database)
        self.database.upgrade()
        self.service = CatalogService(self.settings, self.database, trusted)
        routes, shown = FastAPI(), self.service.application
        install_error_handlers(routes)
        routes.include_router(self.service.router)

        async def dispatch(scope: Any, receive: Any, send: Any) -> None:
            await (shown if self.service.serves(scope["path"]) else routes)(scope, receive, send)

        self._served = Served(dispatch)
        self.url = self._served.url
        self.kubeflow = Client(self.url, "/api/model_catalog/v1/")
        self.management = Client(self.url, "/api/forecourt/v1/catalog/")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self._task = self._loop.create_task(self.service.run())
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)
        self._loop.close()

    def loaded(self, source_id: str) -> dict[str, Any]:
        """Return a source once its load is over."""

        def over() -> bool:
            said = self.management.get(f"sources/{source_id}").json
            return said["status"] != "loading" and said["triedTimeSinceEpoch"] is not None

        until(over)
        return dict(self.management.get(f"sources/{source_id}").json)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()
        for client in (self.kubeflow, self.management):
            client.http.close()
        self._served.close()
        self.database.close()


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    """Return when something has come true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)
