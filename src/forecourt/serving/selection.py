"""Which serving runtime serves an `InferenceService`, as KServe chooses (pkg/apis/serving/v1beta1/predictor_model.go).

A runtime that is named must exist (one in the namespace is found before one of the cluster), be enabled and serve the
model's format. Where none is named, those remain that

1. are enabled, serve one model, and span several nodes only where the service does,
2. serve the format, by its name or by ``name:version``, in an entry that says ``autoSelect``,
3. speak the protocol that is asked for, KServe's ``v1`` where none is (one that names no protocols speaks all),

and the first is taken of: those in the namespace, then the cluster's; of each those with the highest priority for the
format (any before none); then by protocol, oldest protocol first; then the newest; then by name.
Where people have put runtimes in an order (`rank`, which KServe does not have), that decides before age and name do.

KServe's rule knows nothing of accelerators, and of a cluster's nodes it need not: the scheduler finds one. Where there
is but one machine, whoever selects says which runtimes cannot run on it, and why (`refusal`). They are passed over as
long as another remains; where none does, or one was named, the refusal is what the person is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from forecourt.errors import InvalidObject
from forecourt.serving.model import InferenceService, ModelSpec, ServingRuntime, SupportedModelFormat

_PROTOCOLS = ("v1", "v2", "grpc-v1", "grpc-v2")
"""In the order that KServe prefers them."""


Refusal = Callable[[ServingRuntime], str]
"""Says in a sentence why a runtime cannot run at the place in question; nothing where it can."""


Rank = Callable[[ServingRuntime], int]
"""Says where in an order that people have set a runtime is; the same number where it is not in it."""


def unranked(_: ServingRuntime) -> int:
    """Put nothing in order."""
    return 0


def everything_runs(_: ServingRuntime) -> str:
    """Refuse no runtime: a cluster's scheduler finds a node, or says that there is none."""
    return ""


class RuntimeNotSelected(InvalidObject):
    """No runtime serves the model. `failure_reason` is the FailureReason that KServe puts into `modelStatus`."""

    def __init__(self, message: str, *, failure_reason: str, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.failure_reason = failure_reason


def select_runtime(
    service: InferenceService,
    runtimes: Sequence[ServingRuntime],
    refusal: Refusal = everything_runs,
    rank: Rank = unranked,
) -> ServingRuntime:
    """Return the runtime of `runtimes` that serves `service`; raises `RuntimeNotSelected`.

    Runtimes of other namespaces are passed over; one without a namespace serves the whole cluster.
    """
    model = service.model
    usable = [runtime for runtime in runtimes if runtime.namespace in ("", service.namespace)]
    if model.runtime:
        runtime = _named(model, usable)
        if why := refusal(runtime):
            raise _refused(why, service, usable, refusal)
        return runtime
    supporting = supporting_runtimes(service, usable, rank)
    if not supporting:
        raise _none_supports(model, usable)
    for runtime in supporting:
        if not refusal(runtime):
            return runtime
    raise _refused(refusal(supporting[0]), service, usable, refusal)


def supporting_runtimes(
    service: InferenceService, runtimes: Iterable[ServingRuntime], rank: Rank = unranked
) -> list[ServingRuntime]:
    """Return the runtimes that could be chosen where none is named, the one that is first (GetSupportingRuntimes)."""
    model = service.model
    spans_nodes = service.spec.predictor.worker_spec is not None
    candidates = [
        runtime
        for runtime in runtimes
        if not runtime.spec.disabled
        and not runtime.spec.multi_model
        and (runtime.spec.worker_spec is not None) == spans_nodes
        and any(entry.auto_select and _matches(entry, model) for entry in runtime.spec.supported_model_formats or ())
        and _speaks(runtime, model.protocol_version or _PROTOCOLS[0])
    ]
    candidates.sort(key=lambda runtime: runtime.name)
    candidates.sort(key=lambda runtime: runtime.metadata.creation_timestamp or "", reverse=True)
    candidates.sort(key=rank)
    candidates.sort(key=_protocol_rank)
    candidates.sort(key=lambda runtime: _priority(runtime, model), reverse=True)
    candidates.sort(key=lambda runtime: not runtime.namespace)
    return candidates


def _named(model: ModelSpec, runtimes: Sequence[ServingRuntime]) -> ServingRuntime:
    name = model.runtime or ""
    found = sorted((runtime for runtime in runtimes if runtime.name == name), key=lambda runtime: not runtime.namespace)
    if not found:
        there = ", ".join(sorted({runtime.name for runtime in runtimes if not runtime.spec.disabled})) or "none"
        raise RuntimeNotSelected(
            f"There is no serving runtime {name}.",
            failure_reason="RuntimeNotRecognized",
            hint=f"Serving runtimes that are there: {there}.",
        )
    runtime = found[0]
    if runtime.spec.disabled:
        raise RuntimeNotSelected(
            f"The serving runtime {name} is disabled.",
            failure_reason="RuntimeDisabled",
            hint=f"Enable it: forecourt runtimes enable {name}. Or choose another one.",
        )
    if model.protocol_version and not _speaks(runtime, model.protocol_version):
        spoken = ", ".join(runtime.spec.protocol_versions or ())
        raise RuntimeNotSelected(
            f"The serving runtime {name} does not speak the protocol {model.protocol_version}.",
            failure_reason="NoSupportingRuntime",
            hint=f"It speaks {spoken}: leave protocolVersion out, or choose one of these.",
        )
    if not any(_matches(entry, model) for entry in runtime.spec.supported_model_formats or ()):
        raise RuntimeNotSelected(
            f"The serving runtime {name} does not serve the model format {model.model_format}.",
            failure_reason="NoSupportingRuntime",
            hint=f"It serves {_formats([runtime]) or 'no format'}.",
        )
    return runtime


def _refused(
    why: str, service: InferenceService, runtimes: Sequence[ServingRuntime], refusal: Refusal
) -> RuntimeNotSelected:
    """Say why a runtime cannot run, and which others of the format can."""
    model = service.model
    serving = [r for r in runtimes if any(_matches(e, model) for e in r.spec.supported_model_formats or ())]
    others = sorted({r.name for r in serving if not r.spec.disabled and not r.spec.multi_model and not refusal(r)})
    if others:
        hint = f"These serve {model.model_format} and can: {', '.join(others)}."
    else:
        hint = f"No other runtime that serves {model.model_format} can either; each can be taken to a cluster."
    return RuntimeNotSelected(why, failure_reason="NoSupportingRuntime", hint=hint)


def _none_supports(model: ModelSpec, runtimes: Sequence[ServingRuntime]) -> RuntimeNotSelected:
    enabled = [runtime for runtime in runtimes if not runtime.spec.disabled]
    by_name = sorted({r.name for r in enabled if any(_matches(e, model) for e in r.spec.supported_model_formats or ())})
    if by_name:
        hint = f"These serve the format, when spec.predictor.model.runtime names them: {', '.join(by_name)}."
    else:
        hint = f"Formats that are served: {_formats(enabled) or 'none, as there is no serving runtime'}."
    protocol = f" with the protocol {model.protocol_version}" if model.protocol_version else ""
    return RuntimeNotSelected(
        f"No serving runtime is chosen by itself for the model format {model.model_format}{protocol}.",
        failure_reason="NoSupportingRuntime",
        hint=hint,
    )


def _matches(entry: SupportedModelFormat, model: ModelSpec) -> bool:
    wanted = model.model_format
    return wanted is not None and entry.name == wanted.name and wanted.version in (None, entry.version)


def _speaks(runtime: ServingRuntime, protocol: str) -> bool:
    return not runtime.spec.protocol_versions or protocol in runtime.spec.protocol_versions


def _protocol_rank(runtime: ServingRuntime) -> int:
    ranks = [_PROTOCOLS.index(p) for p in runtime.spec.protocol_versions or () if p in _PROTOCOLS]
    return min(ranks, default=len(_PROTOCOLS))


def _priority(runtime: ServingRuntime, model: ModelSpec) -> int:
    name = model.model_format.name if model.model_format else ""
    entries = (entry for entry in runtime.spec.supported_model_formats or () if entry.name == name)
    first = next(entries, None)
    return (first.priority if first else None) or 0


def _formats(runtimes: Iterable[ServingRuntime]) -> str:
    entries = {entry for runtime in runtimes for entry in map(_as_text, runtime.spec.supported_model_formats or ())}
    return ", ".join(sorted(entries))


def _as_text(entry: SupportedModelFormat) -> str:
    return f"{entry.name}:{entry.version}" if entry.version else entry.name
