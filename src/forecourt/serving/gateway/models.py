"""Deployments under the names that OpenAI's API calls models.

A deployment is `name` where its namespace is `default`, and `namespace/name` elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable

from forecourt.serving.endpoints import Endpoint, Endpoints
from forecourt.serving.gateway.errors import ModelNotFound

DEFAULT_NAMESPACE = "default"
_LISTED = 20


def model_id(endpoint: Endpoint) -> str:
    """Return the name that a client asks for the deployment by."""
    if endpoint.namespace == DEFAULT_NAMESPACE:
        return endpoint.name
    return f"{endpoint.namespace}/{endpoint.name}"


def find(endpoints: Endpoints, model: str) -> Endpoint | None:
    """Return the deployment that `model` names, where there is one; ``default/name`` is as good as ``name``."""
    namespace, slash, name = model.partition("/")
    return endpoints.get(namespace, name) if slash else endpoints.get(DEFAULT_NAMESPACE, model)


def available(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """Return those that serve or are on their way, by namespace and name."""
    there = [endpoint for endpoint in endpoints if endpoint.replicas or endpoint.waiting]
    return sorted(there, key=lambda endpoint: (endpoint.namespace, endpoint.name))


def entry(endpoint: Endpoint) -> dict[str, object]:
    """Return what ``GET /v1/models`` says of a deployment."""
    return {
        "id": model_id(endpoint),
        "object": "model",
        "created": endpoint.created,
        "owned_by": endpoint.namespace,
    }


def not_found(seen: Iterable[Endpoint], model: str) -> ModelNotFound:
    """Return the error for a model that is not there, which names those that are."""
    ids = [model_id(endpoint) for endpoint in available(seen)]
    if not ids:
        hint = "Nothing is deployed; `forecourt deploy` does it."
    else:
        more = f" and {len(ids) - _LISTED} more" if len(ids) > _LISTED else ""
        hint = f"There is: {', '.join(ids[:_LISTED])}{more}."
    return ModelNotFound(f"The model {model[:200]!r} does not exist.", hint=hint)
