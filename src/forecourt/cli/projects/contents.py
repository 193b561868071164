"""What is in a project."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forecourt.cli.columns import CONNECTION_TYPE, annotation
from forecourt.cli.resources import HARDWARE_PROFILE, INFERENCE_SERVICE, SECRET, SERVING_RUNTIME

if TYPE_CHECKING:
    from forecourt.cli.client import Client

Document = dict[str, Any]

_TOKEN_OF = "forecourt.dev/inference-service"  # noqa: S105 - an annotation's name


@dataclass(frozen=True, slots=True)
class Contents:
    """The names of what a project has; a token's is ``DEPLOYMENT/TOKEN``."""

    deployments: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield what there is, by what it is called."""
        yield "deployment", self.deployments
        yield "connection", self.connections
        yield "token", self.tokens
        yield "serving runtime", self.runtimes
        yield "hardware profile", self.profiles
        yield "secret", self.secrets

    @property
    def empty(self) -> bool:
        """Whether there is nothing."""
        return not any(names for _, names in self)

    def to_dict(self) -> Document:
        """Return it as JSON has it."""
        return {title.replace("serving ", "").replace("hardware ", "") + "s": list(names) for title, names in self}


def counted(count: int, word: str) -> str:
    """Return how many there are of something: ``1 deployment``, ``2 deployments``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def contents(client: Client, namespace: str) -> Contents:
    """Ask the server what is in a project."""
    secrets = client.list(SECRET, namespace)["items"]

    def of(kind: Any) -> tuple[str, ...]:
        made = client.list(kind, namespace)["items"]
        # What ships is in every project, and has no uid.
        return tuple(one["metadata"]["name"] for one in made if one["metadata"].get("uid"))

    tokens = [one for one in secrets if annotation(one, _TOKEN_OF)]
    connections = [one for one in secrets if annotation(one, CONNECTION_TYPE)]
    others = [one for one in secrets if one not in tokens and one not in connections]
    return Contents(
        of(INFERENCE_SERVICE),
        tuple(one["metadata"]["name"] for one in connections),
        tuple(f"{annotation(one, _TOKEN_OF)}/{annotation(one, 'openshift.io/display-name')}" for one in tokens),
        of(SERVING_RUNTIME),
        of(HARDWARE_PROFILE),
        tuple(one["metadata"]["name"] for one in others),
    )
