"""The work that jobs ask for, each type with the room that does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from forecourt.errors import ForecourtError, InvalidObject
from forecourt.home import Home
from forecourt.importing import Api, Machine, check_import, importing
from forecourt.processes.jobs import Cancelled, Job, Telling, Work
from forecourt.serving import RuntimeEnvironments
from forecourt.storage import Credentials, Resolvers

IMPORT, ENVIRONMENT = "import", "environment"


def _check_environment(parameters: dict[str, Any]) -> None:
    if set(parameters) != {"runtime"} or not isinstance(parameters["runtime"], str):
        raise InvalidObject("spec.parameters: Invalid value: it says the runtime, and nothing else")


CHECKS: Mapping[str, Callable[[dict[str, Any]], None]] = {IMPORT: check_import, ENVIRONMENT: _check_environment}
"""What raises for parameters that a job of a type cannot have."""


def works(
    home: Home, environments: RuntimeEnvironments, api: Api, *, registry: str, resolvers: Resolvers
) -> Mapping[str, Work]:
    """Return what does the jobs of each type; `registry` is the embedded registry's ``host:port``."""
    settings = home.settings
    machine = Machine(home.store, home.images, home.client_for, settings.models, settings.volumes, registry)

    def credentials_of(namespace: str, connection: str) -> Credentials | None:
        said = home.projects.connections.values(namespace, connection)
        return Credentials.from_secret(said.data, said.annotations)

    return {IMPORT: importing(machine, api, credentials_of, resolvers), ENVIRONMENT: _making(environments)}


def _making(environments: RuntimeEnvironments) -> Work:
    """Return what makes a runtime's environment."""

    async def work(job: Job, telling: Telling) -> dict[str, Any]:
        made: dict[str, Any] = {}
        async for one in environments.made(job.spec.parameters["runtime"], job.namespace):
            if telling.cancelled:
                raise Cancelled
            if "message" in one:
                telling.say(one["message"])
            elif error := one.get("error"):
                causes = error["details"]["causes"]
                raise ForecourtError(error["message"], hint=causes[0]["message"] if causes else "")
            made = one.get("environment") or made
        return made

    return work
