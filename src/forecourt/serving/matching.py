"""Which serving runtimes suit a model and the hardware it is to have, as OpenShift AI offers them in its form.

Open Data Hub's dashboard (packages/kserve, `computeSuggestion`): of the templates that are enabled those match that
serve the model's format, and, where the hardware profile has an accelerator, recommend it in
``opendatahub.io/recommended-accelerators``. Where exactly one matches, it is chosen; otherwise a person chooses.

Forecourt looks once more where several match, since it knows the machine: those are passed over that need an
accelerator which the profile does not have, and those that cannot run here; then those whose entry for the format does
not say ``autoSelect``, which is KServe's word for the same. Where exactly one remains, it is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from forecourt.errors import InvalidObject
from forecourt.serving.availability import accelerators_of, recommended_accelerators
from forecourt.serving.model import ModelFormat, ServingRuntime, SupportedModelFormat
from forecourt.serving.selection import Refusal, everything_runs


@dataclass(frozen=True, slots=True)
class Match:
    """The runtimes that match, in the order given, and the one that is chosen without asking, if any."""

    runtimes: tuple[ServingRuntime, ...]
    automatic: ServingRuntime | None


def match_runtimes(
    runtimes: Iterable[ServingRuntime],
    wanted: ModelFormat,
    accelerator: str = "",
    refusal: Refusal = everything_runs,
) -> Match:
    """Return which runtimes match a model's format, and an accelerator by its name on a cluster (empty: none).

    Disabled ones do not, nor those that span several nodes or serve several models at once.
    """
    matching = tuple(
        runtime
        for runtime in runtimes
        if serves(runtime, wanted)
        and not (runtime.spec.disabled or runtime.spec.multi_model or runtime.spec.worker_spec)
        and (not accelerator or accelerator in _safely(recommended_accelerators, runtime))
    )
    if len(matching) == 1:
        return Match(matching, matching[0])
    fitting = [one for one in matching if not refusal(one) and _has_what_it_needs(one, accelerator)]
    if len(fitting) > 1:
        fitting = [one for one in fitting if any(entry.auto_select for entry in _entries(one, wanted))]
    return Match(matching, fitting[0] if len(fitting) == 1 else None)


def serves(runtime: ServingRuntime, wanted: ModelFormat) -> bool:
    """Say whether a runtime serves a format, of any version where none is asked for."""
    return any(True for _ in _entries(runtime, wanted))


def _entries(runtime: ServingRuntime, wanted: ModelFormat) -> Iterator[SupportedModelFormat]:
    for entry in runtime.spec.supported_model_formats or ():
        if entry.name == wanted.name and wanted.version in (None, entry.version):
            yield entry


def _has_what_it_needs(runtime: ServingRuntime, accelerator: str) -> bool:
    needed = _safely(accelerators_of, runtime)
    return not needed or accelerator in needed


def _safely(ask: Callable[[ServingRuntime], tuple[str, ...]], runtime: ServingRuntime) -> tuple[str, ...]:
    """Return the accelerators that annotations say; none where they cannot be read, as the dashboard does."""
    try:
        return ask(runtime)
    except InvalidObject:
        return ()
