"""The Kubernetes-shaped API over a real database, served on loopback: every kind that Forecourt has."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from forecourt.access import ROLE_BINDINGS
from forecourt.db import Database
from forecourt.errors import Denied
from forecourt.objects import ObjectsApi, ObjectStore, install_error_handlers
from forecourt.projects import Projects, Values, Vault, connections_router, contents_router
from forecourt.serving import Admission, logs_router, resources, revisions_router
from forecourt.serving.driver import Key
from forecourt.serving.model import InferenceService


class Api:
    """The routes over a real database, served on loopback."""

    def __init__(self, path: Path, *earlier: InferenceService) -> None:
        self.database = Database(f"sqlite:///{path}/forecourt.db")
        self.database.upgrade()
        for each in earlier:  # made by a server that is no more
            ObjectStore(self.database).create(each)
        self.objects = ObjectStore(self.database)
        self.vault = Vault(path / "secret.key")
        self.projects = Projects(self.objects, self.vault)
        self.projects.prepare()
        admission = Admission(self.projects)
        self.resources = (*self.projects.resources, ROLE_BINDINGS, *resources(admission, self.objects))
        self.woken = 0
        self.asked: list[dict[str, Any]] = []
        application = FastAPI()
        install_error_handlers(application)
        kubernetes = ObjectsApi(self.resources, self.objects, self._wake, self.projects.admit)
        application.include_router(logs_router(self.objects, self._logs))
        application.include_router(revisions_router(self.objects, admission, self._wake))
        application.include_router(contents_router(self.objects, self.resources))
        application.include_router(connections_router(self.objects, self.projects.connections, self._try))

        @application.get("/broken")
        def broken() -> None:
            raise ZeroDivisionError

        async def dispatch(scope: Any, receive: Any, send: Any) -> None:
            await (kubernetes if kubernetes.serves(scope["path"]) else application)(scope, receive, send)

        listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(dispatch, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listening]})
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self.database.close()

    def _wake(self) -> None:
        self.woken += 1

    def _try(self, values: Values) -> str:
        if values.data.get("AWS_SECRET_ACCESS_KEY") == "wrong":
            raise Denied("The store refuses the key.", hint="Check the secret key.")
        return f"The bucket {values.data.get('AWS_S3_BUCKET')} is there."

    async def _logs(self, key: Key, **options: Any) -> AsyncIterator[bytes]:
        self.asked.append(options)
        yield f"{key.namespace}/{key.name}\n".encode()
