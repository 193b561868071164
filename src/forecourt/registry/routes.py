"""Every path of the API, as data: what is at it, and which kinds it is about.

A path is split at its slashes, and ids stand for ``{id}``: so the routes are a table to look into, not patterns to try.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from forecourt.registry.model import (
    ARTIFACTS,
    EXPERIMENT,
    EXPERIMENT_RUN,
    INFERENCE_SERVICE,
    METRIC_HISTORY,
    MODEL_ARTIFACT,
    MODEL_VERSION,
    REGISTERED_MODEL,
    SERVE_MODEL,
    SERVING_ENVIRONMENT,
    ApiVersion,
    Kind,
)

Action = Literal["find", "list", "create", "get", "update", "served_model", "served_version", "metric_history"]


@dataclass(frozen=True, slots=True)
class Route:
    """What a method does at a path. `parent` is the kind whose id the path has before the last word."""

    action: Action
    kinds: Sequence[Kind]
    parent: Kind | None = None


Methods = dict[str, Route]
Pattern = tuple[str, ...]

ID = "{id}"

_SINGLES: tuple[tuple[str, str, Sequence[Kind]], ...] = (
    ("registered_model", "registered_models", (REGISTERED_MODEL,)),
    ("model_version", "model_versions", (MODEL_VERSION,)),
    ("model_artifact", "model_artifacts", (MODEL_ARTIFACT,)),
    ("artifact", "artifacts", ARTIFACTS),
    ("serving_environment", "serving_environments", (SERVING_ENVIRONMENT,)),
    ("inference_service", "inference_services", (INFERENCE_SERVICE,)),
    ("experiment", "experiments", (EXPERIMENT,)),
    ("experiment_run", "experiment_runs", (EXPERIMENT_RUN,)),
)
_NESTED: tuple[tuple[Kind, str, Sequence[Kind]], ...] = (
    (REGISTERED_MODEL, "versions", (MODEL_VERSION,)),
    (MODEL_VERSION, "artifacts", ARTIFACTS),
    (SERVING_ENVIRONMENT, "inference_services", (INFERENCE_SERVICE,)),
    (INFERENCE_SERVICE, "serves", (SERVE_MODEL,)),
    (EXPERIMENT, "experiment_runs", (EXPERIMENT_RUN,)),
    (EXPERIMENT_RUN, "artifacts", ARTIFACTS),
)


def routes(version: ApiVersion) -> dict[Pattern, Methods]:
    """Return the paths of a version of the API, below its base, with the methods of each."""
    table: dict[Pattern, Methods] = {}
    for single, plural, kinds in _SINGLES:
        table[(single,)] = {"GET": Route("find", kinds)}
        table[(plural,)] = {"GET": Route("list", kinds), "POST": Route("create", kinds)}
        table[(plural, ID)] = {"GET": Route("get", kinds), "PATCH": Route("update", kinds)}
    for parent, name, kinds in _NESTED:
        table[(parent.collection, ID, name)] = {
            "GET": Route("list", kinds, parent),
            "POST": Route("create", kinds, parent),
        }
    service = INFERENCE_SERVICE.collection
    table[(service, ID, "model")] = {"GET": Route("served_model", (REGISTERED_MODEL,), INFERENCE_SERVICE)}
    table[(service, ID, "version")] = {"GET": Route("served_version", (MODEL_VERSION,), INFERENCE_SERVICE)}
    run, history = EXPERIMENT_RUN.collection, "metric_history"
    table[(run, history)] = {"GET": Route("metric_history", (METRIC_HISTORY,))}
    table[(run, ID, history)] = {"GET": Route("metric_history", (METRIC_HISTORY,), EXPERIMENT_RUN)}
    if not version.experiments:
        table = {pattern: methods for pattern, methods in table.items() if not pattern[0].startswith("experiment")}
    return table
